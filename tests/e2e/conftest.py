"""A small but real project: data, a model, predictions, metrics; an origin, an author, a runner."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mlops_ci import cli
from tests import shared
from tests.adapters.github_double import Double, running
from tests.repositories import Repo

FILES = {
    "params.yaml": """\
        rows: 400
        train:
          noise: 0.3
          seed: 1
        """,
    "dvc.yaml": """\
        stages:
          prepare:
            cmd: python prepare.py
            deps: [prepare.py]
            params: [rows]
            outs: [data.csv]
          train:
            cmd: python train.py
            deps: [train.py, data.csv]
            params: [train]
            outs: [model.json, predictions.csv]
            metrics:
              - metrics.json: {cache: false}
            plots:
              - loss.csv: {cache: false, y: loss}
          after:
            cmd: python -c "open('done.txt', 'w').write(open('model.json').read())"
            deps: [model.json]
            outs: [done.txt]
          alone:
            cmd: echo alone > alone.txt
            params: [rows]
            outs: [alone.txt]
        artifacts:
          toy: {path: model.json, type: model}
        """,
    "prepare.py": """\
        import random
        import re

        rows = int(re.search(r"rows: (\\d+)", open("params.yaml").read())[1])
        chance = random.Random(0)
        open("data.csv", "w").write("\\n".join(str(chance.random()) for _ in range(rows)))
        """,
    "train.py": """\
        import json
        import random
        import re

        text = open("params.yaml").read()
        noise = float(re.search(r"noise: (\\S+)", text)[1])
        chance = random.Random(int(re.search(r"seed: (\\d+)", text)[1]))
        rows, right = [], 0
        for index, x in enumerate(map(float, open("data.csv").read().split())):
            truth = int(x > 0.5)
            score = min(max(x + chance.gauss(0, noise), 0), 1)
            guess = int(score > 0.5)
            right += guess == truth
            rows.append(f"{index},{truth},{guess},{score},{'ab'[index % 2]}")
        open("predictions.csv", "w").write("id,y_true,y_pred,y_score,group\\n" + "\\n".join(rows))
        json.dump({"accuracy": right / len(rows), "n": len(rows)}, open("metrics.json", "w"))
        json.dump({"noise": noise}, open("model.json", "w"))
        open("loss.csv", "w").write("step,loss\\n0,3\\n1,2\\n2,1\\n")
        """,
}

GATED = """\
version: 1
lock: {lock}
defaults:
  gates:
    metrics:
      limits:
        accuracy: {{min: 0.5, max_drop: 0.01}}
"""


@dataclass(frozen=True)
class Answer:
    """What a call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as JSON."""
        assert self.out, f"nothing on standard output, exit code {self.code}: {self.err}"
        found: dict[str, Any] = json.loads(self.out)
        return found


Call = Callable[..., Answer]


@pytest.fixture
def double() -> Iterator[Double]:
    """GitHub's API as the adapters' tests have it."""
    with running() as started:
        yield started


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run mlops-ci in a folder, in this process: ``call(folder, "pr", "--json", CI="true")``."""

    def run(folder: Path, *args: str, **environ: str) -> Answer:
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            for name, value in environ.items():
                patch.setenv(name, value)
            capfd.readouterr()
            code = cli.run(list(args))
            out, err = capfd.readouterr()
        return Answer(code, out, err)

    return run


def write(root: Path, files: dict[str, str]) -> None:
    """Write dedented texts."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


@pytest.fixture(scope="session")
def toy_template(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path) -> Path:
    """Main with the trained toy model, pushed to a bare origin with its data in a DVC remote."""

    def make(folder: Path) -> None:
        author = Repo(folder / "author")
        shutil.copytree(dvc_template, author.path, symlinks=True)
        write(author.path, FILES)
        (author.path / ".dvc" / "config").write_text(
            "[core]\n    remote = s\n['remote \"s\"']\n    url = ../../store\n"
        )
        author.commit("the project")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(author.path)
            assert cli.run(["run"]) == 0
            author.commit("train")
            from mlops_ci.adapters.dvc import Dvc

            dvc = Dvc.open(author.path)
            dvc.push()
            dvc.close()
        author.git("clone", "--quiet", "--bare", ".", "../origin.git")
        author.git("remote", "add", "origin", "../origin.git")
        author.git("fetch", "--quiet", "origin")

    return shared.folder(tmp_path_factory, "toy", make)


@dataclass(frozen=True)
class Toy:
    """The author's clone, the bare origin and a way to make the runner's fresh clone."""

    folder: Path

    @property
    def author(self) -> Repo:
        return Repo(self.folder / "author")

    @property
    def origin(self) -> Repo:
        return Repo(self.folder / "origin.git")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.author.path / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))

    def configure(self, lock: str = "report", text: str = "") -> None:
        """Put a configuration on main."""
        self.author.git("checkout", "--quiet", "main")
        self.author.write("mlops-ci.yaml", text or GATED.format(lock=lock))
        self.author.commit("configure")
        self.author.git("push", "--quiet", "origin", "main")

    def propose(self, branch: str, message: str = "Try something") -> str:
        """Commit the work tree to a branch and push it."""
        self.author.git("checkout", "--quiet", "-b", branch)
        commit = self.author.commit(message)
        self.author.git("push", "--quiet", "origin", branch)
        return commit

    def runner(self, branch: str, *options: str) -> Path:
        """A clone without data, as CI has it, on a branch."""
        path = self.folder / f"runner-{branch}"
        Repo.clone(self.origin.path, path, "--branch", branch, *options)
        return path


@pytest.fixture
def toy(toy_template: Path, tmp_path: Path) -> Toy:
    """A copy of everything: origin, storage and the author's clone."""
    folder = tmp_path / "to y ü"
    shutil.copytree(toy_template, folder, symlinks=True)
    return Toy(folder)


def evidence(folder: Path) -> dict[str, Any]:
    """The evidence that the last run wrote."""
    found: dict[str, Any] = json.loads((folder / ".dvc/tmp/mlops-ci/evidence.json").read_text())
    return found


def comment(folder: Path) -> str:
    """The comment that the last run wrote."""
    return (folder / ".dvc/tmp/mlops-ci/comment.md").read_text()
