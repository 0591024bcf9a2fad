"""A child that answers line by line: its answers, its end, its silence, and everything it leaves behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_ci.adapters import companion
from mlops_ci.adapters.companion import Companion
from mlops_ci.errors import ToolError
from tests.adapters.test_process import has_ended

Start = Callable[[str], Companion]

ECHO = "import sys\nfor line in sys.stdin: print(len(line), line[:20].strip(), flush=True)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start Python code as a companion; it is ended after the test."""
    started: list[Companion] = []

    def run(code: str) -> Companion:
        started.append(Companion([sys.executable, "-c", code], cwd=tmp_path, log=tmp_path / "log"))
        return started[-1]

    yield run
    for one in started:
        one.end()


def test_it_answers_line_by_line(start: Start) -> None:
    child = start(ECHO)
    assert [child.ask(word, timeout=20) for word in (b"one", b"two")] == [b"4 one", b"4 two"]


def test_a_line_larger_than_a_pipe_arrives(start: Start) -> None:
    assert start(ECHO).ask(b"x" * 3_000_000, timeout=20) == b"3000001 xxxxxxxxxxxxxxxxxxxx"


def test_an_answer_larger_than_a_pipe_arrives(start: Start) -> None:
    child = start("import sys\nfor line in sys.stdin: print('y' * 3_000_000, flush=True)")
    assert len(child.ask(b"", timeout=20)) == 3_000_000


def test_an_answer_without_end_is_cut(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "MAX_ANSWER", 100_000)
    child = start("import sys, time\nsys.stdout.write('y' * 3_000_000); time.sleep(60)")
    with pytest.raises(ToolError, match="closed its pipe or said too much") as caught:
        child.ask(b"", timeout=20)
    assert caught.value.hint == ""


def test_silence_ends_it_and_its_children(start: Start, tmp_path: Path) -> None:
    child = start(
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']);"
        "open('pid', 'w').write(str(p.pid)); print('ready', flush=True); time.sleep(60)"
    )
    assert child.ask(b"", timeout=20) == b"ready"
    with pytest.raises(ToolError, match=r"gave no answer within 0\.2 s$"):
        child.ask(b"", timeout=0.2)
    # That it was ended for it is our doing, and no news of the child.
    with pytest.raises(ToolError, match=r"^gave no answer within 0\.2 s$"):
        child.ask(b"", timeout=20)
    assert child.lost == "gave no answer within 0.2 s"
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_child_that_reads_nothing_is_ended_too(start: Start) -> None:
    with pytest.raises(ToolError, match=r"gave no answer within 0\.2 s$"):
        start("import time; time.sleep(60)").ask(b"x" * 3_000_000, timeout=0.2)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        ("print('x', end='')", "ended with exit code 0"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        (
            "import os, sys; print('a\\nlast words', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)",
            "was ended by SIGKILL (as happens when memory runs out); the last it said: last words",
        ),
    ],
)
def test_an_end_is_told_and_stays(start: Start, code: str, said: str) -> None:
    child = start(code)
    for _ in range(2):
        with pytest.raises(ToolError) as caught:
            child.ask(b"x" * 300_000, timeout=20)
        assert caught.value.message == said


def test_a_tool_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no-such-tool: not found on PATH"):
        Companion(["no-such-tool"], cwd=tmp_path, log=tmp_path / "log")


def test_it_gets_the_environment_and_the_folder(tmp_path: Path) -> None:
    code = "import json, os; print(json.dumps([os.environ['ONE'], os.getcwd()]), flush=True); input()"
    child = Companion([sys.executable, "-c", code], cwd=tmp_path, log=tmp_path / "log", env={"ONE": "1"})
    assert json.loads(child.ask(b"", timeout=20)) == ["1", str(tmp_path)]
    child.end()
    child.end()
