"""A merge queue: one pull request at a time, merged by Git on a branch of its own, landed when its checks are there."""

from __future__ import annotations

from dataclasses import dataclass

from .bare import NONE
from .calls import Token
from .forge import QUEUE_BOT, Forge
from .merging import Merging, Wish, merged
from .protection import PASSING, Protection
from .pulls import Pulls
from .pushes import Pushes

BOT = Token(QUEUE_BOT, bot=True)


@dataclass(frozen=True)
class Entry:
    """What is tried: the merge commit, on the branch that the queue made for it."""

    repository: str
    number: int
    base: str
    branch: str
    sha: str


class MergeQueue:
    """What waits to be merged, in order."""

    def __init__(self, forge: Forge, pulls: Pulls, pushes: Pushes, merging: Merging) -> None:
        self.forge = forge
        self.pulls = pulls
        self.pushes = pushes
        self.merging = merging
        self.protection: Protection = merging.protection
        self.entries: list[Entry] = []

    def add(self, repository: str, number: int) -> Entry:
        """Try one: workflows start for its merge commit."""
        pull = self.pulls.get(repository, number)
        base, tip = pull["base"]["ref"], pull["base"]["sha"]
        sha = merged(self.forge.bare(repository), pull, Wish(BOT))
        entry = Entry(repository, number, base, f"gh-readonly-queue/{base}/pr-{number}-{tip}", sha)
        self.entries.append(entry)
        self.pushes.move(repository, entry.branch, sha, BOT)
        self._tell("checks_requested", entry, tip)
        return entry

    def settle(self) -> None:
        """Land what has all the checks that its base demands, and give up what can have them no more."""
        for entry in list(self.entries):
            found = self.protection.outcomes(entry.repository, entry.sha)
            outcomes = [
                found.get(name) for name in self.protection.demands(entry.repository, entry.base).checks
            ]
            if all(outcome in PASSING for outcome in outcomes):
                self._end(entry, "merged")
            elif any(outcome not in (None, "pending", *PASSING) for outcome in outcomes):
                self._end(entry, "invalidated")

    def _end(self, entry: Entry, reason: str) -> None:
        self.entries.remove(entry)
        pull = self.pulls.get(entry.repository, entry.number)
        if reason == "merged":
            self.merging.land(entry.repository, pull, entry.sha, BOT)
        self.pushes.move(entry.repository, entry.branch, NONE, BOT)
        self._tell("destroyed", entry, pull["base"]["sha"], reason=reason)

    def _tell(self, action: str, entry: Entry, base: str, **more: str) -> None:
        bare = self.forge.bare(entry.repository)
        group = {
            "head_sha": entry.sha,
            "head_ref": f"refs/heads/{entry.branch}",
            "base_sha": base,
            "base_ref": f"refs/heads/{entry.base}",
            "head_commit": {"id": entry.sha, "message": bare.message(entry.sha).rstrip("\n")},
        }
        self.forge.emit("merge_group", entry.repository, BOT, action=action, merge_group=group, **more)
