"""`mlops-ci data infer` and `mlops-ci data check`: a table's schema, written and held."""

from __future__ import annotations

import difflib
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_ci.adapters import files
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json, Table, listed
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import DataRule, TableCheck

if TYPE_CHECKING:
    from mlops_ci.adapters.source import Source
    from mlops_ci.config import Data
    from mlops_ci.schemas.shape import Schema


CONFIG = Path("mlops-ci.yaml")
_KEYS = ("categorical", "sensitive", "show_values", "database")


class Action(StrEnum):
    """What is done with the table."""

    INFER = "infer"
    CHECK = "check"


_Action = Annotated[Action, typer.Argument(help="infer writes a schema, check holds a table to it.")]
_Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="infer: the schema, default schemas/NAME.yaml; check: the result as JSON."
    ),
]
_Schema = Annotated[Path | None, typer.Option(help="check: the schema, default schemas/NAME.yaml.")]
_Categorical = Annotated[str, typer.Option(help="infer: columns of numbers that are codes: A,B.")]
_Sensitive = Annotated[str, typer.Option(help="Columns whose values are told nowhere: A,B.")]
_ShowValues = Annotated[
    bool, typer.Option("--show-values", help="check: show values, but no sensitive ones.")
]
_Database = Annotated[str, typer.Option(help="URL of the database that sql: asks; ${NAME} is filled in.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="infer: print the schema and write nothing.")]


def data(
    action: _Action,
    table: Table,
    output: _Output = None,
    schema: _Schema = None,
    json: Json = False,
    categorical: _Categorical = "",
    sensitive: _Sensitive = "",
    show_values: _ShowValues = False,
    database: _Database = "",
    dry_run: _DryRun = False,
) -> int:
    """Write the schema of a table (infer), or hold a table to its schema (check).

    The schema is a short YAML file for people to review: types, missing values, ranges, allowed values,
    uniqueness. `check` names every broken rule in a line and ends with 1 where there is one, so that as a
    DVC stage it stops the pipeline before training. What defaults.data of mlops-ci.yaml says of columns
    holds here too. docs/data.md says what a schema can ask.
    """
    from mlops_ci.adapters.named import opened

    terminal = Terminal(json_output=json)
    _refuse_misfits(action, schema=schema, categorical=categorical, show_values=show_values, dry_run=dry_run)
    own = _settings(terminal)
    hidden = tuple(dict.fromkeys((*listed(sensitive), *own.sensitive)))
    with opened(table, database=database or own.database or "") as source:
        if action is Action.INFER:
            place = output or _default(table, "-o")
            names = source.schema().names
            codes = listed(categorical) or tuple(name for name in own.categorical if name in names)
            # A column by its name that is not there is a slip; mlops-ci.yaml is meant for every table.
            further = tuple(name for name in names if any(fnmatchcase(name, glob) for glob in own.sensitive))
            told_nowhere = tuple(dict.fromkeys((*listed(sensitive), *further)))
            name = _of_any_revision(table) or source.name
            return _infer(terminal, source, name, place, (codes, told_nowhere), dry_run=dry_run)
        place = schema or _default(table, "--schema")
        found = _check(source, table, place, sensitive=hidden, show_values=show_values or own.show_values)
    if output is not None:
        files.write(output, (found.model_dump_json(indent=2) + "\n").encode())
    broken = [rule for rule in found.rules if not rule.ok]
    if found.note:
        terminal.say(f"note: {_line(found.note)}")
    terminal.result(_words(found, broken), found.model_dump(mode="json"))
    return 1 if found.broken else 0


def _refuse_misfits(
    action: Action, *, schema: Path | None, categorical: str, show_values: bool, dry_run: bool
) -> None:
    """Options of the other action would be dropped silently."""
    other: list[tuple[str, object]] = [("--schema", schema), ("--show-values", show_values)]
    if action is Action.CHECK:
        other = [("--categorical", categorical), ("--dry-run", dry_run)]
    for name, value in other:
        if value:
            raise ConfigError(f"{name} says nothing to `data {action}`", "leave it out")


def _settings(terminal: Terminal) -> Data:
    """What ``defaults.data`` of the folder's mlops-ci.yaml says; nothing where there is none.

    Raises:
        ConfigError: the file has mistakes.
    """
    from mlops_ci import config

    if not CONFIG.is_file():
        return config.Data()
    from mlops_ci.adapters import policy
    from mlops_ci.adapters.git import Git
    from mlops_ci.config import check

    def fetched(extends: config.Extends) -> str:
        return policy.fetch(Git.open(Path.cwd()), extends.repository, extends.commit, extends.path)

    found = config.load(CONFIG.read_text(encoding="utf-8", errors="replace"), fetch=fetched)
    entry, _ = check.model(found.document, found.kinds, None, [])
    if named := [key for key in _KEYS if getattr(entry.data, key)]:
        terminal.say(f"{CONFIG}: defaults.data says {', '.join(named)}")
    return entry.data


def _default(table: str, option: str) -> Path:
    """schemas/NAME.yaml after the table's file or folder; a query has no name."""
    stem = _name(table).partition(".")[0]
    if table.startswith("sql:") or not stem:
        raise ConfigError(f"{table}: has no name that a schema could have", f"name the file with {option}")
    return Path("schemas") / f"{stem}.yaml"


def _name(table: str) -> str:
    """The name of the table's file or folder."""
    return Path((_of_any_revision(table) or table).rstrip("/")).name


def _of_any_revision(table: str) -> str:
    """The path of ``path@revision``: whatever the revision, it is the same table. Else empty."""
    from mlops_ci.adapters.named import revision

    at = revision(table)
    return at[0] if at else ""


# ---- infer -------------------------------------------------------------------------------------


def _infer(
    terminal: Terminal,
    source: Source,
    name: str,
    place: Path,
    columns: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    dry_run: bool,
) -> int:
    from mlops_ci.schemas import text
    from mlops_ci.schemas.infer import Inference

    inference = Inference(source.schema(), categorical=columns[0], sensitive=columns[1])
    for batch in source.batches(decode_strings=False):
        inference.add(batch)
    found = inference.schema()
    written = text.write(found, name)
    for note in (*source.notes, *(f"left out: {one}" for one in inference.left_out)):
        terminal.say(f"note: {note}")
    changes = _differences(place, written)
    if changes is not None and not dry_run:
        if changes:
            terminal.result(changes, _document(place, found, written=False, difference=changes))
            raise ConfigError(
                f"{place}: exists and would change as shown",
                f"edit it by hand, or remove it and run this again; --dry-run -o {place} only shows",
            )
        terminal.result(f"{place} is up to date", _document(place, found, written=False))
        return 0
    if dry_run:
        shown = changes if changes is not None else written
        terminal.result(shown or f"{place} is up to date", _document(place, found, written=False))
        return 0
    files.write(place, written.encode())
    words = f"{place}: {len(found.columns):,} columns. Review it, and commit it."
    terminal.result(words, _document(place, found, written=True))
    return 0


def _differences(place: Path, written: str) -> str | None:
    """What would change in the file, as a diff; None where there is no file."""
    if not place.is_file():
        return None
    before = place.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = difflib.unified_diff(
        before, written.splitlines(), str(place), f"{place} (inferred)", n=1, lineterm=""
    )
    return "\n".join(lines)


def _document(place: Path, schema: Schema, *, written: bool, difference: str = "") -> dict[str, object]:
    plain = schema.model_dump(mode="json", exclude_defaults=True)
    return {"path": str(place), "written": written, "difference": difference, "schema": plain}


# ---- check -------------------------------------------------------------------------------------


def _check(
    source: Source,
    table: str,
    place: Path,
    *,
    sensitive: tuple[str, ...],
    show_values: bool | tuple[str, ...],
) -> TableCheck:
    from mlops_ci.collect import data as collected
    from mlops_ci.config import Data
    from mlops_ci.schemas import text

    try:
        raw = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = f"write one with `mlops-ci data infer {table}`, or name it with --schema"
        raise ConfigError(f"{place}: there is no such schema", hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: cannot be read ({error})", "save it as UTF-8 text") from error
    shown = collected.shown(Data().model_copy(update={"sensitive": sensitive, "show_values": show_values}))
    found = collected.look(source, text.read(raw, str(place)), folder=Path.cwd(), shown=shown)
    return collected.summed(_name(table), table, found, schema_path=place.as_posix())


def _words(found: TableCheck, broken: list[DataRule]) -> str:
    from mlops_ci.judging import data as words

    if not found.broken:
        return f"{found.path}: {found.rows:,} rows keep all {found.checked:,} rules of {found.schema_path}"
    grouped: dict[tuple[str, bool], list[DataRule]] = {}
    for rule in broken:
        grouped.setdefault((rule.rule, bool(rule.problem)), []).append(rule)
    lines: list[str] = []
    for (name, problem), rules in grouped.items():
        if len(rules) > words.NAMED and not problem:
            lines.append(_line(words.many(found, name, rules)))
        else:
            lines += [_line(_problem(found, one) if problem else words.sentence(found, one)) for one in rules]
        if not problem and len(rules) <= words.NAMED:
            lines += [f"  {_line(how)}" for one in rules if (how := words.reading(one))]
    if found.broken > len(broken):
        lines.append(f"and {found.broken - len(broken):,} more")
    number = "1 rule is" if found.broken == 1 else f"{found.broken:,} rules are"
    return "\n".join([*lines, f"{found.path}: {number} broken of {found.checked:,} in {found.schema_path}"])


def _problem(found: TableCheck, rule: DataRule) -> str:
    from mlops_ci.judging import data as words

    place = f"{found.table}: {rule.column}" if rule.column else found.table
    return f"{place}: {words.title(rule.rule)} could not be checked: {rule.problem}"


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)
