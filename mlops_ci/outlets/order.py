"""Which report on a pull request stays where a run is run again: that of the head, then the later one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from mlops_ci import report
from mlops_ci.adapters.github import GitHub
from mlops_ci.errors import MlopsError

# Sorts after every time.
_HEAD = "~"


@dataclass(frozen=True)
class Order:
    """Ranks reports for one that is about ``commit``; None for what is no report of ours.

    An earlier commit's run may be run again: its report is the later one, and yet it must not take the
    place of the one that is about the pull request as it is now. Other runs start in their commits' order.
    """

    github: GitHub
    number: int
    commit: str
    say: Callable[[str], None]

    def __call__(self, body: str) -> str | None:
        """How new a report is."""
        found = report.read_marker(body)
        if found is None:
            return None
        other = found.commit != self.commit
        return f"{_HEAD if other and found.commit == self._head else ''}{found.created}"

    @cached_property
    def _head(self) -> str:
        """The pull request's own tip; empty where it cannot be told, so that the times alone count."""
        try:
            return self.github.pull_request(self.number).head_commit
        except MlopsError as error:
            self.say(f"note: the pull request's head could not be asked for: {error.message}")
            return ""
