"""The data gate: broken rules by table, column and rule; what nobody could look at is said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import DataRule, Finding, StageRun, Status, TableCheck, Where
from mlops_ci.gates.data import Options, check
from tests.gates.samples import evidence, model

GOOD = DataRule(rule="type", column="age", ok=True)
RANGE = DataRule(
    rule="range", column="age", ok=False, failing=12, expected="0 to 99", found="12 values outside"
)


def table(*rules: DataRule, name: str = "train", **more: Any) -> TableCheck:
    told = {"table": name, "path": f"{name}.parquet", "rows": 5_000, "schema_path": "s.yaml", "rules": rules}
    counts = {"checked": len(rules), "broken": sum(not rule.ok for rule in rules)}
    return TableCheck.model_validate(told | counts | more)


def judged(
    *tables: TableCheck, stages: tuple[StageRun, ...] = (), changed: bool = True, **options: Any
) -> list[Finding]:
    found = evidence(model(tables=tables, changed=changed), stages=stages)
    return check(found, Options.model_validate(options))


def said(*tables: TableCheck, **options: Any) -> list[tuple[str, Status, str]]:
    return [(one.subject, one.status, one.sentence) for one in judged(*tables, **options)]


def test_rules_that_are_kept_are_one_finding() -> None:
    assert said(table(GOOD, GOOD), table(GOOD, name="test")) == [
        ("rules", Status.PASS, "3 rules are kept (train, test).")
    ]
    assert said(table(GOOD)) == [("rules", Status.PASS, "1 rule is kept (train).")]


def test_rules_that_the_evidence_has_no_room_for_are_counted() -> None:
    (finding,) = judged(table(GOOD, checked=900))
    assert finding.sentence == "900 rules are kept (train)."


def test_a_broken_rule_names_table_column_rule_and_rows() -> None:
    finding, kept = judged(table(RANGE, GOOD))
    assert (finding.status, finding.subject, finding.limit) == (Status.FAIL, "train age range", "0 to 99")
    assert finding.sentence == (
        "train: age breaks the rule range in 12 of 5,000 rows: expected 0 to 99, found 12 values outside."
    )
    assert finding.where == Where(file="s.yaml")
    assert finding.hint
    assert kept.status is Status.PASS


def test_a_rule_can_only_warn_or_be_off() -> None:
    assert [status for _, status, _ in said(table(RANGE), warn=["range"])] == [Status.WARN]
    assert said(table(RANGE), off=["range"]) == []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (DataRule(rule="missing", column="age", ok=False), "train: age is missing."),
        (
            DataRule(rule="added", column="age", ok=False),
            "train: age is not in the schema, which allows no further columns.",
        ),
        (
            DataRule(rule="rows", ok=False, expected="at least 9 rows", found="5 rows"),
            "train breaks the rule rows: expected at least 9 rows, found 5 rows.",
        ),
        (
            DataRule(rule="leakage", column="x", ok=False, expected="AUC below 0.999", found="AUC 1 alone"),
            "train: x tells the target by itself (AUC 1 alone); expected AUC below 0.999.",
        ),
        (
            DataRule(
                rule="shop.rules:whole", ok=False, failing=2, expected="true", found="2 rows with false"
            ),
            "train breaks shop.rules:whole in 2 of 5,000 rows: expected true, found 2 rows with false.",
        ),
    ],
)
def test_sentences(rule: DataRule, sentence: str) -> None:
    (finding,) = judged(table(rule))
    assert (finding.status, finding.sentence, bool(finding.hint)) == (Status.FAIL, sentence, True)


def test_rules_between_tables_do_not_point_at_the_schema() -> None:
    leak = DataRule(rule="leakage", column="x", ok=False, found="AUC 1 alone")
    assert judged(table(leak))[0].where is None


def test_a_rule_that_many_columns_break_is_one_finding() -> None:
    rules = [DataRule(rule="added", column=f"c{place}", ok=False) for place in range(8)]
    assert said(table(*rules)) == [
        (
            "train added",
            Status.FAIL,
            "train: 8 columns break the rule added: c0, c1, c2, c3, c4 and 3 more.",
        )
    ]
    assert said(table(*rules, checked=900, broken=700))[0][2].startswith("train: at least 8 columns break")


def test_duplicates_are_judged_by_their_share_beyond_chance() -> None:
    rule = DataRule(
        rule="duplicates", ok=False, failing=90, expected="none", found="90 test rows", value=0.02
    )
    (finding,) = judged(table(rule, name="test"))
    assert (finding.status, finding.value, finding.direction) == (Status.FAIL, 0.02, "lower")
    assert finding.sentence == "test breaks the rule duplicates: expected none, found 90 test rows."
    assert said(table(rule, name="test"), max_duplicates=0.02) == []
    shared = rule.model_copy(update={"column": "id"})
    assert [one.status for one in judged(table(shared), max_duplicates=0.5)] == [Status.FAIL]


def test_what_could_not_be_judged_is_folded_by_its_reason() -> None:
    rules = [DataRule(rule="leakage", column=name, ok=False, problem="it is a list") for name in "abcdefg"]
    assert said(table(*rules)) == [
        (
            "train leakage",
            Status.INCONCLUSIVE,
            "train: a, b, c, d, e and 2 more: the rule leakage could not be checked: it is a list.",
        )
    ]
    assert said(table(*rules), off=["leakage"]) == []


@pytest.mark.parametrize(("rule", "key"), [("duplicates", "data.id"), ("labels", "data.target")])
def test_a_misspelt_column_of_the_configuration_leaves_the_verdict_incomplete(rule: str, key: str) -> None:
    problem = "no column of this name; did you mean id?"
    (finding,) = judged(table(DataRule(rule=rule, column="idd", ok=False, problem=problem), name="test"))
    assert (finding.status, finding.required) == (Status.SKIP, True)
    assert finding.sentence == f"test: idd: the rule {rule} could not be checked: {problem}"
    assert finding.hint == f"mend {key} in mlops-ci.yaml"


@pytest.mark.parametrize("name", ["schema", "rules:one"])
def test_a_schema_or_function_that_cannot_be_used_fails(name: str) -> None:
    (finding,) = judged(table(DataRule(rule=name, ok=False, problem="s.yaml:3: broken.")))
    assert finding.status is Status.FAIL
    assert finding.sentence.endswith("could not be checked: s.yaml:3: broken.")


def test_a_table_that_cannot_be_read_fails() -> None:
    assert said(table(problem="is missing")) == [
        ("train", Status.FAIL, "train (train.parquet) was not checked: is missing.")
    ]


def test_production_that_cannot_be_reached_is_inconclusive() -> None:
    assert [status for _, status, _ in said(table(name="production", problem="timed out"))] == [
        Status.INCONCLUSIVE
    ]


def test_a_table_whose_stage_failed_is_skipped() -> None:
    problem = "the stage prepare did not finish, so the table is not what this commit makes"
    stages = (StageRun(name="prepare", status="failed"),)
    for required in (False, True):
        (finding,) = judged(table(problem=problem), stages=stages, required=required)
        assert (finding.status, finding.required) == (Status.SKIP, required)


def test_too_few_training_rows() -> None:
    finding, _ = judged(table(GOOD), min_rows=6_000)
    assert (finding.status, finding.sentence) == (Status.FAIL, "train has 5,000 rows, fewer than 6,000.")
    assert (finding.value, finding.limit, finding.direction) == (5_000, "at least 6,000", "higher")
    assert [one.status for one in judged(table(GOOD), min_rows=5_000)] == [Status.PASS]
    assert [one.status for one in judged(table(GOOD, name="test"), min_rows=6_000)] == [Status.PASS]


def test_without_a_schema_the_rules_between_tables_are_judged() -> None:
    kept, skipped = judged(table(GOOD, schema_path=""), required=True)
    assert kept.status is Status.PASS
    assert (skipped.subject, skipped.status, skipped.required) == ("schema", Status.SKIP, True)
    assert "defaults.data.schema" in skipped.hint


def test_without_configuration_it_says_which_key_is_missing() -> None:
    for required in (False, True):
        (finding,) = judged(required=required)
        assert (finding.status, finding.required, finding.model) == (Status.SKIP, required, "churn")
        assert "defaults.data.train" in finding.hint


def test_a_model_that_nothing_feeds_is_not_measured_again() -> None:
    (finding,) = judged(changed=False, required=True)
    assert (finding.status, finding.required) == (Status.SKIP, False)
    assert finding.sentence == (
        "Nothing that feeds the model differs from the base, so it was not measured again."
    )


def test_no_model_is_a_skip() -> None:
    (finding,) = check(evidence(), Options())
    assert (finding.status, finding.sentence) == (Status.SKIP, "There is no model, so no table was checked.")


def test_options_have_bounds() -> None:
    mistakes: list[dict[str, Any]] = [
        {"max_duplicates": 2},
        {"leakage": {"auc": 0.2}},
        {"min_rows": -1},
        {"wran": []},
    ]
    for wrong in mistakes:
        with pytest.raises(ValidationError):
            Options.model_validate(wrong)


def test_a_table_that_moved_warns_and_one_that_nobody_reads_leaves_the_verdict_incomplete() -> None:
    moved = DataRule(rule="moved", ok=False, expected="a.csv", found="b.csv")
    read = DataRule(rule="read", ok=False, problem="data.train is b.csv, but no stage of the model reads it")
    skipped, warned, kept = judged(table(moved, read, GOOD))
    assert (skipped.status, skipped.required, skipped.subject) == (Status.SKIP, True, "train read")
    assert skipped.sentence == (
        "data.train is b.csv, but no stage of the model reads it, so what is said of the table says nothing "
        "of the model."
    )
    assert (warned.status, warned.subject, warned.where) == (Status.WARN, "train moved", None)
    assert warned.sentence == (
        "data.train is b.csv in this pull request and a.csv at the base; it is compared with the base's table "
        "all the same."
    )
    assert kept.status is Status.PASS
    assert judged(table(moved, read), off=["moved", "read"]) == []
