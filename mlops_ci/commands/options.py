"""The options that several verbs share, each declared once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.errors import ConfigError

Base = Annotated[
    str, typer.Option(help="Branch or commit to compare with; default: what the pull request goes to.")
]
Branch = Annotated[
    str,
    typer.Option("--base", help="The branch with the manifests; default: what pull requests go to."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Commit, push and post nothing; only show.")]
Output = Annotated[
    Path | None, typer.Option(help="Folder for evidence.json and the report. Default: .dvc/tmp/mlops-ci.")
]
Table = Annotated[
    str, typer.Argument(help="A file or folder, also at a revision (path@main), s3://..., sql:SELECT ...")
]
Target = Annotated[str, typer.Argument(help="ENVIRONMENT/MODEL, or ENVIRONMENT where it has one model.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the record for good.")]
Timeout = Annotated[str, typer.Option(help="Time a stage may take, such as 90s, 30m or 2h.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        max=1024,
        help="CPUs for stages that run at once; default: all there are.",
    ),
]


def seconds(timeout: str) -> float | None:
    """A duration option in seconds, None where it was not given.

    Raises:
        ConfigError: it is no duration.
    """
    return duration_of(timeout, "--timeout") if timeout else None


def duration_of(text: str, option: str) -> float:
    """What an option says, in seconds.

    Raises:
        ConfigError: it is no duration.
    """
    from mlops_ci.config.values import duration

    try:
        return duration(text).total_seconds()
    except ValueError as error:
        raise ConfigError(f"{option}: {error}", f"for example {option} 30m") from error


def person() -> str:
    """Who gives an order on this machine: the account of a runner, else Git's user name."""
    from mlops_ci.adapters.git import Git

    told = os.environ.get("GITHUB_ACTOR", "")
    return told or Git.open(Path.cwd()).run("config", "user.name", check=False).stdout.strip()


def listed(text: str) -> tuple[str, ...]:
    """The names of an option such as ``A,B``, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
