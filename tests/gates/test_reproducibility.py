"""The reproducibility gate: tolerances decide, other bytes are told, and what could not be run again."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import Finding, Reproduction, Rerun, RerunMetric, Status
from mlops_ci.gates import reproducibility as gate
from tests.gates.samples import evidence, model

SAME = Rerun(path="data.csv", stage="prepare", recorded="1", again="1")
OTHER = Rerun(path="model.json", stage="train", recorded="2", again="3")


def metric(first: float | None, again: float | None, name: str = "accuracy") -> RerunMetric:
    return RerunMetric(name=name, file="metrics.json", first=first, again=again)


def rerun(
    outputs: tuple[Rerun, ...] = (SAME,), metrics: tuple[RerunMetric, ...] = (), **more: Any
) -> Reproduction:
    return Reproduction(commit="c" * 40, outputs=outputs, metrics=metrics, seconds=12.0, **more)


def judged(found: Reproduction | None, *, changed: bool = True, **options: Any) -> list[Finding]:
    return gate.check(
        evidence(model(reproduction=found, changed=changed)), gate.Options.model_validate(options)
    )


def said(found: Reproduction | None, **options: Any) -> list[tuple[Status, str]]:
    return [(one.status, one.sentence) for one in judged(found, **options)]


# ---- skips and failures ------------------------------------------------------------------------


def test_no_model() -> None:
    (finding,) = gate.check(evidence(), gate.Options(required=True))
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "There is no model, so nothing was run again.",
        True,
    )


def test_an_unchanged_model_was_not_measured_again() -> None:
    (finding,) = judged(None, changed=False, run="always", required=True)
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "Nothing that feeds the model differs from the base, so it was not measured again.",
        False,
    )


@pytest.mark.parametrize(
    ("options", "required"), [({}, False), ({"run": "always"}, True), ({"required": True}, True)]
)
def test_off_is_a_skip_with_the_key_that_switches_it_on(options: dict[str, Any], required: bool) -> None:
    (finding,) = judged(None, **options)
    assert (finding.status, finding.sentence, finding.hint, finding.required) == (
        Status.SKIP,
        "The pipeline was not run a second time.",
        "set gates.reproducibility.run: always in mlops-ci.yaml",
        required,
    )


@pytest.mark.parametrize(("value", "read"), [(False, "off"), ("off", "off"), ("always", "always")])
def test_a_bare_off_is_understood(value: object, read: str) -> None:
    assert gate.Options.model_validate({"run": value}).run == read


def test_other_words_and_negative_tolerances_are_mistakes() -> None:
    for options in ({"run": "sometimes"}, {"tolerance": {"*": {"abs": -1.0}}}):
        with pytest.raises(ValidationError):
            gate.Options.model_validate(options)


def test_what_could_not_be_tried_leaves_the_verdict_incomplete() -> None:
    (finding,) = judged(rerun((), problem="the DVC remote does not have raw.txt"))
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "The pipeline could not be run again from scratch: the DVC remote does not have raw.txt.",
        True,
    )


def test_a_stage_that_fails_in_the_clone_refuses() -> None:
    (finding,) = judged(rerun((), failed="train", problem="the stage train failed: no such file"))
    assert (finding.status, finding.subject, finding.sentence) == (
        Status.FAIL,
        "train",
        "Run again from scratch in a clean clone of cccccccc, the stage train failed: no such file.",
    )
    assert finding.hint == "declare everything a stage reads under deps, and commit it or track it with DVC"


# ---- metrics -----------------------------------------------------------------------------------


def test_the_same_bytes_pass() -> None:
    assert said(rerun((SAME, SAME), (metric(0.9, 0.9),))) == [
        (Status.PASS, "All 2 outputs are the same byte by byte, run again from scratch in 12 s.")
    ]
    assert said(rerun()) == [
        (Status.PASS, "The only output is the same byte by byte, run again from scratch in 12 s.")
    ]


def test_other_bytes_with_the_same_metrics_are_told() -> None:
    assert said(rerun((SAME, OTHER), (metric(0.9, 0.9 + 1e-9),))) == [
        (
            Status.PASS,
            "1 of 2 outputs have other bytes (model.json), run again from scratch in 12 s; "
            "1 metric within tolerance.",
        )
    ]


def test_other_bytes_without_a_metric_are_inconclusive() -> None:
    outputs = tuple(OTHER.model_copy(update={"path": f"part{place}"}) for place in range(7))
    (finding,) = judged(rerun(outputs))
    assert (finding.status, finding.sentence) == (
        Status.INCONCLUSIVE,
        "7 of 7 outputs have other bytes (part0, part1, part2, part3, part4 and 2 more), run again from "
        "scratch in 12 s, and there is no metric to tell how much that matters.",
    )
    assert finding.hint == "let a stage write metrics, or name under bitwise what must be the same"


def test_a_metric_that_moved_refuses_with_both_values() -> None:
    (finding,) = judged(rerun((SAME, OTHER), (metric(0.87, 0.852), metric(5.0, 5.0, "n"))))
    assert (finding.status, finding.subject, finding.metric, finding.file) == (
        Status.FAIL,
        "accuracy",
        "accuracy",
        "metrics.json",
    )
    assert finding.sentence == (
        "accuracy is 0.8700 in the run and 0.8520 when run again from scratch: 0.0180 apart, allowed 8.7e-07."
    )
    assert (finding.value, finding.limit) == (0.852, "max difference 8.7e-07")
    assert finding.delta == pytest.approx(-0.018)


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({"accuracy": {"abs": 0.01}}, Status.PASS),
        ({"accuracy": {"abs": 0.009}}, Status.FAIL),
        ({"acc*": {"rel": 0.02}}, Status.PASS),
        ({"metrics.json:accuracy": {"rel": 0.001}, "accuracy": {"rel": 0.1}}, Status.FAIL),
        ({"accuracy": {"rel": 0.1}, "*": {"rel": 0.001}}, Status.PASS),
        ({"*": {"rel": 0.1}, "a*": {"rel": 0.001}}, Status.FAIL),
        ({"loss": {"abs": 1.0}}, Status.FAIL),
    ],
)
def test_a_tolerance_by_name_glob_and_file(tolerance: dict[str, Any], status: Status) -> None:
    found = rerun((OTHER,), (metric(0.9, 0.89),))
    assert [one.status for one in judged(found, tolerance=tolerance)] == [status]


def test_a_metric_may_be_left_out() -> None:
    found = rerun((OTHER,), (metric(3.2, 4.1, "train_seconds"), metric(0.9, 0.9)))
    assert [one.status for one in judged(found)] == [Status.FAIL]
    assert [one.status for one in judged(found, ignore=["*_seconds"])] == [Status.PASS]


@pytest.mark.parametrize(
    ("first", "again", "sentence"),
    [
        (0.9, None, "accuracy was written the first time only."),
        (None, 0.9, "accuracy was written only when run again."),
    ],
)
def test_a_metric_that_is_there_once_refuses(first: float | None, again: float | None, sentence: str) -> None:
    assert said(rerun((OTHER,), (metric(first, again),))) == [(Status.FAIL, sentence)]


def test_a_file_that_is_one_number_has_the_files_name() -> None:
    (finding,) = judged(rerun((OTHER,), (metric(1.0, 2.0, ""),)))
    assert finding.sentence.startswith("metrics.json is 1 in the run and 2 when run again")


@pytest.mark.parametrize(
    ("first", "again", "words"),
    [
        (0.123456, 0.123457, "0.123456 in the run and 0.123457 when"),
        (1e20, 1e20 * (1 + 2e-16), "1e+20 in the run and 1.0000000000000002e+20 when"),
    ],
)
def test_values_are_told_with_the_digits_that_differ(first: float, again: float, words: str) -> None:
    found = rerun((OTHER,), (metric(first, again),))
    (finding,) = judged(found, tolerance={"*": {"abs": 0.0}})
    assert words in finding.sentence


# ---- bytes -------------------------------------------------------------------------------------


def test_an_output_that_must_be_the_same_refuses() -> None:
    (finding,) = judged(rerun((SAME, OTHER), (metric(0.9, 0.9),)), bitwise=["*.json", "data.csv"])
    assert (finding.status, finding.subject, finding.sentence) == (
        Status.FAIL,
        "model.json",
        "model.json has other bytes when the stage train is run again from scratch.",
    )
    assert finding.where is not None
    assert finding.where.file == "model.json"


def test_a_name_that_no_output_has_is_told() -> None:
    first, second = judged(rerun(), bitwise=["modle.json"])
    assert (first.status, first.sentence) == (
        Status.WARN,
        "modle.json is to be the same byte by byte, but the second run has no such output.",
    )
    assert second.status is Status.PASS


@pytest.mark.parametrize(
    ("kept", "said_of"),
    [(("train",), "The stage train writes"), (("evaluate", "train"), "The stages evaluate, train write")],
)
def test_what_did_not_run_again_is_not_shown_to_be_the_same(kept: tuple[str, ...], said_of: str) -> None:
    (finding,) = judged(rerun(kept=kept))
    assert (finding.status, finding.required) == (Status.SKIP, True)
    assert finding.sentence == (
        f"{said_of} the model, its predictions or metrics and did not run again: frozen."
    )
