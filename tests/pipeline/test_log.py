"""Stage log: the same model gives the same file, and MLflow holds one run of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import log

SELECTION = {"family": "boosting", "scores": {"boosting": 0.9}}
METRICS = {"accuracy": 0.8, "roc_auc": 0.9}


def test_nested_params_become_dotted_keys() -> None:
    tree = {"train": {"seed": 7, "boosting": {"max_iter": 5}}, "prepare": {"features": ["AGEP", "SEX"]}}
    assert dict(log.flat(tree)) == {
        "train.seed": 7,
        "train.boosting.max_iter": 5,
        "prepare.features": '["AGEP", "SEX"]',
    }


def test_the_summary_names_the_run_after_the_model_and_has_no_time_in_it() -> None:
    facts = log.summary(b"model", SELECTION, METRICS)
    assert facts == {
        "experiment": "employment",
        "run_name": "boosting-9372c470eead",
        "model_sha256": "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4",
        "family": "boosting",
        "metrics": METRICS,
    }


@pytest.mark.parametrize("uri", ["http://localhost:5000", "databricks"])
def test_a_server_decides_where_models_go(uri: str) -> None:
    assert log.artifacts(uri) is None


def test_models_go_beside_a_local_database(tmp_path: Path) -> None:
    assert log.artifacts(f"sqlite:///{tmp_path}/runs.db") == (tmp_path / "mlartifacts").as_uri()


@pytest.mark.slow
def test_a_run_is_logged_once_with_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    from mlflow.tracking import MlflowClient

    model = tmp_path / "employment.joblib"
    model.write_bytes(b"model")
    client = MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    facts = log.summary(b"model", SELECTION, METRICS)
    first = log.log(client, facts, {"train.seed": 7}, model)
    assert log.log(client, facts, {"train.seed": 7}, model) == first
    assert log.log(client, facts, {"train.seed": 8}, model) != first
    run = client.get_run(first)
    assert (run.info.run_name, run.info.status) == ("boosting-9372c470eead", "FINISHED")
    assert run.data.metrics == METRICS
    assert run.data.params == {"train.seed": "7"}
    assert run.data.tags["model_sha256"] == facts["model_sha256"]
    assert [entry.path for entry in client.list_artifacts(first, "model")] == ["model/employment.joblib"]
    assert (tmp_path / "mlartifacts").is_dir()
