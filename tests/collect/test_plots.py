"""Plots: rows out of any format, curves thinned, confusion matrices counted."""

from __future__ import annotations

import pytest

from mlops_ci.collect import plots
from mlops_ci.collect.values import UnreadableError
from mlops_ci.evidence import Plot
from mlops_ci.pipeline import PlotSpec


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("p.csv", b"x,y\n0,1\n1,2\n"),
        ("p.tsv", b"x\ty\n0\t1\n1\t2\n"),
        ("p.json", b'[{"x": 0, "y": 1}, {"x": 1, "y": 2}]'),
        ("p.json", b'{"meta": 1, "roc": {"points": [{"x": 0, "y": 1}, {"x": 1, "y": 2}]}}'),
        ("p.yaml", b"- {x: 0, y: 1}\n- {x: 1, y: 2}\n"),
    ],
)
def test_a_curve_from_every_format(path: str, raw: bytes) -> None:
    rows = plots.rows(raw, path)
    spec = PlotSpec(id="p", file=path, x="x", y=("y",))
    assert plots.build(spec, rows, []) == (
        Plot(id="p", title="p", kind="line", x="x", y="y", head=((0.0, 1.0), (1.0, 2.0))),
    )


@pytest.mark.parametrize(("path", "raw"), [("p.json", b"{}"), ("p.json", b"[1]"), ("p.json", b"nope")])
def test_what_holds_no_points(path: str, raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        plots.rows(raw, path)


def test_a_huge_table_is_refused() -> None:
    with pytest.raises(UnreadableError, match="too large to draw"):
        plots.rows(b"x\n" * 3_000_000, "p.csv")


def test_head_and_base_without_x_count_steps_and_take_the_last_numeric_column() -> None:
    spec = PlotSpec(id="loss.csv", file="loss.csv", title="Loss")
    head = [{"step": "a", "loss": "2"}, {"step": "b", "loss": "1"}]
    base = [{"step": "a", "loss": "3"}, {"step": "b", "loss": "nan"}]
    assert plots.build(spec, head, base) == (
        Plot(
            id="loss.csv",
            title="Loss",
            kind="line",
            x="step",
            y="loss",
            head=((0.0, 2.0), (1.0, 1.0)),
            base=((0.0, 3.0),),
        ),
    )


def test_several_columns_are_several_plots() -> None:
    spec = PlotSpec(id="m.csv", file="m.csv", x="i", y=("a", "b", "gone"))
    rows = [{"i": "0", "a": "1", "b": "2"}, {"i": "1", "a": "3", "b": "4"}]
    assert [(p.id, p.title) for p in plots.build(spec, rows, [])] == [
        ("m.csv:a", "m: a"),
        ("m.csv:b", "m: b"),
    ]


def test_long_curves_keep_their_ends() -> None:
    rows = [{"y": str(n)} for n in range(10_000)]
    (plot,) = plots.build(PlotSpec(id="p", file="p.csv", y=("y",)), rows, [])
    assert len(plot.head) == plots.MAX_POINTS
    assert (plot.head[0], plot.head[-1]) == ((0.0, 0.0), (9999.0, 9999.0))


def test_a_confusion_matrix_is_counted_on_shared_labels() -> None:
    spec = PlotSpec(id="c", file="c.csv", x="actual", y=("predicted",), template="confusion_normalized")
    head = [{"actual": a, "predicted": p} for a, p in ("00", "01", "11", "11")]
    base = [{"actual": a, "predicted": p} for a, p in ("00", "12")]
    assert plots.build(spec, head, base) == (
        Plot(
            id="c",
            title="c",
            kind="confusion",
            x="actual",
            y="predicted",
            labels=("0", "1", "2"),
            head=((1.0, 1.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 0.0)),
            base=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)),
        ),
    )


def test_a_confusion_matrix_without_rows_or_with_too_many_labels_is_left_out() -> None:
    spec = PlotSpec(id="c", file="c.csv", x="a", y=("p",), template="confusion")
    assert plots.build(spec, [], []) == ()
    assert plots.build(spec, [{"a": str(n), "p": "0"} for n in range(20)], []) == ()


def test_an_empty_curve_is_no_plot() -> None:
    assert plots.build(PlotSpec(id="p", file="p.csv", y=("y",)), [{"y": "1"}], []) == ()
