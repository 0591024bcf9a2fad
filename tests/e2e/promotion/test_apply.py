"""Proposals on GitHub: played on the stand, with real Git, undisturbed and disturbed."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mlops_ci import codeowners
from mlops_ci.adapters import git_batch
from mlops_ci.errors import ToolError
from mlops_ci.forge import approvals
from mlops_ci.promoting.apply import BaseMovedError, check
from mlops_ci.promotion import marks
from tests.promoting.conftest import IRIS, of

from .conftest import Job

BRANCH = IRIS.branch
PEOPLE = ("@bob", "@nobody-at-all", "@acme/no-team", "ada@example.org", "@promoter[bot]")
ASKED = replace(IRIS, reviewers=PEOPLE)


def test_twice_it_is_the_same_and_nothing_more_is_written(job: Job) -> None:
    job.must("PUT", "collaborators/bob", {"permission": "push"})
    (done,) = job.apply(ASKED)
    assert (done.happened, done.number, job.at(BRANCH)) == ("opened", 1, done.commit)
    foreign = f"Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the {job.repository} repository."
    assert done.notes == (
        "ada@example.org is not asked to review: GitHub asks accounts and teams alone",
        f"@nobody-at-all cannot be asked to review: {foreign}",
        f"@acme/no-team cannot be asked to review: {foreign}",
        "@promoter[bot] cannot be asked to review: Review cannot be requested from pull request author.",
    )
    (pull,) = job.pulls()
    assert (pull["title"], pull["user"]["login"], pull["head"]["sha"]) == (
        IRIS.title,
        "promoter[bot]",
        done.commit,
    )
    assert [one["name"] for one in pull["labels"]] == ["promotion", "env: staging", marks.LABEL]
    assert [one["login"] for one in pull["requested_reviewers"]] == ["bob"]
    before = job.writes()
    # Another runner, which has not seen the commit.
    (again,) = job.apply(ASKED, clone=job.another())
    assert (again.happened, again.commit, again.notes) == ("unchanged", done.commit, ())
    assert job.writes() == before


def test_the_owners_of_what_changes_are_asked(job: Job) -> None:
    job.must("PUT", "collaborators/bob", {"permission": "push"})
    texts = git_batch.texts(job.git(), job.fetch(), codeowners.PLACES)
    _, text = codeowners.found(texts.get)
    job.apply(replace(IRIS, reviewers=codeowners.of(text, IRIS.files)))
    assert [one["login"] for one in job.pulls()[0]["requested_reviewers"]] == ["bob"]


@pytest.mark.slow
def test_twenty_at_once_are_one(job: Job) -> None:
    production = of("production")
    job.apply(of("production", "oak"), replace(IRIS, title="An older one"))
    changed = job.person(BRANCH, note="1")
    runs = [job.another() for _ in range(20)]
    start = threading.Barrier(len(runs))

    def run(number: int) -> dict[str, str]:
        start.wait()
        return job.happened(IRIS, production, clone=runs[number])

    with ThreadPoolExecutor(len(runs)) as pool:
        found = list(pool.map(run, range(len(runs))))
    assert [one for one in found if "failed" in one.values()] == []
    pulls = {one["head"]["ref"]: one for one in job.pulls()}
    assert len(pulls) == len(job.pulls()) == 3
    assert {name: one["state"] for name, one in pulls.items()} == {
        BRANCH: "open",
        production.branch: "open",
        of("production", "oak").branch: "closed",
    }
    assert job.at(BRANCH) == changed
    assert [len(job.comments(number)) for number in (1, 2)] == [1, 1]
    before = job.state(), job.writes()
    assert job.happened(IRIS, production) == {
        "staging/iris": "stopped",
        "production/iris": "unchanged",
    }
    assert (job.state(), job.writes()) == before


def test_two_models_in_one_environment_and_the_base_moves_under_one(job: Job) -> None:
    wine = of("staging", "wine")
    assert job.happened(IRIS, wine) == {"staging/iris": "opened", "staging/wine": "opened"}
    base = job.fetch()
    job.must("PUT", "pulls/1/merge", {"merge_method": "squash"})
    with pytest.raises(BaseMovedError) as caught:
        job.apply(wine, base=base)
    assert caught.value.now == job.at("main")
    # It brings the same as before: whoever has approved it need not do it again.
    before = job.at(wine.branch)
    assert job.happened(wine) == {"staging/wine": "unchanged", "staging/iris": "closed"}
    assert (job.at(BRANCH), job.at(wine.branch)) == (None, before)
    # Unless the branch demands that it is up to date.
    check = {"strict_required_status_checks_policy": True, "required_status_checks": []}
    rule = {"type": "required_status_checks", "parameters": check}
    only = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    told = {"name": "up to date", "enforcement": "active", "target": "branch", "conditions": only}
    job.must("POST", "rulesets", {**told, "rules": [rule]})
    assert job.happened(wine) == {"staging/wine": "updated"}
    assert job.git().parents(job.at(wine.branch) or "") == (job.at("main"),)
    assert job.happened(wine) == {"staging/wine": "unchanged"}
    job.must("PUT", "pulls/2/merge", {"merge_method": "squash"})
    texts = git_batch.texts(job.git(), job.fetch(), [*IRIS.files, *wine.files])
    assert texts == {**IRIS.files, **wine.files}


@pytest.mark.parametrize("how", ["added", "amended", "on the web"])
def test_a_person_s_commit_stops_it(job: Job, how: str) -> None:
    job.apply(IRIS)
    if how == "on the web":
        content = base64.b64encode(b"image: iris:v9\n").decode()
        path = "deploy/staging/iris.yaml"
        held = job.must("GET", f"contents/{path}?ref={BRANCH}")["sha"]
        body = {"message": "By hand", "content": content, "branch": BRANCH, "sha": held}
        job.must("PUT", f"contents/{path}", body)
    else:
        job.person(BRANCH, amend=how == "amended", note="1")
    theirs = job.at(BRANCH)
    (done,) = job.apply(of("staging", version="v3"), clone=job.another())
    assert (done.happened, job.at(BRANCH)) == ("stopped", theirs)
    assert done.words.lower() == f"ada has changed the branch {BRANCH} ({str(theirs)[:10]})"
    (pull,) = job.pulls()
    assert (pull["title"], pull["labels"][-1]["name"]) == (IRIS.title, marks.PAUSED)
    (comment,) = job.comments(1)
    assert "⏸ **Paused**" in comment
    before = job.writes()
    assert job.happened(of("staging", version="v3")) == {"staging/iris": "stopped"}
    assert job.writes() == before
    job.must("DELETE", f"issues/1/labels/{marks.PAUSED.replace('/', '%2F')}")
    assert job.happened(of("staging", version="v3")) == {"staging/iris": "updated"}


def test_closed_by_a_person_means_no(job: Job) -> None:
    job.apply(IRIS)
    job.must("PATCH", "pulls/1", {"state": "closed"})
    before = job.writes()
    (done,) = job.apply(IRIS)
    assert (done.happened, done.words) == ("refused", "#1 was closed without merging")
    assert job.writes() == before
    # Who opens it again takes the no back.
    job.must("PATCH", "pulls/1", {"state": "open"})
    assert job.happened(IRIS) == {"staging/iris": "unchanged"}
    job.must("PATCH", "pulls/1", {"state": "closed"})
    assert job.happened(of("staging", version="v3")) == {"staging/iris": "opened"}
    assert marks.refused(job.forge().promotions(marks.PREFIX)) == {IRIS.id}


def test_it_merges_itself_when_everything_demanded_is_there(job: Job) -> None:
    mine = replace(IRIS, automatic=True)
    job.must("PATCH", "", {"allow_auto_merge": True})
    job.must("PUT", "collaborators/bob", {"permission": "push"})
    rule = {"type": "pull_request", "parameters": _reviewed(1)}
    named = {"name": "reviewed", "enforcement": "active", "target": "branch", "rules": [rule]}
    only = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    job.must("POST", "rulesets", {**named, "conditions": only})
    (done,) = job.apply(mine)
    assert (done.happened, done.words) == (
        "opened",
        "merges itself later: the base branch demands approvals or checks that are not there yet",
    )
    assert job.must("GET", "pulls/1")["auto_merge"]["enabled_by"]["login"] == "promoter[bot]"
    before = len(_mutations(job))
    assert job.happened(mine) == {"staging/iris": "unchanged"}
    assert len(_mutations(job)) == before == 1
    # Another release comes: GitHub may not merge it with the message of the first.
    newer = replace(of("staging", version="v3"), automatic=True)
    assert job.happened(newer) == {"staging/iris": "updated"}
    assert ["disable" in one for one in _mutations(job)] == [False, True, False]
    # The rules change: it waits for a person.
    assert job.happened(replace(newer, automatic=False)) == {"staging/iris": "unchanged"}
    assert job.must("GET", "pulls/1")["auto_merge"] is None
    job.apply(newer)
    job.must("POST", "pulls/1/reviews", {"event": "APPROVE"}, token="bob-token")
    (pull,) = job.pulls()
    assert pull["merged_at"] is not None
    made = job.fetch()
    assert job.git().message(made).strip() == newer.message.strip()
    facts = job.forge().pull_request(1)
    assert (facts.state, facts.merge_commit, facts.merged_by, facts.merged_at) == (
        "merged",
        made,
        "promoter[bot]",
        pull["merged_at"],
    )
    said = job.forge().reviews(1)
    assert [one.user for one in approvals(said, facts.head_commit)] == ["bob"]
    assert job.happened() == {"staging/iris": "closed"}
    assert job.at(BRANCH) is None


def _reviewed(count: int) -> dict[str, object]:
    names = ("dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval")
    more = dict.fromkeys((*names, "required_review_thread_resolution"), False)
    return {"required_approving_review_count": count, **more}


def _mutations(job: Job) -> list[str]:
    asked = job.hub.stand.gateway.asked("graphql", "promoter[bot]")
    number = job.must("GET", "pulls/1")["node_id"]
    return [one.body["query"] for one in asked if one.body["variables"].get("id") == number]


def test_where_nothing_is_demanded_it_merges_at_once_by_what_is_allowed(job: Job) -> None:
    job.must("PATCH", "", {"allow_squash_merge": False})
    mine = [replace(one, automatic=True) for one in (IRIS, of("staging", "wine"))]
    assert job.happened(*mine) == {"staging/iris": "merged", "staging/wine": "merged"}
    texts = git_batch.texts(job.git(), job.fetch(), [*mine[0].files, *mine[1].files])
    assert texts == {**mine[0].files, **mine[1].files}
    refs = job.hub.stand.gateway.forge.bare(job.repository).refs()
    assert [ref for ref in refs if ref.startswith("refs/heads/")] == ["refs/heads/main"]
    assert job.happened(*mine) == {"staging/iris": "unchanged", "staging/wine": "unchanged"}


def test_a_token_that_may_not_is_said_once_for_all(job: Job) -> None:
    done = job.apply(IRIS, of("production"), token="eve-token")
    with pytest.raises(ToolError) as caught:
        check(done)
    assert caught.value.message == (
        f"2 of 2 promotions failed: the token may not push to {BRANCH} (403); "
        f"the token may not push to {of('production').branch} (403)"
    )
    assert caught.value.hint.startswith("hand a token with `contents: write`")
    assert "docs/promotion.md" in caught.value.hint
