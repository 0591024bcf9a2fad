"""`mlops-ci profile`: a table as a small profile, to be an output of the stage that makes the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters import files, named, sources
from mlops_ci.adapters.profiling import profile as profile_table
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json, Table, listed
from mlops_ci.errors import ConfigError
from mlops_ci.writing.absent import not_there
from mlops_ci.writing.visible import one_line


def profile(
    table: Table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: TABLE's stem + .profile.json beside it.")
    ] = None,
    categorical: Annotated[
        str, typer.Option(help="Columns of numbers that are codes of categories: A,B.")
    ] = "",
    engine: Annotated[str, typer.Option(help="numpy, duckdb, polars or spark.")] = "numpy",
    database: Annotated[
        str, typer.Option(help="URL of the database that sql: asks; ${NAME} is from the environment.")
    ] = "",
    json: Json = False,
) -> int:
    """Write the profile of a table, so that later comparisons need not read it.

    Made to be a DVC stage's command: `mlops-ci profile data/train.parquet` with the table as its
    dependency and data/train.profile.json as its output.
    """
    terminal = Terminal(json_output=json)
    names = listed(categorical)
    with named.opened(table, database=database) as source:
        target = output or _beside(table)
        if source.stored is not None:
            raise ConfigError(f"{table}: is a profile already", "name the table it was made of")
        found = profile_table(source, engine=engine, categorical=names, database=database)
        notes = [*not_there("--categorical", names, [one.name for one in found.columns]), *source.notes]
    raw = found.to_json()
    files.write(target, raw + b"\n")
    problems = [(column.name, column.problem) for column in found.columns if column.problem]
    lines = [f"{target}: {found.rows:,} rows, {len(found.columns):,} columns, {len(raw):,} bytes"]
    lines += [f"  {one_line(note)}" for note in notes]
    lines += [f"  {one_line(name)}: {one_line(problem)}" for name, problem in problems]
    document = {
        "profile": str(target),
        "rows": found.rows,
        "columns": len(found.columns),
        "bytes": len(raw),
        "notes": notes,
        "problems": [{"column": name, "problem": problem} for name, problem in problems],
    }
    terminal.result("\n".join(lines), document)
    return 0


def _beside(table: str) -> Path:
    """Where the profile of a file or folder goes by default: nowhere that may hold another table's."""
    if sources.is_address(table):
        raise ConfigError(f"{table}: there is no folder beside it", "say where to write with --output FILE")
    if (at := named.revision(table)) is not None:
        today = Path(at[0]).parent / sources.profile_names(at[0])[0]
        raise ConfigError(
            f"{table}: {today} is for the table of the work tree", "say where to write with --output FILE"
        )
    path = Path(table)
    usual, whole = (path.parent / name for name in sources.profile_names(table))
    if usual.exists() and (other := _namesake(path)):
        raise ConfigError(
            f"{usual}: is there already, and may be the profile of {other}",
            f"say where to write, for example --output {whole}",
        )
    return usual


def _namesake(path: Path) -> Path | None:
    """Another table beside it with a profile of the same name; DVC may not have fetched it."""
    for entry in sorted(path.parent.iterdir()):
        other = entry.with_name(entry.name.removesuffix(".dvc"))
        if other.stem == path.stem and other.name != path.name and _is_table(other):
            return other
    return None


def _is_table(path: Path) -> bool:
    if path.is_dir():
        return any(sources.is_table(one.relative_to(path).as_posix()) for one in path.rglob("*"))
    return sources.is_table(path.name)
