"""`mlops-ci pr` with nothing changed, against the DVC commands a user would write; `--help`; memory.

    python -m benchmarks.pull_request [--rounds 5]

Both sides run in the same repository in turn, round by round, as processes of their own. The exit
code is 1 where a bound is missed: half the peer's wall time, and 0.3 s for `--help`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PEER = (
    ("dvc", "repro"),
    ("dvc", "metrics", "diff", "main"),
    ("dvc", "params", "diff", "main"),
    ("dvc", "plots", "diff", "main"),
)
OURS = ("mlops-ci", "pr")
ROOT = Path(__file__).resolve().parents[1]
MOST_SHARE = 0.5
MOST_HELP = 0.3


@dataclass(frozen=True)
class Run:
    """One process: wall and CPU seconds, peak resident memory in MiB."""

    wall: float
    cpu: float
    memory: float


def run(command: tuple[str, ...], folder: Path) -> Run:
    """Run a command of this interpreter's environment and measure it alone, by wait4."""
    program = str(Path(sys.executable).parent / command[0])
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "CI": "",
        "GIT_AUTHOR_NAME": "b",
        "GIT_AUTHOR_EMAIL": "b@example.org",
        "GIT_COMMITTER_NAME": "b",
        "GIT_COMMITTER_EMAIL": "b@example.org",
    }
    begun = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        os.execve(shutil.which(program) or program, [program, *command[1:]], env)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begun
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise SystemExit(f"{' '.join(command)} ended with exit code {code}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def prepare(folder: Path) -> None:
    """The example project, trained and committed on main, with a branch on which nothing changed."""
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "__pycache__", "mlops_ci", "tests", "benchmarks", "docs", ".dvc", ".*_cache"
        ),
    )
    git = ("git", "-c", "commit.gpgsign=false")
    for command in (
        (*git, "init", "--quiet", "--initial-branch=main"),
        ("dvc", "init", "--quiet"),
        ("dvc", "repro", "--quiet"),
        (*git, "add", "--all"),
        (*git, "commit", "--quiet", "-m", "baseline"),
        (*git, "checkout", "--quiet", "-b", "topic"),
        (*git, "commit", "--quiet", "--allow-empty", "-m", "nothing changed"),
    ):
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder.parent}/mlflow.db"
        program = shutil.which(command[0]) or command[0]
        run((program, *command[1:]), folder)


def main() -> int:
    """Measure and print; the exit code says whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "census"
        prepare(folder)
        ours, peer = [], []
        for _ in range(rounds):
            peer.append([run(command, folder) for command in PEER])
            ours.append(run(OURS, folder))
        helps = [run(("mlops-ci", "--help"), folder) for _ in range(rounds)]
    peer_wall = statistics.median(sum(one.wall for one in four) for four in peer)
    ours_wall = statistics.median(one.wall for one in ours)
    help_wall = statistics.median(one.wall for one in helps)
    peer_cpu = statistics.median(sum(one.cpu for one in four) for four in peer)
    ours_cpu = statistics.median(one.cpu for one in ours)
    peer_memory = max(one.memory for four in peer for one in four)
    ours_memory = max(one.memory for one in ours)
    rows = (
        ("dvc repro; metrics, params, plots diff", peer_wall, peer_cpu, peer_memory),
        ("mlops-ci pr", ours_wall, ours_cpu, ours_memory),
    )
    print(f"nothing changed, median of {rounds} rounds   wall s   CPU s   peak MiB")
    for name, wall, cpu, memory in rows:
        print(f"  {name:<38} {wall:6.2f}  {cpu:6.2f}  {memory:9.0f}")
    print(f"  {'ratio':<38} {ours_wall / peer_wall:6.2f}  {ours_cpu / peer_cpu:6.2f}")
    print(f"  {'mlops-ci --help':<38} {help_wall:6.2f}")
    missed = []
    if ours_wall > MOST_SHARE * peer_wall:
        missed.append(f"`mlops-ci pr` takes more than {MOST_SHARE:.0%} of the commands' wall time")
    if help_wall > MOST_HELP:
        missed.append(f"`mlops-ci --help` takes more than {MOST_HELP} s")
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
