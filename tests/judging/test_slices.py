"""The worst group: the same for whoever asks."""

from __future__ import annotations

from mlops_ci.evidence import Slice
from mlops_ci.judging.limits import SliceLimit
from mlops_ci.judging.slices import worst_first
from tests.gates.samples import comparison


def group(
    level: str, head: float, delta: float | None = None, rows: int = 500, metric: str = "accuracy"
) -> Slice:
    compared = None if delta is None else comparison(metric, delta, 0.01, n=rows)
    base = None if delta is None else head - delta
    return Slice(
        column="sex", level=level, rows=rows, metric=metric, head=head, base=base, comparison=compared
    )


def order(*groups: Slice, limit: SliceLimit | None = None) -> str:
    ways = {"accuracy": "higher", "loss": "lower"}
    found = worst_first(groups, {**ways, "foo": None}, limit)  # type: ignore[dict-item]
    return "".join(one.group.level for one in found)


def test_sure_losses_first_the_largest_before_the_others() -> None:
    assert order(group("a", 0.1, 0.0), group("b", 0.9, -0.1), group("c", 0.9, -0.2)) == "cba"


def test_a_loss_that_may_be_chance_is_no_loss() -> None:
    assert order(group("a", 0.5, 0.0), group("b", 0.9, -0.015)) == "ab"


def test_a_loss_within_its_limit_is_no_loss() -> None:
    groups = (group("a", 0.5, 0.0), group("b", 0.9, -0.1))
    assert order(*groups) == "ba"
    assert order(*groups, limit=SliceLimit(max_drop=0.2)) == "ab"


def test_without_a_base_the_weakest_value_comes_first() -> None:
    assert order(group("a", 0.5), group("b", 0.4)) == "ba"
    assert order(group("a", 0.2, metric="loss"), group("b", 0.4, metric="loss")) == "ba"


def test_small_groups_and_unknown_directions_come_last() -> None:
    groups = (group("a", 0.1, -0.9, rows=99), group("b", 0.9, 0.0), group("c", 0.1, -0.9, metric="foo"))
    assert order(*groups)[0] == "b"
    assert [one.judged for one in worst_first(groups, {"accuracy": "higher"})] == [True, False, False]
