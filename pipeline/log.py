"""Stage log: tell MLflow about the model; sqlite beside the project, or MLFLOW_TRACKING_URI."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import files

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "employment"
DEFAULT_URI = "sqlite:///mlflow.db"


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values, lists as JSON; MLflow knows no nesting."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value) if isinstance(value, list) else value


def summary(model: bytes, selection: Mapping[str, Any], metrics: Mapping[str, float]) -> dict[str, Any]:
    """What is logged and under which name; no time and no random id, so DVC sees equal runs as equal."""
    digest = hashlib.sha256(model).hexdigest()
    return {
        "experiment": EXPERIMENT,
        "run_name": f"{selection['family']}-{digest[:12]}",
        "model_sha256": digest,
        "family": selection["family"],
        "metrics": dict(metrics),
    }


def artifacts(uri: str) -> str | None:
    """Where model files go: beside a local database; a server decides for itself."""
    path = uri.removeprefix("sqlite:///")
    return None if path == uri else (Path(path).resolve().parent / "mlartifacts").as_uri()


def log(client: MlflowClient, facts: Mapping[str, Any], params: Mapping[str, Any], model: Path) -> str:
    """Log one run and give its id; a run of this model with these numbers is not logged twice."""
    experiment = client.get_experiment_by_name(facts["experiment"])
    experiment_id = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(facts["experiment"], artifact_location=artifacts(client.tracking_uri))
    )
    tags = {
        "model_sha256": facts["model_sha256"],
        "family": facts["family"],
        "facts_sha256": hashlib.sha256(json.dumps([facts, params], sort_keys=True).encode()).hexdigest(),
    }
    same = f"tags.facts_sha256 = '{tags['facts_sha256']}'"
    known = client.search_runs([experiment_id], same, max_results=1)
    if known:
        return str(known[0].info.run_id)
    run = client.create_run(experiment_id, run_name=facts["run_name"], tags=tags)
    for name, value in params.items():
        client.log_param(run.info.run_id, name, value)
    for name, number in facts["metrics"].items():
        client.log_metric(run.info.run_id, name, number)
    client.log_artifact(run.info.run_id, str(model), "model")
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def main() -> None:
    """Write reports/tracking.json."""
    # MLflow reads both when it is imported: nothing about the user leaves the machine, and no Git warning.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from mlflow.tracking import MlflowClient

    facts = summary(
        files.MODEL.read_bytes(),
        files.read_json(files.REPORTS / "selection.json"),
        files.read_json(files.REPORTS / "metrics.json"),
    )
    sections = {name: files.params(name) for name in ("prepare", "train", "select", "evaluate")}
    uri = os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    run_id = log(MlflowClient(uri), facts, dict(flat(sections)), files.MODEL)
    files.write_json(facts, files.REPORTS / "tracking.json")
    print(f"{facts['run_name']} is run {run_id}")


if __name__ == "__main__":
    main()
