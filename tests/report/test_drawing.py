"""Unit: the geometry of the page's pictures."""

from __future__ import annotations

import pytest

from mlops_ci import evidence as ev
from mlops_ci.judging.limits import Limit
from mlops_ci.report.drawing import HEIGHT, RANGE_WIDTH, WIDTH, Drawings
from mlops_ci.report.plots import plots_of
from tests.report import checked, samples

BAND = ev.Interval(low=-0.02, high=0.01)


def test_bars_and_outline_share_their_scale() -> None:
    bins = ev.Bins(labels=("a", "b"), reference=(0.25, 0.75), current=(0.5, 0.0))
    found = Drawings.distribution(bins)
    assert (found.top, found.labels, found.spread, found.count) == (0.75, ("a", "b"), True, 2)
    assert found.bars == f"M2 {HEIGHT}v-48h156V{HEIGHT}z"
    assert found.outline == f"M0 {HEIGHT}V48.3H160V1H{WIDTH}V{HEIGHT}"
    assert found.most == ("b", 0.75, 0.0)


def test_of_many_labels_three_are_shown_and_hidden_ones_are_numbers() -> None:
    shares = checked.bell(3, 2, 9)
    labels = tuple(f"{edge}" for edge in range(9))
    assert Drawings.distribution(ev.Bins(labels=labels, reference=shares, current=shares)).labels == (
        "0",
        "4",
        "8",
    )
    hidden = Drawings.distribution(ev.Bins(reference=shares, current=shares))
    assert (hidden.labels, hidden.most[0]) == ((), "bin 1")


def test_no_bins_and_no_rows_still_make_a_picture() -> None:
    empty = Drawings.distribution(ev.Bins(reference=(), current=()))
    assert (empty.bars, empty.outline, empty.most) == ("", "", ("bin 1", 0.0, 0.0))
    assert Drawings.distribution(ev.Bins(reference=(0.0,), current=(0.0,))).top == 1.0


def test_a_difference_stands_around_zero_with_its_limit_on_the_side_of_loss() -> None:
    words = Limit(min=0.8, max_drop=0.01).words("higher")
    found = Drawings.difference(-0.005, BAND, words)
    assert found is not None
    assert found.mark == RANGE_WIDTH / 2
    assert found.low is not None
    assert found.low < found.limits[0] < found.dot < found.mark
    risen = Drawings.difference(0.005, None, Limit(max_drop=0.01).words("lower"))
    assert risen is not None
    assert (risen.low, risen.high) == (None, None)
    assert risen.limits[0] > RANGE_WIDTH / 2


@pytest.mark.parametrize("limit", ["", "min 0.8", Limit(max_drop="5%").words()])
def test_a_limit_that_has_no_place_on_the_scale_is_not_drawn(limit: str) -> None:
    found = Drawings.difference(0.0, None, limit)
    assert found is not None
    assert (found.limits, found.dot) == ((), RANGE_WIDTH / 2)
    assert Drawings.difference(None, None, limit) is None


def test_a_ratio_stands_around_one() -> None:
    found = Drawings.ratio(1.3, ev.Interval(low=1.2, high=1.4), "max_ratio 1.2")
    assert found is not None
    assert found.mark == RANGE_WIDTH / 2
    assert found.limits == (found.low,)
    assert Drawings.ratio(None, None, "") is None


def test_a_disparity_starts_at_equality() -> None:
    difference = Drawings.disparity(0.1, None, "max 0.2, max increase 0.02", "difference")
    ratio = Drawings.disparity(0.7, None, "min 0.8", "ratio")
    assert difference is not None
    assert ratio is not None
    assert difference.mark is not None
    assert ratio.mark is not None
    assert difference.mark < difference.dot < difference.limits[0]
    assert len(difference.limits) == 1
    assert ratio.dot < ratio.limits[0] < ratio.mark
    assert Drawings.disparity(None, None, "", "ratio") is None


def test_groups_share_one_scale() -> None:
    found = Drawings.groups(checked.RACE.metrics[1])
    assert sorted(found) == ["black", "white"]
    assert found["black"].dot < found["white"].dot
    assert found["black"].base is not None
    assert Drawings.groups(ev.GroupMetric(name="m", groups=(ev.GroupScore(group="a", rows=1),))) == {}
    alone = ev.GroupMetric(name="m", groups=(ev.GroupScore(group="a", rows=1, value=0.0),))
    assert Drawings.groups(alone)["a"].dot == RANGE_WIDTH / 2


def test_a_curve_runs_over_the_whole_width() -> None:
    (chart,) = plots_of((samples.line_plot("a"),), 10, 100).charts
    found = Drawings.curve(chart)
    assert found.head.split()[0].startswith("0,")
    assert found.head.split()[-1].startswith(f"{WIDTH},")
    new = ev.Plot(id="p", title="", kind="line", head=((0.0, 0.0),))
    assert Drawings.curve(plots_of((new,), 10).charts[0]).base == ""
