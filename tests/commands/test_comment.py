"""`mlops-ci comment`: what is asked wrongly is said before anything is read."""

from __future__ import annotations

import pytest

from mlops_ci import cli


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--pull-request", "7"],
            "mlops-ci: --pull-request needs --evidence\n  → without it the branch's own is found\n",
        ),
        (
            ["--evidence", "e.json"],
            "mlops-ci: --evidence is for a trusted job of GitHub Actions\n"
            "  → call it in the workflow on `workflow_run`; docs/github.md shows it\n",
        ),
    ],
)
def test_what_is_asked_wrongly(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert cli.run(["comment", *arguments]) == 2
    assert capsys.readouterr().err == said


def test_a_pull_request_has_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["comment", "--evidence", "e.json", "--pull-request", "0"]) == 2
    assert "Invalid value for '--pull-request': " in capsys.readouterr().err
