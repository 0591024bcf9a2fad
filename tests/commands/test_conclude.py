"""`mlops-ci conclude`: as a last step it never fails, and does nothing where nothing is open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli
from tests.adapters.github_double import REPOSITORY, TOKEN, Reply, running


def test_outside_of_actions_no_check_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["conclude"]) == 0
    assert capsys.readouterr().out == "no check is open\n"


def test_without_permission_it_is_a_note(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sha = "c" * 40
    with running() as double:
        told = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": double.url + double.prefix,
            "GITHUB_SHA": sha,
            "GITHUB_RUN_ID": "5",
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        path = f"/repos/{REPOSITORY}/commits/{sha}/check-runs"
        double.on("GET", path, Reply(403, {"message": "Resource not accessible by integration"}))
        assert cli.run(["conclude", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"ended": []}
    assert f"note: the checks were not written: GET {path}: GitHub answered 403: " in shown.err
