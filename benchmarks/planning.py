"""What `mlops-ci promote` needs to look at many targets and to plan, and how that grows.

    python -m benchmarks.planning [--models 1000] [--most 10]

Builds a real Git repository with three environments: one manifest, one newest record and one entry of the
log for each target, all merged at once. Then it is read and planned as `promote` does it, for half as many
models and for all; a third of the targets is due for a promotion. The exit code is 1 where reading and
planning together take more than --most seconds, or more than three times as long for twice the models.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_ci import config
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.config import Config
from mlops_ci.promoting import reading
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion.plan import Offered, Plan, World, plan
from mlops_ci.promotion.record import Named, Record, State, Summary
from mlops_ci.promotion.rules import all_rules
from mlops_ci.rollout import Release

ENVIRONMENTS = ("staging", "canary", "production")
CONFIG = """
environments:
  staging: {}
  canary: {after: staging, strategy: canary, soak: 1h}
  production: {after: canary, soak: 24h}
"""
MERGED = datetime(2026, 11, 1, tzinfo=UTC)
GROWTH = 3.0
MANIFEST = """\
# Made by hand; promotions change the address and the digest.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {model}
spec:
  template:
    spec:
      containers:
        - name: server
          image: ghcr.io/example/model-server:1.4.2
          env:
            - name: MODEL_URI
              value: {uri}
            - name: MODEL_SHA256
              value: {digest}
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of each part for so many models, and how many decisions the plan has."""

    models: int
    read: float
    plan: float
    decisions: int

    @property
    def seconds(self) -> float:
        """Both parts together."""
        return self.read + self.plan

    def text(self) -> str:
        """One line."""
        targets = self.models * len(ENVIRONMENTS)
        return (
            f"{self.models:5,} models, {targets:5,} targets: read {self.read:4.2f} s, "
            f"plan {self.plan:4.2f} s, {self.decisions:5,} pull requests due"
        )


def release(model: str, letter: str) -> Release:
    """A release whose digest is one letter."""
    digest, uri = letter * 64, f"s3://models/{model}/sha256-{letter * 64}/model.json"
    return Release(model, f"sha256:{digest}", uri, letter * 40, version=f"v-{letter}", md5=letter * 32)


def record(environment: str, served: Release) -> Record:
    """The first record of a target."""
    named = Named.of(served)
    return Record(
        number=1,
        environment=environment,
        model=served.model,
        action="promote",
        before=State(),
        after=State(stable=named),
        release=named,
        evidence=Summary(digest=f"sha256:{'e' * 64}", verdict="passed"),
    )


def files(models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Paths and texts: in production everything is one release behind."""
    for environment in ENVIRONMENTS:
        for model in models:
            served = release(model, "a" if environment == "production" else "b")
            digest = served.digest.removeprefix("sha256:")
            yield (
                f"deploy/{environment}/{model}.yaml",
                MANIFEST.format(model=model, uri=served.uri, digest=digest),
            )
            said = record(environment, served)
            text = said.text()
            yield said.current_path, text
            yield said.log_path, text


def stream(models: Sequence[str]) -> bytes:
    """One commit with all files, as `git fast-import` takes it."""
    head = f"commit refs/heads/main\ncommitter Bench <bench@example.com> {int(MERGED.timestamp())} +0000\n"
    parts = [head.encode(), b"data 4\nall\n\n"]
    for path, text in files(models):
        raw = text.encode()
        parts.append(f"M 100644 inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n")
    return b"".join(parts)


def measure(count: int) -> Measured:
    """Build a repository with so many models, then read and plan as `promote` does."""
    models = [f"model-{at:04d}" for at in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True)
        subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream(models), check=True)
        git = Git.open(Path(folder))
        found = config.load(CONFIG)
        begun = time.perf_counter()
        world = looked(git, found, models)
        read = time.perf_counter() - begun
        planned = plan(world, all_rules(found, world.now))
        return Measured(count, read, time.perf_counter() - begun - read, _due(planned, world))


def looked(git: Git, found: Config, models: Sequence[str]) -> World:
    """The world, out of the repository alone."""
    head = git.run("rev-parse", "main").stdout.strip()
    site = Site(git, LocalForge.beside(git), "main", head)
    targets = [(environment, model) for environment in ENVIRONMENTS for model in models]
    standing = reading.standing(site, found, targets)
    offered = {model: Offered(model, release(model, "b"), "passed") for model in models}
    return World(list(standing.live.values()), offered, MERGED + timedelta(days=2), limit=len(targets))


def _due(planned: Plan, world: World) -> int:
    """How many pull requests are due; what could not be read would make every figure a lie."""
    problems = [one.problem for one in world.targets if one.problem]
    if problems:
        raise SystemExit(f"{len(problems)} targets cannot be read: {problems[0]}")
    return len(planned.decisions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", type=int, default=1000, help="models in each of three environments (1000)"
    )
    parser.add_argument("--most", type=float, default=10.0, help="the most seconds for all of them (10)")
    given = parser.parse_args(arguments)
    half, whole = measure(given.models // 2), measure(given.models)
    print(half.text())
    print(whole.text())
    growth = whole.seconds / half.seconds
    kept = whole.seconds <= given.most and growth <= GROWTH
    print(
        f"twice the models take x{growth:.2f} as long (at most x{GROWTH:.0f}); "
        f"{whole.seconds:.2f} s of at most {given.most:.0f} s: {'kept' if kept else 'MISSED'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
