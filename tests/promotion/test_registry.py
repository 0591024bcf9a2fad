"""What a registry should say, out of records: versions by age, aliases by environment, and GTO's tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from gto.tag import parse_name

from mlops_ci.promotion.record import Record
from mlops_ci.promotion.registry import (
    Arrived,
    Changes,
    Found,
    Held,
    Target,
    Version,
    Wanted,
    changes,
    git_tags,
    wanted,
)
from tests.promotion.records import named, record

CHAIN = (Target("staging"), Target("production", after="staging"))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def arrived(*records: Record) -> tuple[Arrived, ...]:
    return tuple(Arrived(one, BEGIN + timedelta(hours=place)) for place, one in enumerate(records))


def aliases(
    *records: Record, targets: Sequence[Target] = CHAIN, proposed: Sequence[Record] = ()
) -> dict[str, str]:
    """Alias -> the letter of its digest."""
    [found] = wanted(arrived(*records), targets, proposed)
    return {alias: digest[7] for alias, digest in found.aliases.items()}


def versions(*records: Record, proposed: Sequence[Record] = ()) -> list[str]:
    [found] = wanted(arrived(*records), CHAIN, proposed)
    return [one.digest[7] for one in found.versions]


def test_nothing_was_promoted() -> None:
    assert wanted((), CHAIN) == ()


def test_a_release_is_a_version_with_its_origin() -> None:
    full = named("a", lock="sha256:1", evidence="sha256:2")
    one = record(1, "a", pulls=(41, 42)).model_copy(update={"release": full})
    [found] = wanted(arrived(one), CHAIN)
    assert found.model == "iris"
    assert found.versions == (
        Version(
            full.digest,
            full.uri,
            {
                "mlops-ci.digest": full.digest,
                "mlops-ci.commit": "a" * 40,
                "mlops-ci.dvc_lock": "sha256:1",
                "mlops-ci.evidence": "sha256:2",
                "mlops-ci.pull_request": "41,42",
                "mlops-ci.source": full.uri,
            },
        ),
    )


def test_what_is_not_known_is_no_tag() -> None:
    one = record(1, "a").model_copy(update={"release": named("a", commit="")})
    [found] = wanted(arrived(one), CHAIN)
    assert set(found.versions[0].tags) == {"mlops-ci.digest", "mlops-ci.source"}


def test_versions_are_counted_by_age_and_each_once() -> None:
    history = (
        record(1, "b", environment="staging", before="a"),
        record(1, "b", before="a"),
        record(2, "c", environment="staging", before="b"),
        record(3, "b", environment="staging", before="c", action="rollback"),
    )
    assert versions(*history) == ["a", "b", "c"]
    assert versions(*history, proposed=[record(2, "d")]) == ["a", "b", "c", "d"]


def test_pull_requests_are_those_of_the_promotion_and_not_of_a_rollback() -> None:
    history = (
        record(1, "a", pulls=(1,)),
        record(2, "b", pulls=(2,)),
        record(3, "a", action="rollback", pulls=(9,)),
    )
    [found] = wanted(arrived(*history), CHAIN)
    assert [one.tags["mlops-ci.pull_request"] for one in found.versions] == ["1", "2"]


def test_the_champion_is_stable_at_the_end_of_the_chain() -> None:
    staged = record(1, "a", environment="staging")
    assert aliases(staged) == {"staging": "a"}
    assert aliases(staged, record(1, "a")) == {"staging": "a", "production": "a", "champion": "a"}
    newer = record(2, "b", environment="staging")
    assert aliases(staged, record(1, "a"), newer) == {"staging": "b", "production": "a", "champion": "a"}


def test_the_newest_record_counts_in_whatever_order() -> None:
    assert aliases(record(2, "b"), record(1, "a"))["champion"] == "b"


def test_of_several_ends_the_last_that_has_the_model_is_champion() -> None:
    targets = (*CHAIN, Target("mobile", after="staging"), Target("edge", models=("lily",)))
    live = record(1, "a"), record(1, "b", environment="mobile")
    assert aliases(*live, targets=targets)["champion"] == "b"
    assert aliases(live[0], targets=targets)["champion"] == "a"
    only = record(1, "c", environment="edge")
    assert aliases(*live, only, targets=targets) == {"production": "a", "mobile": "b", "champion": "b"}


def test_an_environment_without_a_stable_release_has_no_alias() -> None:
    hidden = record(1, "a").model_copy(
        update={"after": record(1, "a").after.model_copy(update={"stable": None})}
    )
    assert aliases(hidden) == {}


def test_the_challenger_is_the_candidate_that_is_furthest_on() -> None:
    staged = record(1, "c", environment="staging", after="a", candidate="c")
    assert aliases(staged)["challenger"] == "c"
    ramp = record(2, "b", after="a", candidate="b", action="ramp")
    assert aliases(staged, ramp)["challenger"] == "b"


def test_what_a_switch_left_behind_is_no_challenger() -> None:
    assert "challenger" not in aliases(record(2, "b", after="b", candidate="a"))


def test_without_a_candidate_the_challenger_is_proposed() -> None:
    live = record(1, "a", environment="staging"), record(1, "a")
    proposed = [
        record(2, "b", environment="staging"),
        record(2, "c"),
        record(9, "d", environment="elsewhere"),
    ]
    assert aliases(*live, proposed=proposed)["challenger"] == "c"
    assert aliases(*live, proposed=proposed[:1])["challenger"] == "b"
    assert "challenger" not in aliases(*live, proposed=proposed[2:])
    assert "challenger" not in aliases(*live, proposed=[record(2, "a", action="hold")])
    assert "challenger" not in aliases(*live, proposed=[record(2, "a")]), "it is champion already"


def test_a_model_that_is_only_proposed() -> None:
    [found] = wanted((), CHAIN, [record(1, "a", environment="staging")])
    assert found.aliases == {"challenger": "sha256:" + "a" * 64}


@pytest.mark.parametrize(
    ("environment", "alias"),
    [("eu.west", "eu-west"), ("v1", "env-v1"), ("Latest", "env-Latest"), ("v1a", "v1a")],
)
def test_names_that_mlflow_does_not_take(environment: str, alias: str) -> None:
    assert alias in aliases(record(1, "a", environment=environment), targets=[Target(environment)])


# ---- what has to be done -------------------------------------------------------------------------

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ONE = Version(A, "s3://a", {"mlops-ci.digest": A, "mlops-ci.commit": "1"})
TWO = Version(B, "s3://b", {"mlops-ci.digest": B})


def asked(*versions: Version, **aliases: str) -> Wanted:
    return Wanted("iris", versions, aliases)


def test_an_empty_registry_gets_all() -> None:
    found = changes(asked(ONE, TWO, champion=B), None)
    assert found == Changes(True, (ONE, TWO), (), (("champion", B),), (), frozenset({"champion"}))


def test_a_registry_that_says_it_all_is_left_alone() -> None:
    now = Found(
        (Held(1, A, {**ONE.tags, "note": "by hand"}), Held(2, "", {}), Held(3, B, TWO.tags)),
        {"champion": 3, "by-hand": 2},
        frozenset({"champion"}),
    )
    assert changes(asked(ONE, TWO, champion=B), now).is_empty
    assert now.number(B) == 3
    assert now.number("sha256:other") is None


def test_what_is_missing_or_other_is_mended() -> None:
    now = Found(
        (Held(1, A, {"mlops-ci.digest": A, "mlops-ci.commit": "0"}), Held(4, A, {})),
        {"champion": 4, "old": 1, "by-hand": 1},
        frozenset({"champion", "old", "gone"}),
    )
    assert changes(asked(ONE, TWO, champion=B, staging=A), now) == Changes(
        create=False,
        register=(TWO,),
        tags=((1, "mlops-ci.commit", "1"),),
        aliases=(("champion", B), ("staging", A)),
        drop=("old",),
        ours=frozenset({"champion", "staging"}),
    )


def test_an_alias_that_points_to_a_version_which_is_gone() -> None:
    now = Found((Held(1, A, ONE.tags),), {"champion": 7}, frozenset({"champion"}))
    assert changes(asked(ONE, champion=A), now) == Changes(aliases=(("champion", A),))


# ---- GTO -----------------------------------------------------------------------------------------


def test_tags_are_what_gto_reads() -> None:
    history = (
        record(1, "a", environment="staging", model="iris.v2"),
        record(1, "a", model="iris.v2"),
        record(2, "a", model="iris.v2", candidate="b", action="ramp"),
        record(3, "b", model="iris.v2"),
        record(1, "c", model="lily"),
        record(4, "a", model="iris.v2", action="rollback", before="b"),
    )
    found = git_tags(arrived(*history))
    assert [one.name for one in found] == [
        "iris-v2@v0.0.1",
        "iris-v2#staging#1",
        "iris-v2#production#2",
        "iris-v2@v0.0.2",
        "iris-v2#production#3",
        "lily@v0.0.1",
        "lily#production#1",
        "iris-v2#production#4",
    ]
    assert [one.commit[0] for one in found] == list("aaabbcca")
    assert found[0].when == BEGIN
    assert found[-1].when == BEGIN + timedelta(hours=5)
    assert found[-1].message == (
        f"iris.v2 {A} in production: rollback\n\npromotions/log/production/iris.v2/0004-rollback-{'a' * 12}.yaml"
    )
    read = parse_name("iris-v2#production#4")
    assert (read["name"], read["stage"], read["counter"]) == ("iris-v2", "production", 4)
    assert parse_name("iris-v2@v0.0.1")["version"] == "v0.0.1"


def test_releases_without_a_commit_have_no_tag() -> None:
    by_hand = record(1, "a").model_copy(
        update={
            "release": named("a", commit=""),
            "after": record(1, "a").after.model_copy(update={"stable": named("a", commit="")}),
        }
    )
    assert git_tags(arrived(by_hand)) == ()
    [first, *_] = git_tags(arrived(record(1, "a", model="___")))
    assert first.name == "model@v0.0.1"
