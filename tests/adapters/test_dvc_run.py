"""Running stages: only what must run, failures that block what follows, and nothing lost on the way."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_ci.adapters import dvc_locks
from mlops_ci.adapters.dvc import Dvc, Settings, StageEvent
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Capacity, Execution
from tests.adapters.test_process import has_ended

RunGit = Callable[..., str]
Open = Callable[[Path], Dvc]
FOUR = [f"train@{name}-{seed}" for name in ("lin", "tree") for seed in (1, 2)]

PAIR = """\
stages:
  first:
    cmd: >-
      {first}
    params: [speed]
    outs: [one.txt]
  second:
    cmd: cp one.txt two.txt
    deps: [one.txt]
    outs: [two.txt]
  alone:
    cmd: echo fine > three.txt
    params: [speed]
    outs: [three.txt]
"""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def limited(seconds: float) -> Settings:
    """Every stage may take so long."""
    return Settings(execution=lambda _stage: Execution(timeout=seconds))


def statuses(runs: tuple[StageRun, ...]) -> dict[str, str]:
    return {run.name: run.status for run in runs}


@pytest.fixture
def pair(dvc_repo: Path) -> Iterator[Callable[[str], Dvc]]:
    """A pipeline of two stages in a row and one alone; the first one's command is the test's."""
    held: list[Dvc] = []

    def build(first: str) -> Dvc:
        (dvc_repo / "dvc.yaml").write_text(PAIR.format(first=first))
        (dvc_repo / "params.yaml").write_text("speed: 1\n")
        held.append(Dvc.open(dvc_repo))
        return held[-1]

    yield build
    for dvc in held:
        dvc.close()


def test_only_what_must_run_is_run_and_only_its_data_is_pulled(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    dvc = opened(clone)
    runs = dvc.run()
    assert statuses(runs) == {
        "prepare": "cached",
        **dict.fromkeys(FOUR, "ran"),
        "evaluate": "ran",
        "sub/dvc.yaml:count@small": "cached",
        "sub/dvc.yaml:count@large": "cached",
    }
    assert runs[1].reasons == ("params.yaml: train.lr 0.1 -> 0.4",)
    assert runs[1].seconds is not None
    assert not (clone / "data" / "raw.csv").exists()
    assert not (clone / "data" / "parts" / "test.csv").exists()
    assert (clone / "model-lin-1.txt").read_text() == "lin-1:3:0.4"
    assert dvc.plan().is_current


def test_a_folder_of_which_only_a_part_was_fetched_is_fetched_whole(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    opened(clone).run(["train@lin-1"])
    edit(clone / "dvc.yaml", "model-lin-1.txt, model-tree-1.txt", "model-lin-1.txt, data/parts")
    edit(clone / "params.yaml", "lr: 0.4", "lr: 0.1")
    dvc = opened(clone)
    found = statuses(dvc.run(["evaluate"]))
    assert (found["prepare"], found["evaluate"]) == ("cached", "ran")
    assert sorted(path.name for path in (clone / "data" / "parts").iterdir()) == ["test.csv", "train.csv"]
    (clone / "data" / "parts" / "train.csv").write_text("edited")
    assert dvc.plan().by_stage["prepare"].reasons == ("data/parts is not what dvc.lock says",)


def test_a_stage_whose_input_came_out_the_same_is_not_run(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "keep: 3", "keep: 4")
    dvc = opened(clone)
    assert dvc.plan().by_stage["evaluate"].action == "maybe"
    found = statuses(dvc.run())
    assert found["prepare"] == "ran"
    assert {found[name] for name in [*FOUR, "evaluate"]} == {"cached"}
    assert dvc.plan().is_current


def test_going_back_is_restored_from_the_run_cache(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    edit(rich / "params.yaml", "lr: 0.1", "lr: 0.4")
    dvc.run()
    edit(rich / "params.yaml", "lr: 0.4", "lr: 0.1")
    dvc.refresh()
    found = statuses(dvc.run())
    assert {found[name] for name in FOUR} == {"restored"}
    assert (rich / "model-lin-1.txt").read_text() == "lin-1:3:0.1"


def test_an_edited_metric_is_measured_again(clone: Path, opened: Open) -> None:
    (clone / "summary.json").write_text('{"models": 99}')
    dvc = opened(clone)
    assert [run.name for run in dvc.run() if run.status == "ran"] == ["evaluate"]
    assert dvc.plan().is_current


def test_a_frozen_stage_measures_an_edited_metric_again(rich: Path, opened: Open) -> None:
    """DVC by itself would take the edited number over into dvc.lock."""
    edit(
        rich / "dvc.yaml", "    cmd: python evaluate.py\n", "    cmd: python evaluate.py\n    frozen: true\n"
    )
    (rich / "summary.json").write_text('{"models": 99}')
    dvc = opened(rich)
    before = dvc.graph().recorded["summary.json"]
    assert [run.name for run in dvc.run() if run.status in ("ran", "restored")] == ["evaluate"]
    assert (rich / "summary.json").read_text() == '{"models": 4}'
    assert dvc.graph().recorded["summary.json"] == before
    assert "frozen: true" in (rich / "dvc.yaml").read_text()
    assert dvc.plan().is_current


def test_code_below_a_stage_that_wrote_the_same_gets_its_new_hash(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "keep: 3", "keep: 4")
    edit(clone / "train.py", "import sys", "import sys  # why")
    dvc = opened(clone)
    plan = dvc.plan()
    assert plan.by_stage["train@lin-1"].action == "maybe"
    found = statuses(dvc.run())
    assert {found[name] for name in FOUR} == {"cached"}
    assert dvc.plan().having("comment-only")
    dvc.restamp(plan.to_restamp([name for name, status in found.items() if status == "cached"]))
    assert {step.action for step in dvc.plan().steps} == {"cached"}


def test_targets_run_with_what_feeds_them(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    dvc = opened(clone)
    assert statuses(dvc.run(["train@tree-1"])) == {"prepare": "cached", "train@tree-1": "ran"}
    with pytest.raises(ConfigError, match="nothing is not a stage"):
        dvc.run(["nothing"])


def test_several_at_once_give_the_same(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    dvc = opened(clone)
    found = statuses(dvc.run(settings=Settings(capacity=Capacity(cpu=3))))
    assert {found[name] for name in FOUR} == {"ran"}
    assert dvc.plan().is_current


def test_a_failing_stage_blocks_what_follows_and_the_rest_finishes(pair: Callable[[str], Dvc]) -> None:
    events: list[StageEvent] = []
    dvc = pair("echo about to fail; echo why it failed >&2; exit 3")
    runs = dvc.run(settings=Settings(on_event=events.append))
    assert statuses(runs) == {"first": "failed", "second": "blocked", "alone": "ran"}
    failed = runs[0]
    assert failed.error.startswith("failed to run: echo about to fail")
    assert failed.error.endswith("exited with 3")
    assert failed.tail[:2] == ("about to fail", "why it failed")
    assert runs[1].reasons == ("first did not finish",)
    told = [(event.stage, event.status) for event in events if event.status != "running"]
    assert told == [
        ("first", "started"),
        ("first", "failed"),
        ("second", "blocked"),
        ("alone", "started"),
        ("alone", "ran"),
    ]


def test_a_stage_that_does_not_write_its_output_failed(pair: Callable[[str], Dvc]) -> None:
    runs = pair("echo nothing")
    assert runs.run()[0].error == "output 'one.txt' does not exist"


def test_a_missing_dependency_and_param_fail_their_stage(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "params.yaml").write_text("a: 1\n")
    (dvc_repo / "dvc.yaml").write_text(
        "stages:\n  dep: {cmd: 'true', deps: [none.txt]}\n  param: {cmd: 'true', params: [none]}\n"
        "  made: {cmd: 'true', deps: [none.txt], outs: [made.txt]}\n"
    )
    errors = {run.name: run.error for run in opened(dvc_repo).run()}
    assert errors == {
        "dep": "dependency 'none.txt' does not exist",
        "made": "dependency 'none.txt' does not exist",
        "param": "Parameters 'none' are missing from 'params.yaml'.",
    }


def test_an_output_that_git_tracks_is_told(
    pair: Callable[[str], Dvc], dvc_repo: Path, commit: RunGit
) -> None:
    (dvc_repo / "one.txt").write_text("in git")
    commit(dvc_repo)
    run = pair("echo x > one.txt").run()[0]
    assert (run.status, run.error) == (
        "failed",
        "one.txt is an output of the pipeline, but Git tracks it already",
    )


def test_a_hanging_stage_is_ended(pair: Callable[[str], Dvc], dvc_repo: Path) -> None:
    dvc = pair("sleep 60")
    runs = dvc.run(settings=limited(1.5))
    assert statuses(runs) == {"first": "failed", "second": "blocked", "alone": "ran"}
    assert runs[0].error == "timed out after 1.5 s"
    (dvc_repo / "dvc.yaml").write_text(PAIR.format(first="echo 1 > one.txt"))
    dvc.refresh()
    assert statuses(dvc.run()) == {"first": "ran", "second": "ran", "alone": "cached"}


def test_a_killed_stage_failed(pair: Callable[[str], Dvc]) -> None:
    error = pair("kill -9 $PPID; sleep 60").run()[0].error
    assert error == "the stage ended with signal 9 before it was done"


def test_ctrl_c_in_the_middle_then_again(pair: Callable[[str], Dvc], dvc_repo: Path) -> None:
    dvc = pair("echo half > one.txt; echo $$ > pid; [ -e go ] || sleep 60; echo whole > one.txt")

    def interrupt(event: StageEvent) -> None:
        if event.status == "running" and (dvc_repo / "pid").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dvc.run(settings=Settings(on_event=interrupt))
    assert has_ended(int((dvc_repo / "pid").read_text()))
    (dvc_repo / "go").touch()
    assert statuses(dvc.run()) == {"first": "ran", "second": "ran", "alone": "ran"}
    assert (dvc_repo / "two.txt").read_text() == "whole\n"


def test_an_interrupted_rerun_is_not_taken_for_done(pair: Callable[[str], Dvc], dvc_repo: Path) -> None:
    dvc = pair("[ -e hang ] && sleep 60; cp params.yaml one.txt")
    dvc.run()
    (dvc_repo / "params.yaml").write_text("speed: 2\n")
    (dvc_repo / "hang").touch()
    dvc.refresh()
    assert statuses(dvc.run(settings=limited(1)))["first"] == "failed"
    (dvc_repo / "hang").unlink()
    runs = dvc.run()
    assert (statuses(runs)["first"], runs[0].error) == ("ran", "")
    assert (dvc_repo / "two.txt").read_text() == "speed: 2\n"


def test_a_missing_object_is_a_tool_error_not_a_failed_stage(clone: Path, opened: Open) -> None:
    edit(clone / "train.py", "print(", "print('x', ")
    dvc = opened(clone)
    plan = dvc.plan()
    assert plan.by_stage["train@lin-1"].action == "run"
    value = dvc.graph().recorded["data/parts"]
    listing = dvc.store.tree(str(value))
    assert listing is not None
    oid = listing["train.csv"]
    (clone.parent / "store" / "files" / "md5" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(ToolError) as caught:
        dvc.run()
    assert caught.value.message.startswith("stage train@lin-1: the DVC remote store (")
    assert "does not have data/parts/train.csv" in caught.value.message
    assert "or `dvc repro --force --single-item prepare` makes it again" in caught.value.hint
    assert caught.value.exit_code == 3


def test_without_a_remote_the_missing_data_is_named(clone: Path, opened: Open) -> None:
    shutil.rmtree(clone.parent / "store")
    with pytest.raises(ToolError) as caught:
        opened(clone).run(["train@lin-1"])
    assert caught.value.message.startswith("stage train@lin-1: ")


def test_a_lock_held_by_another_process_is_a_tool_error(
    pair: Callable[[str], Dvc], dvc_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_locks, "WAIT", 0.1)
    dvc = pair("echo 1 > one.txt")
    with (dvc_repo / ".dvc" / "tmp" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ToolError, match="another DVC process is at work in this repository"):
            dvc.run()
    (dvc_repo / ".dvc" / "tmp" / "lock").write_text("4000000")  # a lock file left behind means nothing
    assert statuses(dvc.run())["first"] == "ran"


def test_another_run_in_this_folder_is_told_and_waited_for(
    pair: Callable[[str], Dvc], dvc_repo: Path
) -> None:
    dvc = pair("echo 1 > one.txt")
    path = dvc_repo / ".dvc" / "tmp" / "mlops-ci" / "run.lock"
    path.parent.mkdir(parents=True)
    heard: list[StageEvent] = []
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def listen(event: StageEvent) -> None:
            heard.append(event)
            fcntl.flock(lock, fcntl.LOCK_UN)

        assert statuses(dvc.run(settings=Settings(on_event=listen)))["first"] == "ran"
    assert (heard[0].status, heard[0].stage) == ("waiting", "")
    assert heard[0].line == "another run is at work in this folder; waiting for its end, at most 30 s"
    assert [event for event in heard if event.status == "waiting"] == heard[:1]


def test_another_run_that_does_not_end_is_a_tool_error(
    pair: Callable[[str], Dvc], dvc_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_locks, "WAIT", 0.1)
    path = dvc_repo / ".dvc" / "tmp" / "mlops-ci" / "run.lock"
    path.parent.mkdir(parents=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ToolError, match="another run of this pipeline is at work in this folder"):
            pair("echo 1 > one.txt").run()


def test_names_with_spaces_and_unicode(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "ein gang.txt").write_text("1")
    (dvc_repo / "dvc.yaml").write_text(
        "stages:\n  größe:\n    cmd: cp 'ein gang.txt' 'aus gäng.txt'\n"
        "    deps: ['ein gang.txt']\n    outs: ['aus gäng.txt']\n"
    )
    dvc = opened(dvc_repo)
    assert statuses(dvc.run()) == {"größe": "ran"}
    assert dvc.plan().is_current


def test_output_of_stages_stays_out_of_ours(
    pair: Callable[[str], Dvc], capfd: pytest.CaptureFixture[str]
) -> None:
    pair("echo loud; echo 1 > one.txt").run()
    assert capfd.readouterr() == ("", "")


# ---- copies with another seed --------------------------------------------------------------------


def test_a_copy_with_another_param_leaves_the_original_alone(rich: Path, opened: Open, git: RunGit) -> None:
    before = git(rich, "status", "--porcelain")
    dvc = opened(rich)
    with dvc.seeded_copy({"params.yaml": {"train.lr": 0.4}}) as copy:
        assert "lr: 0.4\n" in (copy.top / "params.yaml").read_text()
        assert "keep: 3   # rows" in (copy.top / "params.yaml").read_text()
        found = statuses(copy.run(["train@lin-1"]))
        assert found == {"prepare": "cached", "train@lin-1": "ran"}
        assert copy.read("model-lin-1.txt") == b"lin-1:3:0.4"
        place = copy.top
    assert not place.exists()
    assert git(rich, "status", "--porcelain") == before
    assert git(rich, "worktree", "list").count("\n") == 0
    with dvc.seeded_copy({"params.yaml": {"train.lr": 0.4}}) as again:
        assert statuses(again.run(["train@lin-1"]))["train@lin-1"] == "restored"


def test_a_copy_has_what_is_not_committed_or_is_of_a_commit(rich: Path, opened: Open) -> None:
    (rich / "new.txt").write_text("new")
    (rich / "evaluate.py").unlink()
    edit(rich / "params.yaml", "lr: 0.1", "lr: 0.2")
    dvc = opened(rich)
    with dvc.seeded_copy({}) as copy:
        assert (copy.top / "new.txt").read_text() == "new"
        assert not (copy.top / "evaluate.py").exists()
        assert "lr: 0.2" in (copy.top / "params.yaml").read_text()
    with dvc.seeded_copy({"sub/extra.json": {"depth": 3}}, commit="HEAD") as copy:
        assert (copy.top / "evaluate.py").exists()
        assert '"depth": 3' in (copy.top / "sub" / "extra.json").read_text()


@pytest.mark.parametrize(
    ("file", "key"), [("none.yaml", "a"), ("params.yaml", "train.none"), ("params.yaml", "x.y")]
)
def test_an_unknown_param_cannot_be_overridden(rich: Path, opened: Open, file: str, key: str) -> None:
    with pytest.raises(ConfigError), opened(rich).seeded_copy({file: {key: 1}}):
        pass
