"""A schema break is caught by a stage before training, and the report names the column."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.e2e.conftest import Call
from tests.repositories import Repo

FILES = {
    "dvc.yaml": """\
        stages:
          prepare:
            cmd: python prepare.py
            deps: [prepare.py]
            outs: [train.csv]
          schema:
            cmd: python -m mlops_ci data check train.csv --schema schema.yaml --output schema.json
            deps: [train.csv, schema.yaml]
            outs:
              - schema.json: {cache: false}
          train:
            cmd: python -c "open('model.txt', 'w').write(open('train.csv').read()[:9])"
            deps: [train.csv, schema.json]
            outs: [model.txt]
        artifacts:
          toy: {path: model.txt, type: model}
        """,
    "prepare.py": """\
        rows = [f"{number},{number % 60},{number % 2}" for number in range(300)]
        open("train.csv", "w").write("\\n".join(["id,age,y", *rows]) + "\\n")
        """,
    "schema.yaml": """\
        columns:
          age: {type: integer, min: 0, max: 99}
          id: {type: integer, unique: true}
          y: {type: integer, allowed: [0, 1]}
        """,
    "mlops-ci.yaml": """\
        version: 1
        defaults:
          data: {train: train.csv, schema: schema.yaml, target: y, id: id}
        """,
}


@pytest.mark.slow
def test_a_schema_break_is_caught_before_training(dvc_repo: Path, call: Call) -> None:
    repo = Repo(dvc_repo)
    repo.git("branch", "-M", "main")
    for name, text in FILES.items():
        repo.write(name, dedent(text))
    repo.commit("start")
    assert call(repo.path, "run").code == 0
    repo.commit("train")
    repo.git("checkout", "--quiet", "-b", "branch")
    repo.write("prepare.py", dedent(FILES["prepare.py"]).replace("number % 60", "number % 60 * 2"))
    repo.commit("Ages by a slip doubled")
    answer = call(repo.path, "pr", "--json", "--base", "main")
    assert answer.code == 1
    found = [one for one in answer.document["findings"] if one["gate"] in ("stages", "data")]
    said = {one["gate"]: one["sentence"] for one in found if one["status"] == "FAIL"}
    assert said["stages"].startswith("Stage schema failed")
    assert said["data"] == (
        "train: age breaks the rule range in 50 of 300 rows: expected 0 to 99, found 50 values outside."
    )
    assert "train" in said["stages"]
