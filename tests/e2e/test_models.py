"""Several models, seeds as a matrix, other tasks, no remote, subfolders: what a repository may look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Call, Toy, comment, evidence, write
from tests.repositories import Repo


def test_a_pull_request_cannot_take_a_model_out_of_the_judgement(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.author.write("mlops-ci.yaml", "version: 1\nmodels: []\n")
    toy.propose("sly")
    answer = call(toy.runner("sly"), "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused"), answer.err


def test_broken_rules_on_main_judge_by_the_defaults_and_say_so(toy: Toy, call: Call) -> None:
    toy.configure(text="version: 1\nlok: commit\n")
    toy.author.write("mlops-ci.yaml", "version: 1\nlock: report\n")
    toy.propose("mend")
    runner = toy.runner("mend")
    assert call(runner, "pr", "--json", CI="true").code == 0
    (note,) = evidence(runner)["base"]["notes"]
    assert note.startswith("the rules on main cannot be read, so the defaults judge: ")
    assert 'did you mean "lock"?' in note


def test_links_lead_to_the_forges_files(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    head = toy.propose("links")
    runner = Repo(toy.runner("links"))
    runner.git("remote", "set-url", "origin", "https://token@git.example:8443/acme/census.git")
    assert call(runner.path, "pr", "--json", "--dry-run").code == 0
    assert f"https://git.example:8443/acme/census/blob/{head}/params.yaml#L3" in comment(runner.path)
    assert "token" not in comment(runner.path)


SEEDED = {
    "dvc.yaml": """\
        stages:
          train:
            matrix:
              seed: [1, 2, 3]
            cmd: python train.py ${item.seed} ${shift}
            deps: [train.py]
            outs:
              - model-${item.seed}.txt
              - predictions-${item.seed}.csv
            metrics:
              - metrics-${item.seed}.json: {cache: false}
        vars:
          - shift: 0.0
        artifacts:
          toy: {path: model-1.txt, type: model}
        """,
    "train.py": """\
        import json, random, sys

        seed, shift = int(sys.argv[1]), float(sys.argv[2])
        chance, data = random.Random(seed), random.Random(0)
        rows, total = [], 0.0
        for index in range(300):
            truth = data.random()
            guess = truth + shift + chance.gauss(0, 0.1)
            total += abs(guess - truth)
            rows.append(f"{index},{truth},{guess}")
        open(f"predictions-{seed}.csv", "w").write("id,y_true,y_pred\\n" + "\\n".join(rows))
        json.dump({"mae": total / 300}, open(f"metrics-{seed}.json", "w"))
        open(f"model-{seed}.txt", "w").write(str(shift))
        """,
    "mlops-ci.yaml": """\
        version: 1
        defaults:
          predictions: predictions-*.csv
          columns: {id: id}
          metrics: ["metrics-*.json"]
        gates: {metrics: {limits: {mae: {max_drop: 0}}}}
        """,
}


@pytest.fixture
def seeded(dvc_repo: Path, call: Call) -> Repo:
    repo = Repo(dvc_repo)
    write(dvc_repo, SEEDED)
    repo.commit("start")
    assert call(dvc_repo, "run").code == 0
    repo.commit("trained")
    repo.git("checkout", "--quiet", "-b", "try")
    return repo


def test_a_matrix_over_seeds_is_one_metric_with_its_spread(seeded: Repo, call: Call) -> None:
    """A regression, lower is better, three trainings a side."""
    text = (seeded.path / "dvc.yaml").read_text()
    seeded.write("dvc.yaml", text.replace("shift: 0.0", "shift: 0.2"))
    seeded.commit("Shift it")
    answer = call(seeded.path, "pr", "--json")
    assert (answer.code, answer.document["verdict"]) == (1, "refused"), answer.err
    (model,) = evidence(seeded.path)["models"]
    (mae,) = model["metrics"]
    assert (mae["name"], mae["file"], mae["direction"]) == ("mae", "metrics-*.json", "lower")
    assert (len(mae["seeds"]), len(mae["base_seeds"])) == (3, 3)
    (compared,) = model["comparisons"]
    assert model["predictions"]["reason"] == "", model["predictions"]
    assert (compared["seeds"], compared["n"]) == ([3, 3], 300)
    assert compared["seed_se"] > 0
    assert 0.1 < compared["interval"]["low"] < compared["delta"] < compared["interval"]["high"] < 0.2
    assert "3 seeds" in comment(seeded.path)


def test_a_command_that_changed_is_the_cause(seeded: Repo, call: Call) -> None:
    text = (seeded.path / "dvc.yaml").read_text()
    seeded.write("dvc.yaml", text.replace("shift: 0.0", "shift: 0.2"))
    seeded.commit("Shift it")
    call(seeded.path, "pr", "--json")
    found = {(f["role"], f["where"]["file"], f["where"]["line"]) for f in evidence(seeded.path)["files"]}
    assert found == {("command", "dvc.yaml", 2)}


TWO = {
    "one/dvc.yaml": """\
        stages:
          train:
            cmd: python train.py
            deps: [train.py]
            outs: [model.txt]
            metrics: [metrics.json: {cache: false}]
        artifacts:
          model: {path: model.txt, type: model}
        """,
    "one/train.py": """\
        open("model.txt", "w").write("1")
        open("metrics.json", "w").write('{"accuracy": 0.9}')
        """,
}


def test_two_models_with_one_name_in_subfolders(dvc_repo: Path, call: Call) -> None:
    repo = Repo(dvc_repo)
    write(dvc_repo, TWO)
    write(dvc_repo, {name.replace("one", "two"): text for name, text in TWO.items()})
    repo.commit("start")
    assert call(dvc_repo, "run").code == 0
    repo.commit("trained")
    repo.git("checkout", "--quiet", "-b", "try")
    text = (dvc_repo / "two" / "train.py").read_text()
    repo.write("two/train.py", text.replace("0.9", "0.8"))
    repo.commit("Worse")
    answer = call(dvc_repo / "two", "pr", "--json")
    assert (answer.code, answer.document["verdict"]) == (0, "warned"), answer.err
    models = {model["name"]: model for model in evidence(dvc_repo)["models"]}
    assert {name: model["changed"] for name, model in models.items()} == {
        "one-model": False,
        "two-model": True,
    }
    assert [m["file"] for m in models["two-model"]["metrics"]] == ["two/metrics.json"]
    text = comment(dvc_repo)
    assert "### ⚠️ `two-model`" in text
    assert "Unchanged: `one-model`" in text
