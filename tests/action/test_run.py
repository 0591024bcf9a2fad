"""The verb's command line out of the inputs: arguments are words, never a shell's text."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.action.steps import ACTION, Job, script

RUN = script("run")


def command(verb: str = "pr", args: str = "") -> list[str]:
    words: list[str] = RUN.command({"MLOPS_CI_VENV": "/venv", "MLOPS_CI_VERB": verb, "MLOPS_CI_ARGS": args})
    assert words[0] == "/venv/bin/mlops-ci"
    return words[1:]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", []),
        ("--base main --timeout 30m", ["--base", "main", "--timeout", "30m"]),
        ("--output 'a folder'\n--json", ["--output", "a folder", "--json"]),
        ("$(id) `id` ; && a > b", ["$(id)", "`id`", ";", "&&", "a", ">", "b"]),
        ("${{ github.token }} $HOME *", ["${{", "github.token", "}}", "$HOME", "*"]),
    ],
)
def test_arguments_are_split_and_nothing_else(args: str, words: list[str]) -> None:
    assert command(args=args) == ["pr", *words]


@pytest.mark.parametrize("verb", ["", "pr;id", "--help", "../x", "pr\n", "Pr"])
def test_a_verb_is_a_word(verb: str) -> None:
    with pytest.raises(ValueError, match="is no verb"):
        command(verb)


def test_a_quote_that_does_not_end_is_told() -> None:
    with pytest.raises(ValueError, match="args: no closing quotation"):
        command(args="--base 'main")


def test_the_pipelines_python_comes_first_only_with_its_requirements() -> None:
    own = {"MLOPS_CI_VENV": "/venv", "PATH": "/usr/bin"}
    assert RUN.surroundings(own)["PATH"] == os.pathsep.join(["/usr/bin", "/venv/bin"])
    first = RUN.surroundings({**own, "MLOPS_CI_PYTHON_FIRST": "true"})
    assert first["PATH"] == os.pathsep.join(["/venv/bin", "/usr/bin"])
    assert not [name for name in first if name.startswith("MLOPS_CI_")]
    assert RUN.surroundings({**own, "MLOPS_CI_RUNNER": "gpu"})["MLOPS_CI_RUNNER"] == "gpu"


def test_a_secret_that_is_not_there_is_not_there() -> None:
    own = {
        "MLOPS_CI_VENV": "/venv",
        "AWS_ACCESS_KEY_ID": "",
        "AZURE_X": "y",
        "EMPTY": "",
        "MLOPS_CI_TOKEN": "t",
    }
    found = RUN.surroundings(own)
    assert "AWS_ACCESS_KEY_ID" not in found
    assert (found["AZURE_X"], found["EMPTY"], found["MLOPS_CI_TOKEN"]) == ("y", "", "t")


def test_the_verb_takes_the_steps_place_with_its_exit_code(tmp_path: Path) -> None:
    job = Job.begun(tmp_path)
    program = job.temp / "bin" / "mlops-ci"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" "$GITHUB_TOKEN"; exit 7\n')
    program.chmod(0o755)
    told = {"MLOPS_CI_VENV": str(job.temp), "MLOPS_CI_VERB": "pr", "MLOPS_CI_ARGS": "--base '$(id) x'"}
    done = job.run(sys.executable, "-I", ACTION / "run.py", GITHUB_TOKEN="t", **told)
    assert (done.code, done.log) == (7, "pr|--base|$(id) x|t|")


def test_what_could_not_be_run_is_one_line(tmp_path: Path) -> None:
    done = Job.begun(tmp_path).run(sys.executable, "-I", ACTION / "run.py", MLOPS_CI_VENV="/nowhere")
    assert done.code == 2
    assert done.log.startswith("::error title=mlops-ci was not run::")
    assert done.log.count("\n") == 1
