"""The latency gate: what refuses, what is too noisy to say, what only warns, and why nothing was timed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import BatchLatency, Finding, Interval, Latency, Status, Timing
from mlops_ci.gates.latency import Options, check
from tests.gates.samples import evidence, model

TIMING = Timing(p50=0.002, p95=0.005, p99=0.009, throughput=500.0)


def batch(
    ratio: float | None,
    low: float = 0,
    high: float = 0,
    size: int = 1,
    extremes: tuple[float, float] | None = None,
) -> BatchLatency:
    interval = Interval(low=low, high=high) if low else None
    base = TIMING if ratio is not None else None
    return BatchLatency(
        batch_size=size,
        calls=100,
        head=TIMING,
        base=base,
        ratio=ratio,
        interval=interval,
        extremes=extremes,
    )


def judged(
    latency: Latency | None, path: str = "model.pkl", changed: bool = True, **options: Any
) -> list[Finding]:
    read = Options.model_validate_json(json.dumps(options), strict=True)
    return check(evidence(model(path=path, changed=changed, latency=latency)), read)


def one(*batches: BatchLatency, **more: Any) -> Latency:
    return Latency(batches=batches, **more)


@pytest.mark.parametrize(
    ("found", "options", "status", "sentence"),
    [
        (
            batch(1.31, 1.27, 1.35),
            {},
            Status.FAIL,
            "A call with 1 row takes 1.31 times (1.27 to 1.35) the base's time, more than the allowed 1.2 times.",
        ),
        (
            batch(1.31, 1.27, 1.35, size=1000),
            {"action": "warn"},
            Status.WARN,
            "A call with 1,000 rows takes 1.31 times (1.27 to 1.35) the base's time, more than the allowed 1.2 times.",
        ),
        (
            batch(1.31, 1.10, 1.55),
            {},
            Status.INCONCLUSIVE,
            "A call with 1 row takes 1.31 times (1.10 to 1.55) the base's time, 1.2 are allowed. "
            "The measurement is too noisy to tell which side of the limit it is on.",
        ),
        (
            batch(2.0),
            {},
            Status.INCONCLUSIVE,
            "A call with 1 row takes 2 times (too few calls for an interval) the base's time, 1.2 are allowed. "
            "There are too few calls to tell which side of the limit it is on.",
        ),
        (
            batch(226.0, extremes=(221.4, 230.0)),
            {},
            Status.FAIL,
            "A call with 1 row takes 226 times (too few calls for an interval; each took at least 221 times as "
            "long as any at the base) the base's time, more than the allowed 1.2 times.",
        ),
        (
            batch(1.5, extremes=(1.1, 1.9)),
            {},
            Status.INCONCLUSIVE,
            "A call with 1 row takes 1.50 times (too few calls for an interval; each took at least 1.10 times as "
            "long as any at the base) the base's time, 1.2 are allowed. "
            "There are too few calls to tell which side of the limit it is on.",
        ),
        (batch(1.31, 1.10, 1.55, extremes=(1.25, 1.6)), {}, Status.INCONCLUSIVE, None),
        (
            batch(1.02, 0.99, 1.05),
            {},
            Status.PASS,
            "A call takes, with 1 row: 2 ms, 1.02 times (0.990 to 1.05) the base's.",
        ),
        (batch(5.0, 4.9, 5.1), {"max_ratio": None, "run": True}, Status.PASS, None),
        (
            batch(1.0, 0.9, 1.1),
            {"max_p95": "4ms"},
            Status.FAIL,
            "5 % of the calls with 1 row take longer than 5 ms; 4 ms is allowed.",
        ),
        (batch(1.0, 0.9, 1.1), {"max_p95": {"1": "4ms"}}, Status.FAIL, None),
        (batch(1.0, 0.9, 1.1), {"max_p95": {"100": "4ms"}}, Status.PASS, None),
        (batch(1.0, 0.9, 1.1), {"max_p95": "1s"}, Status.PASS, None),
    ],
)
def test_one_batch_size(
    found: BatchLatency, options: dict[str, Any], status: Status, sentence: str | None
) -> None:
    (finding,) = judged(one(found), **options)
    assert finding.status is status, finding
    if sentence is not None:
        assert finding.sentence == sentence


@pytest.mark.parametrize(
    ("seconds", "sizes", "hint"),
    [
        (1.5, [1, 100], "raise gates.latency.seconds to about 19"),
        (1.5, [1], "raise gates.latency.seconds to about 10"),
        (90.0, [1], "raise gates.latency.seconds to about 541"),
        (120.0, [1], "a call takes too long to be timed often: time smaller batch_sizes, or set max_p95"),
    ],
)
def test_the_advice_for_few_calls_says_how_many_seconds_would_do(
    seconds: float, sizes: list[int], hint: str
) -> None:
    slow, fast = (TIMING.model_copy(update={"p50": p50}) for p50 in (seconds, 0.004))
    few = batch(2.0).model_copy(update={"head": slow, "base": fast})
    (finding,) = judged(one(few), batch_sizes=sizes, seconds=3.0)
    assert (finding.status, finding.hint) == (Status.INCONCLUSIVE, hint)


def test_a_refusal_carries_its_numbers() -> None:
    (finding,) = judged(one(batch(1.31, 1.27, 1.35)))
    assert (finding.value, finding.limit, finding.change) == (1.31, "max_ratio 1.2", "worse")
    assert finding.interval == Interval(low=1.27, high=1.35)


def test_passing_batch_sizes_are_told_together_and_failing_ones_each() -> None:
    fine, slow = batch(1.0, 0.9, 1.1), batch(2.0, 1.9, 2.1, size=100)
    assert [f.status for f in judged(one(fine, fine))] == [Status.PASS]
    assert [f.subject for f in judged(one(fine, slow))] == ["batch of 100"]
    assert [f.subject for f in judged(one(slow), max_p95="1ms")] == ["batch of 100", "batch of 100 p95"]


def test_size_and_memory_are_judged_where_a_limit_asks() -> None:
    found = one(batch(1.0, 0.9, 1.1), size=3000, base_size=1000, memory=50_000_000, base_memory=10_000_000)
    assert [f.status for f in judged(found)] == [Status.PASS]
    larger, hungrier = judged(found, max_size_ratio=2, max_memory_ratio=1.5)
    assert (larger.subject, larger.status, larger.value) == ("size", Status.FAIL, 3.0)
    assert larger.sentence == "The model's file takes 3 kB, 3 times the base's 1 kB; 2 times are allowed."
    assert hungrier.sentence == (
        "Loading and asking the model takes 50 MB of memory, 5 times the base's 10 MB; 1.5 times are allowed."
    )
    assert [f.status for f in judged(found, max_size_ratio=3)] == [Status.PASS]
    assert [f.status for f in judged(one(batch(None)), max_size_ratio=1)] == [Status.PASS]


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("", "there is no base"),
        ("the base's model cannot be asked: no.", "the base's model cannot be asked: no"),
    ],
)
def test_without_a_base_the_times_are_told(note: str, said: str) -> None:
    (finding,) = judged(one(batch(None), note=note))
    assert finding.status is Status.PASS
    assert finding.sentence == f"A call takes, with 1 row: 2 ms. There is nothing to compare with: {said}."


@pytest.mark.parametrize(
    ("latency", "more", "sentence"),
    [
        (None, {}, "Nothing was timed: there is no table whose rows the model could be asked."),
        (None, {"path": ""}, "Nothing was timed: the model has no file that the pipeline writes."),
        (None, {"run": False}, "Latency is switched off: gates.latency.run is off."),
        (Latency(problem="it died"), {}, "Latency was not measured: it died."),
        (Latency(), {}, "Latency was not measured: no batch size could be timed."),
    ],
)
def test_nothing_timed_says_why(latency: Latency | None, more: dict[str, Any], sentence: str) -> None:
    for required in (False, True):
        (finding,) = judged(latency, required=required, **more)
        assert (finding.status, finding.sentence, finding.required) == (Status.SKIP, sentence, required)


def test_an_unchanged_model_was_not_measured_again() -> None:
    (finding,) = judged(None, changed=False, required=True)
    assert (finding.status, finding.required) == (Status.SKIP, False)
    assert finding.sentence.startswith("Nothing that feeds the model differs from the base")


def test_without_a_model_there_is_nothing_to_time() -> None:
    (finding,) = check(evidence(), Options(required=True))
    assert (finding.status, finding.required) == (Status.SKIP, True)


@pytest.mark.parametrize(("text", "seconds"), [("250us", 250e-6), ("50ms", 0.05), ("1.5s", 1.5)])
def test_times_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert Options.model_validate({"max_p95": text}).max_p95 == pytest.approx(seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_p95": 50},
        {"max_p95": "50"},
        {"max_p95": "5m"},
        {"run": "never"},
        {"batch_sizes": []},
        {"batch_sizes": [0]},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate_json(json.dumps(wrong), strict=True)


@pytest.mark.parametrize(("written", "read"), [(True, "on"), (False, "off"), ("on", "on"), ("off", "off")])
def test_a_bare_on_and_off_of_yaml_are_understood(written: object, read: str) -> None:
    assert Options.model_validate_json(json.dumps({"run": written}), strict=True).run == read
