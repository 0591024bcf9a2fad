"""Evidence too large to be read back: what is dropped, in which order, and that it is told."""

from __future__ import annotations

import pytest

from mlops_ci.evidence import (
    MAX_BYTES,
    Bins,
    Drift,
    DriftColumn,
    Evidence,
    FileChange,
    LevelShare,
    ModelEvidence,
    Plot,
    Slice,
    Where,
    read,
)
from mlops_ci.evidence.bounded import bounded
from tests.gates.samples import comparison, evidence, model

HALF = tuple(1 / 20 + place / 1e12 for place in range(20))


def column(place: int, **more: object) -> DriftColumn:
    return DriftColumn.model_validate(
        {
            "name": f"column {place}",
            "kind": "number",
            "effect": place / 1e6,
            "p": 0.5,
            "bins": Bins(reference=HALF, current=HALF),
            **more,
        }
    )


def large(**more: object) -> Evidence:
    return evidence(model().model_copy(update=more))


def kept(found: Evidence) -> ModelEvidence:
    return found.models[0]


def drift(*columns: DriftColumn) -> tuple[Drift, ...]:
    return (Drift(name="train", reference="base", current="head", columns=columns),)


def test_what_fits_stays_as_it_is() -> None:
    small = large(drift=drift(column(1)))
    assert bounded(small) is small


def test_ten_thousand_columns_keep_their_scores_and_the_moved_ones_their_bins() -> None:
    whole = large(drift=drift(*map(column, range(10_000))))
    assert len(whole.canonical()) > MAX_BYTES
    found = bounded(whole)
    assert read(found.canonical()) == found
    columns = kept(found).drift[0].columns
    assert [one.name for one in columns if one.bins] == [f"column {place}" for place in range(9_950, 10_000)]
    assert [one.effect for one in columns] == [place / 1e6 for place in range(10_000)]
    assert [one.message for one in found.problems] == [
        "the evidence was too large and lacks bins of all but the 50 columns that moved most"
    ]


def test_a_column_that_could_not_be_compared_is_not_the_first_to_go() -> None:
    odd = column(0, problem="nested", effect=None, p=None, bins=None)
    found = bounded(large(drift=drift(odd, *map(column, range(1, 400)))), 20_000)
    assert kept(found).drift[0].columns[0] == odd


@pytest.mark.parametrize("most", [400_000, 100_000, 60_000])
def test_everything_at_once_still_fits(most: int) -> None:
    levels = tuple(LevelShare(label=f"level {one}", reference=0.1, current=0.2) for one in range(10))
    compared = comparison("accuracy", -0.1, 0.02, n=100)
    slices = tuple(
        Slice(
            column="c",
            level=str(one),
            rows=9,
            metric="accuracy",
            head=0.5,
            comparison=compared.model_copy(update={"p": 1 / (one + 1)}) if one else None,
        )
        for one in range(2_000)
    )
    plot = Plot(id="roc", title="roc", kind="line", head=tuple((x / 3, x / 7) for x in range(2_000)))
    tables = drift(*(column(place, levels=levels, unseen=levels) for place in range(1_500)))
    tables = tuple(one.model_copy(update={"added": tuple(map(str, range(5_000)))}) for one in tables)
    whole = large(drift=tables, slices=slices, plots=(plot,))
    lock = whole.lock.model_copy(update={"patch": "+ md5\n" * 20_000})
    files = tuple(FileChange(where=Where(file=f"f{place}"), role="data") for place in range(3_000))
    found = bounded(whole.model_copy(update={"lock": lock, "files": files}), most)
    assert len(found.canonical()) <= most
    assert kept(found).plots == ()
    assert found.lock.patch == ""
    assert kept(found).slices[-1] == slices[-1]
    assert kept(found).drift[0].columns[-1].effect == 1_499 / 1e6
    (problem,) = found.problems
    assert problem.message.startswith("the evidence was too large and lacks bins of all but the 50 columns")


def test_names_that_go_are_still_counted() -> None:
    (table,) = drift(column(1))
    names = tuple(f"a rather long name of a column {place}" for place in range(300))
    more = {"added": names, "removed": names[:60], "ignored": names, "unnamed": (7, 0), "ignored_unnamed": 5}
    found = kept(bounded(large(drift=(table.model_copy(update=more),)), 20_000)).drift[0]
    assert found.added == found.removed == found.ignored == names[:50]
    assert (found.unnamed, found.ignored_unnamed) == ((257, 10), 255)


def test_what_cannot_be_made_smaller_is_given_as_small_as_it_gets() -> None:
    small = large()
    assert bounded(small, 10) is small
