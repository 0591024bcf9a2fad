"""`mlops-ci audit log`: which days are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci.commands.audit import Action, audit
from tests.promotion.records import record
from tests.repositories import Repo


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("2026-03-01", 1),
        ("20260301", 1),
        ("2026-W09-7", 1),
        ("2026-03-01T11:59", 0),
        ("2026-03-01T12:01", 1),
        ("2026-02-28", 0),
        ("9999-12-31", 1),
    ],
)
def test_a_day_is_meant_to_its_end_and_a_time_to_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    until: str,
    count: int,
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-03-01T12:00:00+00:00")
    repo, one = Repo.init(tmp_path), record(1, "a")
    for path in (one.current_path, one.log_path):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(one.text())
    repo.commit("Promote")
    monkeypatch.chdir(tmp_path)
    assert audit(Action.LOG, until=until, json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == count
