"""Hostile names and texts, through a whole run and in a fork's evidence: nothing runs, leaks, steers or calls anybody."""

from __future__ import annotations

import json
import re

import pytest

from tests.adapters.github_double import TOKEN

from . import inert
from .conftest import OURS, Told
from .payloads import CASES, FULL, VALUE, Case, at

# Commit messages and titles stand in no report; of a run that changes nothing neither do a branch and a tag.
SHOWN = ("metric", "param", "value", "file", "stage", "printed", "evidence")
OUTPUTS = {"verdict", "exit-code", "evidence", "evidence-path", "comment-url", "report-path", "pull-request"}


def test_there_are_sixty_cases_and_more() -> None:
    assert len(CASES) >= 60
    assert len({case.id for case in CASES}) == len({case.label for case in CASES}) == len(CASES)
    assert len({case.place for case in CASES}) >= 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_it_is_text_and_nothing_else(case: Case, told: Told) -> None:
    """It can be seen, and wherever it is seen it runs, steers, links, mentions and hides nothing."""
    assert case.place not in SHOWN or case.id in "".join([*told.reports, told.page])
    assert [wrong for wrong in told.wrong if case.id in wrong.around] == []
    assert [line for line in told.commands if case.id in line] == []
    assert [line for line in told.err.splitlines() if re.match(rf"\s*::.*{case.id}", line)] == []
    assert [name for name in told.touched if case.id in name] == []
    assert case.id not in json.dumps(told.outputs)
    assert [line[:200] for line in told.lines if case.id in line and len(line) > 4_096] == []


@pytest.fixture(params=["names", "evidence", *(case.kind for case in at("branch"))])
def run(request: pytest.FixtureRequest) -> Told:
    """Every run there was."""
    fixtures = {"names": "named", "evidence": "received"}
    if request.param in fixtures:
        found: Told = request.getfixturevalue(fixtures[request.param])
        return found
    runs: dict[str, Told] = request.getfixturevalue("branched")
    return runs[request.param]


def test_a_run_ends_as_it_should_and_leaks_nothing(run: Told) -> None:
    # The one command that may come is ours: it folds a stage's log, whose lines are none.
    loud = [line for line in run.commands if not line.startswith(("::group::", "::endgroup::"))]
    assert (run.touched, loud, run.wrong) == ([], [], [])
    assert [secret for secret in (VALUE, TOKEN) if secret in run.everything] == []
    assert set(run.outputs) == OUTPUTS
    verdict, code = run.outputs["verdict"], run.outputs["exit-code"]
    assert (verdict, code) in (("refused", "1"), ("passed", "0"))
    said = f"**{verdict.capitalize()}**"
    assert said in run.summary, run.err
    # A branch that touches nothing of ours begins no comment.
    assert run.comment == "" or said in run.comment, run.err


@pytest.mark.parametrize("name", ["named", "received"])
def test_what_is_refused_is_told_in_a_comment(name: str, request: pytest.FixtureRequest) -> None:
    found: Told = request.getfixturevalue(name)
    assert "**Refused**" in found.comment


def test_a_run_stays_within_every_limit(run: Told) -> None:
    assert len(run.comment.encode("utf-16-le")) // 2 <= 65_536
    assert len(run.summary.encode()) <= 1 << 20
    assert len(run.page) < 8 << 20
    assert [text[:100] for text in [*run.reports, *run.lines, run.page] if "x" * 2_000 in text] == []
    assert [one["output"]["title"] for one in run.checks if "\n" in one["output"]["title"]] == []


MORE = (
    *("@ada", "see #12", "GH-1", "https://a.example", "www.a.example", f"commit {FULL}", "at 89abcde now"),
    *("<b>x</b>", "[a](b)", "![a](b)", "a\u202eb", "<!-- x -->", "<svg onload=x>"),
)


@pytest.mark.parametrize("source", MORE)
def test_the_reader_would_see_it(source: str) -> None:
    """What looks at the reports finds what is to be found."""
    assert inert.markdown(source, OURS) != []


@pytest.mark.parametrize("source", ["<script>", "<a onclick=x>", '<a href="javascript:x">', "<p>\u200d"])
def test_the_browser_would_see_it(source: str) -> None:
    assert inert.page(source) != []


def test_the_runner_would_hear_it() -> None:
    lines = ["::stop-commands::word", "::error::silent", "::word::", "::error::loud", "an old ##[error] one"]
    assert list(inert.commands(lines)) == ["::error::loud", "an old ##[error] one"]
