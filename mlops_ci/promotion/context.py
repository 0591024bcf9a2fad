"""What the shell adds to a decision, so that its pull request can be written without looking anything up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_ci.promotion.record import Edit, Input, Merge, Source, Summary


@dataclass(frozen=True)
class Shipped:
    """A pull request that is in the candidate and not in what is live."""

    number: int
    title: str
    url: str = ""


@dataclass(frozen=True)
class Context:
    """What is known of one decision beside itself.

    ``text`` is the whole manifest after the edit, None where it stays as it is (a hold), and ``before`` what
    it was; ``edits`` are its changes. ``previous`` is the sha256 of the bytes of the newest record as they
    stand on the base branch, ``merge`` how that one was merged. ``evidence`` is about the candidate against
    what is live here. ``ships`` are the pull requests since then, newest first, ``commits`` the number of
    commits. ``notes`` are what the kind of manifest warns of, ``unknown`` what could not be found out, by
    sentences.
    ``reviewers`` are people (``@login``) and teams (``@organization/team``).
    """

    text: str | None = None
    before: str = ""
    edits: tuple[Edit, ...] = ()
    previous: str = ""
    merge: Merge | None = None
    evidence: Summary | None = None
    size: int | None = None
    source: Source | None = None
    data: tuple[Input, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    ships: tuple[Shipped, ...] = ()
    commits: int | None = None
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What all pull requests of a run have in common.

    ``base`` is the branch they go to. ``source_url`` is where the model repository is shown, such as
    ``https://github.com/acme/iris``; empty where nobody knows. ``overrides`` are the user's templates,
    ``limit`` is how many characters a body may have: GitHub takes 65,536, and the marks that are put to its
    end have room in the rest.
    """

    base: str
    tool: str = ""
    source_url: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    limit: int = 64_000
