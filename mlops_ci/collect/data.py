"""The tables of one model against their schema and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from mlops_ci.adapters.row_checks import RowChecks
from mlops_ci.adapters.sources import is_address
from mlops_ci.collect import columns, standing
from mlops_ci.collect.context import Context
from mlops_ci.collect.reading import reason
from mlops_ci.collect.tables import Place, Tables
from mlops_ci.config import Data
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import DataRule, TableCheck
from mlops_ci.profiles.privacy import Privacy
from mlops_ci.schemas import leakage, pairs, text
from mlops_ci.schemas.checking import Checker, Custom, Shown
from mlops_ci.schemas.shape import Rows, Schema
from mlops_ci.writing.absent import meant

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_ci.adapters.source import Source
    from mlops_ci.gates.data import Options

Name = Literal["train", "test", "production"]
NAMES: tuple[Name, ...] = ("train", "test", "production")
# So many rules of a table are kept one by one; of the others only the numbers.
MAX_RULES = 300
# A sample for leakage holds at most so many values.
MAX_VALUES = 20_000_000


@dataclass(frozen=True)
class Rulebook:
    """The schema and whose it is; ``problem`` says why there is none although one is configured."""

    schema: Schema | None = None
    path: str = ""
    note: str = ""
    problem: str = ""


@dataclass
class Look:
    """What one pass over a table gave, besides its rules: rows by id and by features, and labels."""

    names: tuple[str, ...] = ()
    rows: int = 0
    unlabelled: int = 0
    ids: pairs.Rows | None = None
    features: pairs.Rows | None = None
    rules: list[DataRule] = field(default_factory=list)
    note: str = ""
    problem: str = ""


def measure(context: Context) -> tuple[TableCheck, ...]:
    """Every table that the configuration names, checked; nothing where it names none.

    What cannot be read becomes a TableCheck that says why. The schema is the base branch's.
    """
    data = context.model.data
    named = [(name, path) for name in NAMES if (path := getattr(data, name))]
    if not named:
        columns.tell(context, ())
        return ()
    tables = Tables(context.sources.reader, data)
    book = _rulebook(context)
    looks = {name: _look(context, tables, name, path, book) for name, path in named}
    unread = any(one.problem for one in looks.values())
    columns.tell(context, None if unread else {column for one in looks.values() for column in one.names})
    for name, path in named:
        looks[name].rules += standing.rules(context, name, path)
    if "train" in looks and "test" in looks:
        looks["test"].rules += _shared(looks["train"], looks["test"], data)
    if "train" in looks and not looks["train"].problem:
        looks["train"].rules += _target(context, tables, looks["train"])
    return tuple(
        summed(name, path, look, schema_path=book.path, note=book.note)
        for (name, path), look in zip(named, looks.values(), strict=True)
    )


def summed(name: str, path: str, look: Look, *, schema_path: str = "", note: str = "") -> TableCheck:
    """A look as evidence of bounded size: broken rules first, at most 300."""
    broken = [rule for rule in look.rules if not rule.ok]
    kept = [*broken, *(rule for rule in look.rules if rule.ok)][:MAX_RULES]
    return TableCheck(
        table=name,
        path=path,
        rows=look.rows,
        schema_path=schema_path,
        rules=tuple(kept),
        checked=len(look.rules),
        broken=len(broken),
        note="; ".join(part for part in (note, look.note) if part),
        problem=look.problem,
    )


def shown(data: Data) -> Shown:
    """What the configuration lets reports tell of values."""
    privacy = Privacy(data.sensitive, data.show_values)
    return Shown(privacy.shows, privacy.label)


# ---- the schema --------------------------------------------------------------------------------


def _rulebook(context: Context) -> Rulebook:
    """The schema at the base branch's tip; the work tree's where the base branch has none."""
    path = context.model.data.schema_path
    if not path:
        return Rulebook()
    git, policy = context.project.git, context.project.revisions.policy
    ruling = git.show(policy.commit, path) if policy else None
    own = _read(git.root / path)
    note = ""
    if ruling is None and policy:
        note = f"{path} is not on the base branch yet, so this pull request's own judges"
    elif ruling is not None and own is not None and own != ruling:
        note = f"this pull request edits {path}; the base branch's judges until it is merged"
    found = own if ruling is None else ruling
    if found is None:
        return Rulebook(path=path, problem=f"{path} is missing")
    try:
        return Rulebook(text.read(found, path), path, note)
    except ConfigError as error:
        return Rulebook(None, path, note, error.message)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _for(name: Name, schema: Schema) -> Schema:
    """The schema as it is meant for one table: how long and how fresh is said of the training table.

    Production data must be fresh, too; other tables must only have a row.
    """
    if name == "train":
        return schema
    changed: dict[str, Any] = {"rows": Rows()}
    if name == "test":
        changed["fresh"] = None
    return schema.model_copy(update=changed)


# ---- one table ---------------------------------------------------------------------------------


def _look(context: Context, tables: Tables, name: Name, path: str, book: Rulebook) -> Look:
    place = _place(context, path)
    if problem := tables.missing(place):
        return Look(problem=f"{problem}, so the table is not what this commit makes")
    data = context.model.data
    lacking = [column for column in (data.target, data.id) if column] if name == "production" else []
    try:
        with tables.source(place.side, path) as source:
            found = look(
                source,
                _for(name, book.schema) if book.schema else None,
                folder=context.project.git.root,
                shown=shown(data),
                data=data if name != "production" else None,
                may_lack=lacking,
            )
    except MlopsError as error:
        return Look(problem=reason(error, path))
    if book.problem:
        found.rules.insert(0, DataRule(rule="schema", ok=False, problem=book.problem))
    return found


def _place(context: Context, path: str) -> Place:
    return Place(None, (path,)) if is_address(path) else Place(context.sources.head, (path,))


def look(
    source: Source,
    schema: Schema | None,
    *,
    folder: Path,
    shown: Shown,
    data: Data | None = None,
    may_lack: Sequence[str] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Look:
    """Check a table in one pass, whatever its size; ``folder`` holds the user's own checks.

    Args:
        source: the table.
        schema: its rules; None where only its rows are to be remembered.
        folder: where the functions of the schema's own checks are imported from.
        shown: what may be told of values.
        data: what the columns are, where rows are to be remembered for a comparison.
        may_lack: columns of the schema that this table need not have.
        now: the moment that ages are counted from.

    Raises:
        MlopsError: the table cannot be read, or a package is missing.
    """
    layout = source.schema()
    checker = Checker(schema, layout, shown=shown, may_lack=may_lack) if schema else None
    found = _remembering(layout, data)
    own = [(c, f) for c, f in (schema.functions if schema else ()) if not c or c in layout.names]
    with RowChecks(own, folder) as custom:
        for batch in source.batches(_wanted(layout, checker, found, data), decode_strings=False):
            found.rows += batch.num_rows
            _remember(found, batch, data)
            if checker:
                checker.add(batch)
            custom.add(batch)
        answers = {pair: Custom(custom.failing[pair], custom.problems.get(pair, "")) for pair in own}
    if checker:
        found.rules += checker.rules(custom=answers, now=now())
    found.note = "; ".join(source.notes)
    return found


def _remembering(layout: pa.Schema, data: Data | None) -> Look:
    names = tuple(layout.names)
    if data is None or len(set(names)) < len(names):
        return Look(names)
    ids = pairs.Rows([data.id]) if data.id and data.id in names else None
    # By name, so that the order of a table's columns does not matter.
    features = sorted(name for name in _features(data, names) if name in names)
    return Look(names, ids=ids, features=pairs.Rows(features) if features else None)


def _features(data: Data, names: Sequence[str]) -> list[str]:
    """The columns the model sees: as configured, else all but target, id and what is not compared."""
    if data.features:
        return list(data.features)
    left = [name for name in names if name not in (data.target, data.id)]
    return [name for name in left if not any(fnmatchcase(name, glob) for glob in data.ignore)]


def _wanted(layout: pa.Schema, checker: Checker | None, found: Look, data: Data | None) -> list[str] | None:
    """The columns that anything looks at; None (all) where names repeat."""
    if len(set(layout.names)) < len(layout.names):
        return None
    wanted = set((checker.wanted or ()) if checker else ())
    for rows in (found.ids, found.features):
        wanted |= set(rows.columns if rows else ())
    if data and data.target and data.target in layout.names:
        wanted.add(data.target)
    return [name for name in layout.names if name in wanted]


def _remember(found: Look, batch: pa.RecordBatch, data: Data | None) -> None:
    for rows in (found.ids, found.features):
        if rows is not None:
            rows.add(batch)
    if data and data.target and found.names.count(data.target) == 1:
        import pyarrow.compute as pc

        column = batch.column(data.target)
        found.unlabelled += int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)


# ---- two tables --------------------------------------------------------------------------------


def _shared(train: Look, test: Look, data: Data) -> Iterator[DataRule]:
    """Training rows among the test rows; nothing where either table could not be read."""
    if train.problem or test.problem:
        return
    if train.ids and test.ids:
        yield pairs.ids(pairs.overlap(train.ids, test.ids), data.id or "")
    elif data.id and not (data.id in train.names and data.id in test.names):
        yield _without_id(train, test, data.id)
        if not (train.ids or test.ids or data.features):
            # What does identify a row is taken for a feature, and no row equals another.
            return
    one, other = train.features, test.features
    if one is None or other is None:
        yield DataRule(rule="duplicates", ok=False, problem="a table has no feature, or two of one name")
    elif set(one.columns) != set(other.columns):
        differing = sorted(set(one.columns) ^ set(other.columns))
        words = f"train and test have other columns: {', '.join(differing[:5])}"
        yield DataRule(rule="duplicates", ok=False, problem=words)
    else:
        yield pairs.features(pairs.overlap(one, other), one)


def _without_id(train: Look, test: Look, name: str) -> DataRule:
    """Rows cannot be told to be the same example without the column that says so."""
    tables = {"train": train, "test": test}
    lacking = [table for table, look in tables.items() if name not in look.names]
    near = meant(name, [column for table in lacking for column in tables[table].names])
    if len(lacking) == 1:
        problem = f"{lacking[0]} has no column of this name, which data.id names{near}"
    else:
        problem = f"neither table has a column of this name, which data.id names{near}"
    return DataRule(rule="duplicates", column=name, ok=False, problem=problem)


def _target(context: Context, tables: Tables, train: Look) -> Iterator[DataRule]:
    """Whether every training row has a label, and whether a column gives it away."""
    data = context.model.data
    if not data.target:
        return
    if data.target not in train.names:
        problem = f"the table has no target column {data.target}{meant(data.target, train.names)}"
        yield DataRule(rule="labels", column=data.target, ok=False, problem=problem)
        return
    missing = train.unlabelled
    yield DataRule(
        rule="labels",
        column=data.target,
        ok=not missing,
        failing=missing,
        expected="a label in every row",
        found=f"{missing:,} of {train.rows:,} rows without one" if missing else "one in every row",
    )
    if len(set(train.names)) < len(train.names):
        yield DataRule(rule="leakage", ok=False, problem="two columns have the same name")
        return
    options = cast("Options", context.options("data"))
    rows = min(leakage.ROWS, max(1_000, MAX_VALUES // len(train.names)))
    with tables.source(_place(context, data.train or "").side, data.train or "") as source:
        sample = source.sample(rows)
    limits = leakage.Thresholds(options.leakage.auc, options.leakage.correlation)
    features = _features(data, train.names)
    yield from leakage.rules(sample, data.target, features, categorical=data.categorical, thresholds=limits)
