"""A pull request whose model is slower, moves with a column that it must not, and cannot bear a missing value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Call, evidence, write
from tests.repositories import Repo

FILES = {
    "params.yaml": """\
        trees: 1
        skip: [town]
        """,
    "dvc.yaml": """\
        stages:
          train:
            cmd: python train.py
            deps: [train.py, rows.csv]
            params: [trees, skip]
            outs: [model.joblib]
            metrics:
              - metrics.json: {cache: false}
        artifacts:
          shop: {path: model.joblib, type: model}
        """,
    "train.py": """\
        import json
        import re

        import joblib
        import pandas as pd
        from sklearn.ensemble import RandomForestClassifier

        text = open("params.yaml").read()
        skipped = re.search(r"skip: \\[(.*)\\]", text)[1].split(", ")
        rows = pd.read_csv("rows.csv")
        names = [name for name in ("age", "income", "town") if name not in skipped]
        trees = int(re.search(r"trees: (\\d+)", text)[1])
        model = RandomForestClassifier(trees, max_depth=3, random_state=0).fit(rows[names], rows["bought"])
        joblib.dump(model, "model.joblib")
        json.dump({"accuracy": float(model.score(rows[names], rows["bought"]))}, open("metrics.json", "w"))
        """,
    "rows.csv": "id,age,income,town,bought\n"
    + "".join(
        f"{at},{20 + at % 60},{1000 + 7 * at},{at % 3},{int(at % 60 > 30 or at % 3 == 1)}\n"
        for at in range(300)
    ),
    "mlops-ci.yaml": """\
        version: 1
        defaults:
          data: {test: rows.csv, target: bought, id: id}
          gates:
            latency: {seconds: 1, batch_sizes: [1]}
            model: {invariant: [town], edge_error: warn}
        """,
}


@pytest.mark.slow
def test_a_slow_model_that_moves_with_the_town_is_refused(dvc_repo: Path, call: Call) -> None:
    repo = Repo(dvc_repo)
    write(dvc_repo, FILES)
    repo.commit("start")
    assert call(dvc_repo, "run").code == 0
    repo.commit("trained")
    repo.git("checkout", "--quiet", "-b", "try")
    write(dvc_repo, {"params.yaml": "trees: 60\nskip: [id]\n"})
    repo.commit("More trees, and the town")
    answer = call(dvc_repo, "pr", "--json")
    assert (answer.code, answer.document["verdict"]) == (1, "refused"), answer.err
    findings = {(one["gate"], one["subject"]): one for one in answer.document["findings"]}
    slow = findings["latency", "batch of 1"]
    assert (slow["status"], slow["limit"]) == ("FAIL", "max_ratio 1.2")
    assert slow["interval"]["low"] > 1.2
    moves = findings["model", "invariant:town"]
    assert moves["status"] == "FAIL"
    assert moves["sentence"].startswith("town must not change the prediction: ")
    (model,) = evidence(dvc_repo)["models"]
    assert model["behaviour"]["flavor"] == "sklearn RandomForestClassifier"
    assert {one["check"]: one["ok"] for one in model["behaviour"]["checks"]}["sample"] is True
    assert model["latency"]["base_size"] < model["latency"]["size"]
