"""The lock gate: what is judged is what the branch holds."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from mlops_ci.evidence import Lock, StageReason, StageRun, Status
from mlops_ci.gates import lock as gate
from tests.gates.samples import evidence

STALE = (
    StageReason(stage="train", reasons=("params.yaml: train.lr changed",)),
    StageReason(stage="evaluate"),
)
STALE_WORDS = "train (params.yaml: train.lr changed), evaluate"
Mode = Literal["verify", "commit", "report"]


def said(mode: Mode, *, stages: tuple[StageRun, ...] = (), **more: Any) -> list[tuple[Status, str, str]]:
    told = {"digest": "sha256:2", "committed": "sha256:1", "pushed": True} | more
    found = gate.check(
        evidence(lock=Lock.model_validate({"mode": mode} | told), stages=stages), gate.Options()
    )
    return [(one.status, one.sentence, one.hint) for one in found]


def test_no_lock_is_a_skip() -> None:
    expected = [(Status.SKIP, "There is no dvc.lock: nothing was ever run.", "run dvc repro")]
    assert said("verify", digest="") == expected


def test_current_and_pushed() -> None:
    assert said("verify") == [(Status.PASS, "dvc.lock is what this commit makes.", "")]


def test_verify_refuses_a_stale_lock_and_says_what_to_type() -> None:
    expected = [
        (
            Status.FAIL,
            f"dvc.lock is not what this commit makes: {STALE_WORDS}.",
            "run dvc repro, then git add dvc.lock, dvc push, and commit",
        )
    ]
    assert said("verify", stale=STALE) == expected


def test_report_warns_and_offers_the_patch() -> None:
    expected = [
        (
            Status.WARN,
            f"dvc.lock is not what this commit makes: {STALE_WORDS}.",
            "apply the patch below, or run dvc repro, git add dvc.lock and dvc push",
        )
    ]
    assert said("report", stale=STALE) == expected


def test_commit_that_could_not_be_made_warns_with_the_reason() -> None:
    (status, sentence, _), *rest = said("commit", stale=STALE[:1], note="HEAD is detached.")
    assert (status, rest) == (Status.WARN, [])
    assert sentence == (
        "dvc.lock is not what this commit makes: train (params.yaml: train.lr changed). "
        "It was not committed to the branch: HEAD is detached."
    )


def test_commit_that_was_made_is_named() -> None:
    expected = [(Status.PASS, "dvc.lock was brought up to date in commit abcdef01.", "")]
    assert said("commit", stale=STALE, commit="abcdef0123456789") == expected


def test_stages_that_ran_and_changed_no_byte_were_current() -> None:
    runs = (StageRun(name="train", status="ran"), StageRun(name="evaluate", status="restored"))
    found = said("verify", stale=STALE, committed="sha256:2", stages=runs)
    assert found == [(Status.PASS, "dvc.lock is what this commit makes.", "")]


def test_stages_that_did_not_run_stay_stale_though_no_byte_changed() -> None:
    runs = (StageRun(name="train", status="ran"), StageRun(name="evaluate", status="blocked"))
    found = said("verify", stale=STALE, committed="sha256:2", stages=runs)
    assert [one[1] for one in found] == ["dvc.lock is not what this commit makes: evaluate."]


def test_only_comments_changed() -> None:
    expected = "dvc.lock is current: only comments or formatting changed in the code of train."
    assert said("verify", comment_only=STALE[:1]) == [(Status.PASS, expected, "")]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            "",
            "dvc.lock is what this commit makes. Whether its objects are pushed is not known: "
            "no remote was asked.",
        ),
        (
            "no DVC remote is configured",
            "dvc.lock is what this commit makes. Whether its objects are pushed is not known: "
            "no DVC remote is configured.",
        ),
    ],
)
def test_no_remote(note: str, expected: str) -> None:
    assert said("verify", pushed=None, note=note) == [(Status.PASS, expected, "")]


def test_verify_refuses_what_is_not_pushed() -> None:
    _, remote = said("verify", pushed=False, missing=tuple(f"data/{number}" for number in range(7)))
    sentence = (
        "The remote lacks 7 objects that dvc.lock names: data/0, data/1, data/2, data/3, data/4 and 2 more."
    )
    assert remote == (Status.FAIL, sentence, "run dvc push")


def test_one_object_and_none_named() -> None:
    assert said("verify", pushed=False, missing=("model.bin",))[1][1] == (
        "The remote lacks 1 object that dvc.lock names: model.bin."
    )
    assert said("report", pushed=False)[1][:2] == (
        Status.WARN,
        "The remote lacks objects that dvc.lock names.",
    )


def test_many_stale_stages_are_counted() -> None:
    many = tuple(StageReason(stage=f"s{number}") for number in range(6))
    assert said("report", stale=many)[0][1] == (
        "dvc.lock is not what this commit makes: s0, s1, s2, s3, s4 and 1 more."
    )
