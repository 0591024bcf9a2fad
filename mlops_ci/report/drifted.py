"""A drift comparison of a report, as data: which columns moved, how, and which nobody could judge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_ci.evidence import (
    Bins,
    DomainClassifier,
    Drift,
    DriftColumn,
    DriftScore,
    Finding,
    LevelShare,
    Status,
)
from mlops_ci.judging import drifting
from mlops_ci.judging.drifting import Decision
from mlops_ci.report.ladder import Detail, Rows, capped
from mlops_ci.writing import figures

MOST_LEVELS = 3
# The effects that the rules of judging.drifting have floors for.
JUDGED = ("ks", "cramers_v")
# What the scores of mlops_ci.drift are called in the field.
MEASURES: Mapping[str, str] = {
    "ks": "KS",
    "chi_square": "chi-square",
    "cramers_v": "Cramér's V",
    "psi": "PSI",
    "kl": "KL",
    "jensen_shannon": "Jensen-Shannon",
    "wasserstein": "Wasserstein",
    "hellinger": "Hellinger",
    "total_variation": "total variation",
    "null_rate": "missing",
    "unseen": "unseen",
}


@dataclass(frozen=True)
class ColumnRow:
    """One column; ``status`` is its finding's where it has one, ``sparks`` are (reference, current)."""

    facts: DriftColumn
    status: str
    outcome: str
    sentence: str
    sparks: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        """The column's name."""
        return self.facts.name

    @property
    def measure(self) -> str:
        """What the effect is called."""
        return MEASURES.get(self.facts.measure, self.facts.measure)

    @property
    def scores(self) -> tuple[tuple[str, DriftScore], ...]:
        """The other scores by their names."""
        return tuple((MEASURES.get(name, name), score) for name, score in sorted(self.facts.scores.items()))

    @property
    def moved(self) -> tuple[LevelShare, ...]:
        """The known levels that moved most; what is new is told as such."""
        new = {level.label for level in self.facts.unseen}
        return tuple(level for level in self.facts.levels if level.label not in new)[:MOST_LEVELS]

    @property
    def unseen(self) -> tuple[LevelShare, ...]:
        """The most common levels that the reference does not have."""
        return self.facts.unseen[:MOST_LEVELS]

    @property
    def further(self) -> int:
        """Unseen levels that are not named."""
        return max(0, len(self.facts.unseen) - MOST_LEVELS)


@dataclass(frozen=True)
class DriftView:
    """One comparison; ``rest`` are the columns that did not drift, ``total`` counts all."""

    name: str
    reference: str
    current: str
    rows: tuple[int, int]
    status: str
    total: int
    counted: int
    drifted: Rows[ColumnRow]
    undecided: Rows[ColumnRow]
    unjudged: Rows[ColumnRow]
    rest: Rows[ColumnRow]
    added: Rows[str]
    removed: Rows[str]
    renamed: Rows[tuple[str, str]]
    ignored: Rows[str]
    same: bool
    classifier: DomainClassifier | None
    findings: tuple[Finding, ...]
    problem: str

    @property
    def hidden(self) -> int:
        """Columns that a smaller report does not show."""
        return self.drifted.hidden + self.undecided.hidden + self.unjudged.hidden


@dataclass(frozen=True)
class Drawn:
    """A drifted column's distributions as a diagram: shares on shared bins, both of one length."""

    model: str
    comparison: str
    column: str
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    top: float


def drift_view(
    drift: Drift,
    findings: Sequence[Finding],
    detail: Detail,
    told: Collection[Finding] = (),
    decisions: Sequence[Decision] | None = None,
) -> DriftView:
    """Prepare one comparison; ``findings`` are the model's, ``told`` those that the head tells already.

    Where ``decisions`` are given they say what drifted; else the findings do. The drifted columns come
    first, by how far they moved, the rest in the table's order.
    """
    own = [found for found in findings if about(found, drift)]
    rows = _rows(drift, own, decisions)
    named = {f"{drift.name}: {row.name}" for row in rows if row.outcome == "drifted"}
    groups = {
        outcome: [row for row in rows if row.outcome == outcome]
        for outcome in ("drifted", "undecided", "unjudged")
    }
    rest = [row for row in rows if row.outcome not in groups]
    drifted = sorted(groups["drifted"], key=lambda row: (*_gravity(row), row.name))
    ignored = capped(drift.ignored, detail.names)
    return DriftView(
        name=drift.name,
        reference=drift.reference,
        current=drift.current,
        rows=drift.rows,
        status=_worst([found for found in own if found.status is not Status.SKIP] or own),
        total=len(rows),
        counted=len(drifted),
        drifted=capped(drifted, detail.columns),
        undecided=capped(groups["undecided"], detail.columns),
        unjudged=capped(groups["unjudged"], detail.columns),
        rest=capped(rest, detail.columns),
        added=capped(drift.added, detail.names),
        removed=capped(drift.removed, detail.names),
        renamed=capped(drift.renamed, detail.names),
        ignored=replace(ignored, hidden=ignored.hidden + drift.ignored_unnamed),
        same=drift.same,
        classifier=drift.classifier,
        findings=tuple(
            _alone(found, drift)
            for found in own
            if found.status not in (Status.PASS, Status.SKIP)
            and found.subject not in named
            and found not in told
        ),
        problem=drift.problem,
    )


def _alone(found: Finding, drift: Drift) -> Finding:
    """The finding without the comparison's name, which stands above it."""
    sentence = found.sentence.removeprefix(f"{drift.name}: ")
    return found.model_copy(update={"sentence": sentence[:1].upper() + sentence[1:]})


def about(found: Finding, drift: Drift) -> bool:
    """Whether a finding is of this comparison or one of its columns."""
    named = found.subject == drift.name or found.subject.startswith(f"{drift.name}: ")
    return named and found.gate == "drift"


def _rows(drift: Drift, own: Sequence[Finding], decisions: Sequence[Decision] | None) -> list[ColumnRow]:
    """What became of every column: a finding knows the limits; for the others the usual ones are good."""
    by_subject = {found.subject: found for found in own}
    if decisions is not None:
        return [_row(one, None) for one in decisions]
    sure = bool(own) and f"{drift.name}: undecided columns" not in by_subject
    made = (_by_gate(one, by_subject.get(f"{drift.name}: {one.name}"), sure=sure) for one in _usual(drift))
    return [_row(one, by_subject.get(f"{drift.name}: {one.name}")) for one in made]


def _usual(drift: Drift) -> tuple[Decision, ...]:
    """The decisions by the usual rules; without a measure they know, a column is told by its finding."""
    unknown = {"measure": "", "p": None}
    columns = [one if one.measure in JUDGED else one.model_copy(update=unknown) for one in drift.columns]
    made = drifting.judge(drift.model_copy(update={"columns": tuple(columns)}), drifting.Rules())
    return tuple(replace(one, column=facts) for one, facts in zip(made, drift.columns, strict=True))


def _by_gate(decision: Decision, found: Finding | None, *, sure: bool) -> Decision:
    """The usual decision, as far as this repository's limits agree; ``sure``: nothing is undecided."""
    if found and found.status in (Status.FAIL, Status.WARN):
        return replace(decision, outcome="drifted", sentence=found.sentence)
    if decision.outcome == "drifted" or (sure and decision.outcome == "undecided"):
        return replace(decision, outcome="moved")
    return decision


def _row(decision: Decision, found: Finding | None) -> ColumnRow:
    return ColumnRow(
        facts=decision.column,
        status=_worst([found]) if found else "",
        outcome=decision.outcome,
        sentence=decision.sentence,
        sparks=_sparks(decision.column.bins) if decision.outcome == "drifted" else ("", ""),
    )


def _worst(findings: Sequence[Finding]) -> str:
    order = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE, Status.SKIP, Status.PASS)
    if not findings:
        return ""
    worst = min(findings, key=lambda found: order.index(found.status))
    return "waived" if worst.waiver and worst.status is Status.FAIL else worst.status.value.lower()


def _gravity(row: ColumnRow) -> tuple[int, float]:
    """Failures first, then by how much a column moved in any way."""
    order = ("fail", "waived", "warn", "")
    facts = row.facts
    nulls = abs(facts.nulls[1] - facts.nulls[0]) if facts.nulls else 0.0
    unseen = sum(level.current for level in facts.unseen)
    rank = order.index(row.status) if row.status in order else len(order)
    return rank, -max(facts.effect or 0.0, nulls, unseen)


def _sparks(bins: Bins | None) -> tuple[str, str]:
    return figures.sparklines(bins.reference, bins.current) if bins else ("", "")


def drawn(sections: Iterable[tuple[str, DriftView]], most: int) -> tuple[Drawn, ...]:
    """The columns that moved most as diagrams, of all comparisons of all models."""
    rows = [
        (_gravity(row), model, view.name, row)
        for model, view in sections
        for row in view.drifted.shown
        if row.facts.bins and len(row.facts.bins.current) > 1
    ]
    ranked = sorted(rows, key=lambda one: (*one[:3], one[3].name))
    return tuple(_drawn(model, name, row) for _, model, name, row in ranked[:most])


def _drawn(model: str, comparison: str, row: ColumnRow) -> Drawn:
    bins = row.facts.bins or Bins(reference=(), current=())
    reference, current = (tuple(round(share, 4) for share in side) for side in (bins.reference, bins.current))
    whole = len(bins.labels) == len(current)
    return Drawn(
        model=model,
        comparison=comparison,
        column=row.name,
        labels=bins.labels if whole else tuple(str(number + 1) for number in range(len(current))),
        reference=reference,
        current=current,
        top=round(max(*reference, *current) * 1.1, 4) or 1.0,
    )
