"""What one run sees and says while it makes the forge match: pull requests, branches, what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_branches import Tip
from mlops_ci.errors import MlopsError, ToolError
from mlops_ci.forge import Promotions, PullRequest
from mlops_ci.promotion import marks
from mlops_ci.writing import templating

Happened = Literal["opened", "updated", "unchanged", "stopped", "refused", "closed", "merged", "failed"]


@dataclass(frozen=True)
class Applied:
    """What became of one proposal, or of a pull request that nothing asks for; ``commit`` is the branch's.

    stopped: a person has changed the branch. refused: a person closed it without merging. closed: nothing
    asks for it any more. failed: ``error`` says why.
    """

    id: str
    branch: str
    happened: Happened
    words: str = ""
    number: int = 0
    url: str = ""
    commit: str = ""
    notes: tuple[str, ...] = ()
    error: MlopsError | None = None


class BaseMovedError(ToolError):
    """The base branch is not where the proposals were built for; build them anew on ``now``."""

    def __init__(self, branch: str, base: str, now: str) -> None:
        where = f"it is at {now[:10]} by now" if now else "it is gone"
        super().__init__(
            f"the branch {branch} moved while this ran, from {base[:10]}: {where}; nothing was proposed",
            "run it again",
        )
        self.now = now


@dataclass(frozen=True)
class Scene:
    """The pull requests of promotions, newest first, and the tips of their branches, as they were read."""

    forge: Promotions
    git: Git
    pulls: Sequence[PullRequest]
    tips: Mapping[str, Tip]
    dry_run: bool = False

    @cached_property
    def open(self) -> Mapping[str, PullRequest]:
        """The open pull request of each branch; of several the oldest."""
        return {pull.head: pull for pull in self.pulls if pull.state == "open"}

    def newest(self, branch: str) -> PullRequest | None:
        """The newest pull request of a branch, in whatever state."""
        return next((pull for pull in self.pulls if pull.head == branch), None)

    def say(self, number: int, mark: str, template: str, **values: Any) -> None:
        """Write a comment once, however many runs do it at a time."""
        if self.has_said(number, mark):
            return
        text = templating.render(templating.environment(), template, **values)
        self.forge.create_comment(number, f"{mark}\n{text}")
        # Another run may have done it between the look and the word; the first of them stays.
        mine = [one.id for one in self.forge.comments(number) if one.ours and mark in one.body]
        for surplus in sorted(mine)[1:]:
            self.forge.delete_comment(number, surplus)

    def has_said(self, number: int, mark: str) -> bool:
        """Whether a comment of ours has this mark."""
        return any(one.ours and mark in one.body for one in self.forge.comments(number))

    def pause(self, pull: PullRequest | None, tip: Tip, branch: str, id: str) -> Applied | None:
        """Stop at a branch that a person has changed: say it once. None where a person lets us go on.

        Who takes the label away after we said so wants the branch built anew. The label is put on before
        anything is said, so that another run of now is not taken for a person.
        """
        words = f"{tip.person} has changed the branch {branch} ({tip.commit[:10]})"
        if pull is None:
            return Applied(id, branch, "stopped", f"{words}, which no pull request is open for; delete it")
        done = Applied(id, branch, "stopped", words, pull.number, pull.url, tip.commit)
        mark = marks.comment("paused", tip.commit)
        said = self.has_said(pull.number, mark)
        if said and marks.PAUSED not in self.forge.pull_request(pull.number).labels:
            return None
        if not self.dry_run:
            if marks.PAUSED not in pull.labels:
                self.forge.add_labels(pull.number, [marks.PAUSED])
            if not said:
                facts = {"person": tip.person, "commit": tip.commit[:10], "label": marks.PAUSED}
                self.say(pull.number, mark, "promotion_paused.md.j2", **facts)
        return done


def check(applied: Iterable[Applied]) -> None:
    """Raise one error for all that failed, if any did.

    Raises:
        ToolError: something failed; the message has each cause once.
    """
    every = list(applied)
    errors = {one.error.message: one.error for one in every if one.error is not None}
    if not errors:
        return
    failed = sum(one.error is not None for one in every)
    what = f"{failed} of {len(every)} promotions failed" if len(every) > 1 else "the promotion failed"
    hints = dict.fromkeys(error.hint for error in errors.values() if error.hint)
    raise ToolError(f"{what}: {'; '.join(errors)}", "\n    ".join(hints))
