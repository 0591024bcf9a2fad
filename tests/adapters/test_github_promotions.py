"""What the stand does not do: GitHub that has not made up its mind, and GraphQL that is refused otherwise."""

from __future__ import annotations

import pytest

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_promotions import GitHubPromotions
from mlops_ci.forge import Merging
from tests.adapters.github_double import ROOT, Double, Reply
from tests.adapters.github_spec.contract import example

PULL = f"{ROOT}/pulls/1347"


def undecided(double: Double) -> str:
    plain = example(
        "pull-request", merged_at=None, mergeable_state="unknown", mergeable=None, auto_merge=None
    )
    double.on("GET", PULL, *[Reply(body=plain)] * 3)
    head: str = plain["head"]["sha"]
    return head


def refused(kind: str, message: str) -> Reply:
    return Reply(body={"data": None, "errors": [{"type": kind, "message": message}]})


def test_github_is_given_a_moment_to_make_up_its_mind(double: Double, github: GitHub) -> None:
    head = undecided(double)
    double.on("POST", "/graphql", refused("UNPROCESSABLE", "Auto merge is not allowed for this repository"))
    found = GitHubPromotions(github).merge_when_ready(1347, commit=head, message="Title\n\nbody\n\nA: b\n")
    words = "GitHub has not worked out yet whether it can be merged; the next run looks again"
    assert found == Merging(waits=f"{words}; the repository has no auto-merge, so a later run merges it")
    assert double.time.slept == [1.0, 1.0]
    told = double.requests[-1].body["variables"]
    assert (told["head"], told["method"], told["title"], told["body"]) == (
        head,
        "SQUASH",
        "Title",
        "body\n\nA: b",
    )


def test_a_token_that_may_not_is_an_error(double: Double, github: GitHub) -> None:
    head = undecided(double)
    double.on("POST", "/graphql", refused("FORBIDDEN", "Resource not accessible by integration"))
    with pytest.raises(GitHubError) as caught:
        GitHubPromotions(github).merge_when_ready(1347, commit=head, message="Title\n")
    assert caught.value.status == 403
