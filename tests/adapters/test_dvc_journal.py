"""Kills, retries and locks: nothing computed is lost or claimed wrongly, and dvc.lock is a serial run's."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters import dvc_journal, dvc_lock_file, dvc_locks, process
from mlops_ci.adapters.dvc import Dvc, Settings, StageEvent
from mlops_ci.errors import ToolError
from mlops_ci.pipeline import Capacity, Execution, Resources
from tests.adapters.test_dvc_run import edit, statuses
from tests.adapters.test_process import has_ended

RunGit = Callable[..., str]
Open = Callable[[Path], Dvc]
Copy = Callable[[Path, Path], Path]

# Listed against the order in which they run; ``slow`` ends last.
SEVERAL = """\
stages:
  last: {cmd: cat c.txt b.txt a.txt > last.txt, deps: [c.txt, b.txt, a.txt], metrics: [last.txt: {cache: false}]}
  c: {cmd: "[ -e hang ] && sleep 60; cp in.txt c.txt", deps: [in.txt], outs: [c.txt]}
  b: {cmd: cp in.txt b.txt, deps: [in.txt], outs: [b.txt: {persist: true}]}
  a: {cmd: cp in.txt a.txt, deps: [in.txt], params: [speed], outs: [a.txt], always_changed: true}
"""


@pytest.fixture
def several(dvc_repo: Path, commit: RunGit) -> Path:
    (dvc_repo / "dvc.yaml").write_text(SEVERAL)
    (dvc_repo / "in.txt").write_text("in\n")
    (dvc_repo / "params.yaml").write_text("speed: [1, fast]\n")
    (dvc_repo / ".gitignore").write_text("hang\n")
    commit(dvc_repo, "files")
    return dvc_repo


def serial(root: Path, copy: Path, copy_repository: Copy) -> dict[str, bytes]:
    """What ``dvc repro`` writes, one stage after another, in a copy."""
    from dvc.repo import Repo

    with Repo(str(copy_repository(root, copy))) as repo, contextlib.chdir(copy):
        repo.reproduce()
    return {name: (copy / name).read_bytes() for name in ("dvc.lock", ".gitignore")}


def written(root: Path, *names: str) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in names or ("dvc.lock", ".gitignore")}


def killed(root: Path, when: Callable[[StageEvent], bool], log: Path) -> None:
    """Run in a process of its own that kills itself, with all that it knows, at an event."""

    def task() -> int:
        dvc_journal.OFTEN = math.inf
        dvc = Dvc.open(root)

        def hear(event: StageEvent) -> None:
            if when(event):
                os.kill(os.getpid(), signal.SIGKILL)

        dvc.run(settings=Settings(on_event=hear, capacity=Capacity(cpu=4)))
        return 0

    assert process.forked(task, log=log).code == -signal.SIGKILL


def test_the_bytes_are_those_of_a_serial_run(
    several: Path, tmp_path: Path, copy_repository: Copy, opened: Open
) -> None:
    wanted = serial(several, tmp_path / "serial", copy_repository)
    dvc = opened(several)
    runs = dvc.run(settings=Settings(capacity=Capacity(cpu=4)))
    assert {run.status for run in runs} == {"ran"}
    assert written(several) == wanted
    assert not dvc_journal.is_left(dvc._repo)
    assert list(dvc._repo.status().values()) == [["always changed"]]


def test_what_a_killed_run_had_done_is_taken_in(
    several: Path, tmp_path: Path, copy_repository: Copy, opened: Open
) -> None:
    wanted = serial(several, tmp_path / "serial", copy_repository)
    (several / "hang").touch()
    killed(several, lambda event: event.stage == "b" and event.status == "ran", tmp_path / "log")
    assert not (several / "dvc.lock").exists()
    (several / "hang").unlink()
    (several / ".dvc.lock.a1b2c3d4").write_text("sche")
    dvc = opened(several)
    found = statuses(dvc.run())
    assert (found["b"], found["c"], found["last"]) == ("cached", "ran", "ran")
    assert written(several, "dvc.lock") == {"dvc.lock": wanted["dvc.lock"]}
    assert list(dvc_journal.folder(dvc._repo).iterdir()) == []
    assert not (several / ".dvc.lock.a1b2c3d4").exists()
    assert json.loads((several / ".dvc" / "tmp" / "rwlock").read_bytes()) == {}


def test_what_changed_since_a_kill_is_not_claimed(several: Path, tmp_path: Path, opened: Open) -> None:
    killed(several, lambda event: event.stage == "last" and event.status == "ran", tmp_path / "log")
    (several / "b.txt").unlink()
    (several / "b.txt").write_text("by hand")
    other = dvc_lock_file.render("c", {"cmd": "another"})
    dvc_lock_file.put(several / "dvc.lock", {"c": other})
    dvc = opened(several)
    assert dvc._writer().recover()
    assert set(dvc_lock_file.read(several / "dvc.lock").entries) == {"a", "c", "last"}
    dvc.refresh()
    found = statuses(dvc.run())
    assert (found["b"], found["c"]) == ("ran", "restored")
    assert (several / "b.txt").read_text() == "in\n"


def test_a_torn_or_foreign_journal_is_passed_over(several: Path, opened: Open) -> None:
    dvc = opened(several)
    folder = dvc_journal.folder(dvc._repo)
    folder.mkdir(parents=True)
    (folder / "1.json").write_text('{"stage": "a"')
    foreign = dvc_journal.Entry("gone", "ran", "dvc.lock", "gone", "  gone:\n    cmd: x\n", "")
    dvc_journal.write(folder / "2.json", foreign)
    dvc_journal.write(folder / "3.json", replace(foreign, stage="a", file="../dvc.lock"))
    assert dvc_journal.is_left(dvc._repo)
    assert not dvc._writer().recover()
    assert {run.status for run in dvc.run()} == {"ran"}
    assert not dvc_journal.is_left(dvc._repo)


def test_what_had_ended_when_ctrl_c_came_is_in_dvc_lock(several: Path, opened: Open) -> None:
    (several / "hang").touch()

    def interrupt(event: StageEvent) -> None:
        if event.status == "ran" and event.stage == "a":
            raise KeyboardInterrupt

    dvc = opened(several)
    with pytest.raises(KeyboardInterrupt):
        dvc.run(settings=Settings(on_event=interrupt, capacity=Capacity(cpu=4)))
    assert "a" in dvc_lock_file.read(several / "dvc.lock").entries
    assert json.loads((several / ".dvc" / "tmp" / "rwlock").read_bytes()) == {}


def test_a_failing_command_is_tried_again(several: Path, tmp_path: Path, opened: Open) -> None:
    edit(several / "dvc.yaml", "cp in.txt b.txt", "echo try; mkdir once || cp in.txt b.txt; test -e b.txt")
    heard: list[StageEvent] = []
    dvc = opened(several)
    settings = Settings(
        on_event=heard.append, execution=lambda _: Execution(retries=2), logs=tmp_path / "logs"
    )
    run = next(run for run in dvc.run(["b"], settings=settings) if run.name == "b")
    assert (run.status, run.attempts, run.error) == ("ran", 2, "")
    told = [(event.status, event.attempt) for event in heard if event.status != "running"]
    assert told == [("started", 1), ("started", 2), ("ran", 2)]
    assert (tmp_path / "logs" / "b.attempt-1.log").read_text() == "try\n"
    assert (tmp_path / "logs" / "b.log").read_text().startswith("try\n")


def test_a_stage_that_fails_whatever_is_tried_says_how_often(several: Path, opened: Open) -> None:
    edit(several / "dvc.yaml", "cp in.txt b.txt", "exit 3")
    settings = Settings(execution=lambda _: Execution(retries=1))
    run = opened(several).run(["b"], settings=settings)[0]
    assert (run.status, run.attempts) == ("failed", 2)
    # What its command cannot help is not tried again.
    edit(several / "dvc.yaml", "exit 3", "ls")
    run = opened(several).run(["b"], settings=settings)[0]
    assert (run.status, run.attempts, run.error) == ("failed", 1, "output 'b.txt' does not exist")


def test_a_stage_with_gpus_sees_its_own(several: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in "abc":
        edit(
            several / "dvc.yaml", f"cp in.txt {name}.txt", f"printenv CUDA_VISIBLE_DEVICES > {name}.txt; true"
        )
    wants = {"a": Resources(gpu=1), "b": Resources(gpu=2)}
    settings = Settings(
        capacity=Capacity(cpu=4, gpus=("0", "1", "5")),
        execution=lambda stage: Execution(resources=wants.get(stage, Resources())),
    )
    opened(several).run(["a", "b", "c"], settings=settings)
    seen = {name: (several / f"{name}.txt").read_text().strip() for name in "abc"}
    assert seen["c"] == ""
    assert sorted(seen["a"].split(",") + seen["b"].split(",")) == ["0", "1", "5"]


def test_data_is_fetched_beside_the_stages(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    heard: list[StageEvent] = []
    dvc = opened(clone)
    dvc.run(settings=Settings(on_event=heard.append))
    waited = {event.stage for event in heard if event.status == "fetching"}
    assert "train@lin-1" in waited
    assert dvc.pulled >= len((clone / "data" / "parts" / "train.csv").read_bytes())


AHEAD = """\
stages:
  a:
    cmd: "for i in $(seq 600); do [ -e {there} ] && break; sleep 0.05; done; [ -e {there} ] && cp in.txt a.txt"
    deps: [in.txt]
    outs: [a.txt]
  b: {{cmd: cat a.txt data.csv > b.txt, deps: [a.txt, data.csv], outs: [b.txt]}}
  c: {{cmd: cat a.txt more.csv > c.txt, deps: [a.txt, more.csv], outs: [c.txt]}}
"""


@pytest.fixture
def ahead(several: Path, tmp_path: Path, commit: RunGit, opened: Open) -> Callable[[str], Dvc]:
    """Two stages that read tracked data which only the remote has, and what ``a`` writes; that waits for the
    named file of the two to come into the cache.
    """
    from dvc.repo import Repo

    (several / ".dvc" / "config").write_text(
        f"[core]\n    remote = s\n['remote \"s\"']\n    url = {tmp_path / 'far'}\n"
    )
    for name in ("data.csv", "more.csv"):
        (several / name).write_text(f"{name}\n")
    with Repo(str(several)) as repo, contextlib.chdir(several):
        repo.add(["data.csv", "more.csv"])
        repo.push()

    def build(name: str) -> Dvc:
        oid = md5(f"{name}\n".encode(), usedforsecurity=False).hexdigest()
        cache = several / ".dvc" / "cache"
        there = cache / "files" / "md5" / oid[:2] / oid[2:] if name else several / "in.txt"
        (several / "dvc.yaml").write_text(AHEAD.format(there=there))
        commit(several, "ahead")
        shutil.rmtree(cache)
        for file in ("data.csv", "more.csv"):
            (several / file).unlink()
        return opened(several)

    return build


@pytest.mark.parametrize("name", ["data.csv", "more.csv"])
def test_data_comes_while_the_stage_still_waits_for_another(
    ahead: Callable[[str], Dvc], several: Path, name: str
) -> None:
    heard: list[StageEvent] = []
    dvc = ahead(name)
    found = dvc.run(["b", "c"], settings=Settings(on_event=heard.append))
    assert statuses(found) == {"a": "ran", "b": "ran", "c": "ran"}
    assert (several / "b.txt").read_text() == "in\ndata.csv\n"
    # Nothing came twice, and the stage found there what had come.
    assert dvc.pulled == len("data.csv\nmore.csv\n")
    assert ({"data.csv": "b", "more.csv": "c"}[name], "fetching") not in {
        (event.stage, event.status) for event in heard
    }


def test_nothing_comes_for_a_stage_that_may_not_have_to_run(
    ahead: Callable[[str], Dvc], several: Path, commit: RunGit
) -> None:
    dvc = ahead("")
    dvc.run()
    for name in ("data.csv", "more.csv"):
        (several / name).unlink()
    shutil.rmtree(several / ".dvc" / "cache")
    edit(several / "dvc.yaml", "cp in.txt a.txt", "cat in.txt > a.txt")
    dvc.refresh()
    before = dvc.pulled
    assert statuses(dvc.run()) == {"a": "ran", "b": "cached", "c": "cached"}
    assert dvc.pulled == before


def test_what_cannot_come_early_is_told_when_it_is_needed(
    ahead: Callable[[str], Dvc], several: Path, tmp_path: Path
) -> None:
    dvc = ahead("")
    shutil.rmtree(tmp_path / "far")
    with pytest.raises(ToolError, match=r"stage [bc]: fetching"):
        dvc.run()
    assert [*dvc_lock_file.read(several / "dvc.lock").entries] == ["a"]
    edit(several / "dvc.yaml", "cp in.txt a.txt", "exit 3")
    dvc.refresh()
    assert statuses(dvc.run()) == {"a": "failed", "b": "blocked", "c": "blocked"}


# ---- a person at the same time --------------------------------------------------------------------


@pytest.mark.parametrize("linked", [False, True])
def test_what_a_person_writes_into_another_entry_meanwhile_stays(
    several: Path, opened: Open, tmp_path: Path, linked: bool
) -> None:
    dvc, lock, real = opened(several), several / "dvc.lock", tmp_path / "real.lock"
    dvc.run()
    if linked:
        lock.replace(real)
        lock.symlink_to(real)
    mine = dvc_lock_file.render("b", {"cmd": "mine"})

    def change(event: StageEvent) -> None:
        if (event.stage, event.status) == ("a", "started"):
            dvc_lock_file.put(lock, {"b": mine})

    edit(several / "params.yaml", "fast", "slow")
    dvc.refresh()
    dvc.run(settings=Settings(on_event=change))
    found = dvc_lock_file.read(lock).entries
    assert (found["b"], "slow" in found["a"]) == (mine, True)
    assert lock.is_symlink() == linked


def test_a_dvc_lock_that_is_broken_for_a_moment_ends_no_run(
    several: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_journal, "OFTEN", 0.0)
    lock = several / "dvc.lock"

    def change(event: StageEvent) -> None:
        if event.stage == "a" and event.status == "ran":
            lock.write_text("<<<<<<< ours")
        if event.stage == "last" and event.status == "started":
            lock.unlink()

    assert set(statuses(opened(several).run(settings=Settings(on_event=change))).values()) == {"ran"}
    assert "last" in dvc_lock_file.read(lock).entries


# ---- locks ---------------------------------------------------------------------------------------


def test_leftovers_of_killed_processes_hold_nobody_up(several: Path, opened: Open) -> None:
    tmp = several / ".dvc" / "tmp"
    mine = {"pid": os.getpid(), "cmd": f"{dvc_locks.MARK} b"}
    (tmp / "rwlock").write_text(json.dumps({"write": {str(several / "b.txt"): mine}, "read": {}}))
    assert statuses(opened(several).run(["b"])) == {"b": "ran"}
    (tmp / "rwlock").write_text('{"write": {"')
    edit(several / "in.txt", "in", "new")
    assert statuses(opened(several).run(["b"])) == {"b": "ran"}


def test_a_path_that_another_dvc_is_at_is_waited_for(
    several: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_locks, "WAIT", 0.2)
    person: dict[str, Any] = {"pid": os.getpid(), "cmd": "dvc repro"}
    table = {"write": {str(several / "b.txt"): person}, "read": {}}
    (several / ".dvc" / "tmp" / "rwlock").write_text(json.dumps(table))
    with pytest.raises(ToolError, match="stage b: another DVC process is at work"):
        opened(several).run(["b"])
    assert json.loads((several / ".dvc" / "tmp" / "rwlock").read_bytes()) == {"write": table["write"]}


def test_two_runs_in_one_folder_take_turns(
    several: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_locks, "WAIT", 0.1)
    dvc = opened(several)
    with dvc_locks.running(dvc._repo), pytest.raises(ToolError, match="another run of this pipeline"):
        dvc.run()


def test_while_a_stage_hashes_no_dvc_command_gets_the_lock(several: Path, opened: Open) -> None:
    from dvc.lock import LockError

    repo = opened(several)._repo
    first, second = dvc_locks.shared(repo), dvc_locks.shared(repo)
    with first, second, pytest.raises(LockError):
        repo.lock._do_lock()
    with repo.lock, pytest.raises(LockError):
        first.lock(0.0)
    assert not first.is_locked


def test_who_has_computed_waits_for_the_lock_as_long_as_it_takes(
    several: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.lock import LockError

    monkeypatch.setattr(dvc_locks, "WAIT", 0.0)
    repo = opened(several)._repo
    lock, polls = dvc_locks.shared(repo), iter(range(5))

    def poll(_seconds: float) -> None:
        if next(polls) == 4:
            repo.lock.unlock()

    repo.lock.lock()
    monkeypatch.setattr(time, "sleep", poll)
    monkeypatch.setattr(time, "monotonic", iter(range(100)).__next__)
    with pytest.raises(LockError):
        lock.lock()
    lock.is_patient = True
    lock.lock()
    assert lock.is_locked
    lock.unlock()


def test_nothing_of_a_killed_run_goes_on(several: Path, tmp_path: Path) -> None:
    (several / "hang").touch()
    edit(several / "dvc.yaml", "&& sleep", "&& echo $$ > pid && sleep")
    seen = several / "pid"
    killed(several, lambda event: event.status == "running" and seen.exists(), tmp_path / "log")
    assert has_ended(int(seen.read_text()))


def test_the_order_is_a_serial_runs_also_where_a_stage_failed_in_between(
    several: Path, tmp_path: Path, copy_repository: Copy, opened: Open
) -> None:
    edit(several / "dvc.yaml", "cp in.txt c.txt", "[ -e ready ] && cp in.txt c.txt")
    (several / "ready").touch()
    wanted = serial(several, tmp_path / "serial", copy_repository)
    (several / "ready").unlink()
    dvc = opened(several)
    assert statuses(dvc.run()) == {"c": "failed", "b": "ran", "a": "ran", "last": "blocked"}
    assert [*dvc_lock_file.read(several / "dvc.lock").entries] == ["b", "a"]
    (several / "ready").touch()
    # In a process that knows nothing of the first run.
    assert statuses(opened(several).run())["c"] == "ran"
    assert written(several, "dvc.lock") == {"dvc.lock": wanted["dvc.lock"]}
    assert not dvc_journal.is_left(dvc._repo)


def test_what_a_killed_run_left_half_written_is_swept_away(
    several: Path, tmp_path: Path, opened: Open
) -> None:
    edit(several / "dvc.yaml", "cp in.txt a.txt", "mkdir a.txt && cp in.txt a.txt/in.txt")
    edit(several / "dvc.yaml", "c.txt b.txt a.txt > last", "c.txt b.txt > last")
    edit(several / "dvc.yaml", ", always_changed: true", "")
    killed(several, lambda event: event.stage == "last" and event.status == "ran", tmp_path / "log")
    names = (
        ".dvc.lock.x3k_9abc",
        "..gitignore.xafo5ju9",
        ".rA3Nwe8M7V5-jh2UKsj2mw.tmp",
        "a.txt/.rA3Nwe8M7V5-jh2UKsj2mw.tmp",
    )
    kept = several / ".dvc.lock.mine"
    empty = several / ".dvc" / "cache" / "runs" / "ab" / ("ab" + "0" * 62)
    empty.mkdir(parents=True)
    for path in (*names, kept.name):
        (several / path).write_text("ha")
    assert set(statuses(opened(several).run()).values()) == {"cached"}
    assert [name for name in names if (several / name).exists()] == []
    assert (kept.exists(), empty.exists()) == (True, False)
    (several / names[2]).write_text("of a dvc command")
    opened(several).run()
    assert (several / names[2]).exists()


def test_half_of_a_record_in_the_run_cache_is_none(several: Path, opened: Open) -> None:
    """DVC reads it, and breaks on the outputs that it does not name yet."""
    dvc = opened(several)
    dvc.run(["c"])
    [record] = (several / ".dvc/cache/runs").glob("??/*/*")
    whole = record.read_text()
    record.unlink()
    record.with_name(f".{'x' * 22}.tmp").write_text(whole.partition("outs:")[0])
    for name in ("dvc.lock", "c.txt"):
        (several / name).unlink()
    dvc.refresh()
    assert statuses(dvc.run(["c"])) == {"c": "ran"}
    assert record.read_text() == whole


def test_a_run_knows_what_another_has_done_since_it_looked(several: Path, opened: Open) -> None:
    edit(several / "dvc.yaml", ", always_changed: true", "")
    first, second = opened(several), opened(several)
    assert not first.plan().is_current
    assert not second.plan().is_current
    assert set(statuses(first.run()).values()) == {"ran"}
    assert set(statuses(second.run()).values()) == {"cached"}
