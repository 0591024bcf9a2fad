"""What Git says of releases, gathered for the registry: records by age, and those of open pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlops_ci.adapters import git_arrivals, git_batch, git_branches
from mlops_ci.adapters.git import Git
from mlops_ci.config import Config
from mlops_ci.promotion import marks, record
from mlops_ci.promotion.record import FOLDER, Record
from mlops_ci.promotion.registry import Arrived, Target

_LOG = f"{FOLDER}/log"


def arrived(git: Git, head: str) -> tuple[Arrived, ...]:
    """Every record of the log at a commit, oldest first; the same order in every clone.

    Raises:
        ConfigError: one of them is no record.
    """
    when = git_arrivals.arrivals(git, head, _LOG)
    found = [
        Arrived(record.read(text, path), when[path])
        for path, text in _texts(git, head, git.listed(head, _LOG))
        if path in when
    ]
    return tuple(
        sorted(found, key=lambda one: (one.when, one.record.environment, one.record.model, one.record.number))
    )


def proposed(git: Git, head: str) -> tuple[Record, ...]:
    """The records that the remote's branches of promotions add to those at a commit, where they are ours.

    Raises:
        ConfigError: one of them is no record.
        ToolError: the remote cannot be reached.
    """
    tips = git_branches.tips(git, git_branches.heads(git, f"{marks.PREFIX}*"))
    found: dict[str, Record] = {}
    for branch, tip in tips.items():
        if tip.person:
            continue
        folder = f"{_LOG}/{branch.removeprefix(marks.PREFIX).partition('/')[0]}"
        new = set(git.listed(tip.commit, folder)) - set(git.listed(head, folder))
        for path, text in _texts(git, tip.commit, new):
            found[path] = record.read(text, f"{branch}:{path}")
    return tuple(found[path] for path in sorted(found))


def targets(config: Config) -> tuple[Target, ...]:
    """The environments in the order in which a release goes through them."""
    return tuple(
        Target(name, one.after or "", one.models) for name, one in config.environments.items() if not one.repo
    )


def _texts(git: Git, commit: str, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path, text in git_batch.texts(git, commit, sorted(paths)).items():
        if text is not None:
            yield path, text
