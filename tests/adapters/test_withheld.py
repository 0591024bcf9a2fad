"""What is the job's own does not reach the pull request's code: stages, models, checks of rows."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import joblib
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator

from mlops_ci.adapters import github_settings, withheld
from mlops_ci.adapters.companion import Companion
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.row_checks import RowChecks
from mlops_ci.adapters.serving import Place, Served
from mlops_ci.promoting import sites

OURS = (
    "MLOPS_CI_TOKEN",
    "MLOPS_CI_PUSH_TOKEN",
    "MLOPS_CI_TARGET_TOKEN",
    "ARGOCD_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "CML_TOKEN",
    "REPO_TOKEN",
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
)
# What a stage reads its data with, what it may want to know of the run, and a name of the user's own.
THEIRS = ("AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "GITHUB_SHA", "STAGE_GITHUB_TOKEN")
WRITE = "import json, os; json.dump(dict(os.environ), open('seen.json', 'w'))"
STAGES = f"""\
stages:
  see:
    cmd:
      - {sys.executable} -c "{WRITE}"
    outs: [seen.json]
"""


class Model(BaseEstimator):  # type: ignore[misc]
    """Answers with how many of the job's own variables it sees."""

    def predict(self, rows: pd.DataFrame) -> list[int]:
        return [sum(name in os.environ for name in OURS)] * len(rows)


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a job that has everything."""
    for name in (*OURS, *THEIRS):
        monkeypatch.setenv(name, "the value")


def test_every_name_under_which_a_token_is_taken_is_withheld() -> None:
    assert {*github_settings.TOKENS, github_settings.PUSH_TOKEN, sites.TARGET_TOKEN} <= set(OURS)
    assert [name for name in (*OURS, *THEIRS) if withheld.is_withheld(name)] == [*OURS]


def test_a_stage_sees_none_of_it(dvc_repo: Path, opened: Callable[[Path], Dvc]) -> None:
    (dvc_repo / "dvc.yaml").write_text(STAGES)
    (run,) = opened(dvc_repo).run()
    assert (run.status, run.error) == ("ran", "")
    seen = json.loads((dvc_repo / "seen.json").read_text())
    assert [name for name in OURS if name in seen] == []
    assert {name: seen.get(name) for name in THEIRS} == dict.fromkeys(THEIRS, "the value")
    # What runs it, and DVC with its remotes, keeps everything.
    assert {name: os.environ.get(name) for name in OURS} == dict.fromkeys(OURS, "the value")


def test_a_companion_sees_none_of_it_but_what_it_is_given(tmp_path: Path) -> None:
    code = "import json, os\nfor line in __import__('sys').stdin: print(json.dumps(dict(os.environ)), flush=True)"
    child = Companion(
        [sys.executable, "-c", code], cwd=tmp_path, log=tmp_path / "log", env={"GITHUB_PATH": "given"}
    )
    try:
        seen = json.loads(child.ask(b"", timeout=20))
    finally:
        child.end()
    assert {name: seen[name] for name in OURS if name in seen} == {"GITHUB_PATH": "given"}
    assert {name: seen.get(name) for name in THEIRS} == dict.fromkeys(THEIRS, "the value")


def test_a_model_sees_none_of_it(tmp_path: Path) -> None:
    joblib.dump(Model(), tmp_path / "model.joblib")
    here = Path(__file__).parents[2]
    served = Served(Place(tmp_path / "model.joblib", tmp_path, (here,), tmp_path / "log"), limit=60)
    try:
        served.load()
        assert served.predict(pd.DataFrame({"a": [1]})).numbers == ((0.0,),)
    finally:
        served.close()


def test_a_check_of_rows_sees_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        f"import os\ndef clean(rows): return not set({OURS}) & set(os.environ)\n"
    )
    with RowChecks([("", "own:clean")], tmp_path) as checks:
        checks.add(pa.RecordBatch.from_pydict({"a": [1, 2]}))
        assert (checks.failing, checks.problems) == ({("", "own:clean"): 0}, {})
