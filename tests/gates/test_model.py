"""The model gate: what each result counts as, and why nothing was tried."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.evidence import Behaviour, CheckResult, Finding, Status
from mlops_ci.gates.model import Options, check
from tests.gates.samples import evidence, model


def judged(
    behaviour: Behaviour | None, path: str = "model.pkl", changed: bool = True, **options: Any
) -> list[Finding]:
    read = Options.model_validate_json(json.dumps(options), strict=True)
    return check(evidence(model(path=path, changed=changed, behaviour=behaviour)), read)


def tried(*checks: CheckResult, flavor: str = "sklearn Pipeline") -> Behaviour:
    return Behaviour(flavor=flavor, checks=checks)


def result(check: str, ok: bool | None, detail: str = "why", value: float | None = None) -> CheckResult:
    return CheckResult(check=check, ok=ok, detail=detail, value=value, rows=20)


@pytest.mark.parametrize(
    ("found", "options", "status", "sentence"),
    [
        (result("loads", False), {}, Status.FAIL, "Loading the model: why."),
        (result("loads", None), {}, Status.SKIP, "Loading the model: why."),
        (result("signature", False), {}, Status.WARN, "The columns the model takes: why."),
        (result("signature", False), {"signature": "fail"}, Status.FAIL, "The columns the model takes: why."),
        (result("sample", False, value=0.9), {}, Status.FAIL, "Rows of the test table: why."),
        (result("edge:one_row", False), {}, Status.FAIL, "Edge rows (one row): why."),
        (
            result("edge:nulls", True, value=0.5),
            {"edge_error": "warn"},
            Status.WARN,
            "Edge rows (nulls): why.",
        ),
        (
            result("edge:nulls", True, value=0.5),
            {"edge_error": "fail"},
            Status.FAIL,
            "Edge rows (nulls): why.",
        ),
        (result("invariant:sex", False), {}, Status.FAIL, "sex must not change the prediction: why."),
        (
            result("invariant:sex", None),
            {},
            Status.SKIP,
            "sex must not change the prediction: not tried: why.",
        ),
        (result("increasing:age", False), {}, Status.FAIL, "The score must not fall along age: why."),
        (result("decreasing:age", False), {}, Status.FAIL, "The score must not rise along age: why."),
        (result("something", False), {}, Status.FAIL, "something: why."),
    ],
)
def test_one_result(found: CheckResult, options: dict[str, Any], status: Status, sentence: str) -> None:
    (finding,) = judged(tried(found), **options)
    assert (finding.status, finding.sentence, finding.subject) == (status, sentence, found.check)


def test_what_passes_is_counted_and_what_does_not_apply_is_left_out() -> None:
    found = tried(
        result("loads", True),
        result("edge:nulls", True, value=0.5),
        result("edge:huge", True, value=1.0),
        result("edge:unseen", None),
        result("signature", False),
    )
    (finding,) = judged(found, signature=False)
    assert (finding.status, finding.sentence) == (
        Status.PASS,
        "The model (sklearn Pipeline) passes 3 checks.",
    )
    (alone,) = judged(tried(result("loads", True), flavor=""))
    assert alone.sentence == "The model passes 1 check."


def test_a_failure_carries_its_share_limit_and_hint() -> None:
    found = tried(result("loads", True), result("invariant:sex", False, value=0.75), result("sample", False))
    invariant, sample, passed = judged(found, min_share=0.9)
    assert (invariant.value, invariant.limit, invariant.direction) == (0.75, "min_share 0.9", "higher")
    assert (sample.limit, sample.hint) == ("", "ask the model with rows of data.test in a clean checkout")
    assert passed.status is Status.PASS


def test_a_share_that_does_not_tell_how_bad_it_is_is_no_value() -> None:
    crashed, wavering, unjudged = judged(
        tried(
            result("edge:huge", False, "it crashed", value=1.0),
            result("sample", False, "3 of 20 rows get another prediction", value=1.0),
            result("increasing:age", None, "there is no such column"),
        )
    )
    assert [(one.value, one.direction) for one in (crashed, wavering, unjudged)] == [(None, None)] * 3


def test_a_check_that_was_asked_for_and_not_made_leaves_the_verdict_incomplete() -> None:
    for kind in ("invariant", "increasing", "decreasing"):
        (finding,) = judged(tried(result(f"{kind}:sex", None)))
        assert (finding.status, finding.required) == (Status.SKIP, True)
        assert finding.hint == f"mend gates.model.{kind} in mlops-ci.yaml, or what it needs"
    (finding,) = judged(tried(result("sample", None)))
    assert (finding.status, finding.required, finding.hint) == (Status.SKIP, True, "")
    for required in (False, True):
        (finding,) = judged(tried(result("loads", None)), required=required)
        assert (finding.status, finding.required, finding.hint) == (Status.SKIP, required, "")


def test_what_was_meant_ends_the_sentence() -> None:
    detail = "the test table has no such column; did you mean income?"
    (finding,) = judged(tried(CheckResult(check="increasing:incomee", ok=None, detail=detail)))
    assert finding.sentence == f"The score must not fall along incomee: not tried: {detail}"


def test_a_file_that_is_no_pickle_gets_advice_that_fits() -> None:
    detail = "model.pkl is no pickle: it does not begin like one"
    (finding,) = judged(tried(CheckResult(check="loads", ok=False, detail=detail)))
    assert (finding.status, finding.sentence) == (Status.FAIL, f"Loading the model: {detail}.")
    assert finding.hint == (
        "write it with joblib.dump or pickle.dump, or name it for what it is: .onnx, or a folder with MLmodel"
    )


@pytest.mark.parametrize(
    ("behaviour", "more", "sentence"),
    [
        (None, {}, "The model was not tried: there is no table whose rows it could be asked."),
        (None, {"path": ""}, "The model was not tried: it has no file that the pipeline writes."),
        (None, {"run": False}, "The model's trial is switched off: gates.model.run is off."),
        (Behaviour(problem="no rows"), {}, "The model was not tried: no rows."),
    ],
)
def test_nothing_tried_says_why(behaviour: Behaviour | None, more: dict[str, Any], sentence: str) -> None:
    for required in (False, True):
        (finding,) = judged(behaviour, required=required, **more)
        assert (finding.status, finding.sentence, finding.required) == (Status.SKIP, sentence, required)


def test_an_unchanged_model_was_not_tried_again() -> None:
    (finding,) = judged(None, changed=False, required=True)
    assert (finding.status, finding.required) == (Status.SKIP, False)


def test_without_a_model_there_is_nothing_to_try() -> None:
    (finding,) = check(evidence(), Options())
    assert (finding.status, finding.sentence) == (Status.SKIP, "There is no model, so nothing was tried.")
