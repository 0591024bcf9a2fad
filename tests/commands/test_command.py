"""Commands in comments: who is obeyed, what they do, and what is no command at all."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import cli
from mlops_ci.commands.command import Order, read
from mlops_ci.errors import ConfigError
from mlops_ci.waiving.orders import FORM
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Double, Reply, running
from tests.adapters.github_spec.contract import example

COMMENT = f"{ROOT}/issues/comments/11"
REACTIONS = f"{ROOT}/issues/comments/11/reactions"
PERMISSION = f"{ROOT}/collaborators/ada/permission"
RUNS = f"{ROOT}/actions/workflows/mlops-ci.yml/runs"
COMMENTS = f"{ROOT}/issues/1347/comments"
HEAD = example("pull-request")["head"]["sha"]


def event(body: str, **more: Any) -> dict[str, Any]:
    comment = {"id": 11, "body": body, "user": {"login": "ada", "type": "User"}, **more}
    return {"action": "created", "comment": comment, "issue": {"number": 1347, "pull_request": {}}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("/mlops-ci rerun", ("rerun",)),
        ("  /mlops-ci   RERUN now\nand more", ("RERUN", "now")),
        ("/mlops-ci", ()),
        ("/mlops-ci `$(id)` ::set-output::", ("`$(id)`", "::set-output::")),
    ],
)
def test_the_first_line_is_the_order(body: str, words: tuple[str, ...]) -> None:
    assert read("issue_comment", event(body)) == Order(words, "ada", 11, 1347)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "rerun",
        "please /mlops-ci rerun",
        "> /mlops-ci rerun",
        "/mlops-cider rerun",
    ],
)
def test_what_is_no_order_for_this_verb(body: str) -> None:
    assert read("issue_comment", event(body)) is None


def test_other_events_and_bots_give_no_orders() -> None:
    order = event("/mlops-ci rerun")
    assert read("pull_request", order) is None
    assert read("issue_comment", {**order, "action": "edited"}) is None
    assert read("issue_comment", {**order, "issue": {"number": 7}}) is None
    assert read("issue_comment", event("/mlops-ci rerun", user={"login": "x[bot]", "type": "Bot"})) is None
    assert read("issue_comment", {"action": "created", "comment": "x", "issue": []}) is None


def test_an_event_that_lacks_what_it_must_have_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the comment's event lacks 'login'"):
        read("issue_comment", event("/mlops-ci help", user={"type": "User"}))


# ---- against a GitHub --------------------------------------------------------------------------


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Double]:
    """GitHub's runner around us, and a scripted GitHub."""
    with running() as started:
        told = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": started.url + started.prefix,
            "GITHUB_EVENT_NAME": "issue_comment",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield started


def commanded(tmp_path: Path, body: str) -> int:
    (tmp_path / "event.json").write_text(json.dumps(event(body)))
    return cli.run(["command"])


def may(level: str) -> Reply:
    name = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    return Reply(body=example(name, permission=level))


def permitted(double: Double, level: str, *reactions: str) -> None:
    double.on("GET", PERMISSION, may(level))
    double.on("POST", REACTIONS, *[Reply(201, example("reaction", content=one)) for one in reactions])


def reactions(double: Double) -> list[str]:
    return [request.body["content"] for request in double.requests if request.path == REACTIONS]


def posted(double: Double) -> list[str]:
    return [request.body["body"] for request in double.requests if request.line == f"POST {COMMENTS}"]


def ran(status: str = "completed", kind: str = "pull_request") -> Reply:
    found = example("workflow-run-paginated")
    found["workflow_runs"][0] |= {"status": status, "event": kind, "id": 7}
    return Reply(body=found)


@pytest.mark.parametrize("word", ["run", "rerun"])
def test_a_maintainer_runs_it_again(double: Double, tmp_path: Path, word: str) -> None:
    permitted(double, "write", "eyes", "rocket")
    double.on("GET", f"{ROOT}/pulls/1347", Reply(body=example("pull-request")))
    double.on("GET", RUNS, ran())
    double.on("POST", f"{ROOT}/actions/runs/7/rerun", Reply(201, {}))
    assert commanded(tmp_path, f"/mlops-ci {word}") == 0
    assert reactions(double) == ["eyes", "rocket"]
    assert [r.query["head_sha"] for r in double.requests if r.path == RUNS] == [HEAD]
    assert posted(double) == []


def test_a_stranger_is_not_obeyed_and_not_answered(double: Double, tmp_path: Path) -> None:
    permitted(double, "read", "-1")
    assert commanded(tmp_path, "/mlops-ci rerun") == 0
    assert reactions(double) == ["-1"]
    assert double.lines == [f"GET {PERMISSION}", f"POST {REACTIONS}"]


def test_a_run_that_has_not_ended_is_left_alone(double: Double, tmp_path: Path) -> None:
    permitted(double, "admin", "eyes", "rocket")
    double.on("GET", f"{ROOT}/pulls/1347", Reply(body=example("pull-request")))
    double.on("GET", RUNS, ran("in_progress"))
    assert commanded(tmp_path, "/mlops-ci rerun") == 0


def test_a_commit_that_never_ran_is_told(double: Double, tmp_path: Path) -> None:
    permitted(double, "admin", "eyes", "confused")
    double.on("GET", f"{ROOT}/pulls/1347", Reply(body=example("pull-request")))
    double.on("GET", RUNS, ran(kind="push"))
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, "/mlops-ci rerun") == 0
    assert posted(double) == [
        f"`/mlops-ci rerun` did not work: mlops-ci.yml has not run on {HEAD[:10]} yet. "
        "Push a commit, or approve the waiting run."
    ]


@pytest.mark.parametrize(("body", "reaction"), [("/mlops-ci", "rocket"), ("/mlops-ci help", "rocket")])
def test_help_lists_the_commands(double: Double, tmp_path: Path, body: str, reaction: str) -> None:
    permitted(double, "write", "eyes", reaction)
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, body) == 0
    (text,) = posted(double)
    assert "- `/mlops-ci rerun`: run mlops-ci again" in text
    assert "- `/mlops-ci run`: run mlops-ci on this pull request's last commit, where it waits for" in text
    assert f"where an owner says so: `{FORM}`" in text


# ---- promotions --------------------------------------------------------------------------------

DISPATCH = f"{ROOT}/actions/workflows/mlops-ci-promote.yml/dispatches"
ENVIRONMENTS = "environments: {staging: {}, production: {after: staging}}\n"
RUN = "[mlops-ci-promote.yml](https://github.com/octocat/Hello-World/actions/workflows/mlops-ci-promote.yml)"
SUMMARY = "; the summary of its run says what came of it."


def ordering(
    double: Double,
    reaction: str,
    *,
    branch: str = "topic",
    fork: bool = False,
    rules: str | None = ENVIRONMENTS,
) -> None:
    """A writer under a pull request of a repository with two environments; ``rules`` None are not asked for."""
    permitted(double, "write", "eyes", reaction)
    pull = example("pull-request")
    pull["head"]["ref"] = branch
    pull["head"]["repo"]["full_name"] = "eve/Hello-World" if fork else REPOSITORY
    double.on("GET", f"{ROOT}/pulls/1347", Reply(body=pull))
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    if rules is not None:
        found = example(
            "content-file-response-if-content-is-a-file", content=b64encode(rules.encode()).decode()
        )
        double.on("GET", ROOT, Reply(body=example("full-repository-default-response")))
        double.on("GET", f"{ROOT}/contents/mlops-ci.yaml", Reply(body=found))


def dispatched(double: Double) -> list[dict[str, Any]]:
    return [request.body for request in double.requests if request.line == f"POST {DISPATCH}"]


@pytest.mark.parametrize(
    ("body", "inputs", "answer"),
    [
        ("promote", {"order": "promote"}, "promotes what is due"),
        (
            "promote staging/iris",
            {"order": "promote", "target": "staging/iris"},
            "promotes `staging/iris`, if that is due",
        ),
        (
            "Rollback production/iris --to 0a1b2c3d all zero",
            {"order": "rollback", "target": "production/iris", "to": "0a1b2c3d", "reason": "all zero"},
            "proposes to take `production/iris` back",
        ),
        (
            "hold production/iris audit",
            {"order": "hold", "target": "production/iris", "reason": "audit"},
            "proposes to hold newer releases out of `production/iris`",
        ),
        (
            "unhold production/iris",
            {"order": "unhold", "target": "production/iris"},
            "proposes to let newer releases into `production/iris` again",
        ),
    ],
)
def test_an_order_starts_the_workflow_of_promotions(
    double: Double, tmp_path: Path, body: str, inputs: dict[str, str], answer: str
) -> None:
    ordering(double, "rocket")
    double.on("POST", DISPATCH, Reply(204))
    assert commanded(tmp_path, f"/mlops-ci {body}") == 0
    assert dispatched(double) == [{"ref": "master", "inputs": {**inputs, "by": "ada"}}]
    assert (reactions(double), posted(double)) == (["eyes", "rocket"], [f"{RUN} {answer}{SUMMARY}"])


def test_a_promotions_own_pull_request_names_the_target(double: Double, tmp_path: Path) -> None:
    ordering(double, "rocket", branch="mlops-ci/promote/production/iris")
    double.on("POST", DISPATCH, Reply(204))
    assert commanded(tmp_path, "/mlops-ci rollback scores are zero") == 0
    assert dispatched(double)[0]["inputs"] == {
        "order": "rollback",
        "target": "production/iris",
        "to": "previous",
        "reason": "scores are zero",
        "by": "ada",
    }


@pytest.mark.parametrize(
    ("body", "more", "problem"),
    [
        ("rollback zero", {"rules": None}, "a rollback needs its target. Name it: ENVIRONMENT/MODEL."),
        (
            "hold zero",
            {"branch": "mlops-ci/promote/production/iris", "fork": True, "rules": None},
            "a hold needs its target. Name it: ENVIRONMENT/MODEL.",
        ),
        (
            "hold prodution/iris zero",
            {},
            "mlops-ci.yaml on master has no such environment. There are staging, production.",
        ),
        (
            "unhold prod/iris",
            {"rules": "version: 1\n"},
            "mlops-ci.yaml on master has no such environment. Declare `environments:` in mlops-ci.yaml.",
        ),
    ],
)
def test_an_order_that_lacks_something_is_answered_at_once(
    double: Double, tmp_path: Path, body: str, more: dict[str, Any], problem: str
) -> None:
    ordering(double, "confused", **more)
    assert commanded(tmp_path, f"/mlops-ci {body}") == 0
    assert reactions(double) == ["eyes", "confused"]
    assert posted(double) == [f"`/mlops-ci {body.split(maxsplit=1)[0]}` did not work: {problem}"]


def test_rules_that_extend_others_are_left_to_the_workflow(double: Double, tmp_path: Path) -> None:
    ordering(double, "rocket", rules="extends: {repo: https://github.com/acme/policy, path: p.yaml}\n")
    double.on("POST", DISPATCH, Reply(204))
    assert commanded(tmp_path, "/mlops-ci unhold prod/iris") == 0
    assert len(dispatched(double)) == 1


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            Reply(404, {"message": "Not Found"}),
            "mlops-ci-promote.yml on master cannot be started with an order: "
            f"POST {DISPATCH}: GitHub answered 404: Not Found. "
            "`mlops-ci init --promote` writes a workflow that can.",
        ),
        (Reply(403, {"message": "Resource not accessible by integration"}), "actions: write"),
    ],
)
def test_a_workflow_that_cannot_be_started_is_told(
    double: Double, tmp_path: Path, refusal: Reply, said: str
) -> None:
    ordering(double, "confused")
    double.on("POST", DISPATCH, refusal)
    assert commanded(tmp_path, "/mlops-ci promote") == 0
    (text,) = posted(double)
    assert said in text


# ---- waivers -----------------------------------------------------------------------------------

ORDER = "/mlops-ci waive census/metrics.accuracy@0.8123 14d known"
NOON = "2026-11-28T12:00:00Z"


def waiving(double: Double, body: str, reaction: str, *, edited: str = NOON, owner: str = "ada") -> None:
    """A comment as GitHub has it now, in a repository whose base branch names one owner."""
    permitted(double, "write", "eyes", reaction)
    double.account()
    written = example("issue-comment", body=body, created_at=NOON, updated_at=edited, user__login="ada")
    double.on("GET", f"{ROOT}/pulls/1347", Reply(body=example("pull-request")))
    double.on("GET", COMMENT, Reply(body=written))
    text = b64encode(f"waivers: {{owners: ['@{owner}']}}\n".encode()).decode()
    name = "content-file-response-if-content-is-a-file"
    double.on("GET", f"{ROOT}/contents/mlops-ci.yaml", Reply(body=example(name, content=text)))


def test_an_owner_s_waiver_runs_it_again(
    double: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiving(double, ORDER, "rocket")
    double.on("GET", PERMISSION, may("write"))
    double.on("GET", RUNS, ran())
    double.on("POST", f"{ROOT}/actions/runs/7/rerun", Reply(201, {}))
    assert commanded(tmp_path, ORDER) == 0
    assert (reactions(double), posted(double)) == (["eyes", "rocket"], [])
    assert [r.query for r in double.requests if "/contents/" in r.path] == [{"ref": "master"}]
    assert "accepted until 2026-12-12: run 7 runs again: " in capsys.readouterr().out


def test_a_waiver_that_a_run_may_have_missed_is_told(double: Double, tmp_path: Path) -> None:
    waiving(double, ORDER, "rocket")
    double.on("GET", PERMISSION, may("write"))
    double.on("GET", RUNS, ran("in_progress"))
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, ORDER) == 0
    assert posted(double) == [
        "Accepted until 2026-12-12: run 7 may have read the comments before; "
        "when it has ended, write `/mlops-ci rerun`."
    ]


@pytest.mark.parametrize(
    ("body", "more", "problem"),
    [
        ("/mlops-ci waive <b>@everyone", {}, f"it is not in the form `{FORM}`."),
        (ORDER, {"owner": "bob"}, "ada is no owner by waivers.owners of mlops-ci.yaml."),
        (
            ORDER,
            {"edited": "2026-11-29T12:00:00Z"},
            "it was edited, so nobody knows whose words it has; write a new comment.",
        ),
        (ORDER.replace("14d", "31d"), {}, "it is for 31 days; 1 to 30 are allowed."),
    ],
)
def test_a_waiver_that_does_not_count_is_answered_at_once(
    double: Double, tmp_path: Path, body: str, more: dict[str, str], problem: str
) -> None:
    waiving(double, body, "confused", **more)
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, body) == 0
    form = "" if FORM in problem else f"\n\nThe form is `{FORM}`."
    assert posted(double) == [f"This waiver does not count: {problem}{form}"]


def test_an_unknown_command_is_not_repeated(double: Double, tmp_path: Path) -> None:
    permitted(double, "write", "eyes", "confused")
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, "/mlops-ci rerunn<b>@everyone") == 0
    (text,) = posted(double)
    assert text.startswith("There is no such command.")
    assert "@everyone" not in text


def test_a_misspelt_command_gets_the_one_that_was_meant(double: Double, tmp_path: Path) -> None:
    permitted(double, "write", "eyes", "confused")
    double.on("POST", COMMENTS, Reply(201, example("issue-comment")))
    assert commanded(tmp_path, "/mlops-ci rerunn") == 0
    assert "Did you mean `/mlops-ci rerun`?" in posted(double)[0]


def test_a_receipt_that_github_refuses_costs_a_line(
    double: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    permitted(double, "read")
    double.on("POST", REACTIONS, Reply(403, {"message": "Resource not accessible by integration"}))
    assert commanded(tmp_path, "/mlops-ci rerun") == 0
    assert "note: no reaction was left: " in capsys.readouterr().err


def test_an_event_without_a_command_asks_github_nothing(
    double: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commanded(tmp_path, "looks good") == 0
    assert double.requests == []
    assert "this event has no command for mlops-ci\n" in capsys.readouterr().out


def test_outside_of_github_there_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["command"]) == 2
    assert "out of the event of a comment" in capsys.readouterr().err
