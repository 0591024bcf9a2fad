"""Unit tests of the record: what is written is read back, the same bytes each time, and nothing forged."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_ci.errors import ConfigError
from mlops_ci.promotion.record import (
    SCHEMA,
    Approval,
    Hold,
    Merge,
    Named,
    Previous,
    Record,
    State,
    current_path,
    digest,
    read,
)
from mlops_ci.promotion.recording import record_of
from mlops_ci.rollout import Rollout
from tests.promotion.samples import (
    CONTEXT,
    NEW,
    OLD,
    SETTING,
    SUMMARY,
    decided,
    record,
    serving,
    staged,
    state,
)

WHERE = "promotions/production/iris.yaml"
ROLLBACK = record(
    "production",
    state(OLD),
    before=state(NEW),
    number=12,
    action="rollback",
    hold=Hold(reason="scores: zero\n# and more", by="ada"),
    reason="scores: zero",
    requested_by="ada",
    previous=Previous(
        number=11,
        digest=f"sha256:{'e' * 64}",
        merge=Merge(
            pull_request=7,
            url="https://github.com/acme/iris/pull/7",
            merged_by="grace",
            merged_at="2026-11-27T10:00:00Z",
            commit="d" * 40,
            approvals=(Approval(user="grace", at="2026-11-27T09:00:00Z", commit="c" * 40),),
        ),
    ),
)


def full() -> Record:
    """A record in which everything is said."""
    return record_of(decided(staged(), serving()), CONTEXT, SETTING)


@pytest.mark.parametrize("found", [full(), ROLLBACK, record("staging", state(NEW))])
def test_what_is_written_is_read_back(found: Record) -> None:
    text = found.text()
    assert read(text, WHERE) == found
    assert read(text, WHERE).text() == text
    assert found.digest == digest(text) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_what_is_empty_is_left_out_and_the_schema_comes_first() -> None:
    text = record("staging", state(NEW), verdict="").text()
    assert text.startswith(
        f"schema: {SCHEMA}\nnumber: 1\nenvironment: staging\nmodel: iris\naction: promote\n"
    )
    plain = yaml.safe_load(text)
    assert list(plain) == ["schema", "number", "environment", "model", "action", "before", "after", "release"]
    assert plain["before"] == {}
    assert "&" not in text


@settings(max_examples=40)
@given(
    st.text(max_size=40),
    st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.floats(allow_nan=False)),
)
def test_foreign_text_is_read_back_as_it_is(reason: str, params: dict[str, str | float]) -> None:
    found = record("staging", state(NEW), reason=reason, params=params)
    assert read(found.text(), WHERE) == found


def test_half_a_character_does_not_cost_the_record() -> None:
    found = record("staging", state(NEW), reason="a\ud800b")
    assert read(found.text(), WHERE).reason == "a?b"
    assert found.digest == digest(found.text())


def test_its_names_and_paths() -> None:
    assert ROLLBACK.id == "production/iris/12"
    assert ROLLBACK.current_path == current_path("production", "iris") == WHERE
    assert ROLLBACK.log_path == "promotions/log/production/iris/0012-rollback-aaaaaaaaaaaa.yaml"


def test_a_state_is_a_rollout() -> None:
    assert state(OLD, NEW, 10, 20).rollout == Rollout(OLD.served, NEW.served, 10, 20)
    assert State().rollout == Rollout(None)
    assert Named.of(NEW, 5).release("iris") == NEW


def test_the_chain_names_the_bytes_and_not_the_meaning() -> None:
    text = ROLLBACK.text()
    assert digest(text + "\n") != ROLLBACK.digest
    assert read(text + "\n", WHERE) == ROLLBACK


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("number: 12", "number: 0", "number: Input should be greater than or equal to 1"),
        ("number: 12", "number: 12\nnumbre: 12", "numbre: Extra inputs are not permitted"),
        ("action: rollback", "action: deploy", "action: Input should be 'promote'"),
        ("  stable:\n", "  stabel:\n", "before.stabel: Extra inputs are not permitted"),
        ("digest: sha256:e", "digest: sha1:e", "previous.digest: String should match pattern"),
        ("pull_request: 7", "pull_request: seven", "previous.merge.pull_request: Input should be"),
        (f"schema: {SCHEMA}", "schema: mlops-ci/promotion/v2", "is no promotion record of the schema"),
        (f"schema: {SCHEMA}\n", "", "is no promotion record of the schema"),
        ("model: iris", "model: [iris", "is no YAML ("),
    ],
)
def test_what_is_forged_or_broken_is_refused(old: str, new: str, problem: str) -> None:
    text = ROLLBACK.text()
    assert old in text
    with pytest.raises(ConfigError) as caught:
        read(text.replace(old, new, 1), WHERE)
    assert caught.value.message.startswith(f"{WHERE}: {problem}")


@pytest.mark.parametrize("text", ["", "- 1\n", "just text", "[" * 5000, "!!python/object:os.system {}\n"])
def test_what_is_no_record_at_all_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"promotions/production/iris\.yaml: is no "):
        read(text, WHERE)


def test_a_promoted_release_has_a_digest_and_what_was_there_need_not() -> None:
    nameless = Named(digest="", uri="s3://somewhere/model.json")
    before = record("staging", state(NEW), before=State(stable=nameless))
    assert read(before.text(), WHERE).before.stable == nameless
    with pytest.raises(ValidationError, match="the release has no digest"):
        Record(
            number=1,
            environment="staging",
            model="iris",
            action="promote",
            before=State(),
            after=State(stable=nameless),
            release=nameless,
        )
    forged = before.text().replace(f"release:\n  digest: {NEW.digest}", "release:\n  digest: ''")
    with pytest.raises(ConfigError, match="the release has no digest"):
        read(forged, WHERE)


def test_the_summary_is_part_of_it() -> None:
    assert full().evidence == SUMMARY
