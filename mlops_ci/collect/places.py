"""Where a model is served: its file out of DVC, the folder and the code it needs, the rows it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci import pipeline
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.serving import Loaded, Place, Served, ServingError, UnknownModelError
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import path_at
from mlops_ci.collect.reading import Side
from mlops_ci.config import Data
from mlops_ci.pipeline import Stage

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 100_000  # of an address; a file is read whole


@dataclass(frozen=True)
class Candidate:
    """A loaded model in its process."""

    place: Place
    served: Served
    loaded: Loaded


def told(error: ServingError | UnknownModelError, *, shown: bool = False) -> str:
    """What reports may tell of an error: its text where all values may be shown, else its type and place."""
    return error.told if isinstance(error, ServingError) and not shown else str(error)


def shows(data: Data) -> bool:
    """Whether any value may be told, so that an error's text may be."""
    return data.show_values is True and not data.sensitive


def table(context: Context, side: Side) -> pd.DataFrame | str:
    """The rows of ``data.test`` at one side, or why there are none that can be used."""
    path = context.model.data.test or ""
    if path.startswith("sql:") or "://" in path:
        from mlops_ci.adapters import sources

        source = sources.open_source(path, database=context.model.data.database or "")
        found: pd.DataFrame | str = source.sample(MAX_ROWS).to_pandas()
    else:
        found = context.sources.reader.table(side, path)
    if isinstance(found, str):
        return f"{path} {found}"
    found.columns = found.columns.map(str)
    twice = found.columns[found.columns.duplicated()]
    if len(twice):
        return f"{path} has several columns named {twice[0]}"
    return found if len(found) else f"{path} has no rows"


def features(rows: pd.DataFrame, loaded: Loaded, data: Data) -> tuple[str, ...]:
    """The columns a model is asked with: by its names, by data.features, else all but target and id."""
    if loaded.names is not None:
        return loaded.names
    return data.features or tuple(name for name in rows.columns if name not in (data.target, data.id))


def absent(rows: pd.DataFrame, wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted columns that the rows do not have."""
    return tuple(name for name in wanted if name not in rows.columns)


def place(top: Path, stage: Stage | None, model: Path, log: Path) -> Place:
    """A model served where its stage runs, with the code that its stage finds."""
    folder = top / (stage.folder if stage else ".")
    # Python finds modules beside the script that it runs, so a pickle may name them.
    scripts = [dep.path for dep in (stage.deps if stage else ()) if dep.path.endswith(".py")]
    code = [top / PurePosixPath(path).parent for path in scripts]
    return Place(model, folder if folder.is_dir() else top, (*dict.fromkeys((*code, top)),), log)


def head(context: Context, scratch: Path) -> Place:
    """Head's model: in the work tree, else out of DVC's cache; raises ToolError where nobody has it."""
    path, dvc = context.found.path, context.project.dvc
    model = dvc.top / path
    if not model.exists():
        model = fetched(dvc, path, None, scratch / "head")
    stage = pipeline.producer_of(context.sources.head.graph, path)
    return place(dvc.top, stage, model, scratch / "head.log")


@contextmanager
def champion(context: Context, base: Side, scratch: Path) -> Iterator[Place]:
    """The base's model in a clean copy of its commit, gone when the block ends; raises ToolError."""
    path = path_at(context.model, base.graph)
    model = fetched(context.project.dvc, path, base.rev, scratch / "base")
    with context.project.dvc.seeded_copy({}, commit=base.rev) as copy:
        yield place(copy.top, pipeline.producer_of(base.graph, path), model, scratch / "base.log")


def fetched(dvc: Dvc, path: str, rev: str | None, folder: Path) -> Path:
    """A model's file, or all files of its folder, out of DVC."""
    for name in dvc.files(path, rev) or (path,):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(dvc.read(name, rev=rev))
    return folder / path


@contextmanager
def serving(where: Place, seconds: float) -> Iterator[Served]:
    """The process that serves a model; it is gone when the block ends."""
    served = Served(where, limit=seconds)
    try:
        yield served
    finally:
        served.close()
