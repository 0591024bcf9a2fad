"""A fork's evidence is data: only a true, bounded document about the head it is posted to is taken."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import MAX_BYTES
from mlops_ci.outlets.received import Received, receive
from tests.adapters.github_double import REPOSITORY
from tests.adapters.github_world import World
from tests.gates.samples import evidence

SHA = "c" * 40
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
FORK = "mallory/census"


def plain(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evidence().canonical()) | {"created": "2026-12-01T11:00:00.000000Z"}
    found["repository"] |= changes.pop("repository", {})
    return found | changes


def written(folder: Path, document: Any) -> Path:
    path = folder / "evidence.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def runner(sha: str = SHA, repository: str = FORK, event: str = "workflow_run", **payload: Any) -> Runner:
    run = {"head_sha": sha, "head_repository": {"full_name": repository}}
    told = payload or {"workflow_run": run}
    return Runner({"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SHA": "b" * 40}, event, told, io.StringIO())


def taken(github: GitHub, path: Path, number: int | None = None, by: Runner | None = None) -> Received:
    return receive(github, by or runner(), path, number, NOW)


@pytest.fixture(autouse=True)
def pulls(world: World) -> World:
    """Pull request 7 of the fork, and 8 of another branch at the same commit; 9 has moved on."""
    world.opened(9, "else", "d" * 40, repository=FORK)
    world.opened(8, "copy", SHA, repository=FORK)
    world.opened(7, "theirs", SHA, repository=FORK)
    world.opened(6, "theirs", SHA, repository="ada/census")
    return world


@pytest.mark.parametrize(
    ("named", "asked", "number"), [(None, None, 7), (8, None, 8), (7, 7, 7), (None, 8, 8)]
)
def test_a_document_finds_its_pull_request(
    github: GitHub, tmp_path: Path, named: int | None, asked: int | None, number: int
) -> None:
    path = written(tmp_path, plain(repository={"pull_request": named}))
    found = taken(github, path, asked)
    assert (found.pull.number, found.pull.head_commit, found.pull.fork) == (number, SHA, True)
    assert found.evidence.repository.commit == SHA
    assert found.digest == found.evidence.digest


def test_a_comments_pull_request_is_the_event_s(github: GitHub, tmp_path: Path) -> None:
    issue = {"number": 8, "pull_request": {"url": "u"}}
    assert (
        taken(github, written(tmp_path, plain()), by=runner(event="issue_comment", issue=issue)).pull.number
        == 8
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[" * 100_000, "is nested too deeply"),
        ("7", "has no evidence schema version"),
        (" " * (MAX_BYTES + 1), f"{MAX_BYTES + 1:,} bytes is more than an evidence document may have"),
        (plain(schema=2), "schema 2 is newer than this mlops-ci reads (1)"),
        (plain(models=[{"name": 5}]), "models.0.name: Input should be a valid string"),
        (plain(**{"::error::\n\u202e": 1}), "::error:: \ufffd: Extra inputs are not permitted"),
        (plain(created="9999-01-01T00:00:00.000000Z"), "was made at 9999-01-01T00:00:00.000000Z, which is yet to come"),
        (plain(created="2026-12-01T12:10:01.000000Z"), "was made at 2026-12-01T12:10:01.000000Z, which is yet to come"),
        (plain(created="~"), "does not say when it was made"),
        (plain(repository={"commit": "d" * 40}), "is about dddddddddd, but the run that sent it was for cccccccccc"),
        (plain(repository={"commit": "../x"}), "is about ../x, but the run that sent it was for cccccccccc"),
        (plain(repository={"pull_request": 9}), "is about pull request #9, not #7"),
    ],
)  # fmt: skip
def test_a_document_that_is_not_what_it_should_be_is_refused_in_one_line(
    github: GitHub, tmp_path: Path, document: Any, said: str
) -> None:
    path = written(tmp_path, document)
    with pytest.raises(ConfigError) as caught:
        taken(github, path)
    assert caught.value.message == f"{path}: {said}"


def test_a_very_long_name_is_cut(github: GitHub, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        taken(github, written(tmp_path, plain(**{"x" * 1_000_000: 1})))
    assert len(caught.value.message) == 300


@pytest.mark.parametrize(
    ("number", "by", "said"),
    [
        (9, None, "is about cccccccccc, but pull request #9 is at dddddddddd now"),
        (6, None, "was sent from a repository that is not the head of pull request #6"),
        (None, runner(repository="eve/census"), "is about cccccccccc, which is the head of no open pull request of eve/census"),
        (None, runner(sha="d" * 40), "is about cccccccccc, but the run that sent it was for dddddddddd"),
    ],
)  # fmt: skip
def test_only_the_head_s_own_run_is_believed(
    github: GitHub, tmp_path: Path, number: int | None, by: Runner | None, said: str
) -> None:
    path = written(tmp_path, plain())
    with pytest.raises(ConfigError) as caught:
        taken(github, path, number, by)
    assert (caught.value.message, caught.value.hint) == (
        f"{path}: {said}",
        "nothing was posted; run the pull request again",
    )


def test_a_commit_that_is_none_is_not_asked_for(github: GitHub, tmp_path: Path) -> None:
    path = written(tmp_path, plain(repository={"commit": "../../user"}))
    with pytest.raises(ConfigError, match="names no commit"):
        taken(github, path, by=runner(event="workflow_dispatch", inputs={}))


def test_a_pull_request_that_is_not_there(github: GitHub, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="GitHub answered 404"):
        taken(github, written(tmp_path, plain()), 99)


def test_only_a_plain_file_is_read(github: GitHub, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(written(tmp_path, plain()))
    problems = {
        "pipe": "is no plain file",
        ".": "cannot be read (Is a directory)",
        "link": "cannot be read (Too many levels of symbolic links)",
        "gone": "cannot be read (No such file or directory)",
    }
    for name, said in problems.items():
        with pytest.raises(ConfigError) as caught:
            taken(github, tmp_path / name)
        assert caught.value.message == f"{tmp_path / name}: {said}"
