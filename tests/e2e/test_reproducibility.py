"""A second run from scratch in a pull request: the same, random, and one that reads what nobody committed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Call, Toy, comment, evidence

CONFIG = """\
version: 1
lock: report
defaults:
  gates:
    reproducibility: {run: always}
"""
SEEDED = "chance = random.Random(int("
RANDOM = "chance = random.SystemRandom() or (int("

pytestmark = pytest.mark.slow


def findings(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document["findings"] if one["gate"] == "reproducibility"]


def test_a_deterministic_pipeline_is_reproduced_bit_for_bit(toy: Toy, call: Call) -> None:
    toy.configure(text=CONFIG)
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("quieter")
    runner = toy.runner("quieter")
    answer = call(runner, "pr", "--json", CI="true")
    (found,) = findings(answer.document)
    assert (found["status"], found["sentence"].partition(",")[0]) == (
        "PASS",
        "All 6 outputs are the same byte by byte",
    )
    (measured,) = evidence(runner)["models"]
    outputs = measured["reproduction"]["outputs"]
    assert all(one["recorded"] == one["again"] for one in outputs)
    assert [one["path"] for one in outputs] == [
        "data.csv",
        "model.json",
        "predictions.csv",
        "metrics.json",
        "loss.csv",
        "done.txt",
    ]


def test_an_unseeded_random_number_refuses_with_both_values(toy: Toy, call: Call) -> None:
    toy.configure(text=CONFIG)
    toy.edit("train.py", SEEDED, RANDOM)
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.8")
    toy.propose("random")
    runner = toy.runner("random")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 1
    (found,) = [one for one in findings(answer.document) if one["metric"] == "accuracy"]
    metrics = {one["name"]: one for one in evidence(runner)["models"][0]["reproduction"]["metrics"]}
    first, again = metrics["accuracy"]["first"], metrics["accuracy"]["again"]
    assert found["status"] == "FAIL"
    assert first != again
    assert found["value"] == again
    assert "when run again from scratch" in found["sentence"]
    assert "accuracy" in comment(runner)


def test_an_untracked_file_fails_and_is_named(toy: Toy, call: Call) -> None:
    toy.configure(text=CONFIG)
    toy.edit("train.py", "import json\n", "import json\nopen('secret.csv').read()\n")
    toy.author.write(".gitignore", (toy.author.path / ".gitignore").read_text() + "/secret.csv\n")
    toy.propose("secret")
    runner = toy.runner("secret")
    (runner / "secret.csv").write_text("1")
    answer = call(runner, "pr", "--json", CI="true")
    (found,) = findings(answer.document)
    assert (answer.code, found["status"], found["subject"]) == (1, "FAIL", "train")
    assert "No such file or directory: 'secret.csv'" in found["sentence"]
