"""Planning promotions of many models: reading what Git says is live, then the plan; how both grow.

A real repository with one manifest and one record a target, three environments; every model is due in the
first one, waits in the second and is up to date in the third. Beside it, in the same run: one Git process for
every file, as a script would read them (a sample of the targets, scaled up).

    python -m benchmarks.promotion [--models 1000]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_ci import config
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.promoting import reading
from mlops_ci.promoting.reading import Standing
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion.plan import plan
from mlops_ci.promotion.record import Named, Record, State
from mlops_ci.promotion.rules import all_rules
from mlops_ci.promotion.world import Offered, Plan, World
from mlops_ci.rollout import Release

ENVIRONMENTS = ("development", "staging", "production")
RULES = """\
version: 1
environments:
  development:
  staging: {after: development, soak: 24h}
  production: {after: staging, strategy: {canary: {steps: [10, 50]}}}
"""
MANIFEST = """\
# Written by hand, like everything around the two values that promotions change.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {model}
  labels: {{app: {model}, team: forecasting}}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: server
          image: registry.example.com/server:1.4.2 # the same for all
          env:
            - name: MODEL_URI
              value: {uri}
            - name: MODEL_SHA256
              value: "{hex}"
            - name: LOG_LEVEL
              value: info
"""
SAMPLE = 60


def release(model: str, number: int) -> Release:
    """The release of a model that is told apart by a number."""
    hexed = f"{number:064x}"
    return Release(model, f"sha256:{hexed}", f"s3://models/{model}/sha256-{hexed}/m", "c" * 40, md5=f"{number:032x}")


def files(models: int) -> Iterator[tuple[str, str]]:
    """The manifest and the record of every target."""
    for number in range(models):
        model = f"model-{number:05d}"
        for place, environment in enumerate(ENVIRONMENTS):
            live = Named.of(release(model, 2 * number + (place == 2)))
            record = Record(
                number=1, environment=environment, model=model, action="promote",
                before=State(), after=State(stable=live), release=live,
            )  # fmt: skip
            hexed = live.digest.removeprefix("sha256:")
            yield f"deploy/{environment}/{model}.yaml", MANIFEST.format(model=model, uri=live.uri, hex=hexed)
            yield record.current_path, record.text()
            yield record.log_path, record.text()


def repository(folder: Path, models: int) -> Git:
    """A repository with one commit of all that, made by `git fast-import`."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True)
    moment = int((datetime.now(UTC) - timedelta(hours=2)).timestamp())
    parts = [f"commit refs/heads/main\ncommitter a <a@example.org> {moment} +0000\ndata 5\nBegin\n"]
    for path, text in files(models):
        raw = text.encode()
        parts.append(f"M 100644 inline {path}\ndata {len(raw)}\n{text}\n")
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, input="".join(parts).encode(), check=True
    )
    return Git(folder)


def read(git: Git, models: int) -> tuple[config.Config, Standing]:
    """What `promote` reads of Git."""
    rules = config.load(RULES)
    head = git.resolve("refs/heads/main") or ""
    site = Site(git, LocalForge.beside(git), "main", head)
    targets = [(name, f"model-{n:05d}") for name in ENVIRONMENTS for n in range(models)]
    return rules, reading.standing(site, rules, targets)


def planned(rules: config.Config, found: Standing, models: int) -> Plan:
    """The plan, with a newer release of every model on main."""
    now = datetime.now(UTC)
    offered = {
        f"model-{n:05d}": Offered(f"model-{n:05d}", release(f"model-{n:05d}", 10**6 + n), "passed")
        for n in range(models)
    }
    world = World(targets=list(found.live.values()), offered=offered, now=now, limit=1000)
    return plan(world, all_rules(rules, now))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def one_by_one(git: Git, models: int) -> float:
    """Seconds of one Git process for every file, measured on a sample."""
    sample = min(SAMPLE, models)
    begun = time.perf_counter()
    for number in range(sample):
        for environment in ENVIRONMENTS:
            model = f"model-{number:05d}"
            git.show("main", f"deploy/{environment}/{model}.yaml")
            git.show("main", f"promotions/{environment}/{model}.yaml")
    return (time.perf_counter() - begun) * models / sample


def main() -> None:
    """Print the seconds for half, all and twice the models, and how they grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    asked = parser.parse_args().models
    before = 0.0
    print(f"{'models':>7} {'targets':>8} {'read, s':>8} {'plan, s':>8} {'both, s':>8} {'x work':>7} {'x time':>7} {'peer, s':>8} {'ratio':>6}")
    for models in (asked // 2, asked, 2 * asked):
        with tempfile.TemporaryDirectory() as folder:
            git = repository(Path(folder), models)
            reads, (rules, found) = timed(lambda: read(git, models))  # noqa: B023
            plans, made = timed(lambda: planned(rules, found, models))  # noqa: B023
            assert len(made.decisions) + len(made.waits) == 3 * models, "a target is missing"
            assert not any(one.problem for one in found.live.values()), "a manifest could not be read"
            both, peer = reads + plans, one_by_one(git, models)
        grown = f"{both / before:7.2f}" if before else "      -"
        work = "   2.00" if before else "      -"
        print(f"{models:7} {3 * models:8} {reads:8.2f} {plans:8.2f} {both:8.2f} {work} {grown} {peer:8.1f} {both / peer:6.3f}")
        before = both


if __name__ == "__main__":
    main()
