"""`mlops-ci command`: what a comment on a pull request asks for, carried out for those who may."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from mlops_ci.adapters import github_people, github_runs
from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub, Reaction
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.config import FILE
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.forge import PullRequest
from mlops_ci.outlets import waivers
from mlops_ci.waiving import orders
from mlops_ci.waiving.orders import MARK
from mlops_ci.writing.markdown import prose


@dataclass(frozen=True)
class Order:
    """What somebody asked for: the words after the mark, by whom, where."""

    words: tuple[str, ...]
    author: str
    comment: int
    number: int

    @property
    def name(self) -> str:
        """The command; the mark alone asks for help."""
        return self.words[0].lower() if self.words else "help"


@dataclass(frozen=True)
class Answer:
    """How it went: a reaction for everybody, and words where there is something to say."""

    reaction: Reaction
    text: str
    reply: bool = False


@dataclass(frozen=True)
class Files:
    """The workflow file of pull requests, and where mlops-ci.yaml stands."""

    workflow: str
    config: str


@dataclass(frozen=True)
class Command:
    """One command: its line in the help, and what it does."""

    line: str
    act: Callable[[GitHub, Order, Files], Answer]


def command(
    workflow: Annotated[
        str, typer.Option(help="The workflow file that a rerun runs again.")
    ] = "mlops-ci.yml",
    config: Annotated[
        str, typer.Option(help="Where mlops-ci.yaml stands in the repository; it may name who waives.")
    ] = FILE,
    json: Json = False,
) -> int:
    """Carry out what a comment on a pull request asks for, such as /mlops-ci rerun.

    Reads GitHub's event of the comment as data. Only people who may push to the repository are obeyed; the
    reaction under the comment is the receipt: eyes while it works, then a rocket, or a confused face.
    """
    terminal = Terminal(json_output=json)
    runner = Runner.of()
    if runner is None:
        raise ConfigError(
            "a command is read out of the event of a comment on GitHub",
            "use .github/workflows/commands.yml of mlops-ci, see docs/action.md",
        )
    order = read(runner.event, runner.payload)
    if order is None:
        terminal.result("this event has no command for mlops-ci", {"command": None})
        return 0
    github = GitHub.of(os.environ, say=terminal.say)
    if not github_people.permission(github, order.author).writes:
        answer = Answer("-1", f"{order.author} may not push to this repository, so nothing was done")
    else:
        _react(github, order, "eyes", terminal)
        answer = obey(github, order, Files(workflow, config))
    _react(github, order, answer.reaction, terminal)
    if answer.reply:
        github.create_comment(order.number, answer.text)
    terminal.result(answer.text, {"command": order.name, "reaction": answer.reaction, "answer": answer.text})
    return 0


def read(event: str, payload: Mapping[str, Any]) -> Order | None:
    """The order in a comment's first line; None where it holds none, or is a bot's."""
    comment, issue = payload.get("comment"), payload.get("issue")
    if event != "issue_comment" or payload.get("action") != "created":
        return None
    if not isinstance(comment, dict) or not isinstance(issue, dict) or "pull_request" not in issue:
        return None
    author = comment.get("user")
    if not isinstance(author, dict) or author.get("type") == "Bot":
        return None
    words = orders.words(str(comment.get("body", "")))
    if words is None:
        return None
    try:
        return Order(words, str(author["login"]), int(comment["id"]), int(issue["number"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"GITHUB_EVENT_PATH: the comment's event lacks {error}") from error


def obey(github: GitHub, order: Order, files: Files) -> Answer:
    """Carry the order out; what GitHub refuses is an answer too."""
    found = COMMANDS.get(order.name)
    if found is None:
        near = get_close_matches(order.name, COMMANDS, n=1)
        meant = f"Did you mean `{MARK} {near[0]}`?\n\n" if near else ""
        # The word itself is not repeated: it is a stranger's text in our comment.
        return Answer("confused", f"There is no such command. {meant}{help_text()}", reply=True)
    try:
        return found.act(github, order, files)
    except MlopsError as error:
        hint = f" {error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
        return Answer("confused", f"`{MARK} {order.name}` did not work: {error.message}.{hint}", reply=True)


def help_text() -> str:
    """What there is to command."""
    lines = [f"- `{MARK} {name}`: {found.line}" for name, found in COMMANDS.items()]
    return "\n".join(["A comment whose first line is one of these is carried out:", "", *lines])


def _help(_github: GitHub, _order: Order, _files: Files) -> Answer:
    return Answer("rocket", help_text(), reply=True)


def _rerun(github: GitHub, order: Order, files: Files) -> Answer:
    run = _last_run(github, github.pull_request(order.number), files.workflow)
    if run.running:
        return Answer("rocket", f"run {run.id} has not ended yet: {run.url}")
    github_runs.rerun(github, run.id)
    return Answer("rocket", f"run {run.id} runs again: {run.url}")


def _waive(github: GitHub, order: Order, files: Files) -> Answer:
    """Say at once whether a waiver is one; the run that follows says what it is worth."""
    pull = github.pull_request(order.number)
    found = waivers.said_now(github, pull.base, order.comment, files.config)
    if found.problem:
        return Answer("confused", _worded(found.problem), reply=True)
    run = _last_run(github, pull, files.workflow)
    if run.running:
        said = f"run {run.id} may have read the comments before; when it has ended, write `{MARK} rerun`"
        return Answer("rocket", f"Accepted until {found.until}: {said}.", reply=True)
    github_runs.rerun(github, run.id)
    return Answer("rocket", f"accepted until {found.until}: run {run.id} runs again: {run.url}")


def _worded(problem: str) -> str:
    form = "" if orders.FORM in problem else f"\n\nThe form is `{orders.FORM}`."
    return f"This waiver does not count: {prose(problem)}.{form}"


def _last_run(github: GitHub, pull: PullRequest, workflow: str) -> github_runs.Run:
    runs = github_runs.of_commit(github, workflow, pull.head_commit)
    run = next((run for run in runs if run.event == "pull_request"), None)
    if run is None:
        raise ConfigError(
            f"{workflow} has not run on {pull.head_commit[:10]} yet",
            "push a commit, or approve the waiting run",
        )
    return run


def _react(github: GitHub, order: Order, reaction: Reaction, terminal: Terminal) -> None:
    """A receipt that cannot be given costs a line, not the command."""
    try:
        github.react(order.comment, reaction)
    except MlopsError as error:
        terminal.say(f"note: no reaction was left: {error.message}")


# A further command is a line here and a function above.
COMMANDS = {
    "run": Command("run mlops-ci on this pull request's last commit, where it waits for that.", _rerun),
    "rerun": Command("run mlops-ci again on this pull request's last commit.", _rerun),
    "waive": Command(
        "accept a finding for some days, where an owner says so: "
        f"`{orders.FORM}`; the report shows the line to copy.",
        _waive,
    ),
    "help": Command("show this list.", _help),
}
