"""What is seen of a run while it lasts: on a real pseudo-terminal, in a pipe, in CI and on GitHub's runner."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from mlops_ci.adapters import actions, stage_logs
from mlops_ci.adapters.run_settings import StageEvent
from mlops_ci.adapters.stage_board import Board
from mlops_ci.adapters.stage_display import stages
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.pipeline import Dep, Graph, Out, Stage

HOSTILE = "x\x1b[2J\x07::error::no\u202e"


def graph_of(*names: str) -> Graph:
    """A chain: each stage reads what the one before wrote."""
    return Graph(
        tuple(
            Stage(
                name, "dvc.yaml", deps=tuple(Dep(f"{one}.out") for one in before), outs=(Out(f"{name}.out"),)
            )
            for name, before in zip(names, [(), *((one,) for one in names)], strict=False)
        )
    )


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.moment = 100.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """What two stages have printed."""
    for stage, text in {"a": "one\r50%\r100%\nlast\n\n", "b": "::error::no\n##[error]no\n\x1b[2Jend"}.items():
        stage_logs.path(tmp_path, stage).write_bytes(text.encode())
    return tmp_path


# ---- lines ---------------------------------------------------------------------------------------


def test_in_a_pipe_each_stage_is_a_line_as_it_begins_and_as_it_ends(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stages(Terminal(), graph_of("a", "b", "c", "d"), {}, logs=logs, environ={}) as on_event:
        for stage in ("c", "d"):
            on_event(StageEvent(stage, "cached"))
        on_event(StageEvent("a", "started"))
        on_event(StageEvent("a", "running", 1.0, "half"))
        on_event(StageEvent("a", "ran", 72.0))
        on_event(StageEvent("b", "failed", 0.44, f"exit code 1: {HOSTILE}"))
    assert capsys.readouterr().err.splitlines() == [
        "  started  a",
        "  ran      a · 1 min 12 s",
        "  failed   b · 0.4 s · exit code 1: x\ufffd::error::no\ufffd",
        "  cached   2 stages",
    ]


def test_a_run_that_waits_says_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    with stages(Terminal(), graph_of("a"), {}, environ={}) as on_event:
        on_event(StageEvent("", "waiting", line="another run is at work"))
        on_event(StageEvent("a", "cached"))
    assert capsys.readouterr().err.splitlines() == ["  another run is at work …", "  cached   1 stage"]


def test_elsewhere_in_ci_a_log_stands_below_its_stage(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stages(Terminal(), graph_of("a", "b"), {}, logs=logs, environ={"CI": "1"}) as on_event:
        on_event(StageEvent("a", "fetching"))
        on_event(StageEvent("a", "started"))
        on_event(StageEvent("a", "started", attempt=2))
        on_event(StageEvent("a", "ran", 2.0, attempt=2))
        # An earlier run has left a log of it.
        on_event(StageEvent("b", "blocked"))
    told = "  started  a\n  started  a · attempt 2\n"
    told += "  ran      a · 2 s · 2 attempts\n    100%\n    last\n  blocked  b\n"
    assert capsys.readouterr().err == told


def test_ci_hears_once_a_minute_that_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    clock, graph = Clock(), graph_of("a", "b")
    with stages(Terminal(), graph, {"a": 600.0, "b": 60.0}, environ={"CI": "1"}, now=clock) as on_event:
        on_event(StageEvent("a", "started"))
        for _ in range(130):
            clock.moment += 1.0
            on_event(StageEvent("a", "running", 1.0, "epoch"))
    assert capsys.readouterr().err.splitlines() == [
        "  started  a",
        "  0 of 2 done · 1 running · about 10 min left (a)",
        "  0 of 2 done · 1 running · about 9 min left (a)",
    ]


@pytest.mark.parametrize("json", [False, True])
def test_on_github_a_log_is_folded_and_no_line_of_it_is_a_command(
    json: bool, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"CI": "true", "GITHUB_ACTIONS": "true"}
    terminal = Terminal(json_output=json)
    with (
        actions.silent(environ, sys.stderr if json else sys.stdout),
        stages(terminal, graph_of("a", "b"), {}, logs=logs, environ=environ) as on_event,
    ):
        for stage in ("a", "b"):
            on_event(StageEvent(stage, "started"))
        on_event(StageEvent("a", "ran", 2.0))
        on_event(StageEvent("b", "failed", 3.0, "50% \n::error::no"))
    shown = capsys.readouterr()
    said = obeyed(shown.err if json else shown.out)
    heard = [line for line in said if not line.startswith("   started  ")]
    assert heard == [
        "::group::ran      a · 2 s",
        " 100%",
        " last",
        "::endgroup::",
        "::group::failed   b · 3 s · 50%25 ::error::no",
        " ::error::no",
        " # #[error]no",
        " end",
        "::endgroup::",
    ]
    assert "group" not in (shown.out if json else shown.err)


def obeyed(text: str) -> Iterator[str]:
    """What GitHub's runner makes of a log: its commands, and behind a blank what is only text to it."""
    word = ""
    for line in text.splitlines():
        if word:
            if line == f"::{word}::":
                word = ""
            else:
                yield f" {line}"
        elif found := re.fullmatch("::stop-commands::(.+)", line):
            word = found[1]
        else:
            yield line


def test_outside_of_a_silence_a_group_keeps_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    runner = actions.Runner({}, "", {}, sys.stdout)
    runner.group("t\nwo", ["::error::x"])
    assert list(obeyed(capsys.readouterr().out)) == ["::group::t%0Awo", " ::error::x", "::endgroup::"]


# ---- the live table ------------------------------------------------------------------------------

LIVE = """
import sys, time
from mlops_ci.adapters.run_settings import StageEvent
from mlops_ci.adapters.stage_display import stages
from mlops_ci.adapters.terminal import Terminal
from tests.adapters.test_stage_display import Clock, graph_of
names = [f"train@größe-{index}" for index in range(int(sys.argv[1]))]
terminal, clock = Terminal(), Clock()
known = dict.fromkeys(names, 60.0)
with terminal.step("Running"), stages(terminal, graph_of(*names), known, now=clock) as on_event:
    for name in names[:8]:
        on_event(StageEvent(name, "started"))
        clock.moment += 0.2
        on_event(StageEvent(name, "running", 1.0, "epoch \\x1b[2J\\x07 [bold]3[/bold] " + 200 * "数"))
    for name in names[:-1]:
        on_event(StageEvent(name, "failed" if name.endswith("7") else "ran", 3.0, ""))
        clock.moment += 0.002
    on_event(StageEvent(names[-1], "cached"))
"""


def on_a_terminal(count: int, columns: int, rows: int) -> str:
    """Everything that a run of so many stages sends to a terminal of this size."""
    own, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "CI": "", "COLUMNS": str(columns), "LINES": str(rows)}
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE, str(count)], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    raw = b""
    while select.select([own], [], [], 60)[0]:
        try:
            chunk = os.read(own, 65_536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not chunk:
            break
        raw += chunk
    os.close(own)
    shown = raw.decode()
    assert process.wait() == 0, shown
    return shown


def test_on_a_terminal_what_runs_has_a_row_and_what_ended_scrolls_away() -> None:
    shown = on_a_terminal(12, 100, 24)
    assert "0 of 12 done · 8 running · about 12 min left" in shown
    assert re.search(r"train@größe-0 +1 s  epoch \ufffd \[bold\]3\[/bold\] 数+ ?…", shown)
    assert "✓ ran      train@größe-10 · 3 s" in shown
    assert "✗ failed   train@größe-7 · 3 s" in shown
    assert "cached   1 stage" in shown
    assert "\x1b[2J" not in shown


def test_a_thousand_events_are_few_pictures_and_none_is_wider_than_the_terminal() -> None:
    shown = on_a_terminal(300, 40, 10)
    assert 10 <= shown.count("of 300 done") <= 30
    assert "… and 3 more" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    from rich.cells import cell_len

    assert max(map(cell_len, re.split(r"[\r\n]+", plain))) <= 40
    assert all(f"train@größe-{index} ·" in plain for index in range(299))


def test_the_live_line_comes_back_after_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, seen = Terminal(), io.StringIO()
    monkeypatch.setattr(terminal, "live", True)
    from rich.console import Console

    terminal._console = Console(file=seen, force_terminal=True, width=80)
    with terminal.without_step():
        pass
    with terminal.step("Running") as update:
        with terminal.without_step():
            seen.truncate(0)
        update("later")
    assert "Running" in seen.getvalue()


# ---- how far a run is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ({}, ""),
        ({"a": 0.0, "b": 0.0, "c": 0.0}, " · about 5 s left"),
        ({"a": 10.0, "b": 10.0, "c": 10.0}, " · about 30 s left"),
        ({"b": 100.0, "c": 1000.0}, " · about 35 min left"),
        ({"a": 6000.0, "b": 3000.0, "c": 600.0}, " · about 3 h left"),
    ],
)
def test_the_time_that_is_left_is_told_where_something_is_known(
    seconds: Mapping[str, float], told: str
) -> None:
    board = Board.of(graph_of("a", "b", "c"), ("a", "b", "c"), seconds)
    assert board.head(0.0) == f"0 of 3 done{told}"


def test_all_the_work_and_the_longest_way_bound_what_is_left() -> None:
    graph = Graph((*graph_of("a", "b").stages, Stage("x", "dvc.yaml"), Stage("y", "dvc.yaml")))
    board = Board.of(graph, graph.by_name, {"a": 10.0, "b": 10.0, "x": 40.0, "y": 60.0})
    for name in ("x", "y"):
        board.take(StageEvent(name, "started"), 0.0)
    assert board.rest(0.0) == 60.0
    assert board.rest(20.0) == 40.0
    board.take(StageEvent("x", "failed"), 40.0)
    assert board.head(40.0) == "0 of 4 done · 1 running · 1 failed · about 40 s left"
    # What takes longer than it should may end at any moment.
    assert board.rest(200.0) == 20.0
    for name in ("y", "a", "b", "b"):
        board.take(StageEvent(name, "blocked" if name == "b" else "ran"), 50.0)
    assert board.head(50.0) == "2 of 4 done · 1 failed · 1 blocked"


def test_what_a_stage_does_just_now() -> None:
    board = Board.of(graph_of("a", "b"), ("a", "b"), {})
    for event in (
        StageEvent("a", "fetching"),
        StageEvent("b", "started"),
        StageEvent("b", "running", 1.0, "one"),
    ):
        board.take(event, 0.0)
    assert board.head(0.0) == "0 of 2 done · 1 running · 1 waiting for data"
    board.take(StageEvent("b", "running", 2.0), 5.0)
    assert (board.running["b"].since, board.running["b"].says) == (0.0, "one")
    board.take(StageEvent("b", "started", attempt=2), 6.0)
    assert (board.running["b"].since, board.running["b"].says) == (6.0, "attempt 2")
    board.take(StageEvent("a", "running", 0.0, "x" * 999), 7.0)
    assert board.running["a"].says == "x" * 300
    assert board.head(8.0) == "0 of 2 done · 2 running"


def test_only_the_stages_of_the_run_are_counted() -> None:
    board = Board.of(graph_of("a", "b", "c"), {"b"}, {"a": 100.0, "b": 10.0})
    assert board.head(0.0) == "0 of 1 done · about 10 s left"


# ---- logs ----------------------------------------------------------------------------------------


def test_the_file_of_a_log_is_safe_and_nobody_elses(tmp_path: Path) -> None:
    names = [
        "train",
        "train@a-1",
        "sub/dvc.yaml:train",
        "sub_dvc.yaml:train",
        "../x",
        ".x",
        "größe",
        "n" * 300,
        # As the logs of another stage, and of an earlier attempt of one, are called.
        stage_logs.path(tmp_path, "../x").stem,
        "train.attempt-1",
    ]
    files = [stage_logs.path(tmp_path, name).name for name in names]
    assert "train.attempt-1.log" not in files
    assert files[:2] == ["train.log", "train@a-1.log"]
    assert len({*files}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,140}\.log", name) for name in files)


def test_of_a_long_log_the_end_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "long.log"
    file.write_bytes(b"0123456789\n" * 100_000 + b"y" * 5000)
    lines = stage_logs.shown(file)
    assert lines[0] == "… 905,000 bytes before this are in the log's file alone"
    assert lines[1] == "0123456789"
    assert lines[-1] == "y" * 2000
    assert stage_logs.shown(tmp_path / "none.log") == []
