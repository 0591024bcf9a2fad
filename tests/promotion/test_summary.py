"""Unit tests of evidence in short: metrics beside what is live, gates, waivers, and how much of each."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.evidence import Finding, LiveRelease, LiveValue, Predictions, Status, Waiver, verdict
from mlops_ci.promotion.record import Accepted, Judgement, Metric, Summary
from mlops_ci.promotion.summary import MOST_GATES, MOST_METRICS, against, summary_of
from tests.gates.samples import comparison, evidence, metric, model

CHAMPION = "sha256:" + "a" * 64
COMPARED = comparison("accuracy", 0.02, 0.005)


def finding(status: Status = Status.PASS, **more: Any) -> Finding:
    facts = {"gate": "metrics", "subject": "accuracy", "sentence": "It is good.", "model": "churn"}
    return Finding.model_validate(facts | {"status": status} | more)


def of(*findings: Finding, champion: str = CHAMPION, environment: str = "production", **more: Any) -> Summary:
    measured = model(
        metric("auc", 0.9, 0.8, live=(LiveValue(environment="production", value=0.7),)),
        metric("accuracy", 0.94, 0.92),
        comparisons=(COMPARED,),
        **more,
    )
    return summary_of(
        evidence(measured), findings, verdict(findings), "churn", champion=champion, environment=environment
    )


def known(**more: Any) -> tuple[LiveRelease, ...]:
    return (LiveRelease.model_validate({"environment": "production", "digest": CHAMPION} | more),)


def test_the_champion_is_the_base_and_differences_have_intervals() -> None:
    for there in ((), known(same_as="base")):
        found = of(predictions=Predictions(path="p.csv", digest="sha256:e"), live=there)
        assert found.metrics == (
            Metric(
                name="accuracy", file="metrics.json", candidate=0.94, champion=0.92,
                low=COMPARED.interval.low, high=COMPARED.interval.high, direction="higher",
            ),
            Metric(name="auc", file="metrics.json", candidate=0.9, champion=0.8, direction="higher"),
        )  # fmt: skip
        assert (found.champion, found.examples, found.verdict) == (CHAMPION, "sha256:e", "passed")


def test_else_the_values_are_those_of_its_record_without_intervals() -> None:
    found = of(live=known())
    assert [(one.name, one.champion, one.low) for one in found.metrics] == [
        ("accuracy", None, None),
        ("auc", 0.7, None),
    ]
    assert found.champion == CHAMPION


@pytest.mark.parametrize(
    "more",
    [
        {"champion": ""},
        {"live": known(unknown="no record of it has metrics")},
        {"live": known(other_examples="it was measured on other examples")},
        {"live": known(same_as="head")},
    ],
)
def test_what_cannot_be_compared_is_not(more: dict[str, Any]) -> None:
    found = of(**more)
    assert {(one.champion, one.low) for one in found.metrics} == {(None, None)}
    assert (found.champion, found.examples) == ("", "")


def test_a_metric_with_a_limit_comes_first() -> None:
    found = of(finding(metric="auc", file="metrics.json", limit="at least 0.8"))
    assert [one.name for one in found.metrics] == ["auc", "accuracy"]


def test_what_gates_say_of_the_model_and_of_all_the_worst_first() -> None:
    waiver = Waiver(owner="@grace", reason="soon", until="2026-12-12", finding="churn/f1@0.1")
    unnamed = Waiver(owner="@ada", reason="soon", until="2026-12-12")
    found = of(
        finding(),
        finding(Status.SKIP, gate="latency", subject="serving", sentence="Not measured."),
        finding(Status.WARN, gate="drift", subject="train", sentence="It\nmoved.", waiver=unnamed),
        finding(Status.FAIL, subject="f1", sentence="It fell.", waiver=waiver),
        finding(Status.FAIL, gate="stages", subject="train", sentence="It failed.", model=""),
        finding(Status.FAIL, sentence="Of another model.", model="fraud"),
        finding(Status.PASS, subject="kept", waiver=waiver),
    )
    assert found.gates == (
        Judgement(gate="metrics", subject="f1", status="WAIVED", sentence="It fell."),
        Judgement(gate="stages", subject="train", status="FAIL", sentence="It failed."),
        Judgement(gate="drift", subject="train", status="WAIVED", sentence="It moved."),
        Judgement(gate="latency", subject="serving", status="SKIP", sentence="Not measured."),
        Judgement(gate="metrics", subject="accuracy", status="PASS", sentence="It is good."),
        Judgement(gate="metrics", subject="kept", status="PASS", sentence="It is good."),
    )
    assert found.waivers == (
        Accepted(finding="drift/train", owner="@ada", reason="soon", until="2026-12-12"),
        Accepted(finding="churn/f1@0.1", owner="@grace", reason="soon", until="2026-12-12"),
    )
    assert found.verdict == "refused"


def test_a_model_that_was_not_measured_has_what_the_gates_say() -> None:
    document = evidence(model(metric("auc", 0.9)))
    found = summary_of(
        document, [finding(model="")], verdict([]), "fraud", champion=CHAMPION, digest="sha256:d"
    )
    assert (found.metrics, found.champion, found.digest, len(found.gates)) == ((), "", "sha256:d", 1)
    assert summary_of(document, [], verdict([]), "churn").digest == document.digest


def test_it_is_of_bounded_size() -> None:
    many = model(*(metric(f"m{at}", 0.5) for at in range(MOST_METRICS + 9)))
    told = [finding(subject=f"s{at}", sentence="x" * 999) for at in range(MOST_GATES + 9)]
    found = summary_of(evidence(many), told, verdict(told), "churn")
    assert (len(found.metrics), len(found.gates)) == (MOST_METRICS, MOST_GATES)
    assert max(len(one.sentence) for one in found.gates) == 300


def test_two_records_side_by_side() -> None:
    told = of(environment="shop")
    before = Summary(metrics=(Metric(name="auc", file="metrics.json", candidate=0.6),))
    found = against(told, before, CHAMPION)
    assert [(one.name, one.candidate, one.champion, one.low) for one in found.metrics] == [
        ("accuracy", 0.94, None, None),
        ("auc", 0.9, 0.6, None),
    ]
    assert found.champion == CHAMPION
    alone = against(told, None, CHAMPION)
    assert alone.champion == ""
    assert {one.champion for one in alone.metrics} == {None}
