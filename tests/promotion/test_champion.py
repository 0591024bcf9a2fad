"""What the records of a target say of its live release beside a candidate."""

from __future__ import annotations

from typing import Any

from mlops_ci.evidence import LiveRelease, LiveValue, ModelEvidence, Predictions
from mlops_ci.promotion import champion as champions
from mlops_ci.promotion.champion import Table
from mlops_ci.promotion.record import Input, Metric, Named, Record, State, Summary
from tests.gates.samples import metric, model

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
STABLE = Named(digest=A, uri="s3://m/sha256-a/model", version="v7", commit="c" * 40, md5="a" * 32)
VALUES = (Metric(name="accuracy", file="metrics.json", candidate=0.83), Metric(name="auc", candidate=0.9))


def record(digest: str = A, metrics: tuple[Metric, ...] = VALUES, **more: Any) -> Record:
    named = Named(digest=digest, uri="s3://m/x")
    facts: dict[str, Any] = {
        "number": 3,
        "environment": "production",
        "model": "churn",
        "action": "promote",
        "before": State(),
        "after": State(stable=named),
        "release": named,
        "evidence": Summary(metrics=metrics, examples=more.pop("examples", "")),
    }
    return Record.model_validate(facts | more)


def predictions(digest: str) -> Predictions:
    return Predictions(path="p.csv", rows=10, digest=digest)


def release(found: ModelEvidence, of: Record | None, test: Table | None = None) -> LiveRelease:
    return champions.champion("production", STABLE, of, found, test).release


def test_the_log_is_read_by_its_names_from_the_newest_on() -> None:
    names = [
        f"0001-promote-{'a' * 12}.yaml",
        f"0002-ramp-{'b' * 12}.yaml",
        f"0010-rollback-{'a' * 12}.yaml",
        f"9999-promote-{'a' * 12}.yaml",
        f"10000-promote-{'a' * 12}.yaml",
        "README.md",
        f"0003-promote-{'a' * 12}.yaml.orig",
    ]
    assert champions.logged(names, A) == (
        f"10000-promote-{'a' * 12}.yaml",
        f"9999-promote-{'a' * 12}.yaml",
        f"0010-rollback-{'a' * 12}.yaml",
        f"0001-promote-{'a' * 12}.yaml",
    )
    assert champions.logged([record().log_path.rpartition("/")[2]], A) == ("0003-promote-aaaaaaaaaaaa.yaml",)


def test_only_a_record_of_the_same_bytes_with_metrics_measures_them() -> None:
    assert champions.measures(record(), A)
    assert not champions.measures(record(), B)
    assert not champions.measures(record(metrics=(Metric(name="accuracy", champion=0.9),)), A)


def test_its_metrics_stand_beside_the_candidates() -> None:
    found = model(metric("accuracy", 0.812, 0.82), metric("auc", 0.9, file="other.json"), metric("f1", 0.7))
    one = champions.champion("production", STABLE, record(), found, None)
    assert one.release == LiveRelease(
        environment="production", digest=A, version="v7", commit="c" * 40, record=3
    )
    told = champions.beside(found, [one])
    assert told.live == (one.release,)
    assert [[value.value for value in metric.live] for metric in told.metrics] == [[0.83], [0.9], []]
    assert told.metrics[0].live == (LiveValue(environment="production", value=0.83),)
    assert champions.beside(told, ()) == found


def test_the_bases_and_heads_own_model_has_no_values_of_its_own() -> None:
    for side, facts in (("base", {"base_digest": "a" * 32}), ("head", {"digest": "a" * 32})):
        found = model(metric("accuracy", 0.8), **facts)
        for source in (record(), None):
            one = champions.champion("production", STABLE, source, found, None)
            assert (one.release.same_as, one.values, one.release.unknown) == (side, {}, "")
    assert release(model(digest="a" * 32, base_digest="a" * 32), record()).same_as == "base"
    assert release(model(digest="b" * 32), record()).same_as is None
    unnamed = STABLE.model_copy(update={"md5": ""})
    assert champions.champion("production", unnamed, record(), model(), None).release.same_as is None


def test_without_a_record_its_metrics_are_not_known() -> None:
    found = release(model(), None)
    assert (found.unknown, found.record) == ("no record of it has metrics", None)


def test_the_evaluation_set_tells_whether_they_can_be_compared() -> None:
    here, test = model(predictions=predictions("sha256:1")), Table("data/test.csv", "2" * 32)
    before: dict[str, Any] = {
        "data": (Input(path="data/train.csv", md5="9" * 32), Input(path="data/test.csv", md5="1" * 32))
    }
    # The examples decide where both are known; else the table does; else nobody knows.
    assert release(here, record(examples="sha256:1", **before), test).other_examples == ""
    assert release(here, record(examples="sha256:0")).other_examples == "it was measured on other examples"
    changed = "data/test.csv is not what it was measured on"
    assert release(model(), record(examples="sha256:1", **before), test).other_examples == changed
    assert release(here, record(**before), test).other_examples == changed
    assert release(here, record(**before), Table("data/test.csv", "1" * 32)).other_examples == ""
    assert release(here, record(**before), Table("else.csv", "2" * 32)).other_examples == ""
    assert release(here, record(**before)).other_examples == ""
