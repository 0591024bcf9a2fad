"""acme/credit, built once a session, and a stand of its own for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import GATED
from tests.e2e.github.conftest import MakeStand, make_stand
from tests.repositories import Repo

from . import credit
from .credit import Base, Credit

__all__ = ["make_stand"]

Begin = Callable[..., Credit]


@pytest.fixture(scope="session")
def base(toy_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The toy project as a stranger's repository, with its requirements and a DVC remote in a folder."""
    folder = tmp_path_factory.mktemp("credit")
    shutil.copytree(toy_template, folder / "toy", symlinks=True)
    author = Repo(folder / "toy" / "author")
    author.git("remote", "remove", "origin")
    store = next(path for path in (folder / "toy" / "store", folder / "store") if path.exists())
    author.write(".dvc/config", f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n")
    author.write("requirements.txt", "# What the stages need.\npyyaml>=6\n")
    author.write("mlops-ci.yaml", GATED.format(lock="report"))
    author.commit("Say what the stages need and what may not happen")
    return Base(author.path, store, credit.product(folder / "product"))


@pytest.fixture
def begin(make_stand: MakeStand, base: Base) -> Begin:
    """Start a stand with acme/credit and mlops-ci/mlops-ci; settings are those of the stand."""

    def start(**settings: object) -> Credit:
        repositories = (credit.CREDIT, credit.PRODUCT)
        return Credit.begun(make_stand(repositories=repositories, tokens=credit.TOKENS, **settings), base)

    return start
