"""Another repository, acme/credit, that calls the workflows of mlops-ci/mlops-ci on the stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.github import remote_actions
from tests.e2e.github.calls import Token
from tests.e2e.github.runner import Played
from tests.e2e.github.stand import PEOPLE, Stand
from tests.repositories import Repo

ROOT = Path(__file__).parents[3]
PRODUCT = "mlops-ci/mlops-ci"
CREDIT = "acme/credit"
BOT = "github-actions[bot]"
TOKENS = {**PEOPLE, "product-token": Token("mlops-ci")}
# The folders that an installation from the checkout does not read.
ASIDE = ("benchmarks", "data", "docs", "pipeline", "reports", "schemas", "tests")


@dataclass(frozen=True)
class Base:
    """What every test copies: the project with its trained model and DVC remote, and mlops-ci as it is now."""

    author: Path
    store: Path
    product: Repo


def product(folder: Path) -> Repo:
    """This checkout as one commit of a repository of its own."""
    repo = Repo.init(folder)
    remote_actions.export(ROOT, folder)
    for name in ASIDE:
        shutil.rmtree(folder / name, ignore_errors=True)
    repo.commit("Everything that is installed")
    return repo


def documented(document: str, heading: str) -> str:
    """The first YAML block under a heading of one of our documents."""
    return _under(document, heading, r"^```yaml\n(.*?)^```")


def commanded(document: str, heading: str) -> list[str]:
    """The lines of the first indented block under a heading, without what is said beside them."""
    block = _under(document, heading, r"^(    .*?)\n(?! {4})")
    return [re.sub(r"\s+# .*$", "", line).strip() for line in block.splitlines()]


def _under(document: str, heading: str, pattern: str) -> str:
    text = (ROOT / document).read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text)
    found = section and re.search(rf"(?ms){pattern}", section[1])
    assert found, f"{document} shows nothing of the kind under {heading}"
    return found[1]


def train(repo: Repo, noise: str, file: str = "params.yaml") -> None:
    """Commit another noise to train with."""
    params = repo.path / file
    params.write_text(re.sub(r"noise: \S+", f"noise: {noise}", params.read_text()))
    repo.commit(f"Train with noise {noise}")


@dataclass(frozen=True)
class Credit:
    """acme/credit on a stand: Ada's clone, and where mlops-ci stands."""

    stand: Stand
    ada: Repo
    commit: str

    @classmethod
    def begun(cls, stand: Stand, base: Base) -> Credit:
        """Both repositories with their first commits; nothing calls anything yet."""
        for token, repository, path in (
            ("product-token", PRODUCT, base.product.path),
            ("ada-token", CREDIT, base.author),
        ):
            shutil.copytree(path, stand.folder / f"{token}-{repository.replace('/', '-')}", symlinks=True)
            clone = stand.clone(token, repository)
            clone.git("remote", "add", "origin", f"{stand.gateway.address}/{repository}.git")
            stand.push(clone, "main", token)
        stand.runner.skip()
        ada = stand.clone("ada-token", CREDIT)
        return cls(stand, ada, base.product.git("rev-parse", "HEAD"))

    # ---- Git

    def call(self, **workflows: str) -> None:
        """Put workflows on main; COMMIT in them is that of mlops-ci."""
        self.ada.git("checkout", "--quiet", "main")
        for name, text in workflows.items():
            path = f".github/workflows/{name.replace('_', '-')}.yml"
            self.ada.write(path, re.sub(r"\bCOMMIT\b", self.commit, text))
        self.ada.commit("Call mlops-ci")
        self.stand.push(self.ada, "main")
        self.stand.runner.skip()

    def propose(self, branch: str, noise: str) -> dict[str, Any]:
        """A pull request that trains with another noise."""
        self.ada.git("checkout", "--quiet", "-B", branch, "main")
        self.push(branch, noise)
        return self.stand.open_pull(branch)

    def push(self, branch: str, noise: str) -> str:
        """A commit on a branch that trains with another noise; gives its SHA."""
        train(self.ada, noise)
        return self.stand.push(self.ada, branch)

    def init(self, *flags: str) -> str:
        """Let mlops-ci write its files into Ada's clone, as somebody does who has installed it from its repository."""
        place = self.stand.clone("product-token", PRODUCT).path
        done = subprocess.run(
            [sys.executable, "-m", "mlops_ci", "init", *flags],
            cwd=self.ada.path,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, *flags: str) -> None:
        """Put on main what `mlops-ci init` writes."""
        self.init(*flags)
        self.call()

    # ---- what came of it

    def played(self, workflow: str = "mlops-ci") -> Played:
        """The one run of a workflow that was started since the last time."""
        runs = self.stand.play()
        found = [run for run in runs if run.run.workflow.name == workflow]
        assert len(found) == 1, [run.run.workflow.name for run in runs]
        return found[0]

    def run_again(self) -> Played:
        """The one run that somebody has asked to be run again."""
        (found,) = self.stand.runner.play_again()
        return found

    def checks(self, sha: str) -> dict[str, str]:
        """The checks of a commit by name; the newest of a name counts, as on GitHub. A skipped job is none."""
        found = self.stand.must("GET", f"commits/{sha}/check-runs?per_page=100")["check_runs"]
        return {
            one["name"]: one["conclusion"] or one["status"]
            for one in sorted(found, key=lambda one: one["id"])
            if one["conclusion"] != "skipped"
        }

    def bodies(self, number: int) -> list[str]:
        """What the workflow's own bot says on a pull request."""
        return [one["body"] for one in self.stand.comments(number) if one["user"]["login"] == BOT]

    def evidence(self) -> dict[str, Any]:
        """The evidence in the newest artifact."""
        found: dict[str, Any] = json.loads(self.stand.artifact("mlops-ci")["evidence.json"])
        return found
