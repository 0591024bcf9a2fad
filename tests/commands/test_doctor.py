"""`mlops-ci doctor`: the lines, the JSON and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli


def test_what_is_missing_is_named_with_its_mend_and_for_which_verb(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(git_repo)
    assert cli.run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "MISSING  repository " in out
    assert "→ commit your pipeline first\n" in out
    assert "mlops-ci plan needs: repository, pipeline\n" in out


def test_a_machine_reads_it_too(
    dvc_repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (dvc_repo / "dvc.yaml").write_text("stages: {train: {cmd: 'true'}}\n")
    monkeypatch.chdir(dvc_repo)
    assert cli.run(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["missing"] == {}
    first = document["checks"][0]
    assert (first["check"], first["state"], first["verbs"]) == (
        "repository",
        "good",
        ["plan", "run", "check", "pr"],
    )
    assert {check["state"] for check in document["checks"]} <= {"good", "missing", "advice", "unknown"}
