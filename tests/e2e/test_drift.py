"""Drift in a pull request: the column that moved is named, data that did not move is not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Call, Toy, comment, evidence, write

FILES = {
    "params.yaml": """\
        rows: 3000
        shift: 0.0
        train:
          noise: 0.3
        """,
    "dvc.yaml": """\
        stages:
          prepare:
            cmd: python prepare.py
            deps: [prepare.py]
            params: [rows, shift]
            outs: [people.csv]
          profile:
            cmd: python describe.py
            deps: [describe.py, people.csv]
            outs: [people.profile.json]
          train:
            cmd: python train.py
            deps: [train.py, people.csv]
            params: [train]
            outs: [model.json, predictions.csv]
            metrics:
              - metrics.json: {cache: false}
        artifacts:
          toy: {path: model.json, type: model}
        """,
    "prepare.py": """\
        import random
        import re

        text = open("params.yaml").read()
        rows, shift = int(re.search(r"rows: (\\d+)", text)[1]), float(re.search(r"shift: (\\S+)", text)[1])
        chance = random.Random(rows)
        lines = ["id,income,town,bought"]
        for index in range(rows):
            income = chance.gauss(0, 1)
            town = chance.choice(["north", "south", "east", "west"])
            lines.append(f"{index},{income + shift},{town},{int(income > 0)}")
        open("people.csv", "w").write("\\n".join(lines) + "\\n")
        """,
    "describe.py": """\
        from pathlib import Path

        from mlops_ci.adapters import profiling, sources

        found = profiling.profile(sources.open_source("people.csv"), categorical=("bought",))
        Path("people.profile.json").write_bytes(found.to_json())
        """,
    "train.py": """\
        import csv
        import json
        import random
        import re

        noise = float(re.search(r"noise: (\\S+)", open("params.yaml").read())[1])
        chance = random.Random(1)
        lines, right = ["id,y_true,y_pred,y_score"], 0
        people = list(csv.DictReader(open("people.csv")))
        for one in people:
            score = min(max(0.5 + float(one["income"]) / 4 + chance.gauss(0, noise), 0), 1)
            guess = int(score > 0.5)
            right += guess == int(one["bought"])
            lines.append(f"{one['id']},{one['bought']},{guess},{score}")
        open("predictions.csv", "w").write("\\n".join(lines) + "\\n")
        json.dump({"accuracy": right / len(people)}, open("metrics.json", "w"))
        json.dump({"noise": noise}, open("model.json", "w"))
        """,
}

RULES = """\
version: 1
defaults:
  columns: {id: id}
  data: {train: people.csv, target: bought, id: id, categorical: [bought]}
"""


@pytest.fixture
def people(toy: Toy, call: Call) -> Toy:
    """The toy project with a table that has columns, trained and pushed on main."""
    author = toy.author.path
    for name in ("alone.txt", "done.txt", "data.csv", "loss.csv"):
        (author / name).unlink()
    write(author, FILES)
    (author / "mlops-ci.yaml").write_text(RULES)
    (author / "dvc.lock").unlink()
    toy.author.commit("people")
    answer = call(author, "run", "--json")
    assert answer.code == 0, answer.err
    publish(toy, "main")
    return toy


def publish(toy: Toy, branch: str) -> None:
    """Commit what a run wrote, and push it and the data."""
    from mlops_ci.adapters.dvc import Dvc

    toy.author.commit("measure")
    dvc = Dvc.open(toy.author.path)
    dvc.push()
    dvc.close()
    toy.author.git("push", "--quiet", "origin", branch)


def drifts(folder: Path) -> dict[str, dict[str, Any]]:
    (model,) = evidence(folder)["models"]
    return {one["name"]: one for one in model["drift"]}


def named(document: dict[str, Any]) -> list[str]:
    """The subjects that the drift gate warns of or refuses."""
    return [
        f["subject"] for f in document["findings"] if f["gate"] == "drift" and f["status"] in ("WARN", "FAIL")
    ]


@pytest.mark.slow
def test_a_moved_column_is_named_and_the_old_table_is_not_read(people: Toy, call: Call) -> None:
    """Main's table is nowhere any more: its stored profile is enough."""
    lock = yaml.safe_load(people.author.git("show", "main:dvc.lock"))
    digest = lock["stages"]["prepare"]["outs"][0]["md5"]
    removed = [path for path in people.folder.rglob(f"*{digest[2:]}") if path.is_file()]
    for path in removed:
        path.unlink()
    assert removed
    people.edit("params.yaml", "shift: 0.0", "shift: 1.0")
    people.propose("richer")
    runner = people.runner("richer")
    answer = call(runner, "pr", "--json", CI="true")
    found = drifts(runner)
    train = found["train: head against base"]
    assert (train["problem"], train["rows"], train["same"]) == ("", [3000, 3000], False)
    assert named(answer.document) == [
        "train: head against base: income",
        "predictions: head against base: y_score",
    ]
    assert "income" in comment(runner)
    columns = {column["name"]: column for column in train["columns"]}
    assert columns["bought"]["role"] == "target"
    assert columns["income"]["effect"] > 0.3
    assert columns["town"]["effect"] < 0.05
    assert "north" not in json.dumps(train)


@pytest.mark.slow
def test_data_that_did_not_move_is_not_read(people: Toy, call: Call) -> None:
    people.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    people.propose("noisier")
    runner = people.runner("noisier")
    answer = call(runner, "pr", "--json", CI="true")
    found = drifts(runner)
    assert found["train: head against base"]["same"] is True
    assert named(answer.document) == []
    predictions = found["predictions: head against base"]
    assert [(c["name"], c["role"]) for c in predictions["columns"]] == [
        ("y_true", "target"),
        ("y_score", "prediction"),
    ]


@pytest.mark.slow
def test_a_base_without_the_table_is_a_reason_not_an_end(toy: Toy, call: Call) -> None:
    toy.configure(text=RULES)
    write(toy.author.path, FILES)
    (toy.author.path / "dvc.lock").unlink()
    toy.propose("new")
    runner = toy.runner("new")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code in (0, 1), answer.err
    train = drifts(runner)["train: head against base"]
    assert "people.csv" in train["reference"]
    assert train["problem"].endswith("is missing")
    assert named(answer.document) == []


EVERYTHING = """\
version: 1
defaults:
  columns: {{id: id}}
  data:
    train: people.csv
    test: test.csv
    production: {production}
    live: v1
    target: bought
    id: id
    categorical: [bought]
    show_values: [town]
  gates:
    drift: {{against: [base, live, production, train], classifier: {{max_auc: 0.6}}}}
"""


def rows(count: int, town: str) -> str:
    lines = (f"{n},{(n * 37 % 200) / 50 - 2},{town if n % 2 else 'north'},{n % 2}" for n in range(count))
    return "id,income,town,bought\n" + "\n".join(lines) + "\n"


@pytest.mark.slow
def test_every_comparison_that_is_configured(people: Toy, call: Call) -> None:
    """Base, live release, production and test against train; a classifier on the rows; values shown."""
    people.author.git("tag", "v1")
    people.author.git("push", "--quiet", "origin", "v1")
    (people.author.path / "production").mkdir()
    (people.author.path / "production" / "monday.csv").write_text(rows(3000, "abroad"))
    (people.author.path / "test.csv").write_text(rows(1000, "south"))
    people.author.write("mlops-ci.yaml", EVERYTHING.format(production="production"))
    people.author.commit("configure")
    people.author.git("push", "--quiet", "origin", "main")
    people.edit("params.yaml", "shift: 0.0", "shift: 1.0")
    people.propose("richer")
    runner = people.runner("richer")
    answer = call(runner, "pr", "--json", CI="true")
    found = drifts(runner)
    assert {name: one["problem"] for name, one in found.items()} == {
        "train: head against base": "",
        "test: head against base": "",
        "predictions: head against base": "",
        "train: head against the live release": "",
        "production against train": "",
        "test against train": "",
    }
    assert found["test: head against base"]["same"] is True
    production = found["production against train"]
    assert (production["rows"], production["current"]) == ([3000, 3000], "production at head")
    towns = {column["name"]: column for column in production["columns"]}["town"]
    assert [level["label"] for level in towns["unseen"]] == ["abroad"]
    assert production["classifier"]["auc"] > 0.6
    assert "production against train: town" in named(answer.document)
    live = found["train: head against the live release"]
    assert {c["name"]: c["effect"] > 0.3 for c in live["columns"]} == {
        "income": True,
        "town": False,
        "bought": False,
    }


@pytest.mark.slow
def test_what_cannot_be_reached_is_a_reason(people: Toy, call: Call) -> None:
    text = EVERYTHING.format(production='"sql:SELECT id FROM nowhere"').replace("live: v1", "live: v9")
    people.configure(text=text.replace("test: test.csv", "test: broken.parquet"))
    people.edit("params.yaml", "shift: 0.0", "shift: 1.0")
    (people.author.path / "broken.parquet").write_text("no table")
    people.propose("richer")
    runner = people.runner("richer")
    assert call(runner, "pr", "--json", CI="true").code in (0, 1)
    problems = {name: one["problem"] for name, one in drifts(runner).items()}
    assert problems["train: head against base"] == ""
    assert problems["train: head against the live release"] == "data.live: v9 is no commit here"
    assert "nowhere" in problems["production against train"]
    assert problems["test: head against base"].startswith("broken.parquet at head ")
    files = {problem["where"]["file"] for problem in evidence(runner)["problems"]}
    assert "broken.parquet" in files


@pytest.mark.slow
def test_a_stage_that_failed_leaves_nothing_to_compare(people: Toy, call: Call) -> None:
    people.edit("prepare.py", "import random\n", "import random\nraise SystemExit('no data today')\n")
    people.propose("broken")
    runner = people.runner("broken")
    call(runner, "pr", "--json", CI="true")
    problems = {name: one["problem"] for name, one in drifts(runner).items()}
    assert problems["train: head against base"] == "the stage prepare did not finish"


# ---- what a pull request controls --------------------------------------------------------------

STRICT = RULES + "  gates: {drift: {action: fail}, data: {warn: [leakage]}}\n"


@pytest.mark.slow
def test_a_forged_profile_is_not_believed(people: Toy, call: Call) -> None:
    """The profile's stage copies main's profile, so that the new table looks like the old one."""
    people.configure(text=STRICT)
    stored = (people.author.path / "people.profile.json").read_bytes()
    (people.author.path / "forged.json").write_bytes(stored)
    people.edit("dvc.yaml", "cmd: python describe.py", "cmd: cp forged.json people.profile.json")
    people.edit("params.yaml", "shift: 0.0", "shift: 1.0")
    people.propose("forged")
    answer = call(people.runner("forged"), "pr", "--json", CI="true")
    assert answer.document["verdict"] == "refused"
    assert "train: head against base: income" in named(answer.document)


@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True])
def test_a_decoy_does_not_hide_the_table(people: Toy, call: Call, copied: bool) -> None:
    """The configuration names another table: one that moved, or main's own, which no stage reads."""
    people.configure(text=STRICT)
    text = (people.author.path / "people.csv").read_text()
    people.author.write("decoy.csv", text if copied else text.replace("north", "abroad"))
    people.author.write("mlops-ci.yaml", STRICT.replace("people.csv", "decoy.csv"))
    people.edit("params.yaml", "shift: 0.0", "shift: 1.0")
    people.propose("decoy")
    runner = people.runner("decoy")
    answer = call(runner, "pr", "--json", CI="true")
    train = drifts(runner)["train: head against base"]
    assert (train["problem"], train["reference"].partition(" ")[0]) == ("", "people.csv")
    told = {
        one["subject"]: (one["status"], one["required"])
        for one in answer.document["findings"]
        if one["gate"] == "data" and one["status"] != "PASS"
    }
    assert told["train moved"] == ("WARN", False)
    assert told["train read"] == ("SKIP", True)
    assert answer.document["verdict"] == "refused"
    assert ("train: head against base: town" in named(answer.document)) is not copied


@pytest.mark.slow
def test_a_comparison_that_is_lost_leaves_the_verdict_incomplete(people: Toy, call: Call) -> None:
    people.configure(text=STRICT.replace("people.csv", "renamed.csv"))
    people.author.write("mlops-ci.yaml", STRICT)
    people.edit("train.py", "chance = random.Random(1)", "chance = random.Random(2)")
    people.propose("lost")
    answer = call(people.runner("lost"), "pr", "--json", CI="true")
    (skipped,) = [one for one in answer.document["findings"] if one["gate"] == "drift" and one["required"]]
    assert (skipped["status"], skipped["subject"]) == ("SKIP", "train: head against base")
    assert [one for one in answer.document["findings"] if one["status"] == "FAIL"] == []
    assert answer.document["verdict"] == "incomplete"
