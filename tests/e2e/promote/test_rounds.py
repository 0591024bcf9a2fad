"""`mlops-ci promote` without a forge: as often as one likes, by as many as like, with main moving under it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_ci.promoting import looking
from tests.repositories import Repo

from .conftest import Play

OPENED = {"staging/toy": "opened", "production/toy": "waits"}
UNCHANGED = {"staging/toy": "unchanged", "production/toy": "waits"}


def test_run_twice_writes_nothing_the_second_time(begun: Play) -> None:
    dry = begun.everything()
    said = begun.run("promote", "--dry-run")
    assert begun.everything() == dry
    assert "would open: Promote toy" in said.out
    assert '+              value: "file://' in said.err or "+              value: " in said.err
    assert begun.states() == OPENED
    first = begun.everything()
    assert begun.states() == UNCHANGED
    assert begun.everything() == first
    # Where the branch is gone and the pull request is not, the commit is the same again.
    head = begun.pull("staging").head_commit
    begun.toy.origin.git("update-ref", "-d", "refs/heads/mlops-ci/promote/staging/toy")
    begun.run("promote")
    assert begun.pull("staging").head_commit == head
    assert begun.everything() == first
