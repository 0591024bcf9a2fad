"""One report, all its outlets: the checks of a run that lives or dies, the job, the embedded forge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import gates
from mlops_ci.adapters import revisions
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.errors import ConfigError
from mlops_ci.outlets import FORK, MOST_ANNOTATIONS, NO_CML, Outlets, Posted
from mlops_ci.report import marker
from mlops_ci.report.conclusions import Conclusion, Remark, names
from tests.adapters.github_double import REPOSITORY, TOKEN, Double
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.repositories import Repo

CHECKS = names(gates.GATES)
OWN = {"full_name": REPOSITORY}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A branch `topic` from main, checked out, in which the test stands."""
    made = Repo.init(tmp_path / "repository")
    made.commit("one", a="1")
    made.git("checkout", "--quiet", "-b", "topic")
    made.commit("two", a="2")
    monkeypatch.chdir(made.path)
    return made


def environ(
    double: Double, repo: Repo, event: str = "push", payload: Any = None, **more: str
) -> dict[str, str]:
    path = repo.path.parent / "event.json"
    path.write_text(json.dumps(payload or {}))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": double.url + double.prefix,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_SHA": repo.git("rev-parse", "HEAD"),
        "GITHUB_RUN_ID": "5",
        "GITHUB_OUTPUT": str(repo.path.parent / "output"),
        **more,
    }


def post(outlets: Outlets, repo: Repo, words: str = "text", **how: Any) -> Posted:
    git = Git.open(repo.path)
    text = f"{marker(created='2026-12-01T00:00:00.000000Z')}\n{words}\n"
    return outlets.post(text, git, revisions.find(git, outlets.environ), **how)


def lost(number: int, level: Any = "failure") -> Conclusion:
    remarks = tuple(
        Remark("a.yaml", line, level, "lost: %", "mlops-ci/metrics") for line in range(1, number + 1)
    )
    return Conclusion("mlops-ci/metrics", level != "failure", "Refused.", "- lost", remarks)


# ---- on GitHub ---------------------------------------------------------------------------------


def test_a_run_that_dies_is_told_in_its_checks(double: Double, world: World, repo: Repo) -> None:
    sha = repo.git("rev-parse", "HEAD")
    outlets = Outlets.of(Terminal(), environ(double, repo))

    def work() -> None:
        with outlets.running():
            assert world.standing(sha) == dict.fromkeys(CHECKS, "in_progress")
            raise ConfigError("mlops-ci.yaml:3: no such key", "remove `it`")

    with pytest.raises(ConfigError):
        work()
    assert world.standing(sha) == dict.fromkeys(CHECKS, "failure")
    output = world.checks[0]["output"]
    assert output["title"] == "The run ended before it judged: mlops-ci.yaml:3: no such key"
    assert "**Next**: remove `it`" in output["summary"]


def test_what_was_concluded_before_a_run_died_stays(double: Double, world: World, repo: Repo) -> None:
    sha = repo.git("rev-parse", "HEAD")
    outlets = Outlets.of(Terminal(), environ(double, repo))

    def work() -> None:
        with outlets.running():
            outlets.conclude([lost(1)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert world.standing(sha) == dict.fromkeys(CHECKS, "cancelled") | {"mlops-ci/metrics": "failure"}
    assert outlets.end_left_open() == ()


def test_a_dry_run_and_a_fork_ask_github_nothing(
    double: Double, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    pull = {"number": 7, "head": {"sha": "c" * 40, "repo": {"full_name": "mallory/x"}}, "base": {"repo": OWN}}
    for dry_run, event in ((True, None), (False, {"pull_request": pull})):
        told = environ(double, repo, "pull_request", event)
        outlets = Outlets.of(Terminal(), told, dry_run=dry_run)
        with outlets.running():
            posted = post(outlets, repo)
            outlets.conclude([lost(1)])
        assert posted == (Posted() if dry_run else Posted("", 7))
        assert outlets.end_left_open() == ()
    assert double.lines == []
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"note: {FORK}\n")


def test_a_merge_queue_entry_has_checks_and_no_comment(double: Double, world: World, repo: Repo) -> None:
    sha = repo.git("rev-parse", "HEAD")
    world.opened(7, "topic", sha)
    outlets = Outlets.of(Terminal(), environ(double, repo, "merge_group", {"merge_group": {"head_sha": sha}}))
    assert post(outlets, repo) == Posted()
    outlets.conclude([lost(0, "warning")])
    assert (world.comments, world.standing(sha)) == ([], {"mlops-ci/metrics": "success"})


def test_the_checks_stand_at_a_commit_that_was_made_meanwhile_too(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    outlets = Outlets.of(Terminal(), environ(double, repo))
    outlets.conclude([lost(1)], also="d" * 40)
    assert [one["head_sha"] for one in world.checks] == [repo.git("rev-parse", "HEAD"), "d" * 40]
    assert capsys.readouterr().out == ""


def test_where_no_check_could_be_written_the_job_is_annotated_and_no_more_than_is_shown(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.refused = ("/check-runs",)
    outlets = Outlets.of(Terminal(), environ(double, repo))
    outlets.conclude([lost(MOST_ANNOTATIONS + 1), lost(1, "warning")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        *[f"::error file=a.yaml,line={line},title=mlops-ci/metrics::lost: %25" for line in range(1, 11)],
        "::warning file=a.yaml,line=1,title=mlops-ci/metrics::lost: %25",
    ]


def test_an_older_comment_that_is_newer_stays_and_it_is_said(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.opened(7, "topic", repo.git("rev-parse", "HEAD"))
    outlets = Outlets.of(Terminal(), environ(double, repo))
    first, second = post(outlets, repo), post(outlets, repo)
    assert first == second
    assert capsys.readouterr().err == "note: it says the same already\n"


def test_where_cml_was_asked_for_and_is_not_there_the_api_posts(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.opened(7, "topic", repo.git("rev-parse", "HEAD"))
    outlets = Outlets.of(Terminal(), environ(double, repo))
    assert post(outlets, repo, way="cml").url.endswith("#issuecomment-1")
    said = f"note: posted by the API: there is no usable cml command\n  \u2192 {NO_CML}\n"
    assert capsys.readouterr().err == said
    for way in ("api", "auto"):
        post(outlets, repo, way, way=way)
    assert (len(world.bodies(7)), capsys.readouterr().err) == (1, "")


def test_a_comment_with_nothing_to_say_is_not_begun(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.opened(7, "topic", repo.git("rev-parse", "HEAD"))
    outlets = Outlets.of(Terminal(), environ(double, repo))
    assert post(outlets, repo, create=False, way="cml") == Posted("", 7)
    assert (world.comments, capsys.readouterr().err) == ([], "")
    # The embedded forge always has one: it is what a person on the machine reads.
    assert post(Outlets.of(Terminal(), {}), repo, create=False).url.startswith("file://")


def test_an_event_that_cannot_be_read_is_a_note(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.opened(7, "topic", repo.git("rev-parse", "HEAD"))
    told = environ(double, repo)
    Path(told["GITHUB_EVENT_PATH"]).write_text("not json")
    assert post(Outlets.of(Terminal(), told), repo).pull_request == 7
    assert capsys.readouterr().err.startswith("note: what started this run is not known: GITHUB_EVENT_PATH: ")


def test_the_token_is_not_in_what_is_shown_of_the_outlets(double: Double, repo: Repo) -> None:
    outlets = Outlets.of(Terminal(), environ(double, repo))
    assert outlets.github is not None
    assert TOKEN not in repr(outlets)


# ---- elsewhere ---------------------------------------------------------------------------------


def test_outside_of_actions_the_embedded_forge_has_the_comment(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    outlets = Outlets.of(Terminal(), {})
    with outlets.running():
        posted = post(outlets, repo)
        outlets.conclude([lost(1)])
        outlets.output(verdict="passed")
    assert posted.pull_request == 1
    assert posted.url == (repo.path / ".git/mlops-ci/forge.json").as_uri() + "#comment-1"
    assert (outlets.url, outlets.end_left_open(), capsys.readouterr().out) == ("", (), "")
    repo.git("checkout", "--quiet", "main")
    assert post(outlets, repo) == Posted()


def test_evidence_of_others_is_taken_in_a_trusted_job_alone(double: Double, repo: Repo) -> None:
    pull = {"number": 7, "head": {"repo": {"full_name": "mallory/x"}}, "base": {"repo": OWN}}
    for told in ({}, environ(double, repo, "pull_request", {"pull_request": pull})):
        with pytest.raises(ConfigError, match="--evidence is for a trusted job of GitHub Actions"):
            Outlets.of(Terminal(), told).receive(Path("evidence.json"), 7)


def test_a_summary_is_shown_by_other_systems_too(repo: Repo, tmp_path: Path) -> None:
    outlets = Outlets.of(Terminal(), {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
    room = outlets.room
    outlets.summary("text")
    assert ((tmp_path / "summary").read_text(), outlets.room) == ("text\n", room - 5)


def test_outputs_have_hyphens_and_what_is_not_there_is_empty(double: Double, repo: Repo) -> None:
    Outlets.of(Terminal(), environ(double, repo)).output(exit_code=1, pull_request=None, verdict="refused")
    assert outputs(repo.path.parent / "output") == {
        "exit-code": "1",
        "pull-request": "",
        "verdict": "refused",
    }


def test_outputs_that_cannot_be_written_are_one_note(
    double: Double, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    told = environ(double, repo, GITHUB_OUTPUT=str(repo.path))
    Outlets.of(Terminal(), told).output(verdict="refused", evidence="x")
    assert capsys.readouterr().err == (
        f"note: the step's outputs were not written: GITHUB_OUTPUT: {repo.path} cannot be written (Is a directory)\n"
    )


def test_outside_of_a_repository_the_event_says_what_the_checks_stand_at(
    double: Double, world: World, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = environ(double, repo)
    monkeypatch.chdir(repo.path.parent)
    assert Outlets.of(Terminal(), told).commit == repo.git("rev-parse", "HEAD")
    assert Outlets.of(Terminal(), {}).commit == ""
