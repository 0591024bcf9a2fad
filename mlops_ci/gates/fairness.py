"""Gate: no group is treated worse than the limits allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops_ci import significance
from mlops_ci.evidence import Disparity, Evidence, Fairness, Finding, ModelEvidence, Status
from mlops_ci.judging import fairness, unmeasured
from mlops_ci.judging.fairness import DisparityLimit, Said
from mlops_ci.profiles.privacy import RARE_ROWS

PER_MODEL = True


class Options(BaseModel):
    """What is asked of the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: Annotated[dict[str, DisparityLimit], BeforeValidator(fairness.known_limits)] = Field(
        default_factory=dict,
        description="Limits by disparity, for example demographic_parity_difference or equalized_odds_ratio, "
        "a glob such as *_difference, or either for one column: race:equalized_odds_difference.",
    )
    groups: tuple[str | tuple[str, ...], ...] = Field(
        default=(),
        description="Columns that make the groups; [sex, race] as one item means their combinations. "
        "Default: each of columns.groups.",
    )
    positive: str | int | None = Field(
        default=None,
        description="The class that counts as selected; default: of two classes the one that sorts last.",
    )
    min_rows: int = Field(
        default=200,
        ge=RARE_ROWS,
        strict=True,
        description="Groups with fewer rows are not compared; a rate also needs a tenth as many rows that "
        "it is defined on, such as positives for the true positive rate.",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        strict=True,
        description="The share of false alarms among the disparities that are compared with the base.",
    )
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")

    def columns(self, default: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """What makes the groups, each as the columns that are combined."""
        return tuple((one,) if isinstance(one, str) else one for one in self.groups or default)


@unmeasured.told_first("fairness")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """No group is treated worse than the limits allow."""
    if not evidence.models:
        return [_skip("", "There is no model, so no group was compared.", required=options.required)]
    return [finding for model in evidence.models for finding in _model(model, options)]


def _model(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    if not model.fairness:
        said = "No groups are configured, so nothing was compared."
        hint = "name the groups' columns under columns.groups in mlops-ci.yaml, for example [sex, race]"
        yield _skip(model.name, said, required=options.required or bool(options.limits), hint=hint)
        return
    yield from _absent(model, options)
    passed: list[tuple[Fairness, Disparity]] = []
    worse = _significantly_worse(model, options)
    for found in model.fairness:
        if found.problem:
            end = "" if found.problem.endswith("?") else "."
            said = f"{found.column} was not compared: {found.problem.rstrip('.')}{end}"
            key = "gates.fairness.groups" if options.groups else "columns.groups"
            hint = (
                f"mend {key} in the base branch's mlops-ci.yaml, or write the column into the predictions"
                if found.absent
                else "mend the predictions; docs/fairness.md says what they need"
            )
            # A column that a group is asked for and that is gone hides the group.
            asked = options.required or bool(options.limits) or found.absent
            yield _skip(model.name, said, required=asked, hint=hint, subject=found.column)
            continue
        yield from _small(model, found, options)
        for one in found.disparities:
            limit = fairness.limit_for(found.column, one, options.limits)
            judged = fairness.judged(found, one, limit, worse=(found.column, one.name) in worse)
            if judged is not None:
                yield _finding(model, found, one, limit, judged)
            elif one.value is not None:
                passed.append((found, one))
    if passed:
        yield _passed(model, passed, options)


# ---- against the base --------------------------------------------------------------------------


def _significantly_worse(model: ModelEvidence, options: Options) -> frozenset[tuple[str, str]]:
    """The disparities that grew by more than chance explains, over all of them (Benjamini-Hochberg)."""
    tested = [
        (found.column, one, fairness.growth(one))
        for found in model.fairness
        for one in found.disparities
        if one.change is not None and one.value is not None and one.base is not None
    ]
    adjusted = significance.adjusted([growth.p for _, _, growth in tested])
    return frozenset(
        (column, one.name)
        for (column, one, growth), p in zip(tested, adjusted, strict=True)
        if growth.amount > 0 and p < options.alpha
    )


# ---- findings ----------------------------------------------------------------------------------


def _skip(model: str, sentence: str, *, required: bool, hint: str = "", subject: str = "fairness") -> Finding:
    return Finding(
        gate="fairness",
        subject=subject,
        status=Status.SKIP,
        sentence=sentence,
        model=model,
        required=required,
        hint=hint,
    )


def _finding(
    model: ModelEvidence, found: Fairness, one: Disparity, limit: DisparityLimit, said: Said
) -> Finding:
    delta = one.value - one.base if one.value is not None and one.base is not None else None
    return Finding(
        gate="fairness",
        subject=f"{found.column} {one.name}",
        status=said.status,
        sentence=said.sentence,
        model=model.name,
        metric=one.name,
        value=one.value,
        delta=delta,
        interval=one.interval,
        limit=limit.words(),
        direction="lower" if one.kind == "difference" else "higher",
        change=said.change,
        hint=said.hint,
    )


def _absent(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    """Limits without a disparity: a slip of the pen, or a column that is no longer there."""
    measured = [found for found in model.fairness if not found.problem]
    for key, limit in options.limits.items():
        if any(
            fairness.matches(found.column, one.name, key) for found in measured for one in found.disparities
        ):
            continue
        if fairness.is_glob(key) or len(measured) < len(model.fairness):
            continue
        yield Finding(
            gate="fairness",
            subject=key,
            status=Status.WARN,
            sentence=f"There is a limit on {key}, but no such disparity was measured.",
            model=model.name,
            limit=limit.words(),
            hint="docs/fairness.md lists what is measured for classes and for quantities",
        )


def _small(model: ModelEvidence, found: Fairness, options: Options) -> Iterator[Finding]:
    """The groups that no verdict covers, once a column."""
    sentence = fairness.small_groups(found, options.min_rows)
    if sentence:
        yield Finding(
            gate="fairness",
            subject=f"{found.column} small groups",
            status=Status.INCONCLUSIVE,
            sentence=sentence,
            model=model.name,
            hint=(
                "measure on a test set whose truth has every class"
                if found.only
                else "collect more rows of these groups for the test set, or lower min_rows"
            ),
        )


def _passed(model: ModelEvidence, passed: Sequence[tuple[Fairness, Disparity]], options: Options) -> Finding:
    limited = sum(fairness.limit_for(found.column, one, options.limits).is_set for found, one in passed)
    return Finding(
        gate="fairness",
        subject="fairness",
        status=Status.PASS,
        sentence=fairness.passed(passed, limited),
        model=model.name,
    )
