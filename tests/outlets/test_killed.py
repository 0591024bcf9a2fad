"""A run killed between any two writes and run again leaves what a run that was never killed leaves."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from mlops_ci import gates
from mlops_ci.report.conclusions import names
from tests import forked
from tests.adapters.github_double import REPOSITORY, TOKEN, Double
from tests.adapters.github_world import World
from tests.repositories import Repo

# A report without a pipeline: the checks begin, the comment is posted, the checks end.
SCRIPT = """\
import sys
from functools import partial
from pathlib import Path
from mlops_ci import gates, report
from mlops_ci.adapters import revisions
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.outlets import Outlets
from mlops_ci.report.conclusions import Conclusion, names

outlets, git = Outlets.of(Terminal()), Git.open(Path.cwd())
with outlets.running():
    text = report.marker(created="2026-12-01T00:00:00.000000Z") + "\\ntext\\n"
    outlets.post(text, git, revisions.find(git, outlets.environ))
    outlets.conclude([Conclusion(name, True, "Passed.", "- all") for name in names(gates.GATES)])
"""
CHECKS = names(gates.GATES)
WRITES = 2 * len(CHECKS) + 1
POINTS = [1, 2, 5, len(CHECKS), len(CHECKS) + 1, len(CHECKS) + 2, 13, 16, WRITES - 1, WRITES]


def run(double: Double, repo: Repo, attempt: str) -> forked.Process:
    event = repo.path.parent / "event.json"
    event.write_text(json.dumps({"ref": "refs/heads/topic"}))
    told = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": double.url + double.prefix,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_RUN_ID": "5",
        "GITHUB_RUN_ATTEMPT": attempt,
    }
    return forked.start_script(SCRIPT, cwd=repo.path, env={**os.environ, **told})


def killing(pid: int, point: int, count: int) -> None:
    """Kill the run after its write number ``point``, before it hears of the answer."""
    if count == point:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", ["1", "2"])
def test_killed_and_run_again(double: Double, world: World, tmp_path: Path, attempt: str) -> None:
    repo = Repo.init(tmp_path / "repository")
    repo.commit("one", a="1")
    repo.git("checkout", "--quiet", "-b", "topic")
    for point in POINTS[:: 1 if attempt == "2" else 4]:
        sha = repo.commit(f"killed after write {point}")
        world.pulls, world.comments, world.writes = [], [], 0
        world.opened(7, "topic", sha)
        started = run(double, repo, "1")
        world.seen = partial(killing, started.pid, point)
        started.communicate()
        assert (started.returncode, world.writes) == (-signal.SIGKILL, point)
        world.seen = lambda _count: None
        again = run(double, repo, attempt)
        again.communicate()
        assert again.returncode == 0
        assert len(world.bodies(7)) == 1
        assert world.standing(sha) == dict.fromkeys(CHECKS, "success")
        assert {one["status"] for one in world.checks if one["head_sha"] == sha} == {"completed"}
