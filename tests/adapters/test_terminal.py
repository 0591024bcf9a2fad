"""What a person sees on a terminal, what CI logs, and what a machine reads."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys

import pytest

from mlops_ci.adapters.terminal import Terminal

SHOW = """
from mlops_ci.adapters.terminal import Terminal
terminal = Terminal()
with terminal.step("Working [hard]") as update:
    update("train: epoch 1")
    terminal.say("ran train [bold]x[/bold]")
terminal.markdown("# Title\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n")
"""


def test_words_and_results_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(json_output=True)
    with terminal.step("Working") as update:
        update("unseen")
    terminal.say("a word")
    terminal.markdown("unseen")
    terminal.result("unseen", {"verdict": "passed", "name": "ü"})
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"verdict": "passed", "name": "ü"}
    assert shown.err == "Working …\na word\n"


def test_a_word_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().say("\nran \x1b[2Jtrain\u202e\n  two\x07")
    assert capsys.readouterr().err == "\nran train\ufffd\n  two\ufffd\n"


def test_no_line_of_a_document_is_a_command_to_a_runner(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {"##[error]": "a ##[set-output name=verdict;]passed\n::error::x ###[b"}
    Terminal(json_output=True).result("", hostile)
    shown = capsys.readouterr().out
    assert json.loads(shown) == hostile
    assert [line for line in shown.splitlines() if "##[" in line or line.startswith("::")] == []


def test_without_a_terminal_markdown_is_plain_and_its_entities_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Terminal().markdown("a &#124; b &lt;c&gt; @\u200ball")
    Terminal().result("")
    assert capsys.readouterr().out == "a | b <c> @all\n"


def test_on_a_terminal_there_is_a_live_line_and_a_drawn_table() -> None:
    """A real pseudo-terminal; rich decides by it."""
    own, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "CI": ""}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    raw = b""
    while select.select([own], [], [], 30)[0]:
        try:
            chunk = os.read(own, 65_536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not chunk:
            break
        raw += chunk
    os.close(own)
    assert process.wait() == 0
    shown = raw.decode()
    assert "Working [hard]" in shown
    assert "ran train [bold]x[/bold]" in shown
    assert "━" in shown or "─" in shown
    assert "| a |" not in shown
