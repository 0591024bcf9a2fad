"""Commit trailers: what is written is read back."""

from __future__ import annotations

import pytest

from mlops_ci import trailers


def test_a_whole_message() -> None:
    text = trailers.write("Update dvc.lock", "- train: params changed", {trailers.LOCK: "sha256:ab"})
    assert text == "Update dvc.lock\n\n- train: params changed\n\nMlops-CI-Lock: sha256:ab\n"
    assert trailers.read(text) == {"Mlops-CI-Lock": "sha256:ab"}


def test_without_a_body_and_with_line_breaks_in_a_value() -> None:
    text = trailers.write("S", "", {"A": "one\ntwo", "B": "3"})
    assert text == "S\n\nA: one two\nB: 3\n"
    assert trailers.read(text) == {"A": "one two", "B": "3"}


def test_a_trailer_may_stand_there_several_times() -> None:
    text = trailers.write("S", "", [(trailers.RECORD, "a.yaml"), (trailers.RECORD, "b.yaml")])
    assert text == "S\n\nMlops-Record: a.yaml\nMlops-Record: b.yaml\n"


@pytest.mark.parametrize("text", ["", "A: subject only", "S\n\nA: 1\nno trailer", "S\n\nbody"])
def test_what_is_no_trailer_block(text: str) -> None:
    assert trailers.read(text) == {}


def test_one_more_trailer_joins_the_block_or_begins_one() -> None:
    assert trailers.add("S\n\nA: 1\n", "B", "2") == "S\n\nA: 1\nB: 2\n"
    assert trailers.add("S\n\nwords", "B", "2\n3") == "S\n\nwords\n\nB: 2 3\n"
