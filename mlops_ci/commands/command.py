"""`mlops-ci command`: what a comment on a pull request asks for, carried out for those who may."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from mlops_ci import config as rules
from mlops_ci.adapters import github_people, github_repository, github_runs
from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub, Reaction
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.config import FILE
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.forge import PullRequest
from mlops_ci.outlets import waivers
from mlops_ci.promoting import ordered
from mlops_ci.waiving import orders
from mlops_ci.waiving.orders import MARK
from mlops_ci.writing.markdown import prose

PROMOTE = "mlops-ci-promote.yml"


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
    """The workflow files of pull requests and of promotions, and where mlops-ci.yaml stands."""

    workflow: str
    promote: str
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
    promote_workflow: Annotated[
        str, typer.Option(help="The workflow file that carries out what is ordered of promotions.")
    ] = PROMOTE,
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
        answer = obey(github, order, Files(workflow, promote_workflow, config))
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


def _ordering(action: ordered.Action) -> Callable[[GitHub, Order, Files], Answer]:
    """The command that hands an order of promotions on to the workflow that carries it out."""

    def act(github: GitHub, order: Order, files: Files) -> Answer:
        pull = github.pull_request(order.number)
        # A fork may name its branch as it likes.
        branch = "" if pull.fork else pull.head
        asked = ordered.said(action, order.words[1:], by=order.author, branch=branch)
        main = github_repository.facts(github)
        _known(github, asked, main.default_branch, files.config)
        _start(github, files.promote, main.default_branch, asked)
        return Answer("rocket", _handed_on(asked, files.promote, main.url), reply=True)

    return act


def _known(github: GitHub, asked: ordered.Order, branch: str, path: str) -> None:
    """Tell a misspelt environment at once; where the rules extend others, the workflow tells it.

    Raises:
        ConfigError: there is no such environment.
        ToolError: GitHub refuses or cannot be reached.
    """
    raw = github_repository.content(github, path, branch)
    try:
        known = rules.load(raw.decode(errors="replace") if raw else None, source=path).environments
    except ConfigError:
        return
    if asked.target and asked.target.partition("/")[0] not in known:
        there = f"there are {', '.join(known)}" if known else f"declare `environments:` in {path}"
        raise ConfigError(f"{path} on {branch} has no such environment", there)


def _start(github: GitHub, workflow: str, branch: str, asked: ordered.Order) -> None:
    try:
        github_runs.dispatch(github, workflow, branch, asked.inputs)
    except GitHubError as error:
        if error.status not in (404, 422):
            raise
        raise ConfigError(
            f"{workflow} on {branch} cannot be started with an order: {error.message}",
            "`mlops-ci init --promote` writes a workflow that can",
        ) from error


def _handed_on(asked: ordered.Order, workflow: str, address: str) -> str:
    what = {
        "promote": f"promotes `{asked.target}`, if that is due" if asked.target else "promotes what is due",
        "rollback": f"proposes to take `{asked.target}` back",
        "hold": f"proposes to hold newer releases out of `{asked.target}`",
        "unhold": f"proposes to let newer releases into `{asked.target}` again",
    }
    run = f"[{workflow}]({address}/actions/workflows/{workflow})"
    return f"{run} {what[asked.action]}; the summary of its run says what came of it."


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
    "promote": Command(
        f"open the promotions that are due now: `{MARK} promote` or `{MARK} promote ENVIRONMENT/MODEL`.",
        _ordering("promote"),
    ),
    "rollback": Command(
        "propose to go back to an earlier release, and hold newer ones: "
        f"`{MARK} rollback ENVIRONMENT/MODEL [--to previous|last-verified|DIGEST] REASON`.",
        _ordering("rollback"),
    ),
    "hold": Command(
        f"propose to let no newer release in: `{MARK} hold ENVIRONMENT/MODEL REASON`.", _ordering("hold")
    ),
    "unhold": Command(
        f"propose to end a hold: `{MARK} unhold ENVIRONMENT/MODEL`. "
        "Under a promotion's own pull request the target of the last three may be left out.",
        _ordering("unhold"),
    ),
    "help": Command("show this list.", _help),
}
