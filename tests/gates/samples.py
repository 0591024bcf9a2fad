"""Small pieces of evidence for the gates' tests."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from mlops_ci.evidence import (
    Base,
    Comparison,
    Environment,
    Evidence,
    Interval,
    Lock,
    Metric,
    ModelEvidence,
    Repository,
    Revision,
    StageRun,
)


def comparison(metric: str, delta: float, se: float, *, n: int = 14_000, **more: Any) -> Comparison:
    """A comparison by the normal distribution, in metrics.json unless said."""
    half = NormalDist().inv_cdf(0.975) * se
    p = math.erfc(abs(delta) / se / math.sqrt(2)) if se else float(delta == 0)
    told: dict[str, Any] = {
        "metric": metric,
        "file": "metrics.json",
        "delta": delta,
        "interval": Interval(low=delta - half, high=delta + half),
        "se": se,
        "p": p,
        "n": n,
        "method": "paired bootstrap, 2,000 resamples",
    }
    return Comparison.model_validate(told | more)


def metric(name: str, head: float | None, base: float | None = None, **more: Any) -> Metric:
    """A metric of metrics.json where higher is better, unless said."""
    told: dict[str, Any] = {
        "name": name,
        "file": "metrics.json",
        "head": head,
        "base": base,
        "direction": "higher",
    }
    return Metric.model_validate(told | more)


def model(*metrics: Metric, name: str = "churn", **more: Any) -> ModelEvidence:
    """A changed model with these metrics."""
    return ModelEvidence.model_validate({"name": name, "metrics": metrics} | more)


BASE = Base(metrics=Revision(commit="b" * 40))


def evidence(
    *models: ModelEvidence, lock: Lock | None = None, stages: tuple[StageRun, ...] = (), base: Base = BASE
) -> Evidence:
    """A document with these models, and otherwise nothing to remark."""
    return Evidence(
        created="2026-11-21T05:00:00Z",
        tool="mlops-ci 0.1.0",
        repository=Repository(name="shop", commit="c" * 40),
        base=base,
        lock=lock or Lock(mode="verify", digest="sha256:1", committed="sha256:1", pushed=True),
        models=models,
        stages=stages,
        environment=Environment(python="3.11.7", platform="linux", cpu_count=2),
    )
