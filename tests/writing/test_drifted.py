"""The words of a comparison on a terminal: the verdict first, then only what drifted or is not known."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlops_ci.evidence import Bins, DomainClassifier, Drift, DriftColumn, Driver, Interval, LevelShare
from mlops_ci.writing import drifted


@dataclass(frozen=True)
class Said:
    """A decision."""

    name: str
    outcome: str
    sentence: str = ""
    limit: str = ""


AGE = DriftColumn(
    name="age",
    kind="number",
    measure="ks",
    effect=0.1234,
    shift=-0.5,
    nulls=(0.05, 0.12),
    bins=Bins(reference=(0.2, 0.3, 0.5), current=(0.5, 0.3, 0.2)),
)
TOWN = DriftColumn(
    name="town",
    kind="category",
    measure="cramers_v",
    effect=0.5,
    nulls=(0.0, 0.0),
    levels=(
        LevelShare(label="#aaaaaa", reference=0.5, current=0.25),
        LevelShare(label="#bbbbbb", reference=0, current=0.1234),
    ),
    unseen=(LevelShare(label="#bbbbbb", reference=0, current=0.1234),),
)
EMPTY = DriftColumn(name="empty", kind="other", problem="nested")


def told(*columns: DriftColumn, **more: object) -> Drift:
    facts = {"name": "n", "reference": "a.csv", "current": "b.csv", "rows": (1000, 2000), "columns": columns}
    return Drift.model_validate(facts | more)


def test_what_drifted_is_a_table_with_reasons() -> None:
    decisions = (
        Said("age", "drifted", "It moved.", "ks 0.05"),
        Said("town", "drifted", "It did too.", "cramers_v 0.05"),
    )
    assert drifted.words(told(AGE, TOWN), decisions, "2 of 2 columns drifted", hidden=True).split("\n") == [
        "2 of 2 columns drifted: b.csv (2,000 rows) against a.csv (1,000 rows)",
        "",
        "column  effect   limit           missing     reference  current  moved most",
        "town    V 0.50   cramers_v 0.05  0 %                             "
        "#bbbbbb 0 → 12.3 % (new), #aaaaaa 50 → 25 %",
        "age     KS 0.12  ks 0.05         5 % → 12 %  ▄▅█        █▅▄      mean −0.5 σ",
        "",
        "Values are told as hashes; --show-values shows those that mlops-ci.yaml does not call sensitive.",
        "",
    ]


def test_what_is_not_known_is_told_before_what_is_folded() -> None:
    decisions = (
        Said("age", "undecided", "Too few rows."),
        Said("empty", "unjudged", "Not compared: nested."),
        Said("town", "moved"),
        Said("kids", "stable"),
    )
    kids = DriftColumn(name="kids", kind="number")
    found = told(
        AGE,
        EMPTY,
        TOWN,
        kids,
        added=("new",),
        removed=tuple(f"c{index}" for index in range(10)),
        renamed=(("c0", "new"),),
        unnamed=(0, 1_000),
        ignored=tuple(f"i{index}" for index in range(9)),
        ignored_unnamed=20,
        classifier=DomainClassifier(
            auc=0.75,
            interval=Interval(low=0.7, high=0.8),
            rows=(9, 9),
            drivers=(Driver(column="age", loss=0.1),),
        ),
    )
    assert drifted.words(found, decisions, "0 of 4 columns drifted, 1 undecided").split("\n") == [
        "0 of 4 columns drifted, 1 undecided: b.csv (2,000 rows) against a.csv (1,000 rows)",
        "",
        "c0 is gone and new is new: c0 looks renamed to new (same type, same distribution).",
        "",
        "Not in b.csv: c0, c1, c2, c3, c4, c5, c6, c7 and 1,002 more",
        "Only in b.csv: new",
        "",
        "Not enough rows to decide:",
        "  age  Too few rows.",
        "",
        "Not judged:",
        "  empty  Not compared: nested.",
        "",
        "A classifier tells the rows of the two tables apart with an AUC of 0.750 (0.700 to 0.800; "
        "0.5 says it cannot), mostly by age.",
        "",
        "Moved, but by too little to matter: town",
        "Stable: 1 column",
        "",
        "Not compared, as asked: i0, i1, i2, i3, i4, i5, i6, i7 and 21 more",
        "",
    ]


@pytest.mark.parametrize(
    ("outcome", "sentence", "expected"),
    [
        ("drifted", "{}", "and 9,950 more: --json names them all"),
        ("undecided", "Because.", "  c00000, c00001, c00002 and 9,997 more  Because."),
        ("unjudged", "{}", "  and 9,950 more  --json names them all"),
        (
            "moved",
            "{}",
            "matter: c00000, c00001, c00002, c00003, c00004, c00005, c00006, c00007 and 9,992 more",
        ),
        ("stable", "{}", "Stable: 10,000 columns"),
    ],
)
def test_many_columns_are_counted(outcome: str, sentence: str, expected: str) -> None:
    names = [f"c{n:05}" for n in range(10_000)]
    columns = [DriftColumn(name=name, kind="number", measure="ks", effect=0.1) for name in names]
    said = [Said(name, outcome, sentence.format(name)) for name in names]
    text = drifted.words(told(*columns), said, "much")
    assert len(text.split("\n")) < 60
    assert expected in text


def test_a_column_of_which_only_missing_values_moved_has_no_effect() -> None:
    gone = DriftColumn(name="gone", kind="time", nulls=(0.0, 0.5))
    lines = drifted.words(told(gone), (Said("gone", "drifted", "", "nulls 0.03"),), "much").split("\n")
    assert lines[3].split() == ["gone", "nulls", "0.03", "0", "%", "→", "50", "%"]
