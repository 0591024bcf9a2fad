"""`mlops-ci promote` without a forge: as often as one likes, by as many as like, with main moving under it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.local import LocalForge
from mlops_ci.promoting import looking
from mlops_ci.promotion import marks, record
from tests.e2e.conftest import Call
from tests.repositories import Repo

from .conftest import CANARY, PRODUCTION, Play, Scenes

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


def started(clone: Path, *more: str) -> subprocess.Popen[str]:
    """`mlops-ci promote` as a process of its own."""
    command = [sys.executable, *(more or ("-m", "mlops_ci")), "promote"]
    return subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_several_at_once_open_one_pull_request_for_each_target(begun: Play) -> None:
    begun.configure(models="[toy, twin]")
    running = [started(begun.another(number)) for number in range(4)]
    said = [one.communicate() for one in running]
    assert [one.returncode for one in running] == [0] * 4, said
    assert sorted(begun.pulls()) == [("staging/toy", "open"), ("staging/twin", "open")]
    before = begun.everything()
    assert set(begun.states().values()) == {"unchanged", "waits"}
    assert begun.everything() == before


# Kills the process right before a step of its writing.
KILLED = """\
import os, signal, sys
from mlops_ci import cli
from mlops_ci.adapters import model_store
from mlops_ci.adapters.local import LocalForge

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place, name = {places}[sys.argv.pop(1)]
setattr(place, name, die)
sys.exit(cli.run(sys.argv[1:]))
"""
PLACES = """{
    "published": (model_store.ModelStore, "_complete"),
    "evidence": (model_store.ModelStore, "write_evidence"),
    "propose": (LocalForge, "propose"),
}"""


@pytest.mark.slow
def test_killed_before_any_write_and_run_again(better: Play, scenes: Scenes, call: Call) -> None:
    better.run("promote")
    wanted = better.everything()
    killed = scenes.play("better", call)
    script = killed.toy.folder / "killed.py"
    script.write_text(KILLED.replace("{places}", PLACES))
    for step in ("published", "evidence", "propose"):
        one = started(killed.fetched(), str(script), step)
        said = one.communicate()
        assert one.returncode == -signal.SIGKILL, (step, said)
        assert killed.everything() != wanted
    killed.run("promote")
    assert killed.everything() == wanted


def test_main_moves_while_it_runs(live: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    live.train("0.2")
    look = looking.view
    moves: Iterator[str] = iter(["once", "twice"])

    def moved(*args: Any, **more: Any) -> looking.View:
        found = look(*args, **more)
        if name := next(moves, None):
            live.commits(note=name)
        return found

    monkeypatch.setattr(looking, "view", moved)
    assert live.states() == {"staging/toy": "opened", "production/toy": "waits"}
    origin = live.toy.origin
    assert origin.git("rev-parse", f"{live.pull('staging').head}^") == origin.git("rev-parse", "main")
    assert origin.git("show", "main:note") == "twice"
    # It does not give up for ever.
    moves = map(str, count())
    failed = live.run("promote", code=3)
    assert "the branch main moved while this ran" in failed.err
    assert "run it again" in failed.err


def test_a_group_is_one_pull_request(begun: Play) -> None:
    begun.configure(staging="group: all", production="", models="[toy, twin]")
    assert begun.states() == {
        "staging/toy": "opened",
        "staging/twin": "opened",
        "production/toy": "waits",
        "production/twin": "waits",
    }
    [pull] = begun.open().values()
    assert (pull.head, pull.title) == (
        "mlops-ci/promote/staging/group-all",
        "Promote 2 models of all in staging",
    )
    # Asked for one of them, it keeps the other, and says so of both.
    before = begun.everything()
    assert begun.states("staging/toy")["staging/twin"] == "unchanged"
    assert begun.everything() == before
    shown = {one["model"]: one for one in begun.run("status", "--json").document["targets"][:2]}
    assert {name: (one["state"], one["pull_request"]) for name, one in shown.items()} == {
        "toy": ("proposed", 1),
        "twin": ("proposed", 1),
    }
    begun.forge.review(1, "bob")
    begun.merge("staging", "group-all")
    assert begun.states() == {
        "staging/toy": "waits",
        "staging/twin": "waits",
        "production/toy": "opened",
        "production/twin": "opened",
    }
    # One alone goes back by a pull request of its own; the record tells of the merge by the group's.
    begun.run("hold", "staging/twin", "--reason", "looks odd")
    held = begun.pull("staging", "twin")
    assert held.title == "Hold twin in staging"
    assert begun.run("status", "--json").document["targets"][1]["pull_request"] == held.number
    begun.merge("staging", "twin")
    merge = begun.record("staging", "twin").previous
    assert merge
    assert merge.merge
    assert (merge.merge.pull_request, merge.merge.merged_by) == (1, "ada")
    assert [one.user for one in merge.merge.approvals] == ["bob"]


def test_one_target_leaves_the_others_alone(begun: Play) -> None:
    begun.configure(models="[toy, twin]")
    assert begun.states("staging/twin") == {"staging/twin": "opened"}
    assert begun.pulls() == [("staging/twin", "open")]
    begun.train("0.2")
    assert begun.states("staging/toy")["staging/toy"] == "opened"
    twin = begun.pull("staging", "twin")
    begun.configure(models="[toy, twin]", more="promotion: {limit: 5}\n")
    begun.states("staging/toy")
    assert begun.pull("staging", "twin") == twin
    failed = begun.run("promote", "staging", code=2)
    assert "'staging' stands for 2 targets" in failed.err
    failed = begun.run("promote", "nowhere", code=2)
    assert "there is no target 'nowhere'; a target is ENVIRONMENT/MODEL" in failed.err
    assert "there are production/toy, production/twin, staging/toy, staging/twin" in failed.err


def test_a_person_says_no_or_goes_on(better: Play) -> None:
    assert better.states()["staging/toy"] == "opened"
    ada, branch = better.toy.author, "mlops-ci/promote/staging/toy"
    ada.git("fetch", "--quiet", "origin", branch)
    ada.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    sha = ada.commit("By hand", note="mine")
    ada.git("push", "--quiet", "origin", f"HEAD:{branch}")
    told = better.told()["staging/toy"]
    assert (told["state"], told["commit"]) == ("stopped", sha)
    assert better.pull("staging").labels[-1] == "mlops-ci/paused"
    [said] = better.forge.comments(3)
    assert "Ada" in said.body
    better.train("0.1")
    assert better.states()["staging/toy"] == "stopped"
    assert better.pull("staging").head_commit == sha
    assert len(better.forge.comments(3)) == 1
    # Closed it is a no to this release until somebody asks for it; a newer one is another question.
    better.forge.close(3)
    better.toy.origin.git("update-ref", "-d", f"refs/heads/{branch}")
    assert better.states()["staging/toy"] == "opened"
    better.forge.close(4)
    told = better.told()["staging/toy"]
    assert (told["state"], told["reason"].partition(";")[0]) == (
        "blocked",
        "a pull request for this was closed without merging (#4), so it is not proposed again",
    )
    assert better.states("staging/toy")["staging/toy"] == "opened"
    assert better.states()["staging/toy"] == "unchanged"


def test_the_template_is_the_teams_own(better: Play) -> None:
    better.commits(
        **{
            "_dot_mlops-ci__promotion_dot_md_dot_j2": '{% extends "mlops-ci/promotion.md.j2" %}'
            "{% block merge %}Ask the risk office.{% endblock %}"
        }
    )
    better.run("promote")
    assert "Ask the risk office." in better.pull("staging").body
    better.commits(**{"_dot_mlops-ci__promotion_dot_md_dot_j2": "{{ nothing.at.all }}"})
    failed = better.run("promote", code=2)
    assert "promotion.md.j2" in failed.err


def elsewhere(play: Play) -> Repo:
    """The repository of deployments, which no model is in."""
    first = Repo.init(play.toy.folder / "first")
    first.write("deploy/production/toy.yaml", PRODUCTION)
    first.commit("Manifests")
    return Repo.clone(first.path, play.toy.folder / "deployments.git", "--bare")


def test_manifests_in_another_repository(better: Play) -> None:
    there = elsewhere(better)
    better.configure(staging="merge: auto", production=f"repo: {there.path.as_uri()}\n{CANARY}")
    found = better.told()
    assert {name: one["state"] for name, one in found.items()} == {
        "staging/toy": "waits",
        # It was opened for the release before, and updated once staging had merged itself.
        "production/toy": "updated",
    }
    forge = LocalForge(there.path / "mlops-ci")
    [pull] = forge.promotions(marks.PREFIX)
    assert (pull.head, pull.state) == ("mlops-ci/promote/production/toy", "open")
    assert better.pulls() == [
        ("staging/toy", "merged"),
        ("production/toy", "merged"),
        ("staging/toy", "merged"),
    ]
    forge.merge(pull.number, by="ada")
    mine = record.read(there.git("show", "main:promotions/production/toy.yaml") + "\n", "")
    assert mine.release == better.record("staging").release
    assert mine.source.commit == mine.release.commit
    assert better.states() == {"staging/toy": "waits", "production/toy": "waits"}
    # A repository that is not there is one clear line, and nothing else is done.
    better.configure(production=f"repo: {there.path.as_uri()}-gone")
    failed = better.run("promote", code=3)
    assert "deployments.git-gone cannot be reached" in failed.err
