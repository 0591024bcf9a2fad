"""Are the statistics right: coverage of the interval, and how often no change is refused.

    python -m benchmarks.significance [--datasets 500] [--example] [--retrainings 100] [--jobs 2]

The simulated part knows the truth: scores of two models are correlated normal variables, so accuracy
and ROC AUC have a closed form. ``--example`` retrains the repository's example with other seeds and
nothing else. Seeds are fixed; the exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._shares import exact, told
from mlops_ci.comparing import predictions, scores, weighted
from mlops_ci.comparing.predictions import Compared
from mlops_ci.comparing.weighted import Answers
from mlops_ci.evidence import (
    Base,
    Environment,
    Evidence,
    Lock,
    Metric,
    ModelEvidence,
    Outcome,
    Repository,
    verdict,
)
from mlops_ci.gates import metrics as gate

ROWS = 1000
RESAMPLES = 1000
SEED = 2015
COVERAGE = (0.93, 0.97)
MOST_REFUSED = 0.05
NAMES = ("accuracy", "roc_auc", "average_precision", "f1", "log_loss", "brier_score")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """A line of the report: hits of tries, with the exact (Clopper-Pearson) interval, and the bound."""

    what: str
    hits: int
    tries: int
    bound: str
    kept: bool

    def text(self) -> str:
        """The line as it is printed."""
        kept = "ok" if self.kept else "MISSED"
        return f"{self.what:58s} {told(self.hits, self.tries)}  {self.bound:28s} {kept:6s}"


# ---- two models whose truth is known -------------------------------------------------------------


def simulate(
    seed: int, strengths: tuple[float, float], correlation: float = 0.6
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of head and base on the same examples: ``strength * (+-1) + noise``, as probabilities."""
    random = np.random.default_rng((SEED, seed))
    truth = random.integers(0, 2, ROWS)
    noise = random.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], ROWS)
    frames = []
    for side, strength in enumerate(strengths):
        logit = 2 * (strength * (2 * truth - 1) + noise[:, side])
        score = 1 / (1 + np.exp(-logit))
        frames.append(pd.DataFrame({"y_true": truth, "y_pred": (score > 0.5).astype(int), "y_score": score}))
    return frames[0], frames[1]


def measured(frames: Sequence[pd.DataFrame]) -> dict[str, float]:
    """What a pipeline would report: each metric, averaged over the trainings."""
    values = {}
    for name in NAMES:
        score = scores.SCORES["brier" if name == "brier_score" else name]
        each = [weighted.value(score.statistic(_answers(frame)), len(frame)) for frame in frames]
        values[name] = math.fsum(each) / len(each)
    return values


def _answers(frame: pd.DataFrame) -> Answers:
    truth, pred, score = (frame[name].to_numpy(dtype=np.float64) for name in ("y_true", "y_pred", "y_score"))
    return Answers(truth, pred, score, 2)


def compare(
    head: Sequence[pd.DataFrame], base: Sequence[pd.DataFrame], resamples: int = RESAMPLES
) -> tuple[tuple[Metric, ...], Compared]:
    """The product's own comparison of two models, each of one or several trainings."""
    now, was = measured(head), measured(base)
    metrics = tuple(
        Metric(name=name, file="m.json", head=now[name], base=was[name], direction=scores.direction(name))
        for name in NAMES
    )
    return metrics, predictions.compare(_long(head), _long(base), metrics, resamples=resamples)


def _long(trainings: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of several trainings, told apart by the column ``seed``."""
    return pd.concat([one.assign(seed=place) for place, one in enumerate(trainings)], ignore_index=True)


NOTHING_ALLOWED: dict[str, Any] = {"default": {"max_drop": 0}, "floor": "off"}


def outcome(metrics: tuple[Metric, ...], found: Compared, limits: dict[str, Any] = NOTHING_ALLOWED) -> str:
    """The verdict of the metrics gate, unless said with ``max_drop: 0`` on every metric."""
    model = ModelEvidence(
        name="m", metrics=metrics, predictions=found.predictions, comparisons=found.comparisons
    )
    document = Evidence(
        created="2015-01-01T00:00:00Z",
        tool="benchmark",
        repository=Repository(name="r", commit="0" * 40),
        base=Base(),
        lock=Lock(mode="report", digest=""),
        models=(model,),
        environment=Environment(python="", platform="", cpu_count=1),
    )
    return verdict(gate.check(document, gate.Options.model_validate(limits))).outcome.value


def covered(seed: int) -> dict[str, bool]:
    """Whether the interval of one dataset holds the true difference."""
    strengths = (0.9, 0.8)
    head, base = simulate(seed, strengths)
    _, found = compare([head], [base])
    phi = NormalDist().cdf
    truth = {
        "accuracy": phi(strengths[0]) - phi(strengths[1]),
        "roc_auc": phi(strengths[0] * math.sqrt(2)) - phi(strengths[1] * math.sqrt(2)),
    }
    return {
        one.metric: one.interval.low <= truth[one.metric] <= one.interval.high
        for one in found.comparisons
        if one.metric in truth
    }


def judged_alike(seed: int) -> str:
    """The verdict over two models of equal quality."""
    # Other seeds than those of the coverage.
    head, base = simulate(10_000_000 + seed, (0.9, 0.9))
    return outcome(*compare([head], [base]))


# ---- the example, retrained ----------------------------------------------------------------------


def _example_tables() -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    import yaml

    from pipeline import files, prepare

    params = yaml.safe_load((ROOT / files.PARAMS).read_text(encoding="utf-8"))
    rows = prepare.select_columns(files.read_table(ROOT / files.SOURCE), params["prepare"]["features"])
    return params, prepare.split(rows, params["prepare"]["validation_share"])


def retrained(seeds: Sequence[int]) -> list[pd.DataFrame]:
    """The example's predictions after training and selecting with each of these seeds."""
    from pipeline import evaluate, select, train
    from pipeline.families import FAMILIES

    params, tables = _example_tables()
    found = []
    for seed in seeds:
        models = {
            family: train.fit(family, tables["train"], params["train"][family], seed) for family in FAMILIES
        }
        metric = params["select"]["metric"]
        best = select.best(
            {name: select.score(model, tables["valid"], metric) for name, model in models.items()}
        )
        answers = evaluate.predict(models[best], tables["test"], params["evaluate"]["threshold"])
        found.append(answers[["y_true", "y_pred", "y_score"]])
    return found


def example_rows(retrainings: int, pool: ProcessPoolExecutor, jobs: int) -> list[Row]:
    """Share refused where only the seed differs: single trainings, then three on each side.

    There are two trainings a pair, each used once. Three a side are drawn from the same trainings,
    six different ones a pair. A single training a side cannot know how far seeds spread, so with
    ``max_drop: 0`` it refuses too often: that is shown, and only the bound on three is held.
    """
    seeds = range(1000, 1000 + 2 * retrainings)
    parts = pool.map(retrained, [seeds[start::jobs] for start in range(jobs)])
    order = [seed for start in range(jobs) for seed in seeds[start::jobs]]
    trained = dict(zip(order, (answers for part in parts for answers in part), strict=True))
    tables = [trained[seed] for seed in seeds]
    random = np.random.default_rng(SEED)
    sixes = [random.permutation(len(tables))[:6] for _ in range(retrainings)]
    single = [([tables[2 * i]], [tables[2 * i + 1]]) for i in range(retrainings)]
    triple = [([tables[i] for i in six[:3]], [tables[i] for i in six[3:]]) for six in sixes]
    cases = [
        ("one training, max_drop 0", single, NOTHING_ALLOWED, False),
        ("one training, the example's limits", single, _example_limits(), True),
        ("three trainings, max_drop 0", triple, NOTHING_ALLOWED, True),
    ]
    rows = []
    for what, pairs, limits, bound in cases:
        outcomes = list(pool.map(partial(_judged_pair, limits=limits), pairs))
        rows.append(refusals(f"only the seed differs, {what}", outcomes, bound=bound))
        print(rows[-1].text(), _told(outcomes), flush=True)
    return rows


def _example_limits() -> dict[str, Any]:
    import yaml

    text = (ROOT / "mlops-ci.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["gates"]["metrics"]
    return found


def _judged_pair(pair: tuple[list[pd.DataFrame], list[pd.DataFrame]], limits: dict[str, Any]) -> str:
    head, base = pair
    return outcome(*compare(head, base, resamples=500), limits)


# ---- the report ----------------------------------------------------------------------------------


def refusals(what: str, outcomes: Sequence[str], *, bound: bool = True) -> Row:
    """Refused although nothing changed: the interval's lower end must be at most five percent."""
    refused = sum(one == Outcome.REFUSED.value for one in outcomes)
    low, _ = exact(refused, len(outcomes))
    words = f"lower end <= {MOST_REFUSED:.0%}" if bound else "shown: no bound is held"
    return Row(f"refused: {what}", refused, len(outcomes), words, not bound or low <= MOST_REFUSED)


def _told(outcomes: Sequence[str]) -> str:
    """The other verdicts, since a refusal is not the only noise."""
    others = sorted(set(outcomes) - {Outcome.REFUSED.value})
    return "; ".join(f"{outcomes.count(one)} {one}" for one in others)


def simulated_rows(datasets: int, pool: ProcessPoolExecutor) -> list[Row]:
    """Coverage of the interval, and refusals of equal models."""
    rows = []
    hits = list(pool.map(covered, range(datasets), chunksize=10))
    for name in ("accuracy", "roc_auc"):
        held = sum(one[name] for one in hits)
        kept = COVERAGE[0] <= held / datasets <= COVERAGE[1]
        bound = f"share in {COVERAGE[0]:.0%} .. {COVERAGE[1]:.0%}"
        rows.append(Row(f"coverage of the 95 % interval: {name}, n = {ROWS:,}", held, datasets, bound, kept))
        print(rows[-1].text(), flush=True)
    outcomes = list(pool.map(judged_alike, range(datasets), chunksize=10))
    rows.append(refusals(f"equal models, {len(NAMES)} metrics, max_drop 0", outcomes))
    print(rows[-1].text(), _told(outcomes), flush=True)
    return rows


def _one_thread() -> None:
    """Processes are parallel already; threads of the linear algebra on top only wait for each other."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", type=int, default=500, help="simulated datasets a figure (500)")
    parser.add_argument("--example", action="store_true", help="retrain the example, too")
    parser.add_argument("--retrainings", type=int, default=100, help="pairs of retrainings (100)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    given = parser.parse_args(arguments)
    begun = time.perf_counter()
    with ProcessPoolExecutor(given.jobs, initializer=_one_thread) as pool:
        parts: list[Callable[[], list[Row]]] = [partial(simulated_rows, given.datasets, pool)]
        parts += [partial(example_rows, given.retrainings, pool, given.jobs)] if given.example else []
        rows = [row for part in parts for row in part()]
    print(f"{time.perf_counter() - begun:.0f} s")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
