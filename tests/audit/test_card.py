"""A model card says what a record and its evidence say, and in the end what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.audit.card import Material, Purpose, context, write
from mlops_ci.audit.timeline import Query, timeline
from mlops_ci.audit.trails import trails
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import (
    Disparity,
    Drift,
    DriftColumn,
    Fairness,
    Interval,
    ModelEvidence,
    Reproduction,
    Slice,
    TableCheck,
)
from mlops_ci.promotion.record import Accepted, Input, Judgement, Metric, Record, Source, State, Summary
from tests.audit.story import Story, begun, release
from tests.audit.test_origin import document

SUMMARY = Summary(
    digest="sha256:e",
    verdict="passed",
    champion="sha256:c",
    metrics=(
        Metric(name="accuracy", file="m.json", candidate=0.9, champion=0.88, low=0.01, high=0.03),
        Metric(name="loss", file="m.json", candidate=0.0, champion=0.1),
        Metric(name="auc", file="m.json", candidate=0.7),
    ),
    gates=(
        Judgement(gate="metrics", subject="accuracy", status="PASS", sentence="It is above `0.8`."),
        Judgement(gate="drift", subject="drift", status="SKIP", sentence="Nothing to compare."),
    ),
    waivers=(Accepted(finding="toy/x@1", owner="bo", reason="a new sensor", until="2026-12-31"),),
)
MODEL = ModelEvidence(
    name="toy",
    slices=(Slice(column="sex", level="f", rows=1200, metric="accuracy", head=0.87),),
    fairness=(
        Fairness(
            column="sex",
            rows=1200,
            disparities=(
                Disparity(
                    name="demographic_parity_difference",
                    kind="difference",
                    value=0.03,
                    interval=Interval(low=0.01, high=0.05),
                    groups=("f", "m"),
                ),
                Disparity(name="other", kind="ratio"),
            ),
        ),
    ),
    drift=(
        Drift(
            name="production",
            reference="train.csv",
            current="live.csv",
            columns=(
                *(
                    DriftColumn(name=f"c{at}", kind="number", measure="psi", effect=at / 10)
                    for at in range(7)
                ),
                DriftColumn(name="odd", kind="other"),
            ),
        ),
        Drift(name="x", reference="a.csv", current="b.csv", problem="gone"),
        Drift(name="x", reference="a.csv", current="c.csv"),
    ),
    tables=(TableCheck(table="train", path="data.csv", rows=300),),
    reproduction=Reproduction(commit="a" * 40),
)


def material(story: Story | None = None, story_record: Record | None = None, **more: Any) -> Material:
    found = story or begun()
    if story is None:
        found.promote(
            release("a", lock="sha256:l", md5="d" * 32, size=2_500_000, evidence="sha256:e"),
            evidence=SUMMARY,
            data=(Input(path="data.csv", md5="f" * 32, size=812), Input(path="raw", md5="e" * 32)),
            params={"train.lr": 0.1, "names": ["a", "b"]},
            source=Source(repository="acme/toy", pull_requests=(4, 5), stage="train", dvcfile="dvc.yaml"),
            requested_by="ada",
            reason="better",
        )
    history = found.history()
    known = trails(history)
    record = story_record or next(trail.records[0] for trail in known if trail.records)
    entries = timeline(history, Query(release=record.release.digest)).entries
    fields: dict[str, Any] = {
        "purpose": Purpose("Says how *good* it is.", ("tabular", "toy"), {"owner": "ada"}),
        "evidence": document(models=(MODEL,)),
    }
    return Material(record, known, entries, **{**fields, **more})


def test_a_whole_card() -> None:
    text = write(material())
    lines = text.splitlines()
    assert lines[0] == "# toy va"
    for line in (
        "sha256:aaaaaaaaaaaa (va), as record 1 of production promoted it. The verdict on its evidence was **passed**.",
        "Says how &#42;good&#42; it is.",
        "Labels: tabular, toy",
        "- owner: ada",
        "| production | all requests | 2026-01-01 |",
        "| accuracy | 0.9000 | 0.8800 | +0.02 | +0.01 to +0.03 |",
        "| loss | 0 | 0.1000 | \u22120.1 |  |",
        "| auc | 0.7000 |  |  |  |",
        "| sex = f | 1,200 | accuracy | 0.8700 |",
        "- PASS **metrics** accuracy: It is above `0.8`.",
        "- SKIP **drift**: Nothing to compare.",
        "- Accepted by bo until 2026-12-31: `toy/x@1`, a new sensor",
        "| data.csv | `ffffffffffffffffffffffffffffffff` | 300 | 812 B |",
        "| commit | `" + "a" * 40 + "` |",
        "| pull requests | 4, 5 |",
        "| stage | `train` of dvc.yaml |",
        "| measured with | Python 3.11 on linux |",
        "- Not judged: drift.",
        "- How sure the difference is, is not known of loss: no interval was measured.",
    ):
        assert line in lines, f"{line!r} is not in the card:\n{text}"
    assert "c6 (psi 0.6000), c5 (psi 0.5000)" in text
    assert "and 2 more." in text
    assert "b.csv against a.csv: gone." in text
    assert "c.csv against a.csv: nothing moved." in text
    assert "compliant" not in text


def test_a_card_of_little() -> None:
    story = begun()
    story.promote(release("a"))
    story.promote(release("b"))
    found = material(story, purpose=Purpose(), evidence=None, absent="there is no model store")
    text = write(found)
    assert "Nobody has written it yet" in text
    assert "Nowhere, by the newest records." in text
    assert text.count("Nothing was measured.") == 2
    assert context(found)["limits"] == (
        "Nobody wrote what the model is for, and what it is not for.",
        "The whole evidence is not here, so only the record's summary is told: there is no model store.",
        "The record has no metrics.",
        "There was no live release to compare with.",
        "What the model is asked and answers in production is not in Git, and is not told here.",
    )


def test_what_was_not_measured_is_said() -> None:
    bare = ModelEvidence(name="toy", unmeasured={"latency": "no machine"})
    limits = context(material(evidence=document(models=(bare,))))["limits"]
    assert limits[1:5] == (
        "No group of people was compared with another.",
        "No table was compared with what production asks.",
        "It was not made a second time to see whether the same comes out.",
        "latency was asked for and not measured: no machine",
    )
    assert (
        "The evidence has no model toy, so only the record's summary is told."
        in context(material(evidence=document(models=())))["limits"]
    )


def test_where_it_is_live_with_which_share() -> None:
    story = begun()
    story.promote(release("a"))
    story.promote(release("b"), after=State(stable=release("a"), candidate=release("b"), traffic=10))
    story.promote(
        release("a"), environment="staging", after=State(stable=release("b"), candidate=release("a"))
    )
    story.promote(release("b"), environment="test")
    other = story.record(release("a"), environment="other").model_copy(update={"model": "other"})
    story.commit({other.log_path: other.text()})
    story.commit({"promotions/bare/toy.yaml": "x"})
    found = material(story, story.records["production", "toy"][0])
    assert [(one.environment, one.share) for one in context(found)["places"]] == [
        ("production", "90 % of requests"),
        ("staging", "deployed beside the live one"),
    ]
    blind = Material(found.record, trails(story.history(base=())))
    assert [(one.environment, one.since) for one in context(blind)["places"]] == [
        ("production", ""),
        ("staging", ""),
    ]


def test_an_entry_without_a_time_is_told() -> None:
    story = begun()
    one = story.promote(release("a"))
    entries = timeline(story.history(base=())).entries
    assert context(Material(one, (), entries))["entries"][0]["when"] == ""


def test_a_users_own_block() -> None:
    mine = '{% extends "mlops-ci/card.md.j2" %}{% block footer %}Ours.{% endblock %}'
    assert write(material(), {"card.md.j2": mine}).endswith("Ours.\n")
    with pytest.raises(ConfigError, match=r"\.mlops-ci/card\.md\.j2"):
        write(material(), {"card.md.j2": "{{ nothing }}"})


def test_where_every_difference_has_an_interval_none_is_missed() -> None:
    story = begun()
    sure = Metric(name="accuracy", candidate=0.9, champion=0.8, low=0.01, high=0.2)
    story.promote(release("a"), evidence=Summary(champion="sha256:c", metrics=(sure,)))
    found = material(story, evidence=None, absent="offline")
    assert context(found)["limits"] == (
        "The whole evidence is not here, so only the record's summary is told: offline.",
        "What the model is asked and answers in production is not in Git, and is not told here.",
    )
