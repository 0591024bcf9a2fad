"""Trouble with a report: it costs a line on standard error, never the comment, and never the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_ci import report
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.evidence import Finding, Outcome, Status, Verdict
from mlops_ci.reporting import Judged
from mlops_ci.session import Session
from tests.e2e.conftest import Answer, Call, Toy, comment

EXTENDS = '{% extends "mlops-ci/comment.md.j2" %}\n'
OWN = EXTENDS + "{% block footer %}From the census team.{% endblock %}"
REFUSED = "❌ **Refused**: `toy`: accuracy "
WRITTEN = ["comment.md", "evidence.json", "findings.json", "lock.patch", "report.html", "summary.md"]


def worse(toy: Toy) -> Path:
    """A runner's clone of a branch whose model is worse than the rules on main allow."""
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.propose("worse")
    return toy.runner("worse")


def posted(toy: Toy) -> str:
    (found,) = LocalForge(toy.origin.path / "mlops-ci").comments(1)
    return found.body


def notes(answer: Answer) -> list[str]:
    return [line for line in answer.err.splitlines() if line.startswith("note: ")]


def output(runner: Path) -> Path:
    return runner / ".dvc" / "tmp" / "mlops-ci"


def written(runner: Path) -> list[str]:
    """The files of the report; a lock beside them is none."""
    return sorted(path.name for path in output(runner).iterdir() if path.is_file() and path.suffix != ".lock")


# ---- the user's own templates ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        (
            "comment.md.j2",
            EXTENDS + "{% block footer %}{{ 1 // 0 }}{% endblock %}",
            ".mlops-ci/comment.md.j2:2: ZeroDivisionError: integer division or modulo by zero",
        ),
        (
            "comment.md.j2",
            EXTENDS + "{% block footer %",
            ".mlops-ci/comment.md.j2:2: expected token 'end of statement block', got '%'",
        ),
        (
            "parts/words.md.j2",
            "{# Nothing of what the built-in parts take from it. #}",
            ".mlops-ci/parts/words.md.j2: ",
        ),
        ("coment.md.j2", OWN, ".mlops-ci/coment.md.j2: there is no template of this name"),
    ],
)
def test_a_broken_template_gives_way_to_the_built_in_one(
    toy: Toy, call: Call, name: str, source: str, reason: str
) -> None:
    toy.author.write(f".mlops-ci/{name}", source)
    runner = worse(toy)
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    assert len(notes(answer)) == 2
    assert notes(answer)[0].startswith(f"note: the built-in comment is used: {reason}")
    assert notes(answer)[1].startswith(f"note: the built-in job summary is used: {reason}")
    assert posted(toy) == comment(runner)
    assert posted(toy).split("\n")[1].startswith(REFUSED)
    assert written(runner) == WRITTEN


def test_a_broken_summary_leaves_the_users_comment(toy: Toy, call: Call) -> None:
    toy.author.write(".mlops-ci/comment.md.j2", OWN)
    toy.author.write(".mlops-ci/summary.md.j2", "{{ nothing }}")
    runner = worse(toy)
    answer = call(runner, "pr", CI="true")
    assert answer.code == 1
    reason = ".mlops-ci/summary.md.j2:1: 'nothing' is undefined"
    assert notes(answer) == [f"note: the built-in job summary is used: {reason}"]
    assert posted(toy).endswith("\nFrom the census team.\n")
    assert (output(runner) / "summary.md").read_text().startswith(REFUSED)


def test_a_template_that_is_no_text_costs_no_comment(toy: Toy, call: Call) -> None:
    (toy.author.path / ".mlops-ci").mkdir()
    (toy.author.path / ".mlops-ci" / "comment.md.j2").write_bytes(b"\xff\xfe{% block head %}\x00\xe9")
    runner = worse(toy)
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 1
    assert notes(answer)[0].startswith("note: the built-in comment is used: .mlops-ci/comment.md.j2:1: ")
    assert posted(toy).split("\n")[1].startswith(REFUSED)


# ---- files that cannot be written --------------------------------------------------------------


def test_files_that_cannot_be_written_cost_neither_comment_nor_verdict(toy: Toy, call: Call) -> None:
    runner = worse(toy)
    names = ("lock.patch", "comment.md", "summary.md", "findings.json", "report.html")
    for name in names:
        (output(runner) / name / "taken").mkdir(parents=True)
    step = toy.folder / "step"
    step.mkdir()
    answer = call(runner, "pr", CI="true", GITHUB_STEP_SUMMARY=str(step))
    assert answer.code == 1
    failed = [
        f"note: {name} was not written: {output(runner) / name}: cannot be written (Is a directory)"
        for name in names
    ]
    failed.insert(
        3,
        f"note: the job summary was not written: GITHUB_STEP_SUMMARY: {step} cannot be written (Is a directory)",
    )
    assert notes(answer) == failed
    assert "Report:" not in answer.err
    assert posted(toy).split("\n")[1].startswith(REFUSED)
    assert "Refused" in answer.out


def test_a_folder_that_is_read_only_costs_the_files_alone(toy: Toy, call: Call) -> None:
    """A real read-only mount: root may write into any folder."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a folder (unshare -rm)")
    runner = worse(toy)
    assert call(runner, "run", CI="true").code == 0
    out = output(runner)
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(out), sys.executable, "-m", "mlops_ci", "comment"],
        cwd=runner,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [
        f"note: {name} was not written: {out / name}: cannot be written (Read-only file system)"
        for name in ("comment.md", "summary.md", "findings.json", "report.html")
    ]
    # How to mend it is said once.
    lines.insert(1, "  → free some space or choose another folder")
    assert done.stderr.splitlines() == lines
    assert posted(toy).split("\n")[1].startswith(REFUSED)


def test_a_comment_that_cannot_be_posted_leaves_the_verdict_and_the_files(toy: Toy, call: Call) -> None:
    runner = worse(toy)
    (toy.origin.path / "mlops-ci").write_text("where the embedded forge has its folder")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["comment_url"]) == (1, "")
    (note,) = notes(answer)
    assert note.startswith("note: the comment was not posted: [Errno 17] File exists: ")
    assert comment(runner).split("\n")[1].startswith(REFUSED)
    assert written(runner) == WRITTEN


# ---- our own bugs ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_a_bug_leaves_the_verdict_and_its_reasons(
    toy: Toy, call: Call, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Evidence that no reader lets in stands for what nobody thought of; no older page is left to be misread."""
    runner = worse(toy)
    assert call(runner, "run", CI="true").code == 0
    monkeypatch.chdir(runner)
    session = Session.open(Terminal())
    found = session.recall()
    finding = Finding(gate="metrics", subject="a", status=Status.FAIL, sentence="accuracy is <b>0.1</b>.")
    verdict = Verdict(outcome=Outcome.REFUSED, reasons=(finding,))
    (output(runner) / "report.html").write_text("of an earlier run")
    capfd.readouterr()
    broken = found.model_copy(update={"params": 5})
    shown = session.reporting(Judged(broken, (finding,), verdict)).report()
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("note: ")]
    bug = "a bug of ours, please report it: TypeError(\"'int' object is not iterable\") in changes.py:"
    for name, line in zip(("the comment is short", "the job summary is short"), said, strict=False):
        assert line.startswith(f"note: {name}: {bug}")
    assert said[2].startswith(
        "note: report.html was not written: a bug of ours, please report it: TypeError("
    )
    assert len(said) == 3
    assert shown.page is None
    assert not (output(runner) / "report.html").exists()
    assert shown.text == report.short(broken, verdict) == posted(toy) == comment(runner)
    assert shown.text.split("\n")[1:] == [
        "**Refused**. The report could not be rendered; the run's log says why.",
        "",
        "- accuracy is &lt;b>0.1&lt;/b>.",
        "",
    ]
