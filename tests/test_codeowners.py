"""CODEOWNERS: where it is, and whom it names for several files; the patterns are tested with waivers."""

from __future__ import annotations

import pytest

from mlops_ci import codeowners

TEXT = "* @ada\n/deploy/ @acme/ml @bob # who runs it\npromotions/ @eve\ndeploy/staging/\n"


@pytest.mark.parametrize("place", codeowners.PLACES)
def test_the_first_place_counts(place: str) -> None:
    assert codeowners.found({place: TEXT, "docs/CODEOWNERS": TEXT}.get) == (place, TEXT)


def test_without_one_nobody_owns_anything() -> None:
    assert codeowners.found(lambda _: None) == ("CODEOWNERS", "")
    assert codeowners.of("", ["a"]) == ()


def test_the_owners_of_several_files_each_once() -> None:
    paths = [
        "promotions/prod/iris.yaml",
        "deploy/prod/iris.yaml",
        "deploy/staging/iris.yaml",
        "deploy/x",
        "a",
    ]
    assert codeowners.of(TEXT, paths) == ("@eve", "@acme/ml", "@bob", "@ada")
