"""`mlops-ci drift`: two tables compared, without a pipeline and without a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json, listed
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import DomainClassifier, Drift
from mlops_ci.writing.absent import not_there

if TYPE_CHECKING:
    from mlops_ci.adapters.source import Source
    from mlops_ci.judging.drifting import Decision, Rules
    from mlops_ci.profiles.shape import Profile

CONFIG = Path("mlops-ci.yaml")
# So many rows of a side are enough for a classifier to tell two tables apart.
SAMPLE = 20_000
ENGINES = ("numpy", "duckdb", "polars", "spark")

_Reference = Annotated[
    str, typer.Argument(help="A table or a stored profile: path, path@revision, s3://..., sql:SELECT ...")
]
_Current = Annotated[str, typer.Argument(help="What is compared with it, named in the same ways.")]
_Html = Annotated[Path | None, typer.Option("--html", help="Also write a page with every column.")]
_Categorical = Annotated[str, typer.Option(help="Columns of numbers that are codes: A,B.")]
_Ignore = Annotated[str, typer.Option(help="Columns, or globs of them, that are not compared: A,B*.")]
_Target = Annotated[str, typer.Option(help="The column that is to be predicted.")]
_Engine = Annotated[str, typer.Option(help="What profiles the tables: numpy, duckdb, polars, spark.")]
_Database = Annotated[str, typer.Option(help="URL of the database that sql: asks; ${NAME} is filled in.")]
_Classifier = Annotated[bool, typer.Option("--classifier", help="Also learn to tell the rows apart.")]
_ShowValues = Annotated[bool, typer.Option("--show-values", help="Show values, but no sensitive ones.")]


@dataclass(frozen=True)
class Asked:
    """How the tables are read and told: the keys of ``data`` in mlops-ci.yaml that mean something here.

    Not the key's own class: the configuration costs more to import than a small table to compare.
    """

    categorical: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    show_values: bool | tuple[str, ...] = False
    target: str | None = None
    id: str | None = None
    database: str | None = None
    engine: str = "numpy"


def drift(
    reference: _Reference,
    current: _Current,
    json: Json = False,
    html: _Html = None,
    categorical: _Categorical = "",
    ignore: _Ignore = "",
    target: _Target = "",
    engine: _Engine = "",
    database: _Database = "",
    classifier: _Classifier = False,
    show_values: _ShowValues = False,
) -> int:
    """Compare two tables column by column; exit code 1 where something drifted.

    A column drifted where it differs by more than chance, over all columns together, and by enough to
    matter; so did one that is gone or of another kind. Values are told as hashes unless they may be
    shown. `path@revision` is a file or folder as Git or DVC has it there, for example
    data/train.parquet@main.
    """
    terminal = Terminal(json_output=json)
    given: dict[str, Any] = {
        "categorical": listed(categorical),
        "ignore": listed(ignore),
        "target": target,
        "engine": _engine(engine),
        "database": database,
        "show_values": show_values,
    }
    data, options = _settings(terminal, {key: value for key, value in given.items() if value})
    found, notes = _compared(reference, current, data, given, classifier=classifier)
    for note in notes:
        terminal.say(f"note: {note}")
    from mlops_ci.judging import drifting

    decisions = drifting.judge(found, options)
    tally = drifting.tally(found, decisions)
    code = 1 if tally.changed else 0
    if html is not None:
        _write_page(html, found, decisions)
    if json:
        terminal.result("", _document(found, decisions, code))
    else:
        from mlops_ci.writing import drifted

        headline = drifting.headline(tally)
        terminal.result(drifted.words(found, decisions, headline, hidden=not data.show_values))
    return code


def _engine(name: str) -> str:
    if name and name not in ENGINES:
        raise ConfigError(f"--engine {name}: there is no such engine", f"one of {', '.join(ENGINES)}")
    return name


def _settings(terminal: Terminal, given: dict[str, Any]) -> tuple[Asked, Rules]:
    """The command line over the ``defaults`` of the folder's mlops-ci.yaml, and the gate's options."""
    from mlops_ci.judging.drifting import Rules

    if not CONFIG.is_file():
        return Asked(**given), Rules()
    from mlops_ci import config
    from mlops_ci.adapters import policy
    from mlops_ci.adapters.git import Git
    from mlops_ci.config import check

    def fetched(extends: config.Extends) -> str:
        return policy.fetch(Git.open(Path.cwd()), extends.repository, extends.commit, extends.path)

    found = config.load(CONFIG.read_text(encoding="utf-8", errors="replace"), fetch=fetched)
    entry, options = check.model(found.document, found.kinds, None, [])
    data = Asked(**{key.name: getattr(entry.data, key.name) for key in fields(Asked)})
    named = [key for key in ("categorical", "sensitive", "show_values", "ignore") if getattr(data, key)]
    if named:
        terminal.say(f"{CONFIG}: defaults.data says {', '.join(named)}")
    return replace(data, **given), cast(Rules, options["drift"])


# ---- comparing ---------------------------------------------------------------------------------


def _compared(
    reference: str, current: str, data: Asked, typed: Mapping[str, Any], *, classifier: bool
) -> tuple[Drift, tuple[str, ...]]:
    """The comparison, and what a person should know of it; ``typed`` are the options that were given."""
    from mlops_ci.adapters.named import opened
    from mlops_ci.comparing import columns
    from mlops_ci.profiles.privacy import Privacy

    database = data.database or ""
    with opened(reference, database=database) as one, opened(current, database=database) as other:
        profiles = _profiles(one, other, data)
        for profile, name in zip(profiles, (reference, current), strict=True):
            _usable(profile, name)
        ignore = (*data.ignore, *((data.id,) if data.id else ()))
        scope = columns.Scope(
            roles={data.target: "target"} if data.target else {},
            ignore=ignore,
            privacy=Privacy(data.sensitive, data.show_values),
        )
        before, after = (columns.Named(p, n) for p, n in zip(profiles, (reference, current), strict=True))
        found = columns.drift("current against reference", before, after, scope)
        if not found.columns:
            raise _nothing_shared(found, reference, current)
        if classifier:
            found = found.model_copy(update={"classifier": _classified(one, other, found, data)})
        return found, (*_typos(typed, profiles), *one.notes, *other.notes)


def _nothing_shared(found: Drift, reference: str, current: str) -> ConfigError:
    if found.ignored and not (found.added or found.removed):
        return ConfigError(
            f"{current}: every column is ignored, so nothing is compared with {reference}",
            "see --ignore, and defaults.data.ignore of mlops-ci.yaml",
        )
    return ConfigError(f"{current}: shares no column with {reference}", "name two tables of one kind")


def _typos(typed: Mapping[str, Any], profiles: tuple[Profile, Profile]) -> list[str]:
    """Names of the command line that neither table has; mlops-ci.yaml is meant for every table."""
    from mlops_ci.writing.visible import one_line

    columns = dict.fromkeys(column.name for profile in profiles for column in profile.columns)
    target = [typed["target"]] if typed["target"] else []
    found = [
        *not_there("--categorical", typed["categorical"], columns, of="either table"),
        *not_there("--ignore", typed["ignore"], columns, of="either table", globs=True),
        *not_there("--target", target, columns, of="either table"),
    ]
    return [one_line(note) for note in found]


def _profiles(one: Source, other: Source, data: Asked) -> tuple[Profile, Profile]:
    from mlops_ci.adapters import profiling

    reference = profiling.profile(one, engine=data.engine, categorical=data.categorical)
    codes = {column.name for column in reference.columns if column.is_code} if one.stored else set()
    current = profiling.profile(
        other, engine=data.engine, categorical={*data.categorical, *codes}, like=reference
    )
    return reference, current


def _usable(profile: Profile, name: str) -> None:
    if not profile.columns:
        raise ConfigError(f"{name}: has no columns", "name a table with columns and rows")
    if not profile.rows:
        raise ConfigError(f"{name}: has no rows, so nothing can be compared", "name a table with rows")


def _classified(one: Source, other: Source, found: Drift, data: Asked) -> DomainClassifier:
    from mlops_ci.comparing import domain

    names = [column.name for column in found.columns if column.kind != "other"]
    return domain.classify(
        one.sample(SAMPLE), other.sample(SAMPLE), columns=names, categorical=data.categorical
    )


# ---- telling -----------------------------------------------------------------------------------


def _write_page(path: Path, found: Drift, decisions: Sequence[Decision]) -> None:
    from mlops_ci.adapters import files
    from mlops_ci.report.html import drift_page

    files.write(path, drift_page(found, decisions).encode())


def _verdict(found: Drift, decisions: Sequence[Decision], code: int) -> str:
    """``drifted``, ``not compared``, ``undecided`` (some column has too few rows) or ``no drift``."""
    if code:
        return "drifted"
    if found.problem:
        return "not compared"
    return "undecided" if any(one.outcome == "undecided" for one in decisions) else "no drift"


def _document(found: Drift, decisions: Sequence[Decision], code: int) -> dict[str, object]:
    return {
        "verdict": _verdict(found, decisions, code),
        "exit_code": code,
        "drift": found.model_dump(mode="json"),
        "decisions": [
            {key: getattr(one, key) for key in ("name", "outcome", "sentence", "why", "limit")}
            for one in decisions
        ],
    }
