"""What nothing asks for any more: its pull requests are closed with a reason, its branches deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mlops_ci.adapters import git_push
from mlops_ci.errors import MlopsError
from mlops_ci.forge import PullRequest
from mlops_ci.promoting.scene import Applied, Scene
from mlops_ci.promotion import marks

NOT_ASKED = "Nothing asks for this promotion any more."


def sweep(scene: Scene, wanted: Callable[[str], bool], reason: Callable[[str], str]) -> Iterator[Applied]:
    """Close and delete what is not wanted; a branch that a person has changed is left alone.

    ``wanted`` and ``reason`` (why not) are told the branch.
    """
    for branch, pull in scene.open.items():
        if not wanted(branch):
            yield _tried(pull, partial(_closed, scene, pull, reason(branch)))
    for branch in scene.tips:
        if branch not in scene.open and not wanted(branch):
            yield from _deleted(scene, branch)


def _tried(pull: PullRequest, close: Callable[[], Applied]) -> Applied:
    try:
        return close()
    except MlopsError as error:
        about = marks.id_of(pull.body)
        return Applied(about, pull.head, "failed", error.message, pull.number, pull.url, error=error)


def _closed(scene: Scene, pull: PullRequest, reason: str) -> Applied:
    """Say why, close, delete: a run that is killed in between leaves the rest to the next one."""
    tip, about = scene.tips.get(pull.head), marks.id_of(pull.body)
    if tip is not None and tip.person:
        stopped = scene.pause(pull, tip, pull.head, about)
        if stopped is not None:
            return stopped
    words = reason or NOT_ASKED
    done = Applied(about, pull.head, "closed", words, pull.number, pull.url)
    if scene.dry_run:
        return done
    scene.say(pull.number, marks.comment("closed"), "promotion_closed.md.j2", reason=words)
    scene.forge.withdraw(pull.number, marks.superseded(pull.body))
    if tip is not None:
        git_push.remove(scene.git, pull.head, expected=tip.commit)
    return done


def _deleted(scene: Scene, branch: str) -> Iterator[Applied]:
    """Delete a branch that a killed run or a merge has left; one that a person closed may be opened again."""
    tip, last = scene.tips[branch], scene.newest(branch)
    refused = last is not None and last.state == "closed" and not marks.is_superseded(last)
    if tip.person or refused:
        return
    try:
        if not scene.dry_run:
            git_push.remove(scene.git, branch, expected=tip.commit)
        yield Applied("", branch, "closed", "its branch was left over", commit=tip.commit)
    except MlopsError as error:
        yield Applied("", branch, "failed", error.message, error=error)
