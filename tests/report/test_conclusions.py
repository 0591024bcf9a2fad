"""What a check run says of each gate: its title, its findings, and the lines that caused them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlops_ci import evidence as ev
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Evidence, Finding, Status, Waiver, Where
from mlops_ci.report import conclusions
from mlops_ci.report.conclusions import Conclusion, Remark
from tests.report import samples
from tests.report.samples import LEARNING_RATE, document, finding, metric

LOST = "accuracy fell by 0.03."
WAIVER = Waiver(owner="ada", reason="known `bug`", until="2027-01-01")


def said(status: Status, sentence: str = LOST, **facts: Any) -> Finding:
    return finding(status, "accuracy", sentence, **facts)


def one(
    *findings: Finding, strict: bool = False, evidence: Evidence | None = None, **more: Any
) -> Conclusion:
    (found,) = conclusions.of_gates(evidence or document(), findings, ["metrics"], strict=strict, **more)
    return found


def test_titles_and_remarks_are_plain_bounded_lines() -> None:
    found = said(
        Status.FAIL,
        "lost\n::error::x\x1b[2J.",
        model="m\u202e" + "x" * 5_000,
        hint="do\u200b",
        where=Where(file="a", line=1),
    )
    concluded = one(found)
    (remark,) = concluded.remarks
    assert concluded.title.startswith("Refused: m\ufffdxxx")
    assert concluded.title.endswith("xx: lost ::error::x.")
    assert remark.message.split("\n")[1] == "do\ufffd"
    assert [len(line) <= 601 for line in (concluded.title, *remark.message.split("\n"))] == [True] * 3


def test_the_names_are_the_verdicts_and_the_gates() -> None:
    assert conclusions.names(["stages", "lock"]) == ("mlops-ci", "mlops-ci/stages", "mlops-ci/lock")


@pytest.mark.parametrize(
    ("findings", "strict", "passed", "title"),
    [
        ((), False, True, "Nothing to judge."),
        ((said(Status.PASS, "`n` is unchanged."),), False, True, "Passed: churn: n is unchanged."),
        ((said(Status.PASS), said(Status.PASS, "b")), False, True, "Passed: 2 findings."),
        ((said(Status.PASS), said(Status.SKIP)), False, True, "Passed: 1 finding, 1 not judged."),
        ((said(Status.SKIP, "No table.", model=""),), False, True, "Not judged: No table."),
        ((said(Status.SKIP, "No table."),) * 3, False, True, "Not judged: churn: No table (and 2 more)."),
        ((said(Status.SKIP, "No table.", required=True),), False, False, "Incomplete: churn: No table."),
        ((said(Status.WARN), said(Status.PASS)), False, True, "Passed with a warning: churn: accuracy fell by 0.03."),
        ((said(Status.WARN),), True, False, "Refused (strict): churn: accuracy fell by 0.03."),
        ((said(Status.INCONCLUSIVE, "Too few."),), False, True, "Passed, undecided: churn: Too few."),
        ((said(Status.FAIL, waiver=WAIVER),), False, True, "Passed, waived by ada: churn: accuracy fell by 0.03."),
        (
            (said(Status.WARN, "Odd."), said(Status.FAIL), said(Status.FAIL, "b")),
            False,
            False,
            "Refused: churn: accuracy fell by 0.03 (and 1 more).",
        ),
    ],
)  # fmt: skip
def test_the_title_is_one_sentence_with_the_worst_reason(
    findings: tuple[Finding, ...], strict: bool, passed: bool, title: str
) -> None:
    found = one(*findings, strict=strict)
    assert (found.name, found.passed, found.title) == ("mlops-ci/metrics", passed, title)


def test_each_gate_has_its_own_findings_alone() -> None:
    failed, skipped = said(Status.FAIL), said(Status.SKIP, "No table.", gate="drift", model="")
    found = conclusions.of_gates(document(), [failed, skipped], ["metrics", "drift", "lock"])
    assert [(each.name, each.passed) for each in found] == [
        ("mlops-ci/metrics", False),
        ("mlops-ci/drift", True),
        ("mlops-ci/lock", True),
    ]
    assert found[2].summary == "The gate `lock` had nothing to judge.\n"


def test_the_summary_tells_every_finding_the_worst_first() -> None:
    found = one(
        said(Status.PASS, "n is unchanged."),
        said(Status.SKIP, "No table.", model="", hint="name it"),
        said(Status.FAIL, "recall fell.", waiver=WAIVER),
        said(Status.FAIL, hint="mend `it`", where=Where(file="params.yaml", line=3)),
        source_url="https://git.example/blob/1",
    )
    assert found.summary.splitlines() == [
        "- ❌ `churn`: accuracy fell by 0.03. ([`params.yaml:3`](https://git.example/blob/1/params.yaml#L3))",
        "  **Next**: mend `it`",
        "- 🔕 `churn`: recall fell.",
        "  Accepted by ada until 2027-01-01: known &#96;bug&#96;",
        "- ➖ No table.",
        "  **To have it judged**: name it",
        "- ✅ `churn`: n is unchanged.",
    ]


def test_of_very_many_findings_the_rest_is_counted() -> None:
    found = one(*[said(Status.WARN, f"column {number} moved.") for number in range(1_234)])
    lines = found.summary.splitlines()
    assert (len(lines), lines[-1]) == (201, "- and 1,034 more")


def test_foreign_text_does_nothing_in_a_check() -> None:
    sample = samples.hostile()
    gates = sorted({each.gate for each in sample.findings})
    for found in conclusions.of_gates(sample.evidence, sample.findings, gates):
        prose = re.sub(r"`[^`\n]*`|<code>[^<]*</code>", "", found.summary)
        assert re.findall(r"<[a-z!]|@\w|^::", prose, re.MULTILINE) == []


def test_the_words_may_be_the_users_own() -> None:
    own = {"check.md.j2": "{{ gate }} says {{ rows.total }}: {{ rows.shown[0].finding.sentence }}"}
    assert one(said(Status.FAIL, "<b>"), overrides=own).summary == "metrics says 1: &lt;b>\n"
    with pytest.raises(ConfigError, match=r"\.mlops-ci/check\.md\.j2"):
        one(overrides={"check.md.j2": "{{ nothing }}"})


# ---- remarks at lines --------------------------------------------------------------------------


def changed(**facts: Any) -> Evidence:
    model = ev.ModelEvidence(name="churn", stage="train", metrics=(metric("accuracy", 0.8, 0.9),))
    return document(models=(model,), params=(LEARNING_RATE,), **facts)


@pytest.mark.parametrize(
    ("told", "places"),
    [
        (said(Status.FAIL, where=Where(file="mlops-ci.yaml", line=7)), [("mlops-ci.yaml", 7)]),
        (said(Status.FAIL, change="worse", where=Where(file="metrics.json")), [("params.yaml", 12)]),
        (said(Status.INCONCLUSIVE, change="inconclusive"), [("params.yaml", 12)]),
        (said(Status.FAIL, change="worse", model="other", where=Where(file="m.json")), [("m.json", 1)]),
        (said(Status.FAIL, where=Where(file="metrics.json")), [("metrics.json", 1)]),
        (said(Status.FAIL), []),
        (said(Status.PASS, change="worse"), []),
        (said(Status.SKIP, where=Where(file="a")), []),
        # A fork's evidence may name anything.
        (said(Status.FAIL, where=Where(file="a\nb", line=1)), []),
        (said(Status.FAIL, where=Where(file="a" * 1_001, line=1)), []),
        (said(Status.FAIL, where=Where(file="", line=1)), []),
        (said(Status.FAIL, where=Where(file="a", line=-1)), []),
        (said(Status.FAIL, where=Where(file="a", line=10**30)), []),
    ],
)  # fmt: skip
def test_a_finding_is_shown_where_it_was_caused(told: Finding, places: list[tuple[str, int]]) -> None:
    found = one(told, evidence=changed())
    assert [(remark.file, remark.line) for remark in found.remarks] == places


def test_a_change_without_a_line_explains_nothing() -> None:
    code = ev.FileChange(where=Where(file="train.py"), role="code", old="1", new="2", feeds=("evaluate",))
    evidence = changed().model_copy(update={"params": (), "files": (code,)})
    assert one(said(Status.FAIL, change="worse"), evidence=evidence).remarks == ()


def test_only_what_refuses_is_a_failure() -> None:
    where = Where(file="dvc.lock", line=2)
    failed = said(Status.FAIL, hint="mend it", where=where)
    warned = said(Status.WARN, "Odd.", model="", where=where)
    found = one(warned, failed, failed)
    assert found.remarks == (
        Remark("dvc.lock", 2, "failure", "churn: accuracy fell by 0.03.\nmend it", "mlops-ci/metrics"),
        Remark("dvc.lock", 2, "warning", "Odd.", "mlops-ci/metrics"),
    )
    assert [remark.level for remark in one(warned).remarks] == ["warning"]
    assert [remark.level for remark in one(warned, strict=True).remarks] == ["failure"]


# ---- the verdict's own check, and runs that died -------------------------------------------------


def test_the_verdict_has_a_check_of_its_own() -> None:
    sample = samples.refused()
    found = conclusions.whole(sample.verdict, sample.findings, "the report")
    assert (found.name, found.passed, found.summary, found.remarks) == ("mlops-ci", False, "the report", ())
    assert found.title.startswith("Refused: churn: ")


def test_what_a_run_that_died_leaves() -> None:
    assert conclusions.died("It <ended>.", "mend `it`", url="https://ci.example/1") == (
        "It &lt;ended>.\n\nNothing is known about this commit: it was not judged.\n\n"
        "**Next**: mend `it`\n\n[The run's log](https://ci.example/1)\n"
    )
    assert conclusions.died("It ended.").endswith("\n\n**Next**: run it again.\n")
