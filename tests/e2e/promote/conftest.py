"""The toy project with two environments: as it begins, and as it is when its first release is everywhere.

What the tests begin with is made once and copied back to the very same place, for manifests and clones hold
addresses.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import cli
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.forge import PullRequest
from mlops_ci.promotion import marks, record
from mlops_ci.promotion.record import Record
from tests.e2e.conftest import Answer, Call, Toy
from tests.repositories import Repo

STAGING = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: toy}
spec:
  template:
    spec:
      containers:
        - name: server
          image: server:1.2.3
          env:
            - name: MODEL_URI
              value: "" # nothing yet
"""
PRODUCTION = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: toy
  annotations: {serving.kserve.io/deploymentMode: Standard}
spec:
  predictor:
    name: stable
    model:
      modelFormat: {name: sklearn}
      storageUri: "" # nothing yet
"""
# Two models out of one pipeline; most tests let only the first go anywhere.
RULES = """\
version: 1
lock: report
environments:
  staging:
    models: MODELS
    STAGING
  production:
    models: MODELS
    after: staging
    PRODUCTION
"""
CANARY = "strategy: {canary: {steps: [10, 50]}}"
TOY = "  toy: {path: model.json, type: model}"
TWIN = "  twin: {path: done.txt, type: model}"
LONG_AGO = "2020-01-01T12:00:00+00:00"


def rules(staging: str = "", production: str = CANARY, more: str = "", models: str = "[toy]") -> str:
    """A configuration; what is said of an environment may be several lines."""
    text = RULES.replace("MODELS", models).replace("STAGING", staging.replace("\n", "\n    "))
    return text.replace("PRODUCTION", production.replace("\n", "\n    ")) + more


@contextmanager
def dated(moment: str) -> Iterator[None]:
    """Commits of the block were made at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_DATE", moment)
        yield


@dataclass(frozen=True)
class Play:
    """The toy project with two environments, and what people do to it."""

    toy: Toy
    call: Call
    runner: Path

    @property
    def forge(self) -> LocalForge:
        return LocalForge.beside(Git.open(self.toy.author.path))

    # ---- the job

    def another(self, number: int) -> Path:
        """The clone of one more job."""
        return Repo.clone(self.toy.origin.path, self.toy.folder / f"runner-{number}").path

    def fetched(self) -> Path:
        """CI's clone, brought up to main."""
        clone = Git(self.runner)
        clone.run("fetch", "--quiet", "origin")
        clone.run("checkout", "--quiet", "--force", "-B", "main", "origin/main")
        return clone.root

    def run(self, *args: str, code: int = 0, **environ: str) -> Answer:
        """A verb in CI's clone, brought up to main first."""
        answer = self.call(self.fetched(), *args, **environ)
        assert answer.code == code, answer.err + answer.out
        return answer

    def told(self, *args: str) -> dict[str, dict[str, Any]]:
        """Target -> all that promote says of it in the end."""
        found = self.run("promote", "--json", *args).document["targets"]
        return {f"{one['environment']}/{one['model']}": one for one in found}

    def states(self, *args: str) -> dict[str, str]:
        """Target -> what promote did there."""
        return {target: one["state"] for target, one in self.told(*args).items()}

    # ---- people

    def pulls(self) -> list[tuple[str, str]]:
        """Every pull request of a promotion, newest first: the branch without its begin, and its state."""
        found = self.forge.promotions(marks.PREFIX)
        return [(one.head.removeprefix(marks.PREFIX), one.state) for one in found]

    def open(self) -> dict[str, PullRequest]:
        return {one.head: one for one in self.forge.promotions(marks.PREFIX) if one.state == "open"}

    def pull(self, environment: str, name: str = "toy") -> PullRequest:
        """The open pull request of a target."""
        return self.open()[f"mlops-ci/promote/{environment}/{name}"]

    def merge(self, environment: str, name: str = "toy", at: str = "") -> None:
        """A person merges the pull request of an environment; ``at`` a time."""
        number = self.pull(environment, name).number
        if not at:
            self.forge.merge(number, by="ada")
            return
        with dated(at):
            self.forge.merge(number, by="ada")

    def commits(self, **files: str) -> None:
        """Ada commits files to main; see `Repo.commit`."""
        author = self.toy.author
        author.git("checkout", "--quiet", "main")
        author.git("pull", "--quiet", "origin", "main")
        author.commit("By hand", **files)
        author.git("push", "--quiet", "origin", "main")

    def configure(
        self, staging: str = "", production: str = CANARY, more: str = "", models: str = "[toy]"
    ) -> None:
        """Other rules on main."""
        self.commits(**{"mlops-ci_dot_yaml": rules(staging, production, more, models)})

    def train(self, noise: str, *, run: bool = True) -> None:
        """Another model on main, measured, with data and evidence pushed."""
        author = self.toy.author
        author.git("checkout", "--quiet", "main")
        author.git("pull", "--quiet", "origin", "main")
        path = author.path / "params.yaml"
        path.write_text(re.sub(r"noise: \S+", f"noise: {noise}", path.read_text()))
        author.commit("Train with another noise (#7)")
        if run:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(author.path)
                assert cli.run(["run"]) == 0
            author.commit("Lock what was trained")
        pushed(author)

    # ---- what there is

    def record(self, environment: str, name: str = "toy") -> Record:
        path = record.current_path(environment, name)
        return record.read(self.toy.origin.git("show", f"main:{path}") + "\n", path)

    def manifest(self, environment: str, name: str = "toy") -> str:
        return self.toy.origin.git("show", f"main:deploy/{environment}/{name}.yaml")

    def everything(self) -> dict[str, str]:
        """What a run may write to: the refs, the forge, the stores; by name, as digests."""
        refs = self.toy.origin.git("for-each-ref", "--format=%(refname) %(objectname)")
        found = dict(line.split(" ") for line in refs.splitlines())
        folders = (self.toy.origin.path / "mlops-ci", self.toy.folder / "store")
        for path in sorted(one for folder in folders for one in folder.rglob("*") if one.is_file()):
            if path.suffix != ".lock":
                found[str(path)] = sha256(path.read_bytes()).hexdigest()
        return found


def pushed(author: Repo) -> None:
    """Main with its data and evidence, in origin and the DVC remote."""
    dvc = Dvc.open(author.path)
    dvc.push()
    dvc.close()
    author.git("push", "--quiet", "origin", "main")


@dataclass(frozen=True)
class Scenes:
    """Worlds to begin in, by name; all lie at the one place when they are played."""

    place: Path
    kept: Path

    def keep(self, name: str) -> None:
        shutil.copytree(self.place, self.kept / name, symlinks=True)

    def play(self, name: str, call: Call) -> Play:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.kept / name, self.place, symlinks=True)
        return Play(Toy(self.place), call, self.place / "runner-main")


def _call(folder: Path, *args: str, **_: str) -> Answer:
    """A verb while scenes are made: nothing of what it prints is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return Answer(cli.run(list(args)), "", "")


@pytest.fixture(scope="session")
def scenes(toy_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    base = tmp_path_factory.mktemp("promote")
    scenes = Scenes(base / "to y ü", base / "kept")
    shutil.copytree(toy_template, scenes.place, symlinks=True)
    toy = Toy(scenes.place)
    toy.edit("dvc.yaml", TOY, f"{TOY}\n{TWIN}")
    for model in ("toy", "twin"):
        toy.author.write(f"deploy/staging/{model}.yaml", STAGING.replace("toy", model))
        toy.author.write(f"deploy/production/{model}.yaml", PRODUCTION.replace("toy", model))
    toy.configure(text=rules())
    play = Play(toy, _call, toy.runner("main"))
    play.train("0.3")
    scenes.keep("begun")
    for environment in ("staging", "production"):
        play.run("promote")
        play.merge(environment, at=LONG_AGO)
    play.run("promote")
    scenes.keep("live")
    play.train("0.2")
    scenes.keep("better")
    return scenes


@pytest.fixture
def begun(scenes: Scenes, call: Call) -> Play:
    """Nothing is live yet."""
    return scenes.play("begun", call)


@pytest.fixture
def live(scenes: Scenes, call: Call) -> Play:
    """The first release is live in both environments since long ago."""
    return scenes.play("live", call)


@pytest.fixture
def better(scenes: Scenes, call: Call) -> Play:
    """And main has a better one, which nobody has proposed yet."""
    return scenes.play("better", call)
