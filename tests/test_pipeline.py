"""The planner: what must run and why, in which order, and what cannot be known without the data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from mlops_ci import pipeline
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Dep, Graph, Out, Plan, Stage, Step
from mlops_ci.pipeline.telling import Told, lacking

PREPARE = Stage(
    "prepare",
    "dvc.yaml",
    cmd="python prepare.py",
    deps=(Dep("prepare.py", "p1"), Dep("raw.csv", "r1")),
    outs=(Out("data", "d1.dir"),),
    params={"params.yaml": {"keep": 3}},
    recorded_params={"params.yaml": {"keep": 3}},
)
TRAIN = Stage(
    "train", "dvc.yaml", deps=(Dep("train.py", "t1"), Dep("data/train.csv", "x1")), outs=(Out("model", "m1"),)
)
EVALUATE = Stage(
    "evaluate",
    "dvc.yaml",
    deps=(Dep("model", "m1"), Dep("data", "d1.dir")),
    outs=(Out("metrics.json", "j1", cache=False, metric=True),),
)
ALONE = Stage("alone", "dvc.yaml", deps=(Dep("notes.md", "n1"),), outs=(Out("notes.html", "h1"),))
GRAPH = Graph(stages=(EVALUATE, TRAIN, PREPARE, ALONE), sources={"raw.csv": "r1"})
PRESENT = {"prepare.py": "p1", "train.py": "t1", "notes.md": "n1", "metrics.json": "j1"}
TREES = {("d1.dir", "train.csv"): "x1"}


def planned(
    graph: Graph = GRAPH,
    present: Mapping[str, str | None] = PRESENT,
    trees: Mapping[tuple[str, str], str] = TREES,
    same: frozenset[tuple[str, str]] = frozenset(),
    runs: bool = True,
) -> Plan:
    return pipeline.plan(
        graph,
        present,
        inside=lambda value, path: trees.get((value, path)),
        same_code=lambda path, recorded: (path, recorded) in same,
        runs_code=lambda stage, path: runs,
    )


def with_stage(stage: Stage) -> Graph:
    return replace(GRAPH, stages=tuple(stage if s.name == stage.name else s for s in GRAPH.stages))


def alone(stage: Stage, present: Mapping[str, str | None] = PRESENT) -> Step:
    return planned(Graph((stage,), sources=GRAPH.sources), present).by_stage[stage.name]


def test_nothing_changed_needs_no_data() -> None:
    plan = planned()
    assert tuple(step.stage for step in plan.steps) == ("prepare", "train", "evaluate", "alone")
    assert {"cached"} == {step.action for step in plan.steps}
    assert plan.is_current


def test_a_changed_param_runs_its_stage_and_maybe_what_follows() -> None:
    plan = planned(with_stage(replace(PREPARE, params={"params.yaml": {"keep": 5}})))
    assert (
        Step("prepare", "run", ("params.yaml: keep 3 -> 5",)),
        Step("train", "maybe", ("what prepare writes may change",)),
        Step("evaluate", "maybe", ("what train writes may change", "what prepare writes may change")),
        Step("alone", "cached"),
    ) == plan.steps
    assert tuple(step.stage for step in plan.having("run")) == ("prepare",)
    assert not plan.is_current


def test_params_added_removed_and_lists_keep_their_type() -> None:
    stage = replace(
        PREPARE,
        params={"params.yaml": {"names": ["lin", "tree"], "new": None}},
        recorded_params={"params.yaml": {"names": ["lin"]}, "old.yaml": {"gone": "x" * 80}},
    )
    assert (
        f"old.yaml: gone is gone (was '{'x' * 58}…)",
        "params.yaml: names ['lin'] -> ['lin', 'tree']",
        "params.yaml: new is new (None)",
    ) == alone(stage).reasons


def test_a_changed_mapping_is_told_by_its_single_values() -> None:
    stage = replace(
        PREPARE,
        params={"params.yaml": {"train": {"lr": 0.4, "deep": {"a": 1}}}},
        recorded_params={"params.yaml": {"train": {"lr": 0.1, "deep": {"a": 1}}}},
    )
    assert alone(stage).reasons == ("params.yaml: train.lr 0.1 -> 0.4",)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (replace(PREPARE, never_ran=True, cmd_changed=True), "never ran"),
        (replace(PREPARE, cmd_changed=True), "the command changed"),
        (replace(PREPARE, always_changed=True), "it runs every time (always_changed)"),
        (replace(PREPARE, outs=(Out("data", "d1.dir"), Out("new"))), "new is not in dvc.lock yet"),
        (replace(PREPARE, deps=(Dep("prepare.py"),)), "prepare.py is a new dependency"),
        (replace(PREPARE, deps=(Dep("prepare.py", "p0"),)), "prepare.py changed"),
        (replace(PREPARE, deps=(Dep("raw.csv", "r0"),)), "raw.csv changed"),
        (replace(PREPARE, deps=(Dep("lost.py", "l1"),)), "lost.py is missing"),
    ],
)
def test_each_reason_is_told(stage: Stage, reason: str) -> None:
    assert Step("prepare", "run", (reason,)) == alone(stage)


def test_an_output_edited_by_hand_runs_its_stage() -> None:
    plan = planned(present={**PRESENT, "metrics.json": "edited"})
    assert Step("evaluate", "run", ("metrics.json is not what dvc.lock says",)) == plan.by_stage["evaluate"]


def test_an_output_that_belongs_into_git_must_be_there() -> None:
    plan = planned(present={**PRESENT, "metrics.json": None})
    assert plan.by_stage["evaluate"].reasons == (
        "metrics.json is missing (it belongs into Git: cache: false)",
    )


def test_a_frozen_stage_ignores_all_but_its_outputs() -> None:
    frozen = with_stage(replace(PREPARE, frozen=True, cmd_changed=True, deps=(Dep("prepare.py", "p0"),)))
    assert Step("prepare", "cached", ("frozen",)) == planned(frozen).by_stage["prepare"]
    moved = planned(frozen, {**PRESENT, "data": "d2.dir"})
    assert Step("prepare", "run", ("data is not what dvc.lock says",)) == moved.by_stage["prepare"]
    assert moved.by_stage["evaluate"].action == "maybe"


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("edited", "metrics.json is not what dvc.lock says"),
        (None, "metrics.json is missing (it belongs into Git: cache: false)"),
    ],
)
def test_a_metric_of_a_frozen_stage_is_not_taken_on_trust(now: str | None, reason: str) -> None:
    frozen = with_stage(replace(EVALUATE, frozen=True))
    plan = planned(frozen, {**PRESENT, "metrics.json": now})
    assert Step("evaluate", "run", (reason,)) == plan.by_stage["evaluate"]


def test_a_frozen_stage_is_not_fed() -> None:
    graph = with_stage(replace(TRAIN, frozen=True, deps=(Dep("data/train.csv", "x0"),)))
    changed = replace(graph, stages=tuple(replace(s, cmd_changed=s is PREPARE) for s in graph.stages))
    assert Step("train", "cached", ("frozen",)) == planned(changed).by_stage["train"]


def test_a_changed_file_inside_a_directory_is_seen() -> None:
    plan = planned(trees={("d1.dir", "train.csv"): "x2"})
    assert Step("train", "run", ("data/train.csv changed",)) == plan.by_stage["train"]


def test_a_file_inside_a_directory_that_cannot_be_known_must_run() -> None:
    """DVC's --allow-missing says up to date here, issue 11099."""
    plan = planned(trees={})
    assert plan.by_stage["train"].reasons == ("data/train.csv cannot be known without the data",)


def test_the_workspace_is_asked_before_the_directory_listing() -> None:
    there = {**PRESENT, "data": "d1.dir", "data/train.csv": "x1"}
    assert planned(present=there, trees={}).by_stage["train"].action == "cached"
    partly = {**PRESENT, "data": "d1.dir"}
    assert planned(present=partly, trees={}).by_stage["train"].action == "run"


def test_a_tracked_directory_is_taken_as_it_lies_there() -> None:
    reads = Stage("reads", "dvc.yaml", deps=(Dep("bulk/one", "o1"),), outs=(Out("x", "x1"),))
    graph = Graph((reads,), sources={"bulk": "b1.dir"})
    trees = {("b1.dir", "one"): "o1"}
    edited = {"bulk": "b2.dir", "bulk/one": "o2"}
    assert planned(graph, {}, trees).steps[0].action == "cached"
    assert planned(graph, edited, trees).steps == (Step("reads", "run", ("bulk/one changed",)),)
    assert planned(graph, {"bulk": "b3.dir"}, trees).steps == (
        Step("reads", "run", ("bulk/one is missing",)),
    )


def test_a_file_inside_an_unrecorded_directory_must_run() -> None:
    graph = with_stage(replace(PREPARE, frozen=True, outs=(Out("data"),)))
    reasons = ("data/train.csv cannot be known without the data", "what prepare writes may change")
    assert planned(graph).by_stage["train"] == Step("train", "maybe", reasons)


def test_what_runs_may_yet_write_what_its_reader_read_last_time() -> None:
    # dvc.lock has two states: prepare wrote d2 since train read d1, and now prepare runs once more.
    moved = replace(PREPARE, cmd_changed=True, outs=(Out("data", "d2.dir"),))
    reader = replace(EVALUATE, deps=(Dep("data", "d1.dir"),))
    said = planned(Graph((moved, reader)), {**PRESENT, "raw.csv": "r1"}).by_stage["evaluate"]
    assert said == Step("evaluate", "maybe", ("data changed", "what prepare writes may change"))
    also = replace(reader, cmd_changed=True)
    assert planned(Graph((moved, also)), PRESENT).by_stage["evaluate"].action == "run"
    new = replace(reader, deps=(Dep("data"),))
    assert planned(Graph((moved, new)), PRESENT).by_stage["evaluate"].action == "run"
    never = replace(reader, never_ran=True)
    assert planned(Graph((moved, never)), PRESENT).by_stage["evaluate"].reasons == ("never ran",)
    folder = replace(reader, deps=(Dep(".", "x.dir"),), outs=())
    assert planned(Graph((moved, folder)), PRESENT).by_stage["evaluate"].action == "maybe"


def test_a_dependency_whose_producer_never_wrote_it() -> None:
    fed = replace(EVALUATE, deps=(Dep("model", "m1"),))
    graph = Graph((replace(TRAIN, outs=(Out("model"),)), fed))
    known = pipeline.Known(
        {**PRESENT}, dict(graph.recorded), lambda *_: None, lambda *_: False, lambda *_: False
    )
    step = pipeline.check(graph, fed, known)
    assert step.reasons == ("model is not in dvc.lock yet (written by train)",)


def test_a_directory_that_holds_outputs_needs_all_of_them() -> None:
    reader = Stage("pack", "dvc.yaml", deps=(Dep("out", "o1.dir"),), outs=(Out("zip", "z1"),))
    writer = Stage("write", "dvc.yaml", deps=(Dep("w.py", "w1"),), outs=(Out("out/a", "a1"),))
    graph = Graph((reader, writer), sources={"out/b": "b1"})
    assert pipeline.upstream(graph, ["pack"]) == ("write",)
    part = {"w.py": "w1", "out": "o2.dir", "out/a": "a1"}
    assert planned(graph, part).by_stage["pack"].reasons == ("out cannot be known without the data",)
    whole = {"w.py": "w1", "out": "o1.dir", "out/a": "a1", "out/b": "b1"}
    assert planned(graph, whole).by_stage["pack"].action == "cached"


def test_only_comments_changed_needs_no_run() -> None:
    present = {**PRESENT, "train.py": "t2"}
    plan = planned(present=present, same=frozenset({("train.py", "t1")}))
    step = Step("train", "comment-only", ("train.py: only comments or layout changed",), ("train.py",))
    assert step == plan.by_stage["train"]
    assert plan.by_stage["evaluate"].action == "cached"
    assert plan.is_current


def test_comments_and_something_else_run() -> None:
    graph = with_stage(replace(TRAIN, cmd_changed=True))
    plan = planned(graph, {**PRESENT, "train.py": "t2"}, same=frozenset({("train.py", "t1")}))
    assert Step("train", "run", ("the command changed",), ("train.py",)) == plan.by_stage["train"]


def test_comment_only_below_a_stage_that_runs_is_maybe_with_its_stamps() -> None:
    graph = with_stage(replace(PREPARE, cmd_changed=True))
    plan = planned(graph, {**PRESENT, "train.py": "t2"}, same=frozenset({("train.py", "t1")}))
    expected = Step("train", "maybe", ("what prepare writes may change",), ("train.py",))
    assert expected == plan.by_stage["train"]


def test_code_that_is_not_only_run_is_data() -> None:
    plan = planned(present={**PRESENT, "train.py": "t2"}, same=frozenset({("train.py", "t1")}), runs=False)
    assert Step("train", "run", ("train.py changed",)) == plan.by_stage["train"]


def test_every_stage_that_stayed_cached_with_other_code_needs_its_new_hash() -> None:
    graph = with_stage(replace(PREPARE, cmd_changed=True))
    plan = planned(graph, {**PRESENT, "train.py": "t2"}, same=frozenset({("train.py", "t1")}))
    assert plan.to_restamp({"train", "alone"}) == (plan.by_stage["train"],)
    assert plan.to_restamp({"alone"}) == ()


def test_generated_code_and_missing_code_are_never_comment_only() -> None:
    everything = frozenset({("model", "m0"), ("lost.py", "l1")})
    generated = with_stage(replace(EVALUATE, deps=(Dep("model", "m0"),)))
    assert planned(generated, same=everything).by_stage["evaluate"].reasons == ("model changed",)
    lost = with_stage(replace(TRAIN, deps=(Dep("lost.py", "l1"),)))
    assert planned(lost, same=everything).by_stage["train"].reasons == ("lost.py is missing",)


def test_order_and_waves() -> None:
    assert pipeline.order(GRAPH) == ("prepare", "train", "evaluate", "alone")
    assert pipeline.waves(GRAPH) == (("prepare", "alone"), ("train",), ("evaluate",))
    assert pipeline.waves(Graph()) == ()


def test_waves_of_some() -> None:
    assert pipeline.waves(GRAPH, {"evaluate", "train", "alone"}) == (("train", "alone"), ("evaluate",))


def test_the_serial_order_goes_down_to_the_sources_first() -> None:
    assert pipeline.serial_order(GRAPH) == ("prepare", "train", "evaluate", "alone")
    assert pipeline.serial_order(GRAPH, {"alone"}) == ("alone",)
    chain = tuple(
        Stage(f"s{n}", "dvc.yaml", deps=(Dep(f"o{n + 1}"),), outs=(Out(f"o{n}"),)) for n in range(20_000)
    )
    assert pipeline.serial_order(Graph(chain))[0] == "s19999"


def test_outputs_in_a_folder_come_folder_by_folder() -> None:
    outs = tuple(Out(path) for path in ("d/a/1", "d/b/2", "e", "d/a/3", "d/4", "/abs/x"))
    graph = Graph((Stage("s", "dvc.yaml", outs=outs),), sources={"d/b/5": "h"})
    assert graph.within["d"] == ("d/a/1", "d/a/3", "d/b/2", "d/b/5", "d/4")
    assert graph.within["."] == (*graph.within["d"], "e")
    assert graph.within["/abs"] == graph.within["/"] == ("/abs/x",)


def test_who_writes_a_parameters_file_feeds_who_reads_it() -> None:
    writes = Stage("writes", "dvc.yaml", outs=(Out("conf.json", "c"),), never_ran=True)
    reads = Stage(
        "reads", "dvc.yaml", params={"conf.json": {"k": 1}}, recorded_params={"conf.json": {"k": 1}}
    )
    plan = planned(Graph((reads, writes)), {})
    assert [(step.stage, step.action) for step in plan.steps] == [("writes", "run"), ("reads", "maybe")]


def test_closures_are_transitive_and_without_their_start() -> None:
    assert pipeline.upstream(GRAPH, ["evaluate"]) == ("train", "prepare")
    assert pipeline.downstream(GRAPH, ["prepare", "alone", "unknown"]) == ("evaluate", "train")
    assert pipeline.downstream(GRAPH, ["train", "train"]) == ("evaluate",)


def test_producers() -> None:
    assert pipeline.producer_of(GRAPH, "data/deep/file.csv") == PREPARE
    assert pipeline.producer_of(GRAPH, "model") == TRAIN
    assert None is pipeline.producer_of(GRAPH, "model2")
    assert tuple(pipeline.is_tracked(GRAPH, path) for path in ("data/x", "raw.csv", "train.py")) == (
        True,
        True,
        False,
    )


def test_a_circle_is_named() -> None:
    one = Stage("one", "dvc.yaml", deps=(Dep("b"),), outs=(Out("a"),))
    two = Stage("two", "dvc.yaml", deps=(Dep("a"),), outs=(Out("b"),))
    after = Stage("after", "dvc.yaml", deps=(Dep("a"),))
    with pytest.raises(ConfigError) as caught:
        planned(Graph((after, one, two)))
    assert caught.value.message == "dvc.yaml: stages feed each other in a circle: one -> two -> one"


def test_seeds_of_one_matrix_are_a_group() -> None:
    def item(family: str, seed: int) -> Stage:
        return Stage(f"train@{family}-{seed}", "dvc.yaml", matrix={"family": family, "Seed": seed})

    lin, tree = (item("lin", 1), item("lin", 2)), (item("tree", 1),)
    graph = Graph((*lin, *tree, Stage("plain", "dvc.yaml"), Stage("f@1", "dvc.yaml", matrix={"item": 1})))
    assert (lin,) == pipeline.seed_groups(graph)


def test_ten_thousand_stages_are_planned_quickly() -> None:
    size = 10_000
    stages = tuple(
        Stage(f"s{n}", "dvc.yaml", deps=(Dep(f"o/{n - 1}/x", f"h{n - 1}"),), outs=(Out(f"o/{n}/x", f"h{n}"),))
        for n in range(size)
    )
    graph = Graph(stages)
    started = time.process_time()
    plan = planned(graph, {"o/-1/x": "h-1"})
    assert size == len(plan.having("cached"))
    assert time.process_time() - started < 5


def test_a_matrix_of_ten_thousand_and_deep_folders_grow_as_they_should() -> None:
    deep = "/".join(f"d{n}" for n in range(40))
    first = Stage("first", "dvc.yaml", outs=(Out(f"{deep}/all", "a.dir"),))
    items = tuple(
        Stage(
            f"m@{n}", "dvc.yaml", deps=(Dep(f"{deep}/all/{n}", "a"),), outs=(Out(f"{deep}/o/{n}", f"h{n}"),)
        )
        for n in range(10_000)
    )
    last = Stage("last", "dvc.yaml", deps=(Dep(f"{deep}/o", "o.dir"),), outs=(Out("end", "e"),))
    graph = Graph((last, *items, first))
    started = time.process_time()
    assert [len(wave) for wave in pipeline.waves(graph)] == [1, 10_000, 1]
    assert pipeline.serial_order(graph)[0] == "first"
    assert time.process_time() - started < 5


# ---- in words ------------------------------------------------------------------------------------


def test_a_plan_is_told_with_its_waves_and_what_is_missing() -> None:
    plan = planned(with_stage(replace(PREPARE, cmd_changed=True)))
    told = Told(GRAPH, plan, ("notes.html",))
    assert (
        told.text()
        == """\
run           prepare
                the command changed
maybe         train
                what prepare writes may change
maybe         evaluate
                what train writes may change
                what prepare writes may change
cached        alone

wave 1        prepare
wave 2        train
wave 3        evaluate

the DVC remote lacks data that dvc.lock names; whoever made it runs `dvc push`:
  notes.html"""
    )
    document = told.document()
    assert document["waves"] == [["prepare"], ["train"], ["evaluate"]]
    assert document["missing"] == ["notes.html"]
    assert document["steps"][3] == {"stage": "alone", "action": "cached", "reasons": (), "stamps": ()}
    assert lacking(GRAPH, plan, ["notes.html", "data", "raw.csv"]) == ("notes.html", "raw.csv")


def test_a_plan_of_one_stage_has_no_waves_to_tell() -> None:
    plan = planned(with_stage(replace(ALONE, cmd_changed=True)))
    told = Told(GRAPH, plan, ())
    assert "wave" not in told.text()
    assert told.text().endswith("\n\nthe DVC remote has the data of everything that dvc.lock names")
    assert Told(GRAPH, plan).document()["missing"] is None
    assert Told(Graph(), Plan(), ()).text().startswith("the DVC remote has")


def test_a_long_wave_is_cut() -> None:
    graph = Graph(tuple(Stage(f"s{n}", "dvc.yaml", never_ran=True) for n in range(8)))
    assert Told(graph, planned(graph)).text().endswith("wave 1        s0, s1, s2, s3, s4, s5 and 2 more")
