"""What is missing here for each verb: one check, one function; each says what it saw and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlops_ci.checkup import data, forge, here, promotions, pushing, tools, waiting
from mlops_ci.checkup.place import Found, Place
from mlops_ci.errors import MlopsError

EVERY = ("plan", "run", "check", "pr")
MEASURING = ("run", "pr")
PROMOTING = ("promote", "rollback")


@dataclass(frozen=True)
class Check:
    """A check: its name, the verbs that need it, and what looks."""

    name: str
    verbs: tuple[str, ...]
    look: Callable[[Place], Found]


@dataclass(frozen=True)
class Answer:
    """What one check found."""

    check: Check
    found: Found


# In the order in which things are set up; a further check is a line here and a function.
CHECKS = (
    Check("repository", EVERY, here.repository),
    Check("history", ("check", "pr"), here.history),
    Check("pipeline", EVERY, here.pipeline),
    Check("configuration", EVERY, here.configuration),
    Check("lock", MEASURING, data.lock),
    Check("remote", MEASURING, data.remote),
    Check("remote plug-in", MEASURING, data.plugin),
    Check("pushed", MEASURING, data.pushed),
    Check("intervals", MEASURING, tools.intervals),
    Check("checks", MEASURING, tools.checks),
    Check("cml", ("comment", "pr"), tools.cml),
    Check("token", ("comment", "pr"), forge.token),
    Check("permission", ("comment", "pr"), forge.permission),
    Check("required checks", ("pr",), forge.required),
    Check("workflow", ("pr",), forge.workflow),
    Check("triggers", ("pr",), waiting.triggers),
    Check("pinned", ("pr",), forge.pinned),
    Check("current", ("pr",), forge.current),
    Check("push", ("pr",), pushing.pushing),
    Check("manifests", PROMOTING, promotions.manifests),
    Check("store", PROMOTING, promotions.store),
    Check("promotions", PROMOTING, promotions.workflow),
    Check("may propose", PROMOTING, promotions.permission),
    Check("repositories", PROMOTING, promotions.others),
    Check("auto-merge", PROMOTING, promotions.merging),
)


def run(place: Place) -> Iterator[Answer]:
    """Every check in turn; one that fails itself cannot know."""
    for check in CHECKS:
        try:
            found = check.look(place)
        except MlopsError as error:
            found = Found("unknown", error.message, error.hint)
        except Exception as error:
            found = Found("unknown", f"the check itself failed: {error!r}")
        yield Answer(check, found)
