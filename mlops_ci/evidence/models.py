"""Everything measured about one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mlops_ci.evidence.checks import Behaviour, Drift, Fairness, Latency, Reproduction, TableCheck
from mlops_ci.evidence.parts import Direction, Document, Interval


class LiveValue(Document):
    """A metric of the release that is live in an environment, as its promotion record has it."""

    environment: str
    value: float


class LiveRelease(Document):
    """The release that is live in an environment, as the promotion record on the base branch names it.

    ``digest`` is the sha256 of the model's bytes, ``record`` the number of the record with its metrics.
    ``same_as`` says that it is head's or base's own model, so that there is nothing more to compare.
    ``other_examples`` says why its metrics cannot be compared with head's, ``unknown`` why there are none.
    """

    environment: str
    digest: str = ""
    version: str = ""
    commit: str = ""
    record: int | None = None
    same_as: Literal["head", "base"] | None = None
    other_examples: str = ""
    unknown: str = ""

    @property
    def name(self) -> str:
        """What people call it: its version, else the start of its digest; empty where neither is known."""
        return self.version or self.digest.removeprefix("sha256:")[:12]


class Metric(Document):
    """One number a stage wrote, at head, at base and of the live releases.

    ``name`` is the dotted key; ``file`` the metrics file, ``stage`` what writes it. ``live`` has one value
    an environment in which another model than head's and base's is live. ``direction`` is inferred from the
    name and None where the name says nothing. ``problem`` says why ``head`` is missing (for example ``NaN``),
    ``base_problem`` the same for ``base``. ``seeds`` and ``base_seeds`` are the single values where a metric
    is the mean over training seeds.
    """

    name: str
    file: str
    stage: str = ""
    head: float | None = None
    base: float | None = None
    # Documents from before there were records have null here.
    live: Annotated[tuple[LiveValue, ...], BeforeValidator(lambda found: found or ())] = ()
    direction: Direction | None = None
    problem: str = ""
    base_problem: str = ""
    seeds: tuple[float, ...] = ()
    base_seeds: tuple[float, ...] = ()


class Comparison(Document):
    """How sure a difference between two models is, measured on the same examples.

    ``delta`` is head minus base in the metric's own unit; ``interval`` its confidence interval,
    ``se`` its standard error, ``df`` the degrees of freedom where seeds entered (None: normal).
    ``p`` is two-sided against no difference; ``n`` counts the examples.
    ``seeds`` are how many trainings stand behind (head, base), ``seed_se`` their share of ``se``.
    """

    metric: str
    file: str = ""
    delta: float
    interval: Interval
    se: float
    df: float | None = None
    p: float
    n: int
    method: str
    seeds: tuple[int, int] = (1, 1)
    seed_se: float = 0.0


class Floor(Document):
    """What a trivial model scores on the same examples; ``margin`` is head against that floor."""

    metric: str
    file: str = ""
    kind: str
    value: float
    margin: Comparison


class Slice(Document):
    """One metric on one group of the evaluation set; ``comparison`` needs the base's predictions."""

    column: str
    level: str
    rows: int
    metric: str
    head: float
    base: float | None = None
    comparison: Comparison | None = None


class Predictions(Document):
    """The per-example predictions behind the comparisons.

    ``digest`` is the sha256 over the sorted examples of head. ``comparable`` is False where base was
    measured on other examples or has none; ``reason`` says why. ``notes`` name the metrics and groups
    that could not be compared although the predictions can be.
    """

    path: str
    task: Literal["binary", "multiclass", "regression"] | None = None
    rows: int = 0
    digest: str = ""
    base_rows: int | None = None
    base_digest: str = ""
    comparable: bool = False
    reason: str = ""
    seeds: int = 1
    notes: tuple[str, ...] = ()


class Plot(Document):
    """A curve or a confusion matrix, thinned to what a comment can show.

    ``head`` and ``base`` are (x, y) points for ``line``; for ``confusion`` they are rows of counts,
    actual by predicted, in the order of ``labels``.
    """

    id: str
    title: str
    kind: Literal["line", "confusion"]
    x: str = ""
    y: str = ""
    labels: tuple[str, ...] = ()
    head: tuple[tuple[float, ...], ...] = ()
    base: tuple[tuple[float, ...], ...] = ()


class ModelEvidence(Document):
    """Everything measured about one model. ``changed`` is False where nothing that feeds it differs.

    ``live`` is one entry an environment in which a release of it is live, or in which that is not known.
    ``tables``, ``drift``, ``fairness``, ``latency``, ``behaviour`` and ``reproduction`` are what the
    checks measured; they are empty where nothing asked for them. ``unmeasured`` says by gate why a
    check that was asked for gave nothing.
    """

    name: str
    path: str = ""
    dvcfile: str = ""
    stage: str = ""
    digest: str | None = None
    base_digest: str | None = None
    size: int | None = None
    changed: bool = True
    stages: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    live: tuple[LiveRelease, ...] = ()
    predictions: Predictions | None = None
    comparisons: tuple[Comparison, ...] = ()
    floors: tuple[Floor, ...] = ()
    slices: tuple[Slice, ...] = ()
    plots: tuple[Plot, ...] = ()
    drift: tuple[Drift, ...] = ()
    tables: tuple[TableCheck, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    latency: Latency | None = None
    behaviour: Behaviour | None = None
    reproduction: Reproduction | None = None
    unmeasured: Mapping[str, str] = Field(default_factory=dict)
