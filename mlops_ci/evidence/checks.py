"""What the checks measured: drift, data, fairness, latency, reproducibility, behaviour.

Shares lie between 0 and 1, times are seconds, sizes are bytes. A label of a raw value is as the
configuration allows it to be shown: the value itself, or a hash of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from mlops_ci.evidence.parts import Document, Interval

# ---- drift -------------------------------------------------------------------------------------


class DriftScore(Document):
    """One test on one column: its value in the test's own unit, and p where it is a test at all."""

    value: float
    p: float | None = None


class LevelShare(Document):
    """A category's share of the values that are there, on both sides; ``label`` may be a hash."""

    label: str
    reference: float
    current: float


class Bins(Document):
    """Both distributions on the same bins, at most 20, as shares of the values that are there.

    ``labels`` are empty where the values may not be shown.
    """

    labels: tuple[str, ...] = ()
    reference: tuple[float, ...]
    current: tuple[float, ...]


class DriftColumn(Document):
    """One column of two tables, compared.

    ``measure`` names the score that is the effect (``ks``, ``cramers_v``), ``detectable`` is the
    smallest effect that so many rows would have shown. ``nulls`` are the shares of missing values,
    ``shift`` the difference of the means in standard deviations of the reference. ``levels`` moved
    most, ``unseen`` are not in the reference at all. ``coarse`` is the share of a side's rows of which the
    profiles do not tell how common their value is on the other. ``problem`` says why it could not be
    compared.
    """

    name: str
    role: Literal["feature", "target", "prediction"] = "feature"
    kind: Literal["number", "category", "time", "other"]
    measure: str = ""
    effect: float | None = None
    p: float | None = None
    detectable: float | None = None
    shift: float | None = None
    scores: Mapping[str, DriftScore] = Field(default_factory=dict)
    nulls: tuple[float, float] | None = None
    null_p: float | None = None
    levels: tuple[LevelShare, ...] = ()
    unseen: tuple[LevelShare, ...] = ()
    bins: Bins | None = None
    coarse: float = 0.0
    problem: str = ""


class Driver(Document):
    """How much a column helps to tell current rows from reference rows: the loss of AUC without it."""

    column: str
    loss: float


class DomainClassifier(Document):
    """A classifier that tries to tell current rows from reference rows; AUC 0.5 says it cannot."""

    auc: float
    interval: Interval
    rows: tuple[int, int]
    drivers: tuple[Driver, ...] = ()


class Drift(Document):
    """Two tables compared, for example ``train: head against base``.

    ``added`` and ``removed`` columns are named too, ``unnamed`` are how many more of both there
    are; ``renamed`` pairs of them (old, new) have the same type and distribution. ``ignored`` are not
    compared because the configuration or the command line says so, ``ignored_unnamed`` how many more.
    ``same``: the tables are the same bytes, so neither was read. ``problem`` says why nothing could be
    compared; ``lost`` is then True where the base has the table to compare with.
    """

    name: str
    reference: str
    current: str
    rows: tuple[int, int] = (0, 0)
    columns: tuple[DriftColumn, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    unnamed: tuple[int, int] = (0, 0)
    ignored: tuple[str, ...] = ()
    ignored_unnamed: int = 0
    same: bool = False
    classifier: DomainClassifier | None = None
    problem: str = ""
    lost: bool = False


# ---- data --------------------------------------------------------------------------------------


class DataRule(Document):
    """One rule on a table or a column. ``failing`` counts the rows that break it, where rows can.

    ``rule`` is type, missing, added, repeated, nulls, finite, range, unique, allowed, pattern, rows,
    fresh, labels, duplicates, leakage, moved (another path than the base's), read (by a stage of the
    model), or ``module:function`` of the user's own. ``value`` is the
    number behind it: the share of test rows that are training rows beyond what chance explains, or how
    well a column alone tells the target (an AUC, or a correlation). ``problem`` says why the rule could
    not be checked; ``ok`` is then False.
    """

    rule: str
    column: str = ""
    ok: bool
    failing: int | None = None
    expected: str = ""
    found: str = ""
    value: float | None = None
    problem: str = ""


class TableCheck(Document):
    """A table against its schema; ``problem`` says why it could not be checked.

    ``checked`` and ``broken`` count all rules; ``rules`` holds at most a few hundred of them, the broken
    ones first. ``note`` says what a reader should know besides, for example whose schema it was.
    """

    table: str
    path: str
    rows: int = 0
    schema_path: str = ""
    rules: tuple[DataRule, ...] = ()
    checked: int = 0
    broken: int = 0
    note: str = ""
    problem: str = ""


# ---- fairness ----------------------------------------------------------------------------------


class GroupScore(Document):
    """One metric on one group; None where the group has no row that it is defined on."""

    group: str
    rows: int
    value: float | None = None
    base: float | None = None
    interval: Interval | None = None


class GroupMetric(Document):
    """A metric per group, for example ``selection_rate``."""

    name: str
    groups: tuple[GroupScore, ...]


class Disparity(Document):
    """How far apart groups are, for example ``demographic_parity_difference``; ``base`` is the base's.

    ``groups`` are the two furthest apart, lowest first, in ``metric`` (equalised odds has two).
    ``small`` names groups with too few rows to enter. ``change`` is the interval of value minus base.
    """

    name: str
    kind: Literal["difference", "ratio"]
    value: float | None = None
    interval: Interval | None = None
    base: float | None = None
    groups: tuple[str, str] | None = None
    small: tuple[str, ...] = ()
    metric: str = ""
    change: Interval | None = None


class Fairness(Document):
    """Metrics and disparities over the groups of one column; ``problem`` says why there are none.

    ``positive`` is the class that counts as selected, empty where there is none. ``note`` says what
    else a reader should know, for example why there are no values of the base. ``absent``: the
    predictions lack the column. ``rare`` counts the groups that have too few rows to be named.
    ``only`` is the truth's class where it has but one, empty else.
    """

    column: str
    rows: int = 0
    positive: str = ""
    note: str = ""
    metrics: tuple[GroupMetric, ...] = ()
    disparities: tuple[Disparity, ...] = ()
    problem: str = ""
    absent: bool = False
    rare: int = 0
    only: str = ""


# ---- serving -----------------------------------------------------------------------------------


class Timing(Document):
    """Seconds a prediction call takes, and rows per second."""

    p50: float
    p95: float
    p99: float
    throughput: float


class BatchLatency(Document):
    """One batch size, head and base interleaved. ``ratio`` is head's time over base's (1.3: slower).

    ``extremes`` are the least and the largest ratio of any call of head to any call of the base.
    """

    batch_size: int
    calls: int
    head: Timing
    base: Timing | None = None
    ratio: float | None = None
    interval: Interval | None = None
    extremes: tuple[float, float] | None = None


class Latency(Document):
    """What serving costs; ``base`` values are the champion's, measured in the same run."""

    batches: tuple[BatchLatency, ...] = ()
    size: int | None = None
    base_size: int | None = None
    memory: int | None = None
    base_memory: int | None = None
    load: float | None = None
    base_load: float | None = None
    note: str = ""
    problem: str = ""


class CheckResult(Document):
    """One trial of a model. ``ok`` is None where it could not be tried; ``detail`` says what happened."""

    check: str
    ok: bool | None
    detail: str = ""
    value: float | None = None
    rows: int = 0


class Behaviour(Document):
    """Whether the model loads, says what it takes, and behaves; ``flavor`` is how it was loaded."""

    flavor: str = ""
    checks: tuple[CheckResult, ...] = ()
    problem: str = ""


# ---- reproducibility ---------------------------------------------------------------------------


class Rerun(Document):
    """One output of a re-run from scratch: its recorded hash and the hash it got this time."""

    path: str
    stage: str
    recorded: str
    again: str

    @property
    def same(self) -> bool:
        """Whether the re-run gave the same bytes."""
        return self.recorded == self.again


class RerunMetric(Document):
    """One metric of the run and of its repetition; None where it is missing."""

    name: str
    file: str
    first: float | None
    again: float | None


class Reproduction(Document):
    """The pipeline run again from scratch in a clean clone; ``problem`` says why that failed.

    ``failed`` is the stage that could not be repeated; empty where nothing could be tried at all.
    ``kept`` are the stages behind the model, its predictions or metrics that did not run again.
    """

    commit: str
    failed: str = ""
    outputs: tuple[Rerun, ...] = ()
    metrics: tuple[RerunMetric, ...] = ()
    kept: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""
