"""Records are read whole, or without what a table does not show: both give the same of the rest."""

from __future__ import annotations

from mlops_ci.audit import reading
from mlops_ci.promotion.record import (
    Accepted,
    Input,
    Judgement,
    Merge,
    Metric,
    Previous,
    Record,
    State,
    Summary,
)
from tests.audit.story import release


def full(**more: object) -> Record:
    fields = {
        "number": 2,
        "environment": "production",
        "model": "toy",
        "action": "promote",
        "before": State(),
        "after": State(stable=release("a")),
        "release": release("a"),
        "data": (Input(path="data.csv", md5="f" * 32),),
        "params": {"train": {"lr": 0.1}, "names": ["a", "b"]},
        "evidence": Summary(
            digest="sha256:" + "e" * 64,
            verdict="passed",
            champion="sha256:" + "c" * 64,
            metrics=(Metric(name="accuracy"),),
            gates=(
                Judgement(gate="metrics", subject="accuracy", status="PASS", sentence="Fine.\n\nmetrics: no"),
            ),
            waivers=(Accepted(finding="x", owner="bo", reason="why", until="2026-12-31"),),
        ),
        "reason": "the scores\n\nevidence:\n  metrics: of noon " + "were zero " * 30,
        "requested_by": "ada",
        "previous": Previous(
            number=1, digest="sha256:" + "1" * 64, merge=Merge(pull_request=3, merged_by="bo")
        ),
        **more,
    }
    return Record.model_validate(fields)


def test_the_brief_record_has_all_but_what_is_left_out() -> None:
    one = full()
    found = reading.brief(one.text(), "x")
    left_out: dict[str, object] = {"data": (), "params": {}, "edits": ()}
    summary = one.evidence.model_copy(update={"metrics": (), "gates": (), "waivers": ()})
    assert found == one.model_copy(update={**left_out, "evidence": summary})


def text(evidence: str) -> str:
    return full(evidence=Summary(), params={}).text() + evidence


def test_keys_that_stand_after_a_list_of_the_evidence_are_kept() -> None:
    found = reading.brief(text("evidence:\n  metrics:\n  - name: x\n  verdict: warned\n"), "x")
    assert isinstance(found, Record)
    assert found.evidence == Summary(verdict="warned")


def test_a_record_that_cannot_be_cut_is_read_whole() -> None:
    found = reading.brief(text("evidence: {verdict: passed,\n  metrics: [{name: x}]}\n"), "x")
    assert isinstance(found, Record)
    assert found.evidence == Summary(verdict="passed", metrics=(Metric(name="x"),))


def test_what_is_no_record_says_why() -> None:
    assert reading.whole("a: 1", "here") == "here: is no promotion record of the schema mlops-ci/promotion/v1"
    assert reading.brief("a: [", "here").startswith("here: is no YAML")  # type: ignore[union-attr]


def test_a_whole_record_is_itself() -> None:
    assert reading.whole(full().text(), "x") == full()
