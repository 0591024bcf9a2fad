"""What a run that was killed left lying in the workspace: half of a file under a temporary name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mlops_ci.adapters import dvc_lock, dvc_locks
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_graph import Loaded

# DVC puts a file into the workspace under the first such name, and renames it then; we do so with what we
# write beside pipelines and their outputs.
_HALF = re.compile(
    r".*\.[\w-]{22}\.tmp|\.(?:dvc\.lock|\.gitignore|.+\.dvc)\.[a-z0-9_]{8}", re.ASCII | re.DOTALL
)


def clear(loaded: Loaded) -> None:
    """Clear away all of it, while no ``dvc`` command is at work.

    Raises:
        ToolError: one is, for too long.
    """
    top, graph = Path(loaded.top), loaded.graph
    with translated(), dvc_locks.shared(loaded.repo):
        outs = (top / out.path for stage in graph.stages for out in stage.outs)
        sweep((top / path for path in dvc_lock.lock_paths(loaded)), outs)
        sweep_records(Path(loaded.repo.stage_cache.cache_dir))


def sweep(files: Iterable[Path], outs: Iterable[Path]) -> None:
    """Remove what is half written beside these files, and beside and below these outputs."""
    outputs = list(outs)
    # A dvc.lock may be a link: half of it then lies beside its target.
    beside = [place for path in files for place in (path, path.resolve())]
    for folder in {path.parent for path in (*beside, *outputs)}:
        if folder.is_dir():
            _sweep(folder.iterdir())
    for path in outputs:
        for inner, _, names in os.walk(path):
            _sweep(Path(inner, name) for name in names)


def _sweep(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if _HALF.fullmatch(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def sweep_records(runs: Path) -> None:
    """Remove folders of DVC's run cache that never got their record: each run of DVC breaks on them."""
    for folder in runs.glob("??/*/"):
        with suppress(OSError):
            folder.rmdir()
