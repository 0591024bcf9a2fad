"""How a run is spread over runners: what every spreading keeps to, and when it pays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci import pipeline
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Capacity, Dep, Fan, Graph, Machine, Out, Plan, Resources, Stage, Step

EIGHT = range(8)


def stage(name: str, *reads: str, dvcfile: str = "dvc.yaml") -> Stage:
    return Stage(name, dvcfile, deps=tuple(Dep(f"{one}.out") for one in reads), outs=(Out(f"{name}.out"),))


def moving(graph: Graph, cached: Sequence[str] = ()) -> Plan:
    steps = (Step(name, "cached" if name in cached else "run") for name in pipeline.order(graph))
    return Plan(tuple(steps))


def spread(
    graph: Graph,
    seconds: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    *,
    runners: int = 4,
    overhead: float = 60,
    machine: Machine | None = None,
    cached: Sequence[str] = (),
) -> Fan:
    return pipeline.fan(
        graph,
        moving(graph, cached),
        seconds or {},
        labels or {},
        runners=runners,
        overhead=overhead,
        machine=machine,
    )


def shape(fan: Fan) -> list[list[tuple[str, ...]]]:
    return [[part.stages for part in parts] for parts in fan.rounds]


FORK = Graph(
    (
        stage("prep"),
        *(stage(f"train@{i}", "prep") for i in EIGHT),
        *(stage(f"eval@{i}", f"train@{i}") for i in EIGHT),
        stage("final", *(f"eval@{i}" for i in EIGHT)),
    )
)
LONG = {
    "prep": 60.0,
    "final": 30.0,
    **{f"{n}@{i}": s for i in EIGHT for n, s in (("train", 600.0), ("eval", 20.0))},
}


def test_long_stages_side_by_side_are_spread_and_a_chain_stays_in_one_part() -> None:
    found = spread(FORK, LONG, runners=8)
    assert shape(found) == [[("prep",)], [(f"train@{i}", f"eval@{i}") for i in EIGHT]]
    assert (found.rest, found.alone, found.spread) == (("final",), 60 + 8 * 620 + 30, 60 + 60 + 620 + 60 + 30)
    assert found.why == "one runner would take 5050 s, several take 830 s"
    assert [part.id for part in found.rounds[1]] == [f"r2-p{i + 1}" for i in EIGHT]
    assert {part.after for part in found.rounds[1]} == {("r1-p1",)}
    assert [part.seconds for part in found.parts] == [60.0, *[620.0] * 8]


def test_no_more_runners_are_taken_than_make_it_quicker() -> None:
    """Eight equal chains take as long on four runners as on seven: two each."""
    assert [len(parts) for parts in spread(FORK, LONG, runners=7).rounds] == [1, 4]


def test_the_cpus_of_a_runner_are_counted() -> None:
    found = spread(FORK, LONG, runners=4, machine=Machine(Capacity(cpu=2)))
    assert [part.seconds for part in found.rounds[1]] == [620.0] * 4
    assert found.alone == 60 + 4 * 620 + 30


def test_stages_that_mostly_wait_share_a_cpu() -> None:
    light = Machine(Capacity(cpu=2), {name: Resources(cpu=0.1) for name in LONG})
    found = spread(FORK, LONG, machine=light)
    assert (found.alone, found.rounds) == (60 + 620 + 30, ())


def test_short_stages_are_not_spread_and_it_is_said_why() -> None:
    found = spread(FORK, dict.fromkeys(LONG, 2.0))
    assert (found.rounds, len(found.rest), found.alone, found.spread) == ((), 18, 36.0, 36.0)
    assert found.why == "one runner takes 36 s, several would take 96 s: that does not pay"


def test_what_is_not_known_is_not_spread() -> None:
    found = spread(FORK)
    assert (found.rounds, len(found.rest), found.alone, found.spread) == ((), 18, None, None)
    assert found.why == "how long the stages take is not known yet: the base branch has no evidence of it"


def test_stages_of_which_nothing_is_known_count_like_most() -> None:
    found = spread(FORK, {"train@0": 600.0, "train@1": 600.0})
    assert found.alone == 600.0 * 18


def test_a_chain_is_not_spread() -> None:
    chain = Graph((stage("a"), stage("b", "a"), stage("c", "b")))
    found = spread(chain, {"a": 900.0, "b": 900.0, "c": 900.0})
    assert (found.rounds, found.rest) == ((), ("a", "b", "c"))
    assert found.why == "the stages that have to run wait for each other, so there is nothing to spread"


def test_nothing_to_run_is_nothing_to_spread() -> None:
    found = spread(FORK, LONG, cached=tuple(LONG))
    assert found == Fan(why="no stage has to run")


def test_cached_stages_are_nowhere() -> None:
    found = spread(FORK, LONG, cached=("prep", "train@7", "eval@7"), runners=8)
    assert shape(found) == [[(f"train@{i}", f"eval@{i}") for i in range(7)]]
    assert found.rest == ("final",)


def test_a_label_is_honoured_where_nothing_is_known() -> None:
    found = spread(FORK, labels={f"train@{i}": "gpu" for i in EIGHT})
    assert found.why == "some stages need a runner of their own"
    assert shape(found) == [[("prep", *(f"train@{i}" for i in EIGHT))]]
    assert found.parts[0].runner == "gpu"
    assert found.rest == (*(f"eval@{i}" for i in EIGHT), "final")


def test_a_label_is_honoured_where_it_does_not_pay() -> None:
    found = spread(FORK, dict.fromkeys(LONG, 1.0), {"train@3": "gpu"})
    assert [(part.stages, part.runner) for part in found.parts] == [(("prep", "train@3"), "gpu")]
    assert (found.alone, found.spread) == (18.0, 2 + 60 + 16)
    assert found.why == "some stages need a runner of their own"


def test_two_labels_behind_one_stage_are_two_parts_of_the_next_round() -> None:
    graph = Graph((stage("prep"), stage("a", "prep"), stage("b", "prep"), stage("plain", "prep")))
    found = spread(graph, labels={"a": "gpu", "b": "tpu"})
    assert [(part.id, part.stages, part.runner, part.after) for part in found.parts] == [
        ("r1-p1", ("prep", "a"), "gpu", ()),
        ("r2-p1", ("b",), "tpu", ("r1-p1",)),
    ]
    assert found.rest == ("plain",)
    known = spread(graph, dict.fromkeys(("prep", "a", "b", "plain"), 900.0), {"a": "gpu", "b": "tpu"})
    assert [(part.id, part.stages, part.runner) for part in known.parts] == [
        ("r1-p1", ("prep",), ""),
        ("r2-p1", ("a",), "gpu"),
        ("r2-p2", ("b",), "tpu"),
        ("r2-p3", ("plain",), ""),
    ]
    assert known.rest == ()


def test_what_needs_no_label_goes_along_where_there_is_no_other_runner() -> None:
    graph = Graph((stage("a"), stage("b"), stage("c"), stage("end", "a", "b", "c")))
    seconds = {"a": 900.0, "b": 300.0, "c": 300.0, "end": 1.0}
    found = spread(graph, seconds, {"a": "gpu", "b": "tpu"}, runners=2, overhead=1)
    assert [(part.stages, part.runner) for part in found.parts] == [(("a",), "gpu"), (("b", "c"), "tpu")]


def test_labels_that_take_turns_too_often_are_one_line_of_error() -> None:
    names = [f"s{i}" for i in range(4)]
    graph = Graph(tuple(stage(name, *names[i - 1 : i]) for i, name in enumerate(names)))
    labels = dict(zip(names, ("gpu", "tpu", "gpu", "tpu"), strict=True))
    for seconds in ({}, dict.fromkeys(names, 10.0)):
        with pytest.raises(ConfigError, match="need other runners in turn more than 3 times: gpu -> tpu"):
            spread(graph, seconds, labels)


def test_more_labels_at_once_than_runners_are_one_line_of_error() -> None:
    graph = Graph((stage("a"), stage("b")))
    with pytest.raises(ConfigError, match=r"2 kinds of runners are needed at once \(gpu, tpu\)"):
        spread(graph, labels={"a": "gpu", "b": "tpu"}, runners=1)


def test_stages_of_old_files_stay_with_the_last_job() -> None:
    graph = Graph((stage("old.dvc", dvcfile="old.dvc"), stage("after", "old.dvc"), stage("a"), stage("b")))
    found = spread(graph, dict.fromkeys(graph.by_name, 900.0), runners=2)
    assert (shape(found), found.rest) == ([[("a",), ("b",)]], ("old.dvc", "after"))
    with pytest.raises(ConfigError, match=r"after needs the runner gpu, but it is no stage of a dvc\.yaml"):
        spread(graph, labels={"after": "gpu"})


@dataclass(frozen=True)
class Case:
    """A pipeline with what is known of it."""

    graph: Graph
    plan: Plan
    seconds: Mapping[str, float]
    labels: Mapping[str, str]
    runners: int
    overhead: float
    cpus: float


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 14))
    names = [f"s{i}" for i in range(count)]
    stages = []
    for place, name in enumerate(names):
        reads = draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set()
        stages.append(stage(name, *(names[i] for i in sorted(reads))))
    graph = Graph(tuple(draw(st.permutations(stages))))
    changed = draw(st.sets(st.sampled_from(names)))
    still = set(names) - changed - set(pipeline.downstream(graph, changed))
    steps = [
        Step(n, "cached" if n in still else "run" if n in changed else "maybe") for n in pipeline.order(graph)
    ]
    took = st.floats(0.1, 5000, allow_nan=False)
    return Case(
        graph,
        Plan(tuple(steps)),
        draw(st.dictionaries(st.sampled_from(names), took)),
        draw(st.dictionaries(st.sampled_from(names), st.sampled_from(["gpu", "tpu", ""]), max_size=4)),
        draw(st.integers(1, 5)),
        draw(st.sampled_from([0.0, 1.0, 60.0])),
        draw(st.sampled_from([1.0, 2.0, 8.0])),
    )


def fanned(case: Case) -> Fan:
    return pipeline.fan(
        case.graph,
        case.plan,
        case.seconds,
        case.labels,
        runners=case.runners,
        overhead=case.overhead,
        machine=Machine(Capacity(case.cpus)),
    )


@settings(max_examples=100, deadline=None)
@given(cases())
def test_every_spreading_keeps_the_laws(case: Case) -> None:
    try:
        found = fanned(case)
    except ConfigError as error:
        # The only reasons there are; everything else is spread.
        if not re.search("in turn more than 3 times|kinds of runners are needed at once", error.message):
            raise
        return
    planned = {step.stage for step in case.plan.having("run", "maybe")}
    placed = [name for part in found.parts for name in part.stages] + list(found.rest)
    assert sorted(placed) == sorted(planned)
    assert len(found.rounds) <= 3
    assert all(0 < len(parts) <= case.runners for parts in found.rounds)
    assert all(re.fullmatch(r"r[1-3]-p\d+", part.id) for part in found.parts)
    labelled = {name: label for name, label in case.labels.items() if label and name in planned}
    done: set[str] = set()
    for parts in found.rounds:
        for part in parts:
            needed = {labelled[name] for name in part.stages if name in labelled}
            assert needed <= {part.runner}
            inside: set[str] = set()
            earlier = [one for one in found.parts if set(one.stages) <= done]
            for name in part.stages:
                assert set(case.graph.feeds[name]) & planned <= done | inside
                inside.add(name)
            read = {source for name in part.stages for source in case.graph.feeds[name]}
            assert part.after == tuple(one.id for one in earlier if read & set(one.stages))
        done |= {name for part in parts for name in part.stages}
    assert not set(found.rest) & set(labelled)
    assert fanned(case) == found
    if found.alone is not None and found.spread is not None and found.rounds and not labelled:
        assert found.spread < found.alone
    if not set(case.seconds) & planned and not labelled:
        assert not found.rounds
    assert found.why


def test_thousands_of_stages_are_spread_in_a_moment() -> None:
    many = range(1500)
    trains = [stage(f"train@{i}", "prep") for i in many]
    graph = Graph(
        (stage("prep"), *trains, *(stage(f"eval@{i}", f"train@{i}") for i in many)),
    )
    found = spread(graph, dict.fromkeys(graph.by_name, 2.0), runners=20, machine=Machine(Capacity(cpu=2)))
    assert [len(parts) for parts in found.rounds] == [1, 19]
    assert (found.rest, found.alone) == ((), 3001.0)
    assert found.spread == 2 + 60 + 160 + 60
