"""Gate: no column moved by more than chance and by enough to matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops_ci.evidence import DomainClassifier, Drift, Evidence, Finding, ModelEvidence, Status
from mlops_ci.judging import drifting, unmeasured
from mlops_ci.judging.drifting import Decision, Rules
from mlops_ci.writing.figures import count, number

PER_MODEL = True

Action = Literal["fail", "warn"]
# YAML reads a bare ``off`` as false.
RoleAction = Annotated[
    Literal["fail", "warn", "off"] | None,
    BeforeValidator(lambda value: "off" if value is False else value),
]
Against = Literal["base", "live", "production", "train"]
_NAMED = 5
_ALLOW = (
    "if it is meant, say `action: warn` for them under gates.drift.columns, or name them under data.ignore"
)


class ClassifierLimit(BaseModel):
    """What is allowed of a classifier that tries to tell current rows from reference rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_auc: float = Field(
        default=0.6,
        ge=0.5,
        le=1,
        strict=True,
        description="Its ROC AUC; 0.5 says that it cannot tell them. Judged by the interval's lower end.",
    )


class Options(Rules):
    """Which tables are compared, and what becomes of a column that drifted."""

    action: Action = Field(default="warn", description="What a drifted column does: warn or fail.")
    target: RoleAction = Field(
        default=None, description="The same for the target: fail, warn or off; null: as action says."
    )
    prediction: RoleAction = Field(
        default=None, description="The same for the model's predictions: fail, warn or off; null: as action."
    )
    classifier: ClassifierLimit | None = Field(
        default=None, description="Train a classifier to tell the tables' rows apart, and limit its ROC AUC."
    )
    against: tuple[Against, ...] = Field(
        default=("base", "live", "production"),
        description="What is compared, where it is configured. base: the tables and predictions with the "
        "base commit's; live: the training table with the live release's; production: the production data "
        "with the training table; train: the test table with the training table.",
    )
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")


@unmeasured.told_first("drift")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """No column moved by more than chance and by enough to matter."""
    if not evidence.models:
        return [_finding("drift", Status.SKIP, "There is no model, so no tables were compared.")]
    return [
        one.model_copy(update={"model": model.name})
        for model in evidence.models
        for one in _model(model, options)
    ]


def _model(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    if not model.drift:
        said = "No tables were compared: mlops-ci.yaml names none for this model."
        hint = "name the training table under defaults.data.train in mlops-ci.yaml"
        yield _finding("drift", Status.SKIP, said, hint=hint, required=options.required)
    for drift in model.drift:
        yield from _comparison(drift, options)


def _comparison(drift: Drift, options: Options) -> Iterator[Finding]:
    """What is said of one pair of tables: each drifted column, then the others together."""
    if drift.problem:
        said = f"{drift.name}: not compared: {drift.problem.rstrip('.')}."
        needed = options.required or (drift.lost and options.action == "fail")
        yield _finding(drift.name, Status.SKIP, said, required=needed)
        return
    if drift.same:
        yield _finding(drift.name, Status.PASS, f"{drift.name}: the same bytes on both sides.")
        return
    decisions = [one for one in drifting.judge(drift, options) if _action(one, options) != "off"]
    drifted = [one for one in decisions if one.outcome == "drifted"]
    for one in sorted(drifted, key=lambda one: -(one.column.effect or 0.0)):
        yield _drifted(drift, one, options)
    yield from _changed(drift, decisions, options)
    yield from _classifier(drift, options)
    if lost := [one for one in decisions if one.lost]:
        yield _lost(drift, lost)
    undecided = [one for one in decisions if one.outcome == "undecided"]
    if undecided:
        yield _undecided(drift, undecided, len(decisions))
    yield from _kept(drift, decisions)


def _action(decision: Decision, options: Options) -> Literal["fail", "warn", "off"]:
    """What a drift of this column does: by its own rule, by its role, by the gate's."""
    own = drifting.rule_for(decision.name, options.columns).action
    roles = {"target": options.target, "prediction": options.prediction}
    return own or roles.get(decision.column.role) or options.action


def _action_of(name: str, options: Options) -> Literal["fail", "warn"]:
    """What becomes of a column that is gone, whose role nobody knows any more."""
    return drifting.rule_for(name, options.columns).action or options.action


def _drifted(drift: Drift, decision: Decision, options: Options) -> Finding:
    column = decision.column
    status = Status.FAIL if _action(decision, options) == "fail" else Status.WARN
    role = {"feature": "", "target": "the target ", "prediction": "the prediction "}[column.role]
    said = f"{role}{column.name} drifted: {decision.sentence}"
    return _finding(
        f"{drift.name}: {column.name}",
        status,
        said[:1].upper() + said[1:] if role else said,
        hint="if it is meant, merge it with a waiver or raise its floor under gates.drift.columns",
        # Missing values and new categories have sizes of their own, which the effect does not tell.
        value=column.effect if decision.why == ("values",) else None,
        limit=decision.limit,
    ).model_copy(update={"direction": "lower"})


def _changed(drift: Drift, decisions: Sequence[Decision], options: Options) -> Iterator[Finding]:
    """Columns that came (a warning), went, or are of another kind now (both as their action says)."""
    names = dict(drift.renamed)
    hint = "columns are found by name; the pipeline must make them alike on both sides"
    if drift.added:
        said = f"{_are(len(drift.added) + drift.unnamed[0])} new: {_some(drift.added, drift.unnamed[0])}"
        yield _finding(f"{drift.name}: new columns", Status.WARN, f"{drift.name}: {said}.", hint=hint)
    gone = [
        (_action_of(one, options), f"{one} (looks renamed to {names[one]})" if one in names else one)
        for one in drift.removed
    ]
    retyped = [
        (_action(one, options), f"{one.name} ({one.column.problem})") for one in decisions if one.retyped
    ]
    for told, words, subject in (
        (gone, "gone", "gone columns"),
        (retyped, "of another kind", "columns of another kind"),
    ):
        for action, status in (("fail", Status.FAIL), ("warn", Status.WARN)):
            some = [name for own, name in told if own == action]
            if not some:
                continue
            more = drift.unnamed[1] if told is gone and action == options.action else 0
            said = f"{drift.name}: {_are(len(some) + more)} {words}: {_some(some, more)}."
            mend = _ALLOW if action == "fail" else hint
            yield _finding(f"{drift.name}: {subject}", status, said, hint=mend)


def _are(size: int) -> str:
    return f"{_columns(size)} {'is' if size == 1 else 'are'}"


def _classifier(drift: Drift, options: Options) -> Iterator[Finding]:
    found, limit = drift.classifier, options.classifier
    if found is None or limit is None:
        return
    if found.interval.low > limit.max_auc:
        status = Status.FAIL if options.action == "fail" else Status.WARN
        beyond = f"more than the allowed {number(limit.max_auc, 3)}"
    elif found.auc > limit.max_auc:
        status, beyond = Status.INCONCLUSIVE, f"the limit of {number(limit.max_auc, 3)} is in its interval"
    else:
        status, beyond = Status.PASS, f"within the allowed {number(limit.max_auc, 3)}"
    yield _finding(
        f"{drift.name}: classifier",
        status,
        f"{drift.name}: a classifier tells current rows from others with AUC {_auc(found)}, {beyond}.",
        value=found.auc,
        limit=f"max {limit.max_auc:g}",
    ).model_copy(update={"interval": found.interval, "direction": "lower"})


def _auc(found: DomainClassifier) -> str:
    low, high = number(found.interval.low, 3), number(found.interval.high, 3)
    by = f", mostly by {_some([one.column for one in found.drivers if one.loss > 0][:3])}"
    told = by if any(one.loss > 0 for one in found.drivers) else ""
    return f"{number(found.auc, 3)} ({low} to {high}){told}"


def _undecided(drift: Drift, undecided: Sequence[Decision], all_of: int) -> Finding:
    names = _some([one.name for one in undecided])
    rows = f"{count(drift.rows[0])} and {count(drift.rows[1])} rows"
    some = f"{len(undecided)} of {_columns(all_of)}: {names}"
    said = f"{drift.name}: {rows} are not enough to decide about {some}."
    sentence = f"{said} {undecided[0].name}: {undecided[0].sentence}"
    hint = "compare more rows, or raise the floor to what matters to you"
    return _finding(f"{drift.name}: undecided columns", Status.INCONCLUSIVE, sentence, hint=hint)


def _lost(drift: Drift, lost: Sequence[Decision]) -> Finding:
    """Columns that the reference lets compare and the current side does not."""
    told = _some([f"{one.name} ({one.column.problem})" for one in lost])
    said = f"{drift.name}: {_columns(len(lost))} cannot be compared any more: {told}."
    hint = "mend the current table, or name the columns under data.ignore"
    return _finding(f"{drift.name}: lost columns", Status.INCONCLUSIVE, said, hint=hint)


def _kept(drift: Drift, decisions: Sequence[Decision]) -> Iterator[Finding]:
    """What did not drift, and what could not be compared, in one finding."""
    stable = sum(one.outcome == "stable" for one in decisions)
    moved = sum(one.outcome == "moved" for one in decisions)
    unjudged = [one for one in decisions if one.outcome == "unjudged" and not (one.retyped or one.lost)]
    parts = [f"{stable + moved} of {_columns(len(decisions))} did not drift"]
    if moved:
        parts.append(f"{moved} of them moved by too little to matter")
    if unjudged:
        told = _some([f"{one.name} ({one.column.problem})" for one in unjudged])
        parts.append(f"not compared: {told}")
    if stable or moved:
        yield _finding(drift.name, Status.PASS, f"{drift.name}: {'; '.join(parts)}.")
    elif unjudged and len(unjudged) == len(decisions):
        yield _finding(drift.name, Status.SKIP, f"{drift.name}: no column was compared; {parts[-1]}.")


def _columns(size: int) -> str:
    return "1 column" if size == 1 else f"{count(size)} columns"


def _some(names: Sequence[str], unnamed: int = 0) -> str:
    more = f" and {len(names) - _NAMED + unnamed} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _finding(
    subject: str,
    status: Status,
    sentence: str,
    *,
    hint: str = "",
    value: float | None = None,
    limit: str = "",
    required: bool = False,
) -> Finding:
    return Finding(
        gate="drift",
        subject=subject,
        status=status,
        sentence=sentence,
        hint=hint,
        value=value,
        limit=limit,
        required=required,
    )
