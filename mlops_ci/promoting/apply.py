"""Proposals in, and the forge matches: a branch, a commit, a pull request each, however often it is done.

The order of the writes is such that a run that is killed between any two leaves what the next one finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from mlops_ci.adapters import git_branches, git_commit, git_push
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_branches import Tip
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.forge import Promotions, Proposal, PullRequest, approvals
from mlops_ci.promoting.scene import Applied, BaseMovedError, Happened, Scene, check
from mlops_ci.promoting.sweep import sweep
from mlops_ci.promotion import marks

__all__ = ["Applied", "BaseMovedError", "Wanted", "apply", "check"]


@dataclass(frozen=True)
class Wanted:
    """What should be open: proposals for ``branch``, built for its commit ``base``.

    ``keep`` are branches whose pull requests stay as they are. Of the rest only what begins with ``within``
    is closed, for what ``reasons`` says of the branch.
    """

    branch: str
    base: str
    proposals: Sequence[Proposal]
    keep: Collection[str] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    within: str = marks.PREFIX


def apply(
    forge: Promotions,
    git: Git,
    wanted: Wanted,
    *,
    pulls: Sequence[PullRequest] | None = None,
    since: datetime | None = None,
    dry_run: bool = False,
) -> tuple[Applied, ...]:
    """Make the forge match; a proposal that fails does not stop the others, `check` raises for all of them.

    ``pulls`` are the pull requests of promotions where they have been read already; of closed ones nothing
    before ``since`` counts. A dry run writes nothing outside and tells what would happen.

    Raises:
        BaseMovedError: the base branch moved since the proposals were built.
        ToolError: the remote or the forge cannot be read.
    """
    heads = git_branches.heads(git, wanted.branch, f"{marks.PREFIX}*")
    now = heads.pop(wanted.branch, "")
    if now != wanted.base:
        raise BaseMovedError(wanted.branch, wanted.base, now)
    # Built first, so that what stands already need not be fetched.
    works = _works(git, wanted)
    known = forge.promotions(marks.PREFIX, since=since) if pulls is None else pulls
    ours = {name: sha for name, sha in heads.items() if name.startswith(marks.PREFIX)}
    scene = Scene(forge, git, known, git_branches.tips(git, ours), dry_run)
    works = [_kept(scene, work) for work in works]
    told = [_tried(work, partial(_brought, scene, work)) for work in works]
    swept = list(sweep(scene, _is_wanted(wanted, works), lambda branch: wanted.reasons.get(branch, "")))
    done = [_tried(work, partial(_merged, scene, work, one)) for work, one in zip(works, told, strict=True)]
    return (*done, *swept)


@dataclass(frozen=True)
class _Work:
    """A proposal and its commit; empty where it could not be built, and why."""

    proposal: Proposal
    base: str
    commit: str = ""
    error: MlopsError | None = None

    @property
    def idle(self) -> bool:
        """Whether the base branch says the same already."""
        return self.commit == self.base

    @property
    def body(self) -> str:
        return marks.marked(self.proposal.body, self.proposal.id)

    def told(self, happened: Happened, words: str = "", pull: PullRequest | None = None) -> Applied:
        """What became of it."""
        found = Applied(self.proposal.id, self.proposal.branch, happened, words, commit=self.commit)
        return found if pull is None else replace(found, number=pull.number, url=pull.url)


def _works(git: Git, wanted: Wanted) -> list[_Work]:
    branches = [one.branch for one in wanted.proposals]
    if twice := sorted({name for name in branches if branches.count(name) > 1}):
        raise ConfigError(f"two promotions would have the branch {twice[0]}", "give them other names")
    return [_built(git, wanted.base, one) for one in wanted.proposals]


def _built(git: Git, base: str, proposal: Proposal) -> _Work:
    try:
        commit = git_commit.commit_files(git, base, proposal.files, proposal.message)
    except MlopsError as error:
        return _Work(proposal, base, error=error)
    return _Work(proposal, base, commit)


def _kept(scene: Scene, work: _Work) -> _Work:
    """The same with the commit that stands already, where only the rest of the base branch has moved.

    A branch that is built anew for nothing may lose its approvals, and runs its checks again.
    """
    branch = work.proposal.branch
    pull, tip = scene.open.get(branch), scene.tips.get(branch)
    if work.error or work.idle or pull is None or tip is None or tip.person or tip.commit == work.commit:
        return work
    files, message = work.proposal.files, work.proposal.message
    try:
        if not git_commit.stands(scene.git, tip.commit, work.base, files, message):
            return work
        return work if scene.forge.is_behind(pull.number) else replace(work, commit=tip.commit)
    except MlopsError as error:
        return replace(work, error=error)


def _is_wanted(wanted: Wanted, works: Sequence[_Work]) -> Callable[[str], bool]:
    held = {*wanted.keep, *(work.proposal.branch for work in works if not work.idle)}
    return lambda branch: branch in held or not branch.startswith(wanted.within)


def _tried(work: _Work, bring: Callable[[], Applied]) -> Applied:
    try:
        if work.error is not None:
            raise work.error
        return bring()
    except MlopsError as error:
        return replace(work.told("failed", error.message), error=error)


# ---- one proposal ------------------------------------------------------------------------------


def _brought(scene: Scene, work: _Work) -> Applied:
    """Bring the branch and the pull request of a proposal about, and nothing where a person said no."""
    proposal = work.proposal
    pull, tip = scene.open.get(proposal.branch), scene.tips.get(proposal.branch)
    if work.idle:
        return work.told("unchanged", "the base branch says so already")
    if no := _no(scene, proposal, pull):
        return work.told("refused", f"#{no.number} was closed without merging", no)
    if tip is not None and tip.person:
        stopped = scene.pause(pull, tip, proposal.branch, proposal.id)
        if stopped is not None:
            return stopped
    if scene.dry_run:
        return work.told(_would(work, pull, tip), pull=pull)
    return _written(scene, work, pull, tip)


def _no(scene: Scene, proposal: Proposal, pull: PullRequest | None) -> PullRequest | None:
    """The pull request by which a person said no; what is open or asked for again is none."""
    if proposal.anew or (pull is not None and marks.id_of(pull.body) == proposal.id):
        return None
    of_branch = (one for one in scene.pulls if one.head == proposal.branch)
    return next((one for one in of_branch if proposal.id in marks.refused([one])), None)


def _would(work: _Work, pull: PullRequest | None, tip: Tip | None) -> Happened:
    if pull is None:
        return "opened"
    stands = tip is not None and tip.commit == work.commit and _says(pull, work)
    return "unchanged" if stands and not _missing(pull, work.proposal) else "updated"


def _says(pull: PullRequest, work: _Work) -> bool:
    """Whether a pull request has the title, the text and the base that it should."""
    proposal = work.proposal
    same = (pull.title, pull.base) == (proposal.title.strip(), proposal.base)
    return same and marks.is_same(pull.body, work.body)


def _missing(pull: PullRequest, proposal: Proposal) -> list[str]:
    """The labels that are not there yet; case does not tell labels apart."""
    known = {name.lower() for name in pull.labels}
    wanted = dict.fromkeys((*proposal.labels, marks.LABEL))
    return [name for name in wanted if name.lower() not in known]


def _written(scene: Scene, work: _Work, pull: PullRequest | None, tip: Tip | None) -> Applied:
    """Push, open, ask, label: in this order, and only what is not there yet."""
    proposal, forge = work.proposal, scene.forge
    changed = _pushed(scene, work, pull, tip)
    happened: Happened = "updated"
    if pull is None:
        happened = "opened"
        pull = forge.propose(head=proposal.branch, base=proposal.base, title=proposal.title, body=work.body)
    if not _says(pull, work):
        changed = True
        forge.revise(pull.number, title=proposal.title, body=work.body, base=proposal.base)
    notes: tuple[str, ...] = ()
    if missing := _missing(pull, proposal):
        changed = True
        known = {one.lower() for one in pull.asked}
        asking = [one for one in proposal.reviewers if one.lower() not in known]
        if marks.LABEL in missing and asking:
            notes = forge.ask_reviews(pull.number, asking)
        forge.add_labels(pull.number, missing)
    if marks.PAUSED in pull.labels:
        changed = True
        forge.remove_label(pull.number, marks.PAUSED)
    done = work.told(happened if changed or happened == "opened" else "unchanged", pull=pull)
    return replace(done, notes=notes)


def _pushed(scene: Scene, work: _Work, pull: PullRequest | None, tip: Tip | None) -> bool:
    """Bring the branch to its commit; whether it was not there."""
    seen = tip.commit if tip else ""
    if seen == work.commit:
        return False
    if pull is not None and pull.merging:
        # It was let to merge as it was, with the message of that.
        scene.forge.keep_from_merging(pull.number)
    git_push.place(scene.git, work.commit, work.proposal.branch, expected=seen)
    return True


# ---- merging -----------------------------------------------------------------------------------


def _merged(scene: Scene, work: _Work, done: Applied) -> Applied:
    """Let merge what is to merge itself, and keep from it what is not any more."""
    if scene.dry_run or done.happened not in ("opened", "updated", "unchanged") or not done.number:
        return done
    pull = scene.open.get(done.branch)
    lacking = _lacking(scene, work, done.number) if work.proposal.automatic else ""
    if lacking or not work.proposal.automatic:
        if pull is not None and pull.merging and scene.forge.is_us(pull.merging):
            scene.forge.keep_from_merging(pull.number)
        return replace(done, words=f"merges itself later: {lacking}") if lacking else done
    merging = scene.forge.merge_when_ready(done.number, commit=work.commit, message=work.proposal.message)
    if not merging.commit:
        return replace(done, words=f"merges itself later: {merging.waits}")
    git_push.remove(scene.git, done.branch, expected=work.commit)
    return replace(done, happened="merged", words=f"merged as {merging.commit[:10]}")


def _lacking(scene: Scene, work: _Work, number: int) -> str:
    """Which approvals of the very commit are not there yet, by the rules of the base branch."""
    needed = work.proposal.approvals
    if not needed:
        return ""
    there = len(approvals(scene.forge.reviews(number), work.commit))
    return "" if there >= needed else f"{there} of {needed} people have approved its commit"
