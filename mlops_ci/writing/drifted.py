"""What `mlops-ci drift` tells on a terminal: a Drift and its decisions as the values of a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlops_ci.evidence import Drift, DriftColumn, LevelShare
from mlops_ci.writing import figures, plain

# The names of the effects, as the table's cells have room for.
MEASURES = {"ks": "KS", "cramers_v": "V"}
_LEVELS = 3
# Of more columns than these the most moved are told one by one; --json has all.
MOST = 50
_HEAD = ("column", "effect", "limit", "missing", "reference", "current", "moved most")


class Decision(Protocol):
    """One column's decision, as the judgement makes it."""

    @property
    def name(self) -> str:
        """The column."""
        ...

    @property
    def outcome(self) -> str:
        """``drifted``, ``moved`` (by too little to matter), ``stable``, ``undecided`` or ``unjudged``."""
        ...

    @property
    def sentence(self) -> str:
        """Why, with the numbers."""
        ...

    @property
    def limit(self) -> str:
        """What it was judged by, such as ``ks 0.05``."""
        ...


def words(found: Drift, decisions: Sequence[Decision], headline: str, *, hidden: bool = False) -> str:
    """The whole result for a person; ``hidden``: values are told as hashes, and that is said."""
    by_outcome = {
        outcome: [one for one in decisions if one.outcome == outcome]
        for outcome in ("drifted", "moved", "stable", "undecided", "unjudged")
    }
    columns = {column.name: column for column in found.columns}
    drifted = sorted(by_outcome["drifted"], key=lambda one: -(columns[one.name].effect or 0.0))
    return plain.render(
        "drift.txt.j2",
        verdict=headline,
        reference={"name": found.reference, "rows": found.rows[0]},
        current={"name": found.current, "rows": found.rows[1]},
        drifted=[_HEAD, *(_row(columns[one.name], one.limit) for one in drifted[:MOST])] if drifted else [],
        more=max(0, len(drifted) - MOST),
        undecided=_reasons(by_outcome["undecided"]),
        unjudged=_reasons(by_outcome["unjudged"]),
        moved=[one.name for one in by_outcome["moved"]],
        stable=by_outcome["stable"],
        renamed=found.renamed,
        added=found.added,
        removed=found.removed,
        ignored=found.ignored,
        unnamed={
            "added": found.unnamed[0],
            "removed": found.unnamed[1],
            "ignored": found.ignored_unnamed,
        },
        classifier=_classifier(found),
        hidden=hidden and any(column.levels or column.unseen for column in found.columns),
    )


def _reasons(decisions: Sequence[Decision]) -> list[tuple[str, str]]:
    """One line a reason with the columns it holds for, and how many reasons more there are."""
    found: dict[str, list[str]] = {}
    for one in decisions:
        found.setdefault(one.sentence, []).append(one.name)
    told = [(plain.named(names, 3), sentence) for sentence, names in list(found.items())[:MOST]]
    more = len(found) - len(told)
    return [*told, (f"and {figures.count(more)} more", "--json names them all")] if more else told


def _row(column: DriftColumn, limit: str) -> tuple[str, ...]:
    before, after = _sparklines(column)
    return (column.name, _effect(column), limit, _nulls(column), before, after, _moved(column))


def _effect(column: DriftColumn) -> str:
    if column.effect is None:
        return ""
    return f"{MEASURES.get(column.measure, column.measure)} {figures.number(column.effect, 2)}"


def _nulls(column: DriftColumn) -> str:
    if column.nulls is None:
        return ""
    before, after = (f"{figures.percent(round(share, 3))} %" for share in column.nulls)
    return before if before == after else f"{before} → {after}"


def _sparklines(column: DriftColumn) -> tuple[str, str]:
    """Both distributions as bars on the same bins and the same scale."""
    return figures.sparklines(column.bins.reference, column.bins.current) if column.bins else ("", "")


def _moved(column: DriftColumn) -> str:
    """The categories whose share moved most, new ones first; of numbers the mean."""
    if column.shift is not None:
        return f"mean {figures.change(round(column.shift, 3))} σ"
    new = [f"{_share(level)} (new)" for level in column.unseen[:_LEVELS]]
    named = {level.label for level in column.unseen}
    moved = [_share(level) for level in column.levels if level.label not in named]
    return ", ".join([*new, *moved][:_LEVELS])


def _share(level: LevelShare) -> str:
    before, after = (figures.percent(round(share, 3)) for share in (level.reference, level.current))
    return f"{plain.cell(level.label)} {before} → {after} %"


def _classifier(found: Drift) -> dict[str, object] | None:
    if found.classifier is None:
        return None
    return {
        "auc": figures.number(found.classifier.auc, 3),
        "low": figures.number(found.classifier.interval.low, 3),
        "high": figures.number(found.classifier.interval.high, 3),
        "drivers": [driver.column for driver in found.classifier.drivers],
    }
