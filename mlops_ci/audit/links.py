"""One link of the chain from what is live to its origin: it holds, is broken, or nobody can tell (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from mlops_ci.audit.history import Commit, Target

Status = Literal["ok", "broken", "unknown"]


@dataclass(frozen=True)
class Link:
    """What one check of one target gave; ``where`` is a file, ``commit`` the commit that did it."""

    environment: str
    model: str
    name: str
    status: Status
    sentence: str
    where: str = ""
    commit: str = ""

    def document(self) -> dict[str, Any]:
        """The link as plain values, for machines."""
        return {
            "environment": self.environment,
            "model": self.model,
            "link": self.name,
            "status": self.status,
            "sentence": self.sentence,
            "where": self.where,
            "commit": self.commit,
        }


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at, and why: nobody can tell."""

    reason: str


@dataclass(frozen=True)
class Gone:
    """Something that was looked for and is not there: the chain is broken."""

    reason: str


Says = Callable[..., Link]


def says(target: Target, name: str, status: Status) -> Says:
    """Makes links of one name, one target and one status out of a sentence."""
    return partial(Link, *target, name, status)


def by(commit: Commit) -> str:
    """A commit in a sentence: its name, its author and its day."""
    return f"commit {commit.short} ({commit.author}, {commit.committed:%Y-%m-%d})"


def counted(links: Iterable[Link]) -> Mapping[Status, int]:
    """How many links there are of each status."""
    found: dict[Status, int] = {"ok": 0, "broken": 0, "unknown": 0}
    for link in links:
        found[link.status] += 1
    return found


def numbers(of: Iterable[int]) -> str:
    """Numbers of records in a sentence: ``record 4``, ``records 1 to 3 and 7``."""
    listed = sorted(of)
    runs: list[list[int]] = []
    for one in listed:
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    told = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    words = " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
    return f"record{'s' if len(listed) > 1 else ''} {words}"
