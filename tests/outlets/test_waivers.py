"""Waivers out of GitHub's comments: whose count, whose do not and why, and where they are read at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.revisions import Revisions
from mlops_ci.errors import ToolError
from mlops_ci.evidence import Waiver
from mlops_ci.outlets import Outlets
from mlops_ci.outlets.notes import Notes
from mlops_ci.outlets.waivers import MOST, Registrar, said_now
from mlops_ci.waiving.orders import FORM
from mlops_ci.waiving.owners import Rules
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Double, Reply
from tests.adapters.github_world import World

NOON = "2026-11-28T12:00:00Z"
HANDLE = "census/metrics.accuracy@0.8123"
ORDER = f"/mlops-ci waive {HANDLE} 14d known"
RULES = Rules(("@Ada", "@acme/leads", "bob@example.org"), 30, "CODEOWNERS")
SHA = "c" * 40


@pytest.fixture(autouse=True)
def people(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Outside of any repository the runner says which commit it is about.
    monkeypatch.chdir(tmp_path)
    world.people |= {"ada": "write", "lea": "admin", "eve": "write", "rea": "read"}
    world.teams["acme/teams/leads"] = ("lea", "rea")


def says(world: World, login: str, body: str = ORDER, **more: Any) -> None:
    world.says(7, login, body, **{"created": NOON, **more})


def problems(github: GitHub, rules: Rules = RULES) -> list[str]:
    return [one.problem for one in Registrar(github, rules).read(7)]


def test_an_owner_s_comment_is_a_waiver_with_its_place(world: World, github: GitHub) -> None:
    says(world, "ada", "a question")
    says(world, "ada")
    assert Registrar(github, RULES).read(7) == (
        Waiver(
            owner="ada",
            reason="known",
            until="2026-12-12",
            finding=HANDLE,
            given="2026-11-28",
            url=f"https://github.com/{REPOSITORY}/issues/7#issuecomment-2",
        ),
    )


def test_a_member_of_a_team_is_an_owner(world: World, github: GitHub) -> None:
    says(world, "lea")
    assert problems(github) == [""]


def test_who_is_no_owner_is_told_and_his_reason_is_not(world: World, github: GitHub) -> None:
    says(world, "eve", f"/mlops-ci waive {HANDLE} 14d buy at https://evil.example")
    (found,) = Registrar(github, RULES).read(7)
    assert found == Waiver(
        owner="eve",
        reason="",
        until="",
        finding=HANDLE,
        given="2026-11-28",
        url=f"https://github.com/{REPOSITORY}/issues/7#issuecomment-1",
        problem="eve is no owner by CODEOWNERS (whose an e-mail address is cannot be known)",
    )
    assert problems(github, Rules(("@ada",), 30, "CODEOWNERS")) == ["eve is no owner by CODEOWNERS"]


def test_an_owner_who_may_not_push_any_more_waives_nothing(world: World, github: GitHub) -> None:
    says(world, "rea")
    assert problems(github) == ["rea may not push to this repository"]
    del world.people["ada"]
    says(world, "ada")
    assert problems(github)[1] == "ada may not push to this repository"


def test_a_team_that_the_token_does_not_see_is_no_yes(world: World, github: GitHub) -> None:
    world.teams.clear()
    says(world, "lea")
    assert problems(github) == ["this token cannot see whether lea is a member of acme/leads"]
    # Who is named needs no team.
    says(world, "ada")
    assert problems(github)[1] == ""


def test_what_the_text_or_its_history_spoils_needs_nobody_to_be_asked(
    world: World, double: Double, github: GitHub
) -> None:
    says(world, "ada", "/mlops-ci waive it please")
    says(world, "ada", updated="2026-11-29T12:00:00Z")
    says(world, "robot", kind="Bot")
    assert problems(github) == [
        f"it is not in the form `{FORM}`",
        "it was edited, so nobody knows whose words it has; write a new comment",
        "it was given by a bot",
    ]
    assert [line for line in double.lines if "permission" in line or "teams" in line] == []


def test_where_nobody_may_waive_that_is_said(world: World, github: GitHub) -> None:
    says(world, "ada")
    assert problems(github, Rules(("@ada",), 0, "x")) == ["nobody may waive here: waivers.max_days is 0"]


def test_everybody_is_asked_after_once_and_a_flood_is_cut(
    world: World, double: Double, github: GitHub
) -> None:
    for _ in range(MOST + 5):
        says(world, "ada")
    assert len(Registrar(github, RULES).read(7)) == MOST
    assert double.lines.count(f"GET {ROOT}/collaborators/ada/permission") == 1


def test_a_comment_of_an_account_that_is_gone(world: World, github: GitHub) -> None:
    says(world, "ada")
    world.comments[0]["user"] = None
    assert problems(github, Rules(("@ada", "@acme/leads"), 30, "x")) == ["nobody is no owner by x"]


# ---- a single comment, by the rules that GitHub has --------------------------------------------


def said(github: GitHub, path: str = "mlops-ci.yaml") -> str:
    return said_now(github, "main", 1, path).problem


def test_the_owners_are_those_of_the_base_branch(world: World, github: GitHub) -> None:
    says(world, "ada")
    assert said(github).startswith("nobody may waive here: no owner stands")
    world.files["CODEOWNERS"] = "* @eve\n"
    assert said(github) == "ada is no owner by CODEOWNERS"
    world.files["mlops-ci.yaml"] = "waivers: {owners: ['@ada'], max_days: 7}\n"
    assert said(github) == "it is for 14 days; 1 to 7 are allowed"
    world.files["mlops-ci.yaml"] = "waivers: {owners: ['@ada']}\n"
    assert said(github) == ""


def test_the_configuration_may_stand_in_a_folder(world: World, github: GitHub) -> None:
    says(world, "ada")
    world.files["ml/mlops-ci.yaml"] = "waivers: {owners: ['@eve']}\n"
    assert said(github, "ml/mlops-ci.yaml") == "ada is no owner by waivers.owners of ml/mlops-ci.yaml"


def test_owners_in_another_repository_s_policy_are_left_to_the_next_run(world: World, github: GitHub) -> None:
    says(world, "eve")
    says(world, "eve", "/mlops-ci waive")
    world.files["mlops-ci.yaml"] = f"extends: {{repository: ../policy, commit: {SHA}}}\n"
    assert said(github) == ""
    assert said_now(github, "main", 2, "mlops-ci.yaml").problem == f"it is not in the form `{FORM}`"


# ---- where they are read -----------------------------------------------------------------------


def outlets(double: Double, notes: Notes, event: str = "pull_request", **more: Any) -> Outlets:
    environ = {
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": double.url + double.prefix,
        "GITHUB_SHA": SHA,
        **more.pop("environ", {}),
    }
    payload = more.pop("payload", {"pull_request": {"number": 7, "head": {}, "base": {}}})
    return Outlets(notes, environ, Runner(environ, event, payload, io.StringIO()), **more)


def revisions(branch: str = "topic") -> Revisions:
    return Revisions(SHA, SHA, branch, "main", None, None, None)


def owners_of(found: tuple[Waiver, ...] | None) -> list[str] | None:
    return None if found is None else [one.owner for one in found]


def test_a_run_reads_the_comments_of_its_pull_request_also_when_it_posts_nothing(
    world: World, double: Double, notes: Notes
) -> None:
    says(world, "ada")
    assert owners_of(outlets(double, notes).waivers(RULES, revisions())) == ["ada"]
    assert owners_of(outlets(double, notes, dry_run=True).waivers(RULES, revisions())) == ["ada"]


def test_the_trusted_half_of_a_fork_s_run_reads_those_of_its_target(
    world: World, double: Double, notes: Notes, github: GitHub
) -> None:
    world.opened(7, "topic", SHA, repository="mallory/copy")
    says(world, "ada")
    found = outlets(double, notes, "workflow_run", payload={}, target=github.pull_request(7))
    assert owners_of(found.waivers(RULES, revisions("main"))) == ["ada"]


def test_a_fork_s_run_and_one_without_a_token_have_no_waivers(
    world: World, double: Double, notes: Notes, said: list[str]
) -> None:
    fork = {"pull_request": {"number": 7, "head": {"repo": {"full_name": "m/c"}}, "base": {}}}
    assert outlets(double, notes, payload=fork).waivers(RULES, revisions()) == ()
    assert outlets(double, notes, environ={"GITHUB_TOKEN": ""}).waivers(RULES, revisions()) == ()
    assert double.requests == []
    assert said[0].startswith("note: nothing is posted to GitHub: there is no GitHub token")


def test_outside_of_github_nobody_can_be_asked(notes: Notes) -> None:
    assert Outlets(notes, {}, None).waivers(RULES, revisions()) is None


def test_the_queue_s_entry_has_the_waivers_of_the_pull_request_that_it_tries(
    world: World, double: Double, notes: Notes
) -> None:
    says(world, "ada")
    ref = f"refs/heads/gh-readonly-queue/main/pr-7-{SHA}"
    found = outlets(double, notes, "merge_group", payload={}, environ={"GITHUB_REF": ref})
    assert owners_of(found.waivers(RULES, revisions(""))) == ["ada"]
    found = outlets(double, notes, "merge_group", payload={})
    assert found.waivers(RULES, revisions("")) == ()


def test_the_base_branch_has_the_waivers_of_what_was_merged(
    world: World, double: Double, notes: Notes
) -> None:
    plain = world.opened(7, "topic", SHA)
    says(world, "ada")
    found = outlets(double, notes, "push", payload={})
    assert found.waivers(RULES, revisions("main")) == ()
    plain |= {"state": "closed", "merged_at": NOON}
    assert owners_of(found.waivers(RULES, revisions("main"))) == ["ada"]
    plain["base"]["ref"] = "release"
    assert found.waivers(RULES, revisions("main")) == ()


def test_trouble_waives_nothing_and_is_said(double: Double, notes: Notes, said: list[str]) -> None:
    double.on("GET", f"{ROOT}/issues/7/comments", Reply(403, {"message": "no"}))
    assert outlets(double, notes).waivers(RULES, revisions()) == ()
    assert said[0].startswith("note: no waiver counts: ")


def test_an_unseen_team_is_said_with_what_mends_it(
    world: World, double: Double, notes: Notes, said: list[str]
) -> None:
    world.teams.clear()
    says(world, "lea")
    says(world, "lea")
    assert len(outlets(double, notes).waivers(RULES, revisions()) or ()) == 2
    assert said == [
        "note: a waiver does not count: this token cannot see whether lea is a member of acme/leads",
        "  → give the job the token of a GitHub App with `members: read`, or name the people in waivers.owners",
    ]


def test_a_comment_that_is_gone_is_an_error(double: Double, github: GitHub) -> None:
    double.on("GET", f"{ROOT}/issues/comments/9", Reply(404, {"message": "Not Found"}))
    with pytest.raises(ToolError, match="404"):
        said_now(github, "main", 9, "mlops-ci.yaml")
