"""A repository with manifests, its origin, and the embedded forge in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.forge import Proposal
from mlops_ci.promoting.apply import Applied, Wanted, apply
from tests.repositories import Repo

MANIFEST = "deploy/{}/iris.yaml"
IRIS = Proposal(
    id="staging/iris/promote/ab12/None.None.1",
    branch="mlops-ci/promote/staging/iris",
    base="main",
    title="Promote iris v2 to staging",
    body="Merging this makes staging serve v2.",
    message="Promote iris v2 to staging\n\nMlops-Environment: staging\nMlops-Model: iris\n",
    files={
        MANIFEST.format("staging"): "image: iris:v2\n",
        "promotions/staging/iris.yaml": "number: 1\n",
        "promotions/log/staging/iris/0001-promote-ab12.yaml": "number: 1\n",
    },
    labels=("promotion", "env: staging"),
)


def of(environment: str, model: str = "iris", version: str = "v2") -> Proposal:
    """The proposal of another target or release."""

    def there(text: str) -> str:
        return text.replace("staging", environment).replace("iris", model).replace("v2", version)

    files = {there(path): there(str(text)) for path, text in IRIS.files.items()}
    names = ("id", "branch", "title", "body", "message")
    changed: dict[str, Any] = {name: there(getattr(IRIS, name)) for name in names}
    changed["id"] = changed["id"].replace("ab12", version)
    return replace(IRIS, files=files, labels=("promotion", f"env: {environment}"), **changed)


@dataclass
class Place:
    """A clone that promotes, one of Ada's, and where both push."""

    origin: Path
    ada: Repo
    clone: Repo
    forge: LocalForge

    @property
    def git(self) -> Git:
        return Git.open(self.clone.path)

    @property
    def base(self) -> str:
        return self.at("main")

    def at(self, branch: str) -> str:
        """Where a branch of the origin is; empty where it is not."""
        return self.ada.git("ls-remote", "origin", f"refs/heads/{branch}")[:40]

    def branches(self) -> list[str]:
        lines = self.ada.git("ls-remote", "--heads", "origin").splitlines()
        return [line.split("refs/heads/")[1] for line in lines]

    def run(self, *proposals: Proposal, dry_run: bool = False, **more: object) -> dict[str, Applied]:
        """Apply on the base as it is now; what became of each branch."""
        self.clone.git("fetch", "--quiet")
        wanted = Wanted(**{"branch": "main", "base": self.base, "proposals": proposals, **more})  # type: ignore[arg-type]
        done = apply(self.forge, self.git, wanted, dry_run=dry_run)
        return {one.branch: one for one in done}

    def happened(self, *proposals: Proposal, **more: object) -> dict[str, str]:
        return {branch: one.happened for branch, one in self.run(*proposals, **more).items()}  # type: ignore[arg-type]

    def text(self, branch: str, path: str) -> str:
        self.ada.git("fetch", "--quiet", "origin", branch)
        return self.ada.git("show", f"FETCH_HEAD:{path}")

    def checkout(self, branch: str) -> None:
        self.ada.git("fetch", "--quiet", "origin", branch)
        self.ada.git("checkout", "--quiet", "--detach", "FETCH_HEAD")

    def person(self, branch: str, **files: str) -> str:
        """Ada commits on a branch and pushes it."""
        self.checkout(branch)
        sha = self.ada.commit("By hand", **files)
        self.ada.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return sha


@pytest.fixture
def place(tmp_path: Path) -> Place:
    origin = tmp_path / "origin.git"
    first = Repo.init(tmp_path / "first")
    for environment in ("staging", "production"):
        first.write(MANIFEST.format(environment), "image: iris:v1\n")
    first.commit("Manifests", **{"deploy__staging__wine.yaml": "image: wine:v1\n"})
    Repo.clone(first.path, origin, "--bare")
    ada, clone = (Repo.clone(origin, tmp_path / name) for name in ("ada", "clone"))
    return Place(origin, ada, clone, LocalForge.beside(Git.open(clone.path)))
