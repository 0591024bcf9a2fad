"""The schedule of a run: laws that hold for every pipeline and machine, and what comes first."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.pipeline import Capacity, Dep, Graph, Out, Resources, Schedule, Stage, order
from mlops_ci.pipeline.scheduling import LEAST_PATIENCE, Slot


def graph_of(feeds: Mapping[str, Sequence[str]]) -> Graph:
    """Each stage with the stages that it reads from."""
    stages = tuple(
        Stage(name, "dvc.yaml", deps=tuple(Dep(f"{one}.out") for one in sources), outs=(Out(f"{name}.out"),))
        for name, sources in feeds.items()
    )
    return Graph(stages)


@dataclass
class Machine:
    """Runs a schedule on a clock of its own; keeps who ran when, with which GPUs."""

    graph: Graph
    capacity: Capacity = field(default_factory=Capacity)
    resources: Mapping[str, Resources] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    takes: Mapping[str, float] = field(default_factory=dict)
    wanted: frozenset[str] | None = None
    clock: float = 0.0
    started: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    most: list[frozenset[str]] = field(default_factory=list)
    gpus: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def run(self) -> Machine:
        names = frozenset(self.graph.by_name) if self.wanted is None else self.wanted
        schedule = Schedule(
            self.graph, names, self.capacity, self.resources, self.seconds, now=lambda: self.clock
        )
        running: dict[str, float] = {}
        while not schedule.is_over:
            while (slot := schedule.next()) is not None:
                assert slot.stage not in self.started
                self.started[slot.stage], self.gpus[slot.stage] = self.clock, slot.gpus
                running[slot.stage] = self.clock + self.takes.get(slot.stage, 1.0)
                self.most.append(frozenset(running))
            assert running, "something is ready and nothing runs, and yet nothing starts"
            name = min(running, key=lambda one: (running[one], one))
            self.clock = self.ended[name] = running.pop(name)
            schedule.ended(name)
        return self

    @property
    def sequence(self) -> list[str]:
        return list(self.started)


# ---- laws ----------------------------------------------------------------------------------------

NAMES = [f"s{index}" for index in range(12)]
RESOURCES = st.builds(
    Resources,
    cpu=st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 16.0]),
    memory=st.sampled_from([0, 1, 4, 9, 100]),
    gpu=st.sampled_from([0, 0, 1, 2, 5]),
    exclusive=st.sampled_from([False, False, False, True]),
)
CAPACITY = st.builds(
    Capacity,
    cpu=st.sampled_from([0.5, 1.0, 2.0, 4.0, 8.0]),
    memory=st.sampled_from([0, 4, 10]),
    gpus=st.sampled_from([(), ("0",), ("0", "1", "GPU-2f")]),
)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any pipeline of at most twelve stages with a machine to run it on, and how long it takes."""
    names = NAMES[: draw(st.integers(0, len(NAMES)))]
    feeds = {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        for index, name in enumerate(names)
    }
    some = st.sets(st.sampled_from(names)) if names else st.just(set[str]())
    durations = st.floats(0.1, 100, allow_nan=False)
    return Machine(
        graph_of({name: feeds[name] for name in draw(st.permutations(names))}),
        draw(CAPACITY),
        {name: draw(RESOURCES) for name in names if draw(st.booleans())},
        {name: draw(durations) for name in names if draw(st.booleans())},
        {name: draw(durations) for name in names},
        frozenset(draw(some)),
    )


@settings(max_examples=150, deadline=None)
@given(machines())
def test_every_wanted_stage_starts_once_after_all_that_feeds_it(machine: Machine) -> None:
    machine.run()
    assert machine.started.keys() == machine.wanted
    above: dict[str, set[str]] = {}
    for name in order(machine.graph):
        direct = machine.graph.feeds[name]
        above[name] = set(direct).union(*(above[one] for one in direct))
        for source in above[name] & machine.ended.keys() if name in machine.started else ():
            assert machine.ended[source] <= machine.started[name]


@settings(max_examples=150, deadline=None)
@given(machines())
def test_no_more_is_taken_than_there_is(machine: Machine) -> None:
    machine.run()
    have = machine.capacity
    for running in machine.most:
        wants = {name: machine.resources.get(name, Resources()) for name in running}
        if len(running) > 1:
            assert not any(one.exclusive for one in wants.values())
            assert sum(round(1000 * min(one.cpu, have.cpu)) for one in wants.values()) <= 1000 * have.cpu
            assert sum(min(one.memory, have.memory) for one in wants.values()) <= have.memory
        taken = [gpu for name in running for gpu in machine.gpus[name]]
        assert len(taken) == len(set(taken))
        assert set(taken) <= set(have.gpus)
        for name, one in wants.items():
            assert len(machine.gpus[name]) == min(one.gpu, len(have.gpus))


@settings(max_examples=100, deadline=None)
@given(machines())
def test_one_at_a_time_is_one_of_the_orders_of_the_pipeline(machine: Machine) -> None:
    machine.capacity, machine.resources = Capacity(cpu=1), {}
    machine.run()
    assert all(len(running) == 1 for running in machine.most)
    place = {name: index for index, name in enumerate(machine.sequence)}
    for name, index in place.items():
        assert all(place[one] < index for one in machine.graph.feeds[name] if one in place)


@settings(max_examples=100, deadline=None)
@given(machines())
def test_no_cpu_is_idle_while_a_plain_stage_is_ready(machine: Machine) -> None:
    machine.capacity, machine.resources, machine.wanted = Capacity(cpu=2), {}, None
    machine.run()
    for name, started in machine.started.items():
        ready = max((machine.ended[one] for one in machine.graph.feeds[name]), default=0.0)
        moments = {ready, *(moment for moment in machine.ended.values() if moment > ready)}
        for moment in (one for one in moments if one < started):
            busy = [one for one, end in machine.ended.items() if machine.started[one] <= moment < end]
            assert len(busy) == 2


# ---- what comes first ----------------------------------------------------------------------------

CHAINS = graph_of({"short": [], "last": ["short"], "a": [], "b": ["a"], "c": ["b"]})


def test_the_longest_way_to_the_end_comes_first() -> None:
    assert Machine(CHAINS).run().sequence == ["a", "short", "b", "last", "c"]
    long = Machine(CHAINS, seconds={"last": 100.0, "a": 1.0, "b": 1.0, "c": 1.0, "short": 1.0}).run()
    assert long.sequence == ["short", "last", "a", "b", "c"]


def test_a_stage_of_unknown_duration_takes_as_long_as_most_do() -> None:
    graph = graph_of({"new": [], "quick": [], "slow": []})
    assert Machine(graph, seconds={"quick": 1.0, "slow": 10.0}).run().sequence[0] == "new"
    known = {"quick": 1.0, "slow": 100.0, "gone": 2.0}
    assert Machine(graph, seconds=known).run().sequence == ["slow", "new", "quick"]


def test_what_takes_a_tenth_of_a_cpu_runs_ten_at_once() -> None:
    graph = graph_of({f"wait{index}": [] for index in range(25)})
    light = {name: Resources(cpu=0.1) for name in graph.by_name}
    found = Machine(graph, Capacity(cpu=1), light).run()
    assert max(map(len, found.most)) == 10
    assert found.clock == 3.0


def test_a_gpu_is_free_again_after_its_stage() -> None:
    graph = graph_of({"a": [], "b": [], "c": []})
    wants = {name: Resources(gpu=1) for name in graph.by_name}
    found = Machine(graph, Capacity(cpu=8, gpus=("0", "1")), wants, takes={"a": 1.0, "b": 5.0}).run()
    assert found.gpus == {"a": ("0",), "b": ("1",), "c": ("0",)}


def test_a_stage_that_is_not_wanted_is_passed_over_and_still_orders_the_others() -> None:
    graph = graph_of({"a": [], "b": ["a"], "c": ["b"], "d": []})
    found = Machine(graph, Capacity(cpu=4), wanted=frozenset({"a", "c"})).run()
    assert found.started == {"a": 0.0, "c": 1.0}


def test_what_does_not_run_cannot_end() -> None:
    schedule = Schedule(CHAINS, ["a"], Capacity(), {}, {})
    with pytest.raises(KeyError):
        schedule.ended("a")
    assert schedule.next() is not None
    schedule.ended("a")
    assert schedule.is_over


def test_who_runs_decides_about_each_stage_once_nothing_feeds_it_any_more() -> None:
    graph = graph_of({"a": [], "b": ["a"], "c": ["b"], "d": [], "e": ["d"]})
    schedule = Schedule(graph, graph.by_name, Capacity(4), {}, {})
    assert schedule.coming() == ["b", "c", "e"]
    assert schedule.arrived() == ["a", "d"]
    assert schedule.arrived() == []
    assert schedule.next() is None
    assert not schedule.is_over
    schedule.skip("a")
    assert schedule.coming() == ["c", "e"]
    assert schedule.arrived() == ["b"]
    schedule.admit("d")
    slot = schedule.next()
    assert slot is not None
    assert slot.stage == "d"
    schedule.skip("b")
    schedule.ended("d")
    assert schedule.arrived() == ["c", "e"]
    for name in ("c", "e"):
        schedule.skip(name)
        with pytest.raises(KeyError):
            schedule.admit(name)
    assert schedule.is_over


# ---- nobody waits for ever, and nobody makes others wait for nothing -------------------------------


def many(count: int, **others: Sequence[str]) -> Graph:
    return graph_of({**others, **{f"small{index:02}": [] for index in range(count)}})


@pytest.mark.parametrize(
    "wants", [Resources(exclusive=True), Resources(memory=10), Resources(cpu=4)], ids=["alone", "mem", "cpu"]
)
def test_small_stages_overtake_a_large_one_only_some_times(wants: Resources) -> None:
    """Nothing is known of durations: of forty small ones a few pass, then the large one has its turn."""
    graph = many(40, large=["first"], first=[], end=["large"])
    small = {f"small{index:02}": Resources(memory=3) for index in range(40)}
    takes = {name: 1.0 + 0.1 * (index % 7) for index, name in enumerate(graph.by_name)}
    found = Machine(graph, Capacity(4, 10), {"large": wants, **small}, takes=takes).run()
    before = found.sequence.index("large") - found.sequence.index("first") - 1
    assert before <= 3 + LEAST_PATIENCE
    assert found.started["large"] < 5


def test_it_is_overtaken_by_what_ends_before_it_could_start() -> None:
    """One stage runs for an hour; what needs the whole machine keeps no others from these sixty minutes."""
    graph = many(40, hour=[], first=[], large=["first"], end=["large"])
    known = {**dict.fromkeys(graph.by_name, 60.0), "hour": 3600.0, "first": 1.0, "large": 7200.0}
    wants = {"large": Resources(exclusive=True)}
    found = Machine(graph, Capacity(2), wants, seconds=known, takes=known).run()
    assert found.started["large"] == 3600.0
    assert sum(ended <= 3600.0 for ended in found.ended.values()) == 40 + 2
    # It has to wait for the hour, and not a moment longer.
    assert found.clock == 3600.0 + 7200.0 + 60.0


def test_it_is_overtaken_by_what_would_have_room_beside_it() -> None:
    """A stage waits for the GPU; that keeps no CPU from others."""
    graph = many(20, train1=[], train2=[], end1=["train1"], end2=["train2"])
    wants = {"train1": Resources(gpu=1), "train2": Resources(gpu=1)}
    takes = {"train1": 100.0, "train2": 100.0}
    known = {"train1": 100.0, "train2": 100.0}
    found = Machine(graph, Capacity(3, gpus=("0",)), wants, known, takes).run()
    assert max(found.started[f"small{index:02}"] for index in range(20)) < 20
    assert found.started["train2"] == 100.0


def test_a_stage_that_needs_the_machine_to_itself_starts_at_once_where_it_is_first() -> None:
    graph = many(5, large=[], end=["large"])
    found = Machine(graph, Capacity(4), {"large": Resources(exclusive=True)}).run()
    assert found.sequence[0] == "large"
    assert found.most[0] == {"large"}
    assert found.started["end"] == 1.0


def test_where_all_is_waited_for_nothing_starts_beside_what_is_exclusive() -> None:
    graph = graph_of({"alone": [], "other": [], "end": ["alone"]})
    schedule = Schedule(graph, graph.by_name, Capacity(8), {"alone": Resources(exclusive=True)}, {})
    slot = schedule.next()
    assert slot is not None
    assert slot.stage == "alone"
    assert schedule.next() is None
    assert not schedule.is_over


# ---- size ------------------------------------------------------------------------------------------


def wide(count: int) -> float:
    """Seconds that it takes to schedule so many stages of four kinds."""
    graph = graph_of({"prepare": [], **{f"s{index}": ["prepare"] for index in range(count)}})
    order(graph)
    kinds = [Resources(), Resources(cpu=0.1), Resources(memory=5), Resources(cpu=2, gpu=1)]
    wants = {f"s{index}": kinds[index % 4] for index in range(count)}
    begun = time.perf_counter()
    schedule = Schedule(graph, graph.by_name, Capacity(8, 20, ("0",)), wants, {}, now=lambda: 0.0)
    running: list[str] = []
    while not schedule.is_over:
        while (slot := schedule.next()) is not None:
            running.append(slot.stage)
        schedule.ended(running.pop(0))
    return time.perf_counter() - begun


def test_ten_thousand_ready_stages_cost_no_more_than_ten_times_a_thousand() -> None:
    small = min(wide(1_000) for _ in range(2))
    large = wide(10_000)
    assert large < 25 * small


def test_what_has_arrived_is_held_until_it_is_said_what_becomes_of_it() -> None:
    stages = (
        Stage("first", "dvc.yaml", outs=(Out("a"),)),
        Stage("second", "dvc.yaml", deps=(Dep("a"),), outs=(Out("b"),)),
        Stage("third", "dvc.yaml", deps=(Dep("b"),)),
    )
    schedule = Schedule(Graph(stages=stages), {"first", "second", "third"}, Capacity(cpu=1), {}, {})
    assert schedule.arrived() == ["first"]
    assert schedule.arrived() == []
    assert schedule.next() is None
    assert not schedule.is_over
    schedule.skip("first")
    assert schedule.arrived() == ["second"]
    schedule.admit("second")
    assert schedule.next() == Slot("second")
    schedule.ended("second")
    # Who does not ask gets it as soon as there is room.
    assert schedule.next() == Slot("third")
    schedule.ended("third")
    assert schedule.is_over
