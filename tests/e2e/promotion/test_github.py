"""What GitHub answers when it is asked twice, too late, or for what it does not do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_ci.adapters import git_commit, git_push
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_promotions import GitHubPromotions
from mlops_ci.errors import ToolError
from mlops_ci.forge import Merging
from mlops_ci.promotion.marks import PREFIX

from .conftest import Job

BRANCH = f"{PREFIX}staging/iris"


def pushed(job: Job, branch: str = BRANCH, text: str = "image: iris:v2\n") -> str:
    git = job.git()
    made = git_commit.commit_files(git, job.fetch(), {"deploy/staging/iris.yaml": text}, "Promote\n\nwords\n")
    git_push.place(git, made, branch, expected=job.at(branch) or "")
    return made


def proposed(job: Job, branch: str = BRANCH) -> GitHubPromotions:
    forge = job.forge()
    forge.propose(head=branch, base="main", title="Promote iris", body="words")
    return forge


def test_a_pull_request_is_opened_once_and_listed_with_its_prefix(job: Job) -> None:
    made = pushed(job)
    forge = proposed(job)
    again = proposed(job).propose(head=BRANCH, base="main", title="Another", body="")
    assert (again.number, again.title, again.head_commit) == (1, "Promote iris", made)
    pushed(job, "topic", "image: x\n")
    proposed(job, "topic")
    pushed(job, f"{PREFIX}staging/wine", "image: y\n")
    proposed(job, f"{PREFIX}staging/wine")
    forge.withdraw(1, "no")
    assert [(one.number, one.state, one.body) for one in forge.promotions(PREFIX)] == [
        (3, "open", "words"),
        (1, "closed", "no"),
    ]
    now = datetime.now(UTC)
    assert len(forge.promotions(PREFIX, since=now - timedelta(hours=1))) == 2
    assert [one.number for one in forge.promotions(PREFIX, since=now + timedelta(hours=1))] == [3]


def test_a_branch_that_is_not_there_is_an_error(job: Job) -> None:
    with pytest.raises(GitHubError) as caught:
        proposed(job)
    assert caught.value.status == 422


def test_reviews_as_they_were_said(job: Job) -> None:
    made = pushed(job)
    forge = proposed(job)
    job.must("PUT", "collaborators/bob", {"permission": "push"})
    for token, event in [
        ("bob-token", "REQUEST_CHANGES"),
        ("bob-token", "COMMENT"),
        ("ada-token", "APPROVE"),
        ("eve-token", "APPROVE"),
    ]:
        job.must("POST", "pulls/1/reviews", {"event": event, "body": "words"}, token=token)
    job.must("POST", "pulls/1/reviews", {"body": "not sent yet"})
    found = forge.reviews(1)
    assert [(one.user, one.state, one.commit) for one in found] == [
        ("bob", "changes", made),
        ("bob", "commented", made),
        ("ada", "approved", made),
        # A stranger may say what he likes, and it is no approval.
        ("eve", "commented", made),
    ]
    assert all(one.at.endswith("Z") for one in found)


def test_a_comment_that_is_gone_needs_no_deleting(job: Job) -> None:
    pushed(job)
    forge = proposed(job)
    comment = forge.create_comment(1, "words")
    for _ in range(2):
        forge.delete_comment(1, comment.id)
    assert forge.comments(1) == ()


def draft(job: Job) -> None:
    job.must("POST", "pulls", {"head": BRANCH, "base": "main", "title": "Draft", "draft": True})


def conflict(job: Job) -> None:
    proposed(job)
    job.person("main", deploy__staging__iris_dot_yaml="image: iris:v9\n")


def closed(job: Job) -> None:
    proposed(job).withdraw(1, "no")


def moved(job: Job) -> None:
    proposed(job)
    job.person(BRANCH, note="1")


def unlucky(job: Job) -> None:
    proposed(job)
    job.hub.stand.gateway.fault("PUT", f"{job.repository}/pulls/1/merge", "409")


def blocked(job: Job) -> None:
    proposed(job)
    check = {"strict_required_status_checks_policy": False, "required_status_checks": [{"context": "tests"}]}
    rule = {"type": "required_status_checks", "parameters": check}
    only = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    told = {"name": "checked", "enforcement": "active", "target": "branch", "conditions": only}
    job.must("POST", "rulesets", {**told, "rules": [rule]})


@pytest.mark.parametrize(
    ("prepare", "waits"),
    [
        (draft, "it is a draft"),
        (conflict, "it conflicts with the base branch; the next run builds it anew"),
        (closed, "it was closed"),
        (moved, "its branch moved; the next run looks again"),
        (unlucky, "Conflict"),
        (
            blocked,
            "the base branch demands approvals or checks that are not there yet; "
            "the repository has no auto-merge, so a later run merges it",
        ),
    ],
)
def test_what_cannot_be_merged_now_is_told(job: Job, prepare: Callable[[Job], None], waits: str) -> None:
    made = pushed(job)
    prepare(job)
    before = job.at("main")
    assert job.forge().merge_when_ready(1, commit=made, message="Promote\n") == Merging(waits=waits)
    assert job.at("main") == before


def test_merged_is_merged_however_often(job: Job) -> None:
    made = pushed(job)
    forge = proposed(job)
    merging = forge.merge_when_ready(1, commit=made, message="Promote\n\nwords\n")
    assert merging == Merging(job.at("main") or "")
    assert forge.merge_when_ready(1, commit=made, message="Promote\n") == merging
    # Nothing is left to be taken back.
    forge.keep_from_merging(1)


def test_a_repository_that_lets_nothing_merge(job: Job) -> None:
    made = pushed(job)
    forge = proposed(job)
    none: dict[str, Any] = dict.fromkeys(
        ("allow_squash_merge", "allow_merge_commit", "allow_rebase_merge"), False
    )
    job.must("PATCH", "", none)
    with pytest.raises(ToolError, match="the repository allows no kind of merge"):
        forge.merge_when_ready(1, commit=made, message="Promote\n")
