"""What the runner is told is what it reads, whatever foreign text is in it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.actions import MAX_SUMMARY, Runner, silent
from mlops_ci.errors import ConfigError, ToolError

HOSTILE = "a\n::set-output name=x::y\r\n%0A<<EOF\nEOF\nverdict=passed\u202e"


def runner(folder: Path, event: str = "push", payload: Any = None, **more: str) -> Runner:
    (folder / "event.json").write_text(json.dumps(payload or {}))
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **more,
    }
    found = Runner.of(environ, io.StringIO())
    assert found is not None
    return found


def printed(found: Runner) -> str:
    assert isinstance(found.stdout, io.StringIO)
    return found.stdout.getvalue()


def outputs(path: Path) -> dict[str, str]:
    """The outputs as the runner reads them (its FileCommandManager): ``name<<end``, lines, ``end``."""
    found, lines = {}, iter(path.read_bytes().decode().split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, end = line.partition("<<")
        held = []
        for inner in lines:
            if inner == end:
                break
            held.append(inner)
        found[name] = "\n".join(held)
    return found


def test_outside_of_actions_there_is_no_runner() -> None:
    assert Runner.of({}) is None
    assert Runner.of({"GITHUB_ACTIONS": "false"}) is None


def pull(head: str, base: str = "acme/census") -> dict[str, Any]:
    return {
        "number": 7,
        "head": {"sha": "b" * 40, "repo": {"full_name": head}},
        "base": {"repo": {"full_name": base}},
    }


@pytest.mark.parametrize(
    ("payload", "number", "commit", "fork"),
    [
        ({"pull_request": pull("acme/census")}, 7, "b" * 40, False),
        ({"pull_request": pull("mallory/census")}, 7, "b" * 40, True),
        ({"pull_request": {**pull("x"), "head": {"sha": "b" * 40, "repo": None}}}, 7, "b" * 40, True),
        ({"issue": {"number": 9, "pull_request": {"url": "u"}}}, 9, "a" * 40, False),
        ({"issue": {"number": 9}}, None, "a" * 40, False),
        ({"workflow_run": {"head_sha": "c" * 40}}, None, "c" * 40, False),
        ({"pull_request": {"number": "7; rm -rf /"}}, None, "a" * 40, False),
        ([], None, "a" * 40, False),
    ],
)
def test_the_event_says_what_the_run_is_about(
    tmp_path: Path, payload: Any, number: int | None, commit: str, fork: bool
) -> None:
    found = runner(tmp_path, payload=payload, GITHUB_SHA="a" * 40)
    assert (found.pull_request, found.head_commit) == (number, commit)
    if number == 7:
        assert found.from_fork is fork


@pytest.mark.parametrize("content", [None, "not json"])
def test_an_event_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(f"GITHUB_EVENT_PATH: {path} cannot be read as an event")):
        Runner.of({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(path)})


def test_an_output_comes_back_whatever_it_holds(tmp_path: Path) -> None:
    found = runner(tmp_path)
    values = {"verdict": "passed", "hostile": HOSTILE, "empty": ""}
    for name, value in values.items():
        found.output(name, value)
    assert outputs(tmp_path / "output") == values


def test_a_summary_is_added_and_never_too_large(tmp_path: Path) -> None:
    found = runner(tmp_path)
    found.summary("# One")
    found.summary("line\n" * MAX_SUMMARY)
    text = (tmp_path / "summary").read_text()
    assert text.startswith("# One\nline\n")
    assert text.endswith("line\n")
    assert MAX_SUMMARY - 6 < len(text) <= MAX_SUMMARY


def test_without_the_runners_files_nothing_is_written(tmp_path: Path) -> None:
    found = runner(tmp_path, GITHUB_OUTPUT="", GITHUB_STEP_SUMMARY="")
    found.output("a", "b")
    found.summary("text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["event.json"]


def test_a_file_of_the_runner_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"GITHUB_OUTPUT: .* cannot be written"):
        runner(tmp_path, GITHUB_OUTPUT=str(tmp_path / "no" / "folder")).output("a", "b")


def test_an_annotation_is_one_line_at_its_place(tmp_path: Path) -> None:
    found = runner(tmp_path)
    found.annotate("error", f"accuracy fell: {HOSTILE}", title="a,b:c", file="params.yaml", line=3)
    found.annotate("notice", "no place")
    assert printed(found) == (
        "::error file=params.yaml,line=3,title=a%2Cb%3Ac::accuracy fell: a%0A::set-output name=x::y%0D%0A"
        "%250A<<EOF%0AEOF%0Averdict=passed\u202e\n::notice::no place\n"
    )


def test_a_secret_is_blotted_out_line_by_line(tmp_path: Path) -> None:
    found = runner(tmp_path)
    found.mask("one\n\ntwo%")
    assert printed(found) == "::add-mask::one\n::add-mask::two%25\n"


def test_between_silence_and_listen_nothing_is_a_command(tmp_path: Path) -> None:
    found = runner(tmp_path)
    words = [found.silence(), found.silence()]
    found.listen(words[0])
    assert words[0] != words[1]
    assert printed(found).splitlines() == [
        f"::stop-commands::{words[0]}",
        f"::stop-commands::{words[1]}",
        f"::{words[0]}::",
    ]


def test_in_a_silence_only_a_runner_is_heard(tmp_path: Path) -> None:
    found = runner(tmp_path)
    with silent(found.environ, found.stdout):
        found.stdout.write("::set-output name=verdict::passed\n")
        found.annotate("error", "ours")
    found.annotate("notice", "later")
    word = printed(found).splitlines()[0].rpartition(":")[2]
    assert re.fullmatch(r"[0-9a-f]{32}", word)
    assert printed(found).splitlines() == [
        f"::stop-commands::{word}",
        "::set-output name=verdict::passed",
        f"::{word}::",
        "::error::ours",
        f"::stop-commands::{word}",
        f"::{word}::",
        "::notice::later",
    ]


def test_outside_of_actions_nobody_is_silenced() -> None:
    stream = io.StringIO()
    with silent({}, stream):
        stream.write("text")
    assert stream.getvalue() == "text"


def test_which_run_it_is_and_where_its_commits_come_from(tmp_path: Path) -> None:
    told = {"GITHUB_REPOSITORY": "acme/census", "GITHUB_RUN_ID": "5"}
    found = runner(tmp_path, **told, GITHUB_RUN_ATTEMPT="3")
    assert (found.run, found.attempt, found.head_repository) == ("5", "3", "acme/census")
    assert (runner(tmp_path).run, runner(tmp_path).attempt) == ("", "1")
    started = {"workflow_run": {"head_repository": {"full_name": "mallory/census"}}}
    assert runner(tmp_path, payload=started, **told).head_repository == "mallory/census"
    gone = {"workflow_run": {"head_repository": None}}
    assert runner(tmp_path, payload=gone, **told).head_repository == "acme/census"


def test_where_the_run_is_shown(tmp_path: Path) -> None:
    told = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/census",
        "GITHUB_RUN_ID": "5",
    }
    assert runner(tmp_path, **told).url == "https://github.com/acme/census/actions/runs/5"
    assert runner(tmp_path).url == ""


def test_a_draft_and_its_labels(tmp_path: Path) -> None:
    event = {"draft": True, "labels": [{"name": "bug"}, {"name": "run-ml"}, "odd", {"id": 1}]}
    found = runner(tmp_path, "pull_request", {"pull_request": event})
    assert (found.draft, found.labels) == (True, ("bug", "run-ml"))
    for other in ({}, {"draft": "yes", "labels": None}):
        found = runner(tmp_path, "pull_request", {"pull_request": other})
        assert (found.draft, found.labels) == (False, ())


@pytest.mark.parametrize(
    ("told", "labels"),
    [
        ("", ()),
        ("ubuntu-latest", ("ubuntu-latest",)),
        ('["self-hosted", "gpu"]', ("self-hosted", "gpu")),
        ("[gpu", ("[gpu",)),
        ("[]", ()),
    ],
)
def test_the_labels_of_the_machine(tmp_path: Path, told: str, labels: tuple[str, ...]) -> None:
    assert runner(tmp_path, MLOPS_CI_RUNNER=told).machine == labels
    assert runner(tmp_path).machine == ()
