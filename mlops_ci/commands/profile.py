"""`mlops-ci profile`: a table as a small profile, to be an output of the stage that makes the table."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_ci.adapters import files
from mlops_ci.adapters.profiling import profile as profile_table
from mlops_ci.adapters.sources import PROFILE_SUFFIX, open_source
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError
from mlops_ci.writing.markdown import one_line

if TYPE_CHECKING:
    from mlops_ci.profiles.shape import Profile


def profile(
    table: Annotated[str, typer.Argument(help="A file, a folder, s3://... or sql:SELECT ...")],
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
    target = output or _beside(table)
    names = [name.strip() for name in categorical.split(",") if name.strip()]
    source = open_source(table, database=database)
    if source.stored is not None:
        raise ConfigError(f"{table}: is a profile already", "name the table it was made of")
    found = profile_table(source, engine=engine, categorical=names, database=database)
    raw = found.to_json()
    files.write(target, raw + b"\n")
    problems = [(column.name, column.problem) for column in found.columns if column.problem]
    lines = [f"{target}: {found.rows:,} rows, {len(found.columns):,} columns, {len(raw):,} bytes"]
    notes = [*_not_there(names, found), *source.notes]
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
    """Where the profile of a file or folder goes by default."""
    if "://" in table or table.startswith("sql:"):
        raise ConfigError(f"{table}: there is no folder beside it", "say where to write with --output FILE")
    path = PurePosixPath(table)
    return Path(path.parent / (path.stem + PROFILE_SUFFIX))


def _not_there(names: list[str], found: Profile) -> list[str]:
    """Named columns that the table lacks: a feature that was taken out is no reason to stop the pipeline."""
    missing = sorted(set(names) - {column.name for column in found.columns})
    return [f"--categorical names {name}, which is no column of this table" for name in missing]
