"""Evidence that a fork has forged: refused in one clear line, with nothing posted, or taken for no more than it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.evidence import MAX_BYTES
from tests.repositories import Repo

from .conftest import FORK, Scene, Told
from .documents import plain
from .payloads import TOUCHED, VALUE

SHA = "c" * 40
OTHER = "d" * 40


@dataclass(frozen=True)
class Forged:
    """A document, and what is said of it."""

    name: str
    content: Callable[[], Any]
    said: str


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


REFUSED = (
    Forged("another commit", lambda: plain(OTHER), "is about dddddddddd, but the run that sent it was for cccccccccc"),
    Forged("another pull request", lambda: plain(SHA, repository={"pull_request": 8}), "is about pull request #8, not #7"),
    Forged("a commit that climbs", lambda: plain("../../user"), "is about ../../user, but the run"),
    Forged("a commit that is a command", lambda: plain(f"$(touch {TOUCHED}x)"), "but the run that sent it was for"),
    Forged("a commit of lines", lambda: plain("c\n::error::x\n"), "is about c ::error:"),
    Forged("from the future", lambda: plain(SHA, created="9999-01-01T00:00:00.000000Z"), "which is yet to come"),
    Forged("without a time", lambda: plain(SHA, created="now\n::error::x"), "does not say when it was made"),
    Forged("a newer schema", lambda: plain(SHA, schema=999), "schema 999 is newer than this mlops-ci reads"),
    Forged("no schema", lambda: {"evidence": True}, "has no evidence schema version"),
    Forged("another type", lambda: plain(SHA, models="all"), "models: "),
    Forged("an unknown key", lambda: plain(SHA, **{"::error::\n\u202ex": 1}), "Extra inputs are not permitted"),
    Forged("a key of a million characters", lambda: plain(SHA, **{"k" * 1_000_000: 1}), "kkkkkkkk"),
    Forged("a number that is none", lambda: json.dumps(plain(SHA)).replace('"seconds": ', '"seconds": NaN, "x": ', 1), ""),
    Forged("too large", lambda: " " * (MAX_BYTES + 1), "is more than an evidence document may have"),
    Forged("too deep", lambda: nested(200_000), "is nested too deeply"),
    Forged("deep inside", lambda: json.dumps(plain(SHA))[:-1] + ', "deep": ' + nested(50_000) + "}", "is nested too deeply"),
    Forged("no JSON", lambda: "<script>alert(1)</script>", "not JSON"),
    Forged("no text", lambda: b"\xff\xfe\x00{", ""),
    Forged("nothing", lambda: b"", "not JSON"),
    Forged("a huge number", lambda: '{"schema": 1' + "0" * 5_000 + "}", ""),
    Forged("a digest that climbs", lambda: plain(SHA, lock={"digest": 5}), "lock"),
)  # fmt: skip


@pytest.fixture
def report(scene: Scene, trusted: Repo) -> Callable[..., Told]:
    """Report a file, as the workflow on `workflow_run` does."""
    scene.world.pulls.clear()
    scene.world.opened(8, "else", OTHER, repository=FORK["full_name"])
    scene.world.opened(7, "theirs", SHA, repository=FORK["full_name"])

    def run(path: Path, *args: str, **run: Any) -> Told:
        payload = {"head_sha": SHA, "head_branch": "theirs", "head_repository": FORK, **run}
        told = {
            "GITHUB_SHA": trusted.git("rev-parse", "HEAD"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_BASE_REF": "",
        }
        event = {"workflow_run": payload}
        return scene.run(
            trusted.path, "comment", "--evidence", str(path), *args, event=event, name="workflow_run", **told
        )

    return run


def written(folder: Path, content: Any) -> Path:
    path = folder / "evidence.json"
    raw = content if isinstance(content, bytes) else None
    text = content if isinstance(content, str) else json.dumps(content) if raw is None else ""
    path.write_bytes(raw if raw is not None else text.encode())
    return path


def refused(told: Told) -> list[str]:
    """The lines of a refusal, of which nothing was posted."""
    assert (told.code, told.comment, told.checks, told.outputs, told.touched) == (2, "", [], {}, [])
    assert (told.commands, told.wrong, VALUE in told.everything) == ([], [], False)
    return told.err.splitlines()


@pytest.mark.parametrize("forged", REFUSED, ids=lambda one: one.name)
def test_a_forged_document_is_refused_in_one_line(
    report: Callable[..., Told], tmp_path: Path, forged: Forged
) -> None:
    path = written(tmp_path, forged.content())
    line, *hints = refused(report(path))
    assert line.startswith(f"mlops-ci: {path}: ")
    assert forged.said in line
    assert len(line) <= 400 + len(str(path))
    assert [hint[:4] for hint in hints] in ([], ["  \u2192 "])


def test_the_cases_are_many() -> None:
    assert len({one.name for one in REFUSED}) == len(REFUSED) >= 20


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "device"])
def test_only_a_plain_file_is_read(report: Callable[..., Told], tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({VALUE: 1}))
    path = tmp_path / "evidence.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"link": secret, "device": Path("/dev/zero")}[kind])
    line, _ = refused(report(path))
    assert line.startswith(f"mlops-ci: {path}: ")


@pytest.mark.parametrize(
    ("args", "run", "said"),
    [
        (("--pull-request", "8"), {}, "pull request #8 is at dddddddddd now"),
        ((), {"head_repository": {"full_name": "eve/else"}}, "which is the head of no open pull request of eve/else"),
        ((), {"head_sha": OTHER}, "is about cccccccccc, but the run that sent it was for dddddddddd"),
    ],
)  # fmt: skip
def test_true_evidence_is_not_posted_elsewhere(
    report: Callable[..., Told], tmp_path: Path, args: tuple[str, ...], run: dict[str, Any], said: str
) -> None:
    line, _ = refused(report(written(tmp_path, plain(SHA)), *args, **run))
    assert said in line


CLIMBING = "../../../../etc/passwd"


def climbing(part: Any) -> Any:
    """Every path and name of a document leads out of the repository."""
    if isinstance(part, dict):
        named = {"file", "path", "name", "branch", "stage", "ref", "table"}
        return {
            key: CLIMBING if key in named and isinstance(value, str) and value else climbing(value)
            for key, value in part.items()
        }
    return [climbing(one) for one in part] if isinstance(part, list) else part


def test_a_path_that_climbs_is_followed_by_nobody(
    report: Callable[..., Told], trusted: Repo, tmp_path: Path
) -> None:
    """It is shown as the text that it is: no file of it is read, no link leads there, no check is annotated there."""
    document = climbing(plain(SHA))
    told = report(written(tmp_path, document))
    assert (told.code, told.commands, told.touched) == (0, [], [])
    assert CLIMBING in told.summary.replace("&#46;", ".")
    assert "root:" not in told.everything
    assert [wrong for wrong in told.wrong if "a link" not in wrong.what] == []
    assert [wrong.what for wrong in told.wrong if CLIMBING in wrong.what] == []
    assert trusted.git("status", "--porcelain") == ""


def test_what_only_the_rules_may_say_is_not_believed(report: Callable[..., Told], tmp_path: Path) -> None:
    document = plain(SHA)
    document["lock"] |= {"commit": OTHER, "mode": "verify"}
    document["base"]["policy"] = {"commit": "f" * 40, "ref": "main", "how": "forged"}
    document["waivers"] = [{"owner": "mallory", "reason": "trust me", "until": "2099-01-01"}]
    told = report(written(tmp_path, document))
    assert (told.code, told.wrong) == (0, [])
    assert [word for word in ("forged", "trust me", "ffffffff") if word in told.comment] == []
    assert {one["head_sha"] for one in told.checks} == {SHA}
