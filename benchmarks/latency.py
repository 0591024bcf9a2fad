"""Is the latency gate right on a noisy machine: how often it refuses equal models and finds a slow one.

    python -m benchmarks.latency [--trials 40] [--hogs 1] [--seconds 3] [--slower 1.3]

Each trial starts fresh processes, as a pull request does: a model, the same model again, and one that
does 1.3 times the work. Equal models and the slow one are raced as the gate's measuring does it, by its
own defaults but for ``--seconds``. ``--hogs`` processes burn a processor each in bursts meanwhile: the
noisy neighbours. The exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks._shares import exact, told
from mlops_ci.adapters.serving import Place
from mlops_ci.collect.places import Candidate, serving
from mlops_ci.collect.racing import Runner, race
from mlops_ci.evidence import (
    Base,
    BatchLatency,
    Environment,
    Evidence,
    Latency,
    Lock,
    ModelEvidence,
    Repository,
    Status,
)
from mlops_ci.gates import latency as gate

MOST_REFUSED, LEAST_FOUND = 0.05, 0.95
COLUMNS = [f"x{at}" for at in range(20)]
LAYERS = 100
HOG = """\
import random, time
chance = random.Random()
while True:
    end = time.perf_counter() + chance.expovariate(1 / 0.2)
    while time.perf_counter() < end:
        sum(range(2000))
    time.sleep(chance.expovariate(1 / 0.1))
"""
CODE = """\
import numpy as np


class Model:
    def __init__(self, layers):
        self.layers = layers
        self.weights = np.random.default_rng(0).normal(size=(20, 20)) / 4

    def predict(self, rows):
        values = rows.to_numpy()
        for _ in range(self.layers):
            values = np.tanh(values @ self.weights)
        return values[:, 0]
"""
MAKE = """\
import pickle, sys
from layered import Model
pickle.dump(Model(int(sys.argv[1])), open(sys.argv[2], "wb"))
"""


@dataclass(frozen=True)
class Trial:
    """What the races of one trial gave: equal models, and the slow one against the first."""

    equal: tuple[BatchLatency, ...]
    slow: tuple[BatchLatency, ...]


def models(folder: Path, slower: float) -> tuple[Path, Path]:
    """Two pickles that need ``layered.py``: a model and one with ``slower`` times its layers."""
    (folder / "layered.py").write_text(CODE)
    made = []
    for name, layers in (("one.pkl", LAYERS), ("slow.pkl", round(LAYERS * slower))):
        subprocess.run([sys.executable, "-c", MAKE, str(layers), name], cwd=folder, check=True)
        assert (folder / name).read_bytes()[:1] == b"\x80"
        made.append(folder / name)
    return made[0], made[1]


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Processes that burn a processor each in bursts."""
    running = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def trial(paths: tuple[Path, Path], rows: pd.DataFrame, seconds: float) -> Trial:
    """Fresh processes, raced as a pull request's are."""
    one, slow = paths
    options = gate.Options()
    with ExitStack() as processes:

        def runner(path: Path) -> Runner:
            place = Place(path, path.parent, (), path.with_suffix(".log"))
            served = processes.enter_context(serving(place, 60.0))
            return Runner(Candidate(place, served, served.load()), rows)

        first, again, slower = runner(one), runner(one), runner(slow)
        equal = race({"head": again, "base": first}, options.batch_sizes, 2 * seconds)
        return Trial(
            tuple(equal), tuple(race({"head": slower, "base": first}, options.batch_sizes, 2 * seconds))
        )


def refused(batches: Sequence[BatchLatency], options: gate.Options) -> bool:
    """Whether the gate refuses, by any batch size."""
    evidence = Evidence(
        created="",
        tool="benchmark",
        repository=Repository(name="", commit=""),
        base=Base(),
        lock=Lock(mode="report", digest=""),
        models=(ModelEvidence(name="m", path="m", latency=Latency(batches=tuple(batches))),),
        environment=Environment(python="", platform="", cpu_count=1),
    )
    return any(one.status is Status.FAIL for one in gate.check(evidence, options))


def spread(batches: Sequence[BatchLatency]) -> str:
    """Median, extremes and interval widths of the ratios of many races of one batch size."""
    ratios = [one.ratio or 0.0 for one in batches]
    widths = [one.interval.high / one.interval.low - 1 for one in batches if one.interval]
    ends = f"{min(ratios):.3f} to {max(ratios):.3f}"
    return (
        f"median {median(ratios):.3f}, {ends}; interval width {median(widths):.1%}, at most {max(widths):.1%}"
    )


def report(trials: Sequence[Trial]) -> bool:
    """Print both shares for several limits; whether the default limit keeps both bounds."""
    for name, races in (("equal", [one.equal for one in trials]), ("slow", [one.slow for one in trials])):
        for at, size in enumerate(gate.Options().batch_sizes):
            print(f"{name:6} batch {size:4}: {spread([race[at] for race in races])}")
    kept = True
    for limit in (1.05, 1.1, 1.15, 1.2):
        options = gate.Options(max_ratio=limit)
        wrong = sum(refused(one.equal, options) for one in trials)
        right = sum(refused(one.slow, options) for one in trials)
        usual = limit == gate.Options().max_ratio
        print(
            f"max_ratio {limit}{' (default)' if usual else '':10} equal models refused "
            f"{told(wrong, len(trials))}, slow model found {told(right, len(trials))}"
        )
        if usual:
            kept = exact(wrong, len(trials))[0] <= MOST_REFUSED and right / len(trials) >= LEAST_FOUND
    return kept


def main() -> int:
    """Run the trials and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--hogs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="timing of each model, both batch sizes")
    parser.add_argument("--slower", type=float, default=1.3)
    asked = parser.parse_args()
    rows = pd.DataFrame(np.random.default_rng(1).normal(size=(1000, 20)), columns=COLUMNS)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, hogs(asked.hogs):
        paths = models(Path(scratch), asked.slower)
        trials = [trial(paths, rows, asked.seconds) for _ in range(asked.trials)]
    print(
        f"{asked.trials} trials, {asked.hogs} noisy neighbour(s), {asked.seconds:g} s a model at most, "
        f"{(time.monotonic() - begun) / asked.trials:.1f} s a trial"
    )
    kept = report(trials)
    print("kept" if kept else "MISSED")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
