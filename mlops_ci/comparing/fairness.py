"""Per-example predictions to metrics per group and disparities between groups of the evidence (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from mlops_ci import significance
from mlops_ci.comparing import disparities, group_rates
from mlops_ci.comparing.answers import Models, coded
from mlops_ci.comparing.group_rates import RESAMPLES, Examples, GroupRates, Metrics
from mlops_ci.comparing.tables import (
    MISSING,
    ColumnNames,
    Columns,
    Frame,
    Table,
    UnusableError,
    in_order_of,
    read,
)
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Fairness, GroupMetric, GroupScore, Interval
from mlops_ci.profiles.privacy import RARE_ROWS
from mlops_ci.writing.absent import meant

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Codes: TypeAlias = npt.NDArray[np.int64]

# More groups than this are no groups of people but an identifier.
MOST_GROUPS = 60
MIN_ROWS = 200
_EXTRA = "pip install 'mlops-ci[checks]'"


@dataclass(frozen=True)
class Asked:
    """What is asked of the check.

    ``groups`` are columns, or several columns whose combinations are the groups. ``positive`` is the class
    that counts as selected (default: the second of two). ``names`` are the model's metrics; they tell
    classes from quantities.
    """

    groups: tuple[tuple[str, ...], ...]
    positive: str | None = None
    min_rows: int = MIN_ROWS
    names: tuple[str, ...] = ()
    resamples: int = RESAMPLES


def measure(
    head: Frame,
    base: Frame | str | None,
    asked: Asked,
    columns: ColumnNames,
    label: Callable[[str, str], str],
) -> tuple[Fairness, ...]:
    """Metrics per group and disparities, for every column or combination that is asked for.

    ``label`` says how a column's value may be shown; groups of fewer than ``RARE_ROWS`` rows could name a
    person, so they are counted and never called anything. What cannot be measured is said in ``problem``,
    what is missing besides (the base's values) in ``note``; nothing is raised for bad data.

    Raises:
        ConfigError: fairlearn or one of its own needs is not installed.
    """
    need_fairlearn()
    wanted = Columns(
        y_true=columns.y_true,
        y_pred=columns.y_pred,
        y_score=columns.y_score,
        id=columns.id,
        seed=columns.seed,
        groups=tuple(dict.fromkeys(name for names in asked.groups for name in names)),
    )
    try:
        ours = read(head, wanted)
        theirs, note = _read_base(ours, base, wanted)
        models = coded(ours, theirs, asked.names)
        positive = _positive(models, asked.positive)
    except UnusableError as error:
        return tuple(Fairness(column=_title(names), problem=f"{error}") for names in asked.groups)
    whole = _examples(models, positive)
    plain = Fairness(
        column="",
        rows=ours.rows,
        positive=models.labels[positive] if positive is not None else "",
        note=note or _no_class(models, positive),
        only=_only_class(models),
    )
    return tuple(
        _measured(plain.model_copy(update={"column": _title(names)}), ours, whole, names, asked, label)
        if (said := _absent(head, names)) is None
        else Fairness(column=_title(names), rows=ours.rows, positive=plain.positive, problem=said)
        for names in asked.groups
    )


def need_fairlearn() -> None:
    """Refuse with the install command where fairlearn cannot be imported.

    Raises:
        ConfigError: it, or a package it needs, is not installed.
    """
    try:
        import_module("fairlearn.metrics")
    except ImportError as error:
        raise ConfigError(
            f"fairness is measured with fairlearn, which cannot be imported: {error}", _EXTRA
        ) from error


def _title(names: Sequence[str]) -> str:
    return ", ".join(names)


# ---- what was answered -------------------------------------------------------------------------


def _read_base(head: Table, frame: Frame | str | None, columns: Columns) -> tuple[Table | None, str]:
    """Base's table in head's order, or why there are no values of the base."""
    if frame is None or isinstance(frame, str):
        return None, frame or "the base has no predictions"
    try:
        # The groups are head's: the examples are the same, and the base may not have had the columns.
        return in_order_of(head, read(frame, replace(columns, groups=()))), ""
    except UnusableError as error:
        return None, f"the base's predictions cannot be compared: {error}"


def _positive(models: Models, asked: str | None) -> int | None:
    """The code of the class that counts as selected; None where there is none.

    Raises:
        UnusableError: there are no predicted classes, or not the one that is asked for.
    """
    if any(one.pred is None for one in (*models.head, *models.base)):
        raise UnusableError("there are scores only; a column of predicted classes is needed")
    if models.task == "regression":
        if asked is not None:
            raise UnusableError(f"there is no class {asked}: the predictions are quantities")
        return None
    if asked is None:
        return len(models.labels) - 1 if models.task == "binary" else None
    if asked not in models.labels:
        raise UnusableError(f"there is no class {asked}; there are {', '.join(models.labels[:8])}")
    return models.labels.index(asked)


def _no_class(models: Models, positive: int | None) -> str:
    if models.task == "regression" or positive is not None:
        return ""
    return "of several classes none is named as positive, so only accuracy is compared"


def _only_class(models: Models) -> str:
    """The truth's class where it has but one: half of the rates are defined on none of its rows."""
    found = {int(code) for code in models.head[0].truth} if models.task != "regression" else set()
    return models.labels[found.pop()] if len(found) == 1 else ""


def _examples(models: Models, positive: int | None) -> Examples:
    import numpy as np

    return Examples(
        groups=np.zeros(models.rows, dtype=np.int64),
        count=1,
        truth=models.head[0].truth,
        head=tuple(one.with_pred() for one in models.head),
        base=tuple(one.with_pred() for one in models.base),
        positive=positive,
        classes=models.task != "regression",
    )


def _absent(frame: Frame, names: Sequence[str]) -> str | None:
    """Which column of a group the predictions lack, with the one that may be meant."""
    known = [str(name) for name in frame]
    absent = [name for name in names if name not in known]
    return f"there is no column {absent[0]} in the predictions{meant(absent[0], known)}" if absent else None


# ---- one column --------------------------------------------------------------------------------


def _measured(
    plain: Fairness,
    table: Table,
    whole: Examples,
    names: Sequence[str],
    asked: Asked,
    label: Callable[[str, str], str],
) -> Fairness:
    codes, labels = _grouped(table, names, label)
    if not 1 < len(labels) <= MOST_GROUPS:
        said = "there is one group only" if len(labels) == 1 else f"{len(labels):,} groups are too many"
        return plain.model_copy(update={"problem": f"{said}, so nothing is compared", "note": ""})
    examples = replace(whole, groups=codes, count=len(labels))
    rates = group_rates.of_classes if examples.classes else group_rates.of_quantities
    head, base = rates(examples, resamples=asked.resamples)
    return plain.model_copy(update=_told(head, base, labels, codes, asked.min_rows))


def _grouped(
    table: Table, names: Sequence[str], label: Callable[[str, str], str]
) -> tuple[Codes, tuple[str, ...]]:
    """The group of every example as a code, and what each group is called; a missing value is a group."""
    import numpy as np

    codes = np.zeros(table.rows, dtype=np.int64)
    called = [""]
    for name in names:
        levels, place = np.unique(table.groups[name], return_inverse=True)
        if len(levels) > MOST_GROUPS:
            return np.arange(table.rows, dtype=np.int64), tuple(map(str, levels))
        shown = [MISSING if level == MISSING else label(name, str(level)) for level in levels]
        both, codes = np.unique(codes * len(levels) + place, return_inverse=True)
        called = [
            ", ".join(filter(None, (called[one // len(levels)], shown[one % len(levels)]))) for one in both
        ]
    return codes.astype(np.int64), tuple(called)


def _told(
    head: Metrics, base: Metrics | None, labels: Sequence[str], codes: Codes, min_rows: int
) -> dict[str, object]:
    import numpy as np

    rows = np.bincount(codes, minlength=len(labels)).astype(np.float64)
    called = [(place, label) for place, label in enumerate(labels) if rows[place] >= RARE_ROWS]
    metrics = tuple(
        GroupMetric(
            name=name,
            groups=tuple(
                _score(label, int(rows[place]), one, base[name] if base else None, place, min_rows)
                for place, label in called
            ),
        )
        for name, one in head.items()
    )
    return {
        "metrics": metrics,
        "disparities": disparities.disparities(head, base, labels, rows, min_rows=min_rows),
        "rare": len(labels) - len(called),
    }


def _score(
    label: str, rows: int, head: GroupRates, base: GroupRates | None, place: int, min_rows: int
) -> GroupScore:
    """One metric of one group; the percentile interval is for groups that are large enough."""
    import numpy as np

    value = float(head.values[place])
    if not np.isfinite(value):
        return GroupScore(group=label, rows=rows)
    before = float(base.values[place]) if base is not None else float("nan")
    tail = (1 - significance.LEVEL) / 2
    low, high = np.quantile(head.draws[:, place], [tail, 1 - tail])
    wide = Interval(low=float(low), high=float(high), level=significance.LEVEL)
    return GroupScore(
        group=label,
        rows=rows,
        value=value,
        base=before if np.isfinite(before) else None,
        interval=wide if rows >= min_rows else None,
    )
