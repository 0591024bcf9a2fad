"""Unit tests of where a rollback goes: previous, last verified, by digest; and when it goes nowhere."""

from __future__ import annotations

import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.promotion.history import release_to
from mlops_ci.promotion.record import Action, Named, Record, State


def named(letter: str) -> Named:
    return Named(digest=f"sha256:{letter * 64}", uri=f"s3://m/{letter}")


def log(*steps: tuple[Action, str, str]) -> list[Record]:
    """Records of (action, stable after it, candidate after it); the release is the candidate, else the stable."""
    records: list[Record] = []
    before = State()
    for number, (action, stable, candidate) in enumerate(steps, start=1):
        after = State(
            stable=named(stable) if stable else None, candidate=named(candidate) if candidate else None
        )
        records.append(
            Record(
                number=number,
                environment="production",
                model="iris",
                action=action,
                before=before,
                after=after,
                release=named(candidate or stable),
            )
        )
        before = after
    return records


def test_previous_is_what_was_stable_before() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""), ("promote", "c", ""))
    assert release_to(records, "previous") == named("b")


def test_a_release_is_named_by_its_commit_too() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""))
    made = records[0].model_copy(update={"release": named("a").model_copy(update={"commit": "5e" * 20})})
    assert release_to([made, records[1]], "5e5e5e5e5e").digest == named("a").digest


def test_in_the_middle_of_a_ramp_previous_is_the_stable_one() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""), ("promote", "b", "c"))
    assert release_to(records, "previous") == named("b")


def test_what_a_switch_left_behind_is_no_ramp() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""))
    left = records[-1].model_copy(update={"after": State(stable=named("b"), candidate=named("a"))})
    assert release_to([records[0], left], "previous") == named("a")


def test_last_verified_passes_over_what_was_rolled_back() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""), ("rollback", "a", ""), ("promote", "c", ""))
    assert release_to(records, "previous") == named("a")
    again = log(
        ("promote", "a", ""),
        ("promote", "b", ""),
        ("rollback", "a", ""),
        ("promote", "b", ""),
        ("promote", "c", ""),
    )
    assert release_to(again, "previous") == named("b")
    assert release_to(again, "last-verified") == named("a")


def test_a_candidate_that_was_taken_away_is_not_verified() -> None:
    records = log(("promote", "a", ""), ("promote", "a", "b"), ("rollback", "a", ""), ("promote", "c", ""))
    assert release_to(records, "last-verified") == named("a")


@pytest.mark.parametrize("to", ["aaaaaa", "sha256:aaaaaaaa", "A" * 64])
def test_a_release_is_named_by_the_begin_of_its_digest(to: str) -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""))
    assert release_to(records, to) == named("a")


@pytest.mark.parametrize(
    ("steps", "to", "message"),
    [
        ([], "previous", "nothing was ever promoted here"),
        ([("promote", "a", "")], "previous", "production/iris: no other release was live here before"),
        ([("hold", "", "")], "previous", "production/iris: no other release was live here before"),
        (
            [("promote", "a", ""), ("promote", "b", ""), ("rollback", "a", "")],
            "last-verified",
            "production/iris: no other release was not rolled back",
        ),
        ([("promote", "a", "")], "aaaaaa", "production/iris serves aaaaaaaaaaaa already"),
        ([("promote", "a", "")], "aaa", "--to 'aaa' is no release that was ever live here"),
        ([("promote", "a", "")], "cccccccc", "--to 'cccccccc' is no release that was ever live here"),
    ],
)
def test_where_it_goes_nowhere_it_says_why(
    steps: list[tuple[Action, str, str]], to: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        release_to(log(*steps) if steps != [("hold", "", "")] else _held(), to)


def _held() -> list[Record]:
    record = log(("promote", "a", ""))[0]
    return [record.model_copy(update={"action": "hold", "after": State()})]


def test_a_begin_that_fits_several_is_refused() -> None:
    records = log(("promote", "a", ""), ("promote", "b", ""))
    twin = Named(digest="sha256:" + "a" * 63 + "b", uri="s3://m/twin")
    records[1] = records[1].model_copy(update={"after": State(stable=twin)})
    with pytest.raises(ConfigError, match="fits 2 releases"):
        release_to(records, "aaaaaaaa")


def test_back_to_the_stable_one_is_something_while_a_candidate_answers() -> None:
    records = log(("promote", "a", ""), ("promote", "a", "b"))
    ramp = records[1].model_copy(update={"after": State(stable=named("a"), candidate=named("b"), traffic=10)})
    assert release_to([records[0], ramp], "aaaaaaaa") == named("a")
