"""Processes: results, failures, timeouts that leave nothing behind, and logs of any size."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_ci.adapters import process
from mlops_ci.errors import ToolError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def has_ended(pid: int) -> bool:
    """Whether a process ends within seconds; the kernel takes a moment to carry out a kill."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([watch], [], [], 5)
    os.close(watch)
    return bool(ended)


def test_a_result_has_text_and_bytes(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xff\\n'); print('no', file=sys.stderr); sys.exit(3)"
    result = process.run(python(code), cwd=tmp_path, check=False)
    assert process.Result("\ufffd\n", "no\n", 3, b"\xff\n") == result


def test_input_and_environment_reach_the_tool(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['NAME'], sys.stdin.read(), os.environ['PATH'] != '')"
    result = process.run(python(code), cwd=tmp_path, env={"NAME": "$(x) y"}, input=b"in")
    assert result.stdout == "$(x) y in True\n"


def test_failure_tells_the_last_lines(tmp_path: Path) -> None:
    code = "import sys; print('one\\ntwo\\n\\x1b[31mthree\\x1b[0m\\nfour', file=sys.stderr); sys.exit(2)"
    with pytest.raises(ToolError) as caught:
        process.run([sys.executable, "-c", code], cwd=tmp_path)
    assert caught.value.message.endswith("failed with exit code 2: two | three | four")


def test_a_silent_failure_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="failed with exit code 1: it said nothing"):
        process.run(["git", "config", "--file", "nothing", "a.b"], cwd=tmp_path)


def test_secrets_in_arguments_are_not_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        process.run(["git", "-c", "http.extraHeader=secret", "nonsense", "secret"], cwd=tmp_path)
    assert "secret" not in caught.value.message


def test_unknown_tool_and_unknown_folder(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as unknown:
        process.run(["no-such-tool"], cwd=tmp_path)
    assert (
        unknown.value.message,
        unknown.value.hint,
    ) == ("no-such-tool: not found on PATH", "install no-such-tool, or add its folder to PATH")
    with pytest.raises(ToolError, match="does not exist"):
        process.run(["git"], cwd=tmp_path / "nowhere")
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(ToolError, match="may not be run"):
        process.run([str(plain)], cwd=tmp_path)


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']);"
        "open('pid', 'w').write(str(p.pid)); time.sleep(60)"
    )
    with pytest.raises(ToolError, match="timed out after 1 s"):
        process.run(python(code), cwd=tmp_path, timeout=1)
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_forked_task_writes_to_its_log_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def task() -> int:
        sys.stdout.write("from python\n")
        os.system("echo from a shell; echo to stderr >&2")
        return 7

    log = tmp_path / "new" / "task.log"
    outcome = process.forked(task, log=log)
    assert (outcome.code, outcome.timed_out) == (7, False)
    assert process.tail(log) == ("from python", "from a shell", "to stderr")
    assert capfd.readouterr() == ("", "")


def test_a_forked_task_never_returns_into_our_code(tmp_path: Path) -> None:
    def broken() -> int:
        raise RuntimeError("deep trouble")

    log = tmp_path / "log"
    assert process.forked(broken, log=log).code == 70
    assert process.tail(log)[-1] == "RuntimeError: deep trouble"
    assert process.forked(lambda: sys.exit(4), log=log).code == 4
    assert process.forked(lambda: sys.exit("words"), log=log).code == 1


def test_letting_go_is_not_interrupted_by_a_second_signal(tmp_path: Path) -> None:
    """Else a lock file would be left half written."""

    def task() -> int:
        try:
            while True:
                signal.pause()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.write(1, b"let go\n")

    log = tmp_path / "log"
    outcome = process.forked(task, log=log, timeout=2)
    assert (outcome.code, outcome.timed_out) == (128 + signal.SIGTERM, True)
    assert log.read_text() == "let go\n"


def test_forked_timeout_ends_the_grandchildren(tmp_path: Path) -> None:
    def task() -> int:
        return os.system(f"sleep 60 & echo $! > {tmp_path}/pid; wait")

    ticks: list[int] = []
    outcome = process.forked(task, log=tmp_path / "log", timeout=2, on_tick=lambda: ticks.append(1))
    assert outcome.timed_out
    assert outcome.code != 0
    assert 2 <= outcome.seconds < 30
    assert ticks
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_task_that_ignores_the_friendly_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)

    def task() -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return os.system("trap '' TERM; sleep 60")

    assert process.forked(task, log=tmp_path / "log", timeout=2).code == -signal.SIGKILL


def test_interrupt_kills_the_task_and_goes_on_up(tmp_path: Path) -> None:
    def interrupt() -> None:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    def task() -> int:
        (tmp_path / "pid").write_text(str(os.getpid()))
        return os.system("sleep 60")

    with pytest.raises(KeyboardInterrupt):
        process.forked(task, log=tmp_path / "log", on_tick=interrupt)
    assert has_ended(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_nothing_goes_on_after_we_were_killed(tmp_path: Path) -> None:
    """The task's own child says its number; then we are killed without any chance to clear up."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = (
        "import subprocess, sys; from pathlib import Path; from mlops_ci.adapters import process;"
        "command = f'echo $PPID $$ > {sys.argv[1]}; exec sleep 60';"
        "task = lambda: subprocess.call(['sh', '-c', command]);"
        "process.forked(task, log=Path(sys.argv[2]))"
    )
    parent = subprocess.Popen([*python(code), str(fifo), str(tmp_path / "log")])
    task, grandchild = (int(number) for number in fifo.read_text().split())
    parent.kill()
    parent.wait()
    assert has_ended(task)
    assert has_ended(grandchild)


def test_a_task_whose_parent_is_gone_already_ends(tmp_path: Path) -> None:
    child = process.Child.fork(lambda: 0, log=tmp_path / "other")
    gone = child.pid
    while child.poll() is None:
        process.wait([child], 1)

    def outlive() -> int:
        process._end_with(gone)
        return 0

    task = process.Child.fork(outlive, log=tmp_path / "log")
    while task.poll() is None:
        process.wait([task], 1)
    assert task.poll() == (-signal.SIGKILL if sys.platform == "linux" else 0)


def test_the_log_of_a_flood_keeps_its_head_and_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_LOG", 100_000)

    def task() -> int:
        sys.stdout.write("the first line\n")
        for number in range(200_000):
            sys.stdout.write(f"line {number}\n")
        sys.stdout.write("the last line\n")
        return 0

    log = tmp_path / "log"
    process.forked(task, log=log)
    assert log.stat().st_size <= 100_000
    assert log.read_text().startswith("the first line\n")
    assert "bytes left out" in log.read_text()
    assert process.tail(log, 2) == ("line 199999", "the last line")


def test_tail_reads_only_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.seek(2_000_000_000)
        file.write(b"\nend\n")
    assert process.tail(log, 3)[-1] == "end"
    assert process.tail(tmp_path / "none") == ()


def test_lines_are_cleaned_for_people() -> None:
    text = (
        "10%\r50%\r100%\n\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\n\n  \n\x00bell\x07\u202e!\ncrlf\r\n"
        + "x" * 400
    )
    assert process.clean(text + "x" * 400) == ["100%", "red ok", "bell!", "crlf", "x" * 299 + "…"]


def test_lines_are_heard_as_they_come_and_kept(tmp_path: Path) -> None:
    """The tool waits until its first line was heard; otherwise this would never end."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    heard: list[str] = []

    def listen(line: str) -> None:
        heard.append(line)
        if line == "first":
            gate.write_text("go on")

    script = "import sys; print('first', file=sys.stderr, flush=True); open(sys.argv[1]).read(); print('out'); print('\\x1b[1mlast', file=sys.stderr)"
    done = process.run([sys.executable, "-c", script, str(gate)], cwd=tmp_path, on_line=listen)
    assert heard == ["first", "last"]
    assert (done.stdout, done.stderr) == ("out\n", "first\n\x1b[1mlast\n")


def test_a_task_is_ended_before_it_has_a_group_of_its_own(tmp_path: Path) -> None:
    child = process.Child.fork(lambda: os.system("sleep 60"), log=tmp_path / "log")
    child.stop()
    assert child.poll() not in (None, 0)
    assert child.seconds < 30
