"""Unit tests of what is live: digests out of addresses, what a rollout may be, and when a manifest does what was wanted."""

from __future__ import annotations

import pytest

from mlops_ci.rollout import Release, Rollout, Served, digest_in

HEX = "ab12" * 16
A, B = Served("s3://m/a"), Served("s3://m/b")


@pytest.mark.parametrize(
    ("uri", "digest"),
    [
        (f"s3://m/iris/sha256-{HEX}/m.json", f"sha256:{HEX}"),
        (f"registry.example.com/iris@sha256:{HEX}", f"sha256:{HEX}"),
        (f"s3://m/iris/sha256-{HEX}0/m.json", ""),
        ("s3://m/iris/v7/m.json", ""),
    ],
)
def test_an_address_tells_its_digest(uri: str, digest: str) -> None:
    assert digest_in(uri) == digest
    assert Served.of(uri) == Served(uri, digest)
    assert Served.of(uri, "sha256:told") == Served(uri, "sha256:told")


def test_two_names_of_a_model_are_the_same_as_far_as_both_tell() -> None:
    told = Served(A.uri, f"sha256:{HEX}")
    assert A.is_same(told)
    assert told.is_same(A)
    assert not told.is_same(Served(A.uri, "sha256:other"))
    assert not A.is_same(B)
    assert not A.is_same(None)


@pytest.mark.parametrize(("traffic", "mirror"), [(101, 0), (-1, 0), (0, 101), (0, -1)])
def test_percents_are_percents(traffic: int, mirror: int) -> None:
    with pytest.raises(ValueError, match="whole percents from 0 to 100"):
        Rollout(A, B, traffic, mirror)


@pytest.mark.parametrize(("traffic", "mirror"), [(1, 0), (0, 1)])
def test_requests_need_somebody_who_answers_them(traffic: int, mirror: int) -> None:
    with pytest.raises(ValueError, match="need a candidate"):
        Rollout(A, None, traffic, mirror)


def test_a_hidden_stable_release_is_filled_in_and_a_told_one_stays() -> None:
    assert Rollout(None, B, 10).with_stable(A) == Rollout(A, B, 10)
    assert Rollout(A, B, 10).with_stable(B) == Rollout(A, B, 10)
    assert Rollout(None, B, 10).with_stable(None) == Rollout(None, B, 10)
    assert Rollout(None, B, 10).served == (B,)


@pytest.mark.parametrize(
    ("there", "wanted", "fits"),
    [
        (Rollout(A), Rollout(A), True),
        (Rollout(B), Rollout(A), False),
        (Rollout(A, B), Rollout(A), True),  # an idle one does no harm
        (Rollout(A, B, 10), Rollout(A), False),
        (Rollout(None, B, 10), Rollout(A, B, 10), True),  # it hides the stable one
        (Rollout(A, B, 10), Rollout(A, B, 50), False),
        (Rollout(A, B, 0, 10), Rollout(A, B, 0, 10), True),
        (Rollout(A), Rollout(A, B), False),
        (Rollout(A), Rollout(None), False),
    ],
)
def test_whether_a_manifest_does_what_was_wanted(there: Rollout, wanted: Rollout, fits: bool) -> None:
    assert there.fits(wanted) is fits


def test_a_release_as_a_manifest_and_as_people_name_it() -> None:
    release = Release("iris", f"sha256:{HEX}", "s3://m/a", "c" * 40)
    assert release.served == Served("s3://m/a", f"sha256:{HEX}")
    assert release.short == "ab12ab12ab12"
