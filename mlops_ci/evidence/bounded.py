"""Evidence that fits into its largest size: what is needed least goes first, and a problem says so (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mlops_ci.evidence.checks import Drift, DriftColumn
from mlops_ci.evidence.document import MAX_BYTES, Evidence, Problem
from mlops_ci.evidence.models import ModelEvidence
from mlops_ci.evidence.parts import Where

KEPT = 50  # columns of a table that keep their bins, and entries that any list keeps in the end
_Step = tuple[str, Callable[[Evidence], Evidence]]


def bounded(evidence: Evidence, most: int = MAX_BYTES) -> Evidence:
    """The same evidence where its canonical JSON has at most ``most`` bytes, else with less in it.

    First goes what is only drawn (bins, curves), then the details of columns that moved least, at last
    entries of long lists. What the gates judge stays as long as it can; a cut is told in ``problems``.
    """
    size = len(evidence.canonical())
    dropped: list[str] = []
    found = evidence
    for words, step in _steps():
        if size <= most:
            break
        shorter = step(found)
        if shorter != found:
            dropped.append(words)
            found = shorter
            size = len(_telling(found, dropped).canonical())
    return _telling(found, dropped)


def _telling(evidence: Evidence, dropped: list[str]) -> Evidence:
    if not dropped:
        return evidence
    message = f"the evidence was too large and lacks {', '.join(dropped)}"
    hint = "compare fewer columns (data.ignore), or group by columns with fewer values"
    problem = Problem(where=Where(file="mlops-ci.yaml"), revision="head", message=message, hint=hint)
    return evidence.model_copy(update={"problems": (*evidence.problems, problem)})


def _steps() -> Iterator[_Step]:
    yield f"bins of all but the {KEPT} columns that moved most", _each(partial(_without_bins, KEPT))
    yield "plots", _each(lambda model: model.model_copy(update={"plots": ()}))
    yield "bins", _each(partial(_without_bins, 0))
    yield "the proposed dvc.lock", _without_patch
    yield "levels of columns", _each(_without_levels)
    for kept in (1000, 300, KEPT):
        yield f"groups beyond the {kept:,} that moved most", _each(partial(_fewer_slices, kept))
        yield f"columns beyond the {kept:,} that moved most", _each(partial(_fewer_columns, kept))
        yield f"entries of long lists beyond {kept:,}", partial(_shorter_lists, kept)


def _each(change: Callable[[ModelEvidence], ModelEvidence]) -> Callable[[Evidence], Evidence]:
    def all_models(evidence: Evidence) -> Evidence:
        return evidence.model_copy(update={"models": tuple(map(change, evidence.models))})

    return all_models


def _drift(model: ModelEvidence, change: Callable[[Drift], tuple[DriftColumn, ...]]) -> ModelEvidence:
    changed = tuple(one.model_copy(update={"columns": change(one)}) for one in model.drift)
    return model.model_copy(update={"drift": changed})


def _most_moved(drift: Drift, kept: int) -> frozenset[str]:
    """The columns that moved most: those that cannot be compared first, then by the size of the effect."""
    order = sorted(drift.columns, key=lambda one: (not one.problem, one.p is None, -(one.effect or 0.0)))
    return frozenset(one.name for one in order[:kept])


def _without_bins(kept: int, model: ModelEvidence) -> ModelEvidence:
    def change(drift: Drift) -> tuple[DriftColumn, ...]:
        moved = _most_moved(drift, kept)
        return tuple(
            one if one.name in moved else one.model_copy(update={"bins": None}) for one in drift.columns
        )

    return _drift(model, change)


def _without_levels(model: ModelEvidence) -> ModelEvidence:
    """The levels are told; whether a column has unseen ones is judged, so the most common of these stays."""
    return _drift(
        model,
        lambda drift: tuple(
            one.model_copy(update={"levels": (), "unseen": one.unseen[:1]}) for one in drift.columns
        ),
    )


def _fewer_columns(kept: int, model: ModelEvidence) -> ModelEvidence:
    def change(drift: Drift) -> tuple[DriftColumn, ...]:
        moved = _most_moved(drift, kept)
        return tuple(one for one in drift.columns if one.name in moved)

    return _drift(model, change)


def _fewer_slices(kept: int, model: ModelEvidence) -> ModelEvidence:
    """The groups whose difference is surest, so that one that lost is the last to go."""
    order = sorted(model.slices, key=lambda one: one.comparison.p if one.comparison else 1.0)
    surest = {id(one) for one in order[:kept]}
    return model.model_copy(update={"slices": tuple(one for one in model.slices if id(one) in surest)})


def _without_patch(evidence: Evidence) -> Evidence:
    return evidence.model_copy(update={"lock": evidence.lock.model_copy(update={"patch": ""})})


def _shorter_lists(kept: int, evidence: Evidence) -> Evidence:
    """Lists that a reader never reads to their end."""

    def shorter(model: ModelEvidence) -> ModelEvidence:
        drift = tuple(_fewer_names(kept, one) for one in model.drift)
        return model.model_copy(update={"drift": drift, "fairness": model.fairness[:kept]})

    lists = {name: getattr(evidence, name)[:kept] for name in ("params", "files", "problems")}
    return _each(shorter)(evidence.model_copy(update=lists))


def _fewer_names(kept: int, drift: Drift) -> Drift:
    """Names of columns, of which the number stays."""
    added, removed = drift.unnamed
    return drift.model_copy(
        update={
            "added": drift.added[:kept],
            "removed": drift.removed[:kept],
            "unnamed": (added + len(drift.added[kept:]), removed + len(drift.removed[kept:])),
            "ignored": drift.ignored[:kept],
            "ignored_unnamed": drift.ignored_unnamed + len(drift.ignored[kept:]),
        }
    )
