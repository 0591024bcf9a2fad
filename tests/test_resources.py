"""What is said of a stage: by its name, by that of its matrix, by a glob."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.pipeline import Execution, resources

PLAIN = Execution(timeout=7.0)
SAID = {
    "train@*-deep": Execution(retries=1),
    "train": Execution(retries=2),
    "train@lin": Execution(retries=3),
    "*": Execution(retries=4),
    "eval": Execution(retries=5),
    "sub/dvc.yaml:prep": Execution(retries=6),
    "a@b/dvc.yaml:*": Execution(retries=7),
}


@pytest.mark.parametrize(
    ("stage", "retries"),
    [
        ("train", 2),
        ("train@lin", 3),
        ("train@tree", 2),
        ("train@x-deep", 1),
        ("eval@1", 5),
        ("prep", 4),
        ("sub/dvc.yaml:prep", 6),
        ("sub/dvc.yaml:prep@1", 6),
        ("a@b/dvc.yaml:prep@1", 4),
    ],
)
def test_the_nearest_is_what_counts(stage: str, retries: int) -> None:
    assert resources.of(stage, SAID, PLAIN).retries == retries


def test_globs_are_looked_at_in_their_order_and_names_are_no_globs() -> None:
    said = {
        "train@*-deep": Execution(retries=1),
        "train@[ab]*": Execution(retries=2),
        "eva": Execution(),
        "*": PLAIN,
    }
    assert resources.of("train@a-deep", said, PLAIN).retries == 1
    assert resources.of("train@b", said, PLAIN).retries == 2
    assert resources.of("Train@b", said, PLAIN) is PLAIN
    assert resources.of("eval", said, PLAIN) is PLAIN
    assert resources.of("eval", {}, PLAIN) is PLAIN


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_item_of_a_matrix_is_what_its_plain_name_says(name: str, item: str) -> None:
    stage = f"{name.replace('@', '').replace(':', '')}@{item.replace(':', '')}"
    assert resources.plain(f"sub@1/dvc.yaml:{stage}") == "sub@1/dvc.yaml:" + resources.plain(stage)
    assert stage.startswith(resources.plain(stage))
    assert "@" not in resources.plain(stage)


def test_what_stands_for_no_stage() -> None:
    stages = ["prep", "train@lin", "train@tree", "sub/dvc.yaml:eval@1"]
    names = ["prep", "trian", "train", "train@lin", "train@x", "*", "eval@*", "eval", "*:eval*", "pre?", "x?"]
    names += ["sub/dvc.yaml:eval"]
    assert resources.unfitting(names, stages) == ("trian", "train@x", "eval@*", "eval", "x?")
    assert resources.unfitting([], stages) == ()
