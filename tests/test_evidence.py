"""Evidence: canonical JSON, digests, reading as untrusted data, and the verdict."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci import evidence as vocabulary
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Evidence, Finding, Outcome, Status, Waiver, read, verdict
from tests.gates.samples import comparison, evidence, metric, model

SAMPLE = evidence(
    model(metric("accuracy", 0.9, 0.91), comparisons=(comparison("accuracy", -0.01, 0.002),)),
    model(name="naïve 🙂"),
)


def plain() -> dict[str, Any]:
    found = json.loads(SAMPLE.canonical())
    assert isinstance(found, dict)
    return found


# ---- writing and reading -------------------------------------------------------------------------


def test_canonical_json_is_sorted_tight_and_utf8() -> None:
    text = SAMPLE.canonical().decode()
    assert "naïve 🙂" in text
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_the_digest_is_that_of_the_canonical_bytes() -> None:
    assert SAMPLE.digest == "sha256:" + hashlib.sha256(SAMPLE.canonical()).hexdigest()
    assert SAMPLE.digest != evidence().digest


def test_what_is_written_is_read() -> None:
    found = read(SAMPLE.canonical())
    assert found == SAMPLE
    assert found.digest == SAMPLE.digest
    assert read(SAMPLE.canonical().decode()) == SAMPLE


def test_half_a_character_is_replaced_wherever_it_stands() -> None:
    environment = SAMPLE.environment.model_copy(update={"packages": {"\ud801": "z", "z": "\udfff"}})
    odd = SAMPLE.model_copy(update={"created": "\ud800", "environment": environment})
    found = read(odd.canonical())
    assert found.created == "?"
    assert found.digest == odd.digest


def test_only_one_model() -> None:
    assert SAMPLE.only("churn").models == SAMPLE.models[:1]
    assert SAMPLE.only("unknown").models == ()
    assert SAMPLE.only("churn").lock == SAMPLE.lock


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_no_number_that_is_none(number: float) -> None:
    with pytest.raises(ValidationError):
        metric("accuracy", number)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("{", "evidence.json: not JSON"),
        (b"\xff\xfe", "evidence.json: not JSON"),
        ("[]", "evidence.json: has no evidence schema version"),
        ("{}", "evidence.json: has no evidence schema version"),
        ('{"schema": true}', "evidence.json: has no evidence schema version"),
        ('{"schema": 0}', "evidence.json: has no evidence schema version"),
        ('{"schema": "1"}', "evidence.json: has no evidence schema version"),
        ('{"schema": 1}', "evidence.json: created: Field required"),
        (
            " " * (vocabulary.MAX_BYTES + 1),
            "evidence.json: 4,000,001 bytes is more than an evidence document",
        ),
    ],
)
def test_what_is_no_evidence_is_refused_in_one_line(raw: bytes | str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(raw)
    assert caught.value.message.startswith(expected)
    assert "\n" not in caught.value.message


def test_a_newer_schema_asks_for_an_upgrade() -> None:
    with pytest.raises(ConfigError) as caught:
        read(json.dumps(plain() | {"schema": 2}), source="old.json")
    assert caught.value.message == "old.json: schema 2 is newer than this mlops-ci reads (1)"
    assert caught.value.hint == "upgrade mlops-ci"


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        read(json.dumps(plain() | {"forged": 1}))
    assert caught.value.message == "evidence.json: forged: Extra inputs are not permitted"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"schema": 1, "x": ' + "[" * 100_000])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.message == "evidence.json: is nested too deeply"


def test_a_place_deep_inside_is_named() -> None:
    found = plain()
    found["models"][0]["metrics"][0]["head"] = "high"
    with pytest.raises(ConfigError) as caught:
        read(json.dumps(found))
    assert caught.value.message.startswith("evidence.json: models.0.metrics.0.head: Input should be a valid")


def test_earlier_versions_are_taken_forward_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(old: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in old.items() if key != "gone"} | {"schema": 2}

    monkeypatch.setattr(vocabulary.document, "UPGRADES", {1: second})
    monkeypatch.setattr(vocabulary.document, "SCHEMA_VERSION", 2)
    # The document class of this version still says 1: that it refuses 2 shows that the step was taken.
    with pytest.raises(ConfigError) as caught:
        read(json.dumps(plain() | {"gone": "key"}))
    assert caught.value.message == "evidence.json: schema: Input should be 1"


def test_evidence_is_frozen() -> None:
    with pytest.raises(ValidationError):
        SAMPLE.created = "later"


def test_every_document_refuses_unknown_keys() -> None:
    kinds = [
        one
        for one in vars(vocabulary).values()
        if isinstance(one, type) and issubclass(one, vocabulary.Document)
    ]
    assert Evidence in kinds
    assert [one.__name__ for one in kinds if one.model_config.get("extra") != "forbid"] == []


# ---- the verdict ----------------------------------------------------------------------------------


def finding(status: Status, *, required: bool = False, waived: bool = False) -> Finding:
    waiver = Waiver(owner="ada", reason="known", until="2026-12-31") if waived else None
    return Finding(gate="g", subject="s", status=status, sentence="s", required=required, waiver=waiver)


PASSED, WARNED = finding(Status.PASS), finding(Status.WARN)
UNSURE, FAILED = finding(Status.INCONCLUSIVE), finding(Status.FAIL)
SKIPPED, NEEDED = finding(Status.SKIP), finding(Status.SKIP, required=True)
WAIVED, WAIVED_WARNING = finding(Status.FAIL, waived=True), finding(Status.WARN, waived=True)


@pytest.mark.parametrize(
    ("findings", "strict", "outcome", "reasons", "code"),
    [
        ((), False, Outcome.PASSED, (), 0),
        ((PASSED, SKIPPED), False, Outcome.PASSED, (), 0),
        ((PASSED, SKIPPED), True, Outcome.PASSED, (), 0),
        ((PASSED, WARNED, UNSURE), False, Outcome.WARNED, (WARNED, UNSURE), 0),
        ((WARNED, NEEDED), False, Outcome.INCOMPLETE, (NEEDED,), 1),
        ((WARNED, NEEDED, FAILED), False, Outcome.REFUSED, (FAILED,), 1),
        ((WAIVED, PASSED), False, Outcome.WARNED, (WAIVED,), 0),
        ((WAIVED, PASSED), True, Outcome.WARNED, (WAIVED,), 0),
        ((WAIVED, FAILED), False, Outcome.REFUSED, (FAILED,), 1),
        ((WARNED, WAIVED), True, Outcome.REFUSED, (WARNED,), 1),
        ((UNSURE,), True, Outcome.REFUSED, (UNSURE,), 1),
        ((WAIVED_WARNING, NEEDED), True, Outcome.INCOMPLETE, (NEEDED,), 1),
        ((WARNED, NEEDED), True, Outcome.REFUSED, (WARNED,), 1),
    ],
)
def test_verdict(
    findings: tuple[Finding, ...], strict: bool, outcome: Outcome, reasons: tuple[Finding, ...], code: int
) -> None:
    found = verdict(findings, strict=strict)
    assert (found.outcome, found.reasons, found.exit_code) == (outcome, reasons, code)


def test_a_verdict_says_that_strictness_refused() -> None:
    assert verdict([WARNED], strict=True).strict
    assert not verdict([FAILED], strict=True).strict


def test_a_document_from_before_there_were_records_is_read() -> None:
    old = plain()
    for found in old["models"]:
        del found["live"]
        for one in found["metrics"]:
            one["live"] = None
    assert read(json.dumps(old)) == SAMPLE
