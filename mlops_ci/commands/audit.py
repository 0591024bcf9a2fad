"""`mlops-ci audit`: what was promoted (log), whether all of it still holds (verify), a model card (card)."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from mlops_ci.adapters import files
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    from mlops_ci.audit.timeline import Query
    from mlops_ci.promoting.auditing import Asking
    from mlops_ci.promoting.carding import Card


class Action(StrEnum):
    """What is asked of the audit trail."""

    LOG = "log"
    VERIFY = "verify"
    CARD = "card"


_Action = Annotated[
    Action,
    typer.Argument(help="log lists promotions, verify checks the whole chain, card writes a model card."),
]
_Target = Annotated[
    str, typer.Argument(help="ENVIRONMENT/MODEL or ENVIRONMENT, with * for any text; default: all.")
]
_Kind = Annotated[
    str, typer.Option("--action", help="log: only promote, ramp, shadow, rollback, hold or unhold.")
]
_Release = Annotated[str, typer.Option(help="log, card: only the release of this digest, or its beginning.")]
_Since = Annotated[str, typer.Option(help="log: from this day or time on, such as 2026-11-28, in UTC.")]
_Until = Annotated[str, typer.Option(help="log: up to the end of this day, or up to this time, in UTC.")]
_Csv = Annotated[bool, typer.Option("--csv", help="log: comma-separated values for a spreadsheet.")]
_All = Annotated[
    bool,
    typer.Option("--all", help="verify: look at the bytes of every release, not of the live ones alone."),
]
_Deep = Annotated[
    bool, typer.Option("--deep", help="verify: make the live releases again from scratch in a clean clone.")
]
_Offline = Annotated[bool, typer.Option("--offline", help="verify: ask no remote, no store and no forge.")]
_Models = Annotated[
    Path | None,
    typer.Option(help="verify, card: a clone of the models' repository, where that is another one."),
]
_Output = Annotated[Path | None, typer.Option("-o", "--output", help="log, card: write to this file.")]
_Base = Annotated[
    str, typer.Option(help="The branch whose history is looked at; default: what pull requests go to.")
]


def audit(
    action: _Action,
    target: _Target = "",
    kind: _Kind = "",
    release: _Release = "",
    since: _Since = "",
    until: _Until = "",
    csv: _Csv = False,
    every: _All = False,
    deep: _Deep = False,
    offline: _Offline = False,
    models: _Models = None,
    output: _Output = None,
    base: _Base = "",
    json: Json = False,
) -> int:
    """Tell what was promoted (log), check the chain behind it (verify), write a model card.

    Everything is read from Git: the records below promotions/, and the commits that brought them. `verify`
    goes from the live manifest over its record, the evidence and dvc.lock to the bytes of the model, the
    code and the data, and ends with 1 where a link is broken; what cannot be told from here is said and
    breaks nothing. docs/audit.md says what each link proves and what it does not.
    """
    _refuse_misfits(
        action,
        ("log", {"--action": kind, "--since": since, "--until": until, "--csv": csv}),
        ("verify", {"--all": every, "--deep": deep, "--offline": offline}),
        ("log and card", {"--release": release, "--output": output}),
        ("verify and card", {"--models": models}),
    )
    terminal = Terminal(json_output=json)
    environment, _, model = target.partition("/")
    if action is Action.LOG:
        from mlops_ci.audit.timeline import Query

        query = Query(environment, model, kind, release, _moment(since, "--since"), _end(until))
        return _log(terminal, query, base, output, csv=csv)
    if action is Action.VERIFY:
        from mlops_ci.promoting.auditing import Asking

        asked = Asking((environment, model), every=every, deep=deep, offline=offline, models=models)
        return _verify(terminal, asked, base)
    from mlops_ci.promoting import carding

    found = carding.card(Path.cwd(), os.environ, (environment, model), release, base=base, models=models)
    return _card(terminal, found, output)


def _refuse_misfits(action: Action, *options: tuple[str, dict[str, object]]) -> None:
    """Options of another action would be dropped silently."""
    for owners, given in options:
        for name, value in given.items():
            if value and action not in owners.split(" and "):
                raise ConfigError(f"{name} says nothing to `audit {action}`", f"it is for `audit {owners}`")


def _moment(text: str, option: str) -> datetime | None:
    """A day or a time in UTC; None where there is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option}: {text!r} is no day or time", f"for example {option} 2026-11-28"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _end(until: str) -> datetime | None:
    """The first moment after ``until``: a day is meant to its end."""
    found = _moment(until, "--until")
    try:
        date.fromisoformat(until)
        return found + timedelta(days=1) if found else None
    except ValueError:
        return found
    except OverflowError:
        # Nothing comes after the last day that there is.
        return None


def _log(terminal: Terminal, query: Query, base: str, output: Path | None, *, csv: bool) -> int:
    from mlops_ci.audit import timeline, words
    from mlops_ci.promoting import trunk
    from mlops_ci.promotion import record

    if query.action and query.action not in get_args(record.Action):
        raise ConfigError(f"--action: there is no action {query.action!r}", "see `mlops-ci audit --help`")
    found = timeline.timeline(trunk.history(Path.cwd(), os.environ, base=base), query)
    text = words.comma_separated(found.entries) if csv else words.table(found)
    document = {"entries": timeline.documents(found.entries), "problems": list(found.problems)}
    if output is not None:
        files.write(output, text.encode())
        text = f"{output}: {len(found.entries):,} promotions"
    terminal.result(text, document)
    return 0


def _verify(terminal: Terminal, asked: Asking, base: str) -> int:
    from mlops_ci.audit import words
    from mlops_ci.promoting import auditing

    with terminal.step("Verifying the chain") as update:
        found = auditing.verified(Path.cwd(), os.environ, asked, base=base, update=update)
    terminal.result(words.chain(found), words.document(found))
    return 1 if found.is_broken else 0


def _card(terminal: Terminal, found: Card, output: Path | None) -> int:
    if output is not None:
        files.write(output, found.text.encode())
        terminal.result(f"{output}: the card of {found.title}", found.document)
    else:
        terminal.result(found.text, found.document)
    return 0
