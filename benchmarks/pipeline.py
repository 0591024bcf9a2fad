"""A pipeline run by us and by `dvc repro`, one after the other on the same machine: how long, how many bytes.

    python -m benchmarks.pipeline [run] [trivial] [noop] [plan] [pull] [--stages 300] [--jobs 8]

Both are whole processes, as a person starts them, each in its own copy of the same repository; afterwards
both dvc.lock must have the same bytes.

run      prep -> 8 x 2 s -> final, and 64 stages of 0.2 s, with --jobs and with as many jobs as there are CPUs
trivial  300 stages that do next to nothing: DVC takes many minutes for them
noop     300 stages of which none has to run, the median of five
plan     what a plan needs beyond DVC's own index, for 1,000, 2,000 and 10,000 stages (CPU seconds)
pull     the bytes that come out of the remote for one change in a clone without data

Each line has the bound that is kept or MISSED; the exit code is 1 where one is missed. All of it takes about
20 minutes, most of them DVC's.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import _pipeline_plan, _pipeline_pull, _pipeline_shapes

DVC = (sys.executable, "-m", "dvc", "repro")
OURS = (sys.executable, "-m", "mlops_ci", "repro")
MOST_SECONDS = 5.5  # for the fan of 8 x 2 s
RUN, WIDE, TRIVIAL, NOOP = 0.3, 0.35, 0.5, 0.5  # of DVC's time
BEYOND = {1_000: 3.0, 10_000: 30.0}  # CPU seconds of a plan beyond DVC's index
REPEATS = 5


# Our options, and the bounds: of the ratio, and of the seconds where there is one.
Variant = tuple[Sequence[str], float, float | None]


@dataclass(frozen=True)
class Took:
    """Wall and CPU seconds of a process and all that it started."""

    wall: float
    cpu: float

    def text(self) -> str:
        """Both, in one width."""
        return f"{self.wall:7.2f} s (CPU {self.cpu:6.2f} s)"


@dataclass(frozen=True)
class Compared:
    """One shape, run by both."""

    name: str
    dvc: Took
    ours: Took
    most: float
    most_seconds: float | None = None

    @property
    def ratio(self) -> float:
        """Our share of DVC's time."""
        return self.ours.wall / self.dvc.wall

    @property
    def kept(self) -> bool:
        """Whether every bound is."""
        return self.ratio <= self.most and self.ours.wall <= (self.most_seconds or self.ours.wall)

    def text(self) -> str:
        """One line."""
        bound = f" and {self.most_seconds:g} s" if self.most_seconds else ""
        return (
            f"{self.name:34} dvc {self.dvc.text()}   ours {self.ours.text()}   "
            f"x{self.ratio:.2f}, at most x{self.most:g}{bound}: {'kept' if self.kept else 'MISSED'}"
        )


def timed(folder: Path, args: Sequence[str]) -> Took:
    """Run a tool to its end in a folder."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _pipeline_shapes.tool(folder, *args)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compared(
    folder: Path,
    name: str,
    stages: _pipeline_shapes.Stages,
    variants: Mapping[str, Variant],
) -> Iterator[Compared]:
    """Run the stages once by DVC, and once by us for each variant: our options, and the bounds."""
    theirs = _pipeline_shapes.build(folder / name, stages)
    copies = {variant: _pipeline_shapes.twin(theirs, str(at)) for at, variant in enumerate(variants)}
    print(f"{name}: {len(stages)} stages, `dvc repro` begins", flush=True)
    dvc = timed(theirs, DVC)
    for variant, (options, most, most_seconds) in variants.items():
        ours = timed(copies[variant], (*OURS, *options))
        _same(theirs, copies[variant])
        yield Compared(f"{name}, {variant}", dvc, ours, most, most_seconds)


def _same(theirs: Path, ours: Path) -> None:
    """What is fast because it did something else is no measurement."""
    if (theirs / "dvc.lock").read_bytes() != (ours / "dvc.lock").read_bytes():
        raise SystemExit(f"{ours}/dvc.lock has other bytes than DVC's: nothing of this counts")


def run(folder: Path, given: argparse.Namespace) -> Iterator[bool]:
    """Stages that take time: a fan, and many short ones."""
    jobs = ("--jobs", str(given.jobs))
    cpus = f"{len(os.sched_getaffinity(0))} CPUs"
    shapes: dict[str, tuple[_pipeline_shapes.Stages, Mapping[str, Variant]]] = {
        "fan": (_pipeline_shapes.fan(8, 2.0), {f"--jobs {given.jobs}": (jobs, RUN, MOST_SECONDS)}),
        # What sleeps is not bound by the CPUs: with as many jobs as there are of them there is no such bound.
        "wide": (
            _pipeline_shapes.alone(64, 0.2),
            {f"--jobs {given.jobs}": (jobs, WIDE, None), f"default, {cpus}": ((), 1.0, None)},
        ),
    }
    for name, (stages, variants) in shapes.items():
        for found in compared(folder, name, stages, variants):
            print(found.text(), flush=True)
            yield found.kept


def trivial(folder: Path, given: argparse.Namespace) -> Iterator[bool]:
    """Stages of which only DVC's own work for each is to be seen."""
    variants = {
        "default": ((), TRIVIAL, None),
        f"--jobs {given.jobs}": (("--jobs", str(given.jobs)), TRIVIAL, None),
    }
    for found in compared(folder, f"trivial-{given.stages}", _pipeline_shapes.alone(given.stages), variants):
        print(found.text(), flush=True)
        yield found.kept


def noop(folder: Path, given: argparse.Namespace) -> Iterator[bool]:
    """Nothing has to run; the first look of each, which hashes every file, is not counted."""
    ours = _pipeline_shapes.build(folder / "noop", _pipeline_shapes.alone(given.stages))
    timed(ours, OURS)
    theirs = _pipeline_shapes.twin(ours, "dvc")
    for place, command in ((theirs, DVC), (ours, OURS)):
        timed(place, command)
    pairs = [(timed(theirs, DVC), timed(ours, OURS)) for _ in range(REPEATS)]
    _same(theirs, ours)
    dvc, we = (
        Took(median(one.wall for one in side), median(one.cpu for one in side))
        for side in zip(*pairs, strict=True)
    )
    found = Compared(f"noop-{given.stages}", dvc, we, NOOP)
    print(found.text(), flush=True)
    yield found.kept


def plan(_folder: Path, _given: argparse.Namespace) -> Iterator[bool]:
    """What a plan needs beyond DVC's index, and how that grows."""
    for stages in _pipeline_plan.SIZES:
        found = _pipeline_plan.measure(stages, 1)
        most = BEYOND.get(stages)
        kept = most is None or found.ours - found.dvc <= most
        told = f"; at most {most:+.0f} s: {'kept' if kept else 'MISSED'}" if most else ""
        print(f"{found.text()}{told}", flush=True)
        yield kept


def pull(folder: Path, _given: argparse.Namespace) -> Iterator[bool]:
    """The bytes out of the remote in a clone without data: exactly what the stages that run read."""
    found = _pipeline_pull.measure(folder / "pull", OURS)
    print(found.text(), flush=True)
    yield found.kept


SECTIONS: Mapping[str, Callable[[Path, argparse.Namespace], Iterator[bool]]] = {
    "run": run,
    "trivial": trivial,
    "noop": noop,
    "plan": plan,
    "pull": pull,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every figure; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; all of them else"
    )
    parser.add_argument("--stages", type=int, default=300, help="of trivial and noop (300)")
    parser.add_argument("--jobs", type=int, default=8, help="of ours where it is said (8)")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"{unknown[0]} is no section; there are {', '.join(SECTIONS)}")
    kept = []
    for name in given.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as scratch:
            kept += list(SECTIONS[name](Path(scratch), given))
    print("kept" if all(kept) else "MISSED")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
