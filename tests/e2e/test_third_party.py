"""A third party's pipeline, of the shape of DVC's get-started example, without any configuration."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from mlops_ci.adapters import process
from tests.e2e.conftest import Call, comment, evidence, write
from tests.repositories import Repo

# prepare -> featurize -> train -> evaluate, directories as outputs, the metrics file inside one of them,
# top-level metrics and plots over several files and splits, an image among the plots, artifacts.
FILES = {
    "dvc.yaml": """\
        artifacts:
          posts:
            path: data/posts.tsv
            type: dataset
            desc: Raw questions
          text-classification:
            path: model.json
            desc: Is this question about R?
            type: model
            labels: [nlp, classification]
        stages:
          prepare:
            cmd: python src/prepare.py data/posts.tsv
            deps: [data/posts.tsv, src/prepare.py]
            params: [prepare.seed, prepare.split]
            outs: [data/prepared]
          featurize:
            cmd: python src/featurize.py data/prepared data/features
            deps: [data/prepared, src/featurize.py]
            params: [featurize.max_features]
            outs: [data/features]
          train:
            cmd: python src/train.py data/features model.json
            deps: [data/features, src/train.py]
            params: [train.smoothing]
            outs: [model.json]
          evaluate:
            cmd: python src/evaluate.py model.json data/features
            deps: [data/features, model.json, src/evaluate.py]
            outs: [eval]
        metrics:
          - eval/metrics.json
        plots:
          - ROC:
              template: simple
              x: fpr
              y:
                eval/plots/roc/train.json: tpr
                eval/plots/roc/test.json: tpr
          - Confusion-Matrix:
              template: confusion
              x: actual
              y:
                eval/plots/cm/test.json: predicted
          - eval/importance.png
        """,
    "params.yaml": """\
        prepare:
          split: 0.20
          seed: 20170428
        featurize:
          max_features: 30
        train:
          smoothing: 1.0
        """,
    "src/prepare.py": """\
        import os, random, sys
        import yaml

        wanted = yaml.safe_load(open("params.yaml"))["prepare"]
        rows = open(sys.argv[1]).read().splitlines()
        random.Random(wanted["seed"]).shuffle(rows)
        cut = int(len(rows) * wanted["split"])
        os.makedirs("data/prepared", exist_ok=True)
        open("data/prepared/test.tsv", "w").write("\\n".join(rows[:cut]))
        open("data/prepared/train.tsv", "w").write("\\n".join(rows[cut:]))
        """,
    "src/featurize.py": """\
        import json, os, sys
        from collections import Counter
        import yaml

        most = yaml.safe_load(open("params.yaml"))["featurize"]["max_features"]
        source, target = sys.argv[1:]
        os.makedirs(target, exist_ok=True)
        words = Counter(word for line in open(f"{source}/train.tsv") for word in line.split("\\t")[1].split())
        names = [word for word, _ in sorted(words.items(), key=lambda w: (-w[1], w[0]))[:most]]
        for split in ("train", "test"):
            lines = [line.rstrip("\\n").split("\\t") for line in open(f"{source}/{split}.tsv")]
            rows = [[int(label), [int(n in text.split()) for n in names]] for label, text in lines]
            json.dump(rows, open(f"{target}/{split}.json", "w"))
        """,
    "src/train.py": """\
        import json, math, sys
        import yaml

        alpha = yaml.safe_load(open("params.yaml"))["train"]["smoothing"]
        rows = json.load(open(f"{sys.argv[1]}/train.json"))
        weights = []
        for column in range(len(rows[0][1])):
            share = {
                label: (sum(x[column] for y, x in rows if y == label) + alpha)
                / (sum(y == label for y, _ in rows) + 2 * alpha)
                for label in (0, 1)
            }
            weights.append(math.log(share[1] / share[0]))
        json.dump(weights, open(sys.argv[2], "w"))
        """,
    "src/evaluate.py": """\
        import json, os, sys

        weights = json.load(open(sys.argv[1]))
        metrics = {"avg_prec": {}, "roc_auc": {}}
        for folder in ("roc", "cm"):
            os.makedirs(f"eval/plots/{folder}", exist_ok=True)
        for split in ("train", "test"):
            rows = json.load(open(f"{sys.argv[2]}/{split}.json"))
            scored = sorted(((sum(map(lambda w, v: w * v, weights, x)), y) for y, x in rows), reverse=True)
            yes = sum(y for _, y in scored)
            hits, area, precision, points = 0, 0, 0, []
            for rank, (score, y) in enumerate(scored, 1):
                hits += y
                precision += y * hits / rank
                area += (1 - y) * hits
                points.append({"fpr": (rank - hits) / (len(rows) - yes), "tpr": hits / yes})
            metrics["avg_prec"][split] = precision / yes
            metrics["roc_auc"][split] = area / yes / (len(rows) - yes)
            json.dump({"roc": points}, open(f"eval/plots/roc/{split}.json", "w"))
            cells = [{"actual": str(y), "predicted": str(int(s > 0))} for s, y in scored]
            json.dump(cells, open(f"eval/plots/cm/{split}.json", "w"))
        json.dump(metrics, open("eval/metrics.json", "w"))
        open("eval/importance.png", "wb").write(b"\\x89PNG\\r\\n")
        """,
}


def posts() -> str:
    """Questions of common words; those about R have some words more often."""
    chance = random.Random(1)
    common = [f"word{number}" for number in range(40)]
    lines = []
    for _ in range(600):
        about_r = chance.random() < 0.4
        words = chance.sample(common, 8) + (chance.sample(common[:10], 3) if about_r else [])
        lines.append(f"{int(about_r)}\t{' '.join(words)}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path) -> Path:
    """The project on main, reproduced with DVC alone and pushed; mlops-ci has never seen it."""
    folder = tmp_path_factory.mktemp("started")
    root = folder / "example"
    shutil.copytree(dvc_template, root, symlinks=True)
    write(root, FILES)
    (root / "data").mkdir()
    (root / "data" / "posts.tsv").write_text(posts())
    for args in (
        ["add", "data/posts.tsv", "--quiet"],
        ["remote", "add", "--default", "storage", str(folder / "storage"), "--quiet"],
        ["repro", "--quiet"],
        ["push", "--quiet"],
    ):
        process.run(["dvc", *args], cwd=root)
    repo = Repo(root)
    repo.commit("get started")
    repo.git("clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    return folder


def runner(started: Path, tmp_path: Path, old: str, new: str) -> Path:
    """A fresh clone on a branch with one edit of params.yaml."""
    clone = Repo.clone(started / "origin.git", tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "try")
    text = (clone.path / "params.yaml").read_text()
    assert text.count(old) == 1
    clone.commit("Try it", params_dot_yaml=text.replace(old, new))
    return clone.path


def test_a_worse_metric_warns_with_its_cause_and_blocks_nothing(
    started: Path, tmp_path: Path, call: Call
) -> None:
    root = runner(started, tmp_path, "max_features: 30", "max_features: 3")
    answer = call(root, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (0, "warned"), answer.err
    found = evidence(root)
    stages = {stage["name"]: stage["status"] for stage in found["stages"]}
    assert stages == {"prepare": "cached", "featurize": "ran", "train": "ran", "evaluate": "ran"}
    (model,) = found["models"]
    assert (model["name"], model["stage"]) == ("text-classification", "train")
    metrics = {metric["name"]: metric for metric in model["metrics"]}
    assert sorted(metrics) == ["avg_prec.test", "avg_prec.train", "roc_auc.test", "roc_auc.train"]
    assert {metric["direction"] for metric in metrics.values()} == {"higher"}
    assert metrics["roc_auc.test"]["head"] < metrics["roc_auc.test"]["base"]
    assert {(plot["kind"], plot["id"]) for plot in model["plots"]} >= {("confusion", "Confusion-Matrix")}
    text = comment(root)
    assert text.split("\n")[1].startswith("⚠️ **Passed with warnings**: `text-classification`")
    assert "`params.yaml:5` `featurize.max_features` `30` → `3`" in text
    assert "judged by the defaults" in text
    # Only what featurize reads was fetched: not the raw questions.
    assert not (root / "data" / "posts.tsv").exists()


def test_nothing_changed_needs_no_data(started: Path, tmp_path: Path, call: Call) -> None:
    root = runner(started, tmp_path, "split: 0.20", "split: 0.2")
    answer = call(root, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (0, "passed"), answer.err
    assert {stage["status"] for stage in evidence(root)["stages"]} == {"cached"}
    assert not (root / "data" / "prepared").exists()
