"""How long stages should take, and what is before the end of the pipeline."""

from __future__ import annotations

from mlops_ci.pipeline.expecting import filled, ways
from tests.test_scheduling import graph_of


def test_what_is_new_takes_as_long_as_most() -> None:
    known = {"a": 2.0, "b": 8.0, "elsewhere": 4.0}
    assert filled(["a", "b", "new"], known) == {"a": 2.0, "b": 8.0, "new": 4.0}


def test_what_has_nothing_to_do_says_nothing_of_the_others() -> None:
    assert filled(["a", "b", "new"], {"a": 0.0, "b": 6.0}) == {"a": 0.0, "b": 6.0, "new": 6.0}
    assert filled(["a", "new"], {"a": 0.0}) == {"a": 0.0}
    assert filled(["new"], {}) == {}


def test_the_longest_way_leads_through_what_takes_no_time() -> None:
    graph = graph_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    assert ways(graph, {"a": 1.0, "c": 5.0, "d": 2.0}) == {"a": 8.0, "b": 2.0, "c": 7.0, "d": 2.0}
