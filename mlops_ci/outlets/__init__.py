"""Where a report goes: GitHub's pull request, checks and job, or the embedded forge beside the repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlops_ci import gates, report
from mlops_ci.adapters import revisions
from mlops_ci.adapters.actions import Level, Runner
from mlops_ci.adapters.cml import Cml
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.publishing import Report, Way, publish
from mlops_ci.adapters.revisions import Revisions
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Waiver
from mlops_ci.forge import PullRequest, post
from mlops_ci.outlets import targets, waivers
from mlops_ci.outlets.board import Board, End, Mark
from mlops_ci.outlets.notes import Notes, reason
from mlops_ci.outlets.order import Order
from mlops_ci.outlets.received import Received, receive
from mlops_ci.report import conclusions
from mlops_ci.report.conclusions import Conclusion, Remark
from mlops_ci.waiving.owners import Rules

# The runner shows so many annotations of a kind and step.
MOST_ANNOTATIONS = 10
FORK = (
    "this run is a fork's and its token only reads, so nothing is posted: the trusted workflow on"
    " `workflow_run` posts the report"
)
NO_CML = "set the command up before this step (iterative/setup-cml), or take `comment.publisher: cml` away"
_LEVELS: Mapping[str, Level] = {"failure": "error", "warning": "warning"}


@dataclass(frozen=True)
class Posted:
    """Where the comment stands and on which pull request, if there is one."""

    url: str = ""
    pull_request: int | None = None


@dataclass(frozen=True)
class Outlets:
    """What can be told from here. Whatever fails costs a note, never the verdict.

    ``runner`` is None outside of GitHub Actions. ``target`` is the pull request that evidence from
    elsewhere is about; without one the checked-out commit is reported.
    """

    notes: Notes
    # It holds the token.
    environ: Mapping[str, str] = field(repr=False)
    runner: Runner | None = field(repr=False)
    dry_run: bool = False
    target: PullRequest | None = None
    say: Callable[[str], None] = field(default=lambda _: None, repr=False)

    @classmethod
    def of(
        cls,
        terminal: Terminal,
        environ: Mapping[str, str] = os.environ,
        *,
        dry_run: bool = False,
        target: PullRequest | None = None,
    ) -> Outlets:
        """The outlets of this process."""
        notes = Notes(terminal.say)
        runner = _runner(notes, environ, json_output=terminal.json_output)
        return cls(notes, environ, runner, dry_run, target, terminal.say)

    @property
    def from_fork(self) -> bool:
        """Whether this run belongs to a fork's pull request: its token only reads."""
        return self.runner is not None and self.runner.from_fork

    @cached_property
    def github(self) -> GitHub | None:
        """GitHub, where this is a job of its Actions that may write."""
        return None if self.dry_run else self.readable

    @cached_property
    def readable(self) -> GitHub | None:
        """GitHub, where this is a job of its Actions with the rights of this repository."""
        if self.runner is None or self.from_fork:
            return None
        try:
            return GitHub.of(self.environ, say=self.say)
        except MlopsError as error:
            self.notes.failed("nothing is posted to GitHub", error)
            return None

    def receive(self, path: Path, number: int | None) -> Received:
        """Evidence that an untrusted run left in a file, with its pull request.

        Raises:
            ConfigError: this is no trusted job, or the document is refused.
            ToolError: GitHub refuses or cannot be reached.
        """
        if self.runner is None or self.from_fork:
            raise ConfigError(
                "--evidence is for a trusted job of GitHub Actions",
                "call it in the workflow on `workflow_run`; docs/github.md shows it",
            )
        return receive(GitHub.of(self.environ, say=self.say), self.runner, path, number)

    @cached_property
    def board(self) -> Board | None:
        """The check runs, where there are any."""
        if self.github is None or self.runner is None:
            return None
        mark = Mark(self.runner.run, self.runner.attempt)
        return Board(self.github, self.notes, mark, self.runner.url)

    @cached_property
    def commit(self) -> str:
        """The commit whose checks are written: the pull request's own head."""
        if self.target is not None:
            return self.target.head_commit
        try:
            return revisions.own_commit(Git.open(Path.cwd()), self.environ)
        except MlopsError:
            return self.runner.head_commit if self.runner else ""

    @property
    def url(self) -> str:
        """Where the whole report is, empty where no runner shows it."""
        return self.runner.url if self.runner else ""

    def waivers(self, rules: Rules, found: Revisions) -> tuple[Waiver, ...] | None:
        """What the owners accepted in comments; None outside of GitHub, where nobody can be asked.

        Where reading fails nothing is waived, and a note says why; a fork's run has nothing to say of it.
        """
        github, runner = self.readable, self.runner
        if runner is None:
            return None
        if github is None:
            return ()

        def read() -> tuple[Waiver, ...]:
            number = self._waived_in(github, runner, found)
            return waivers.Registrar(github, rules).read(number) if number else ()

        told = self.notes.tried("no waiver counts", read) or ()
        for problem in dict.fromkeys(one.problem for one in told if waivers.UNSEEN in one.problem):
            self.notes.tell(f"a waiver does not count: {problem}", waivers.SEE)
        return told

    def _waived_in(self, github: GitHub, runner: Runner, found: Revisions) -> int | None:
        if self.target is not None:
            return self.target.number
        return targets.waived_in(github, runner, self.commit, found.branch, found.base_branch)

    # ---- the comment -----------------------------------------------------------------------------

    def post(
        self, text: str, git: Git, found: Revisions, *, way: Way = "auto", create: bool = True
    ) -> Posted:
        """Bring the pull request's sticky comment up to date; ``create`` False: on GitHub none is begun.

        Raises:
            MlopsError: a forge could not be reached or refused.
        """
        if self.dry_run:
            return Posted()
        if self.runner is not None and self.from_fork:
            self.notes.tell(FORK)
            return Posted(pull_request=self.runner.pull_request)
        if self.runner is None or self.github is None:
            return _posted_beside(git, found, text)
        number = self._number(self.github, self.runner, found)
        if number is None:
            return Posted()
        return Posted(self._published(self.github, number, text, way, create=create), number)

    def _number(self, github: GitHub, runner: Runner, found: Revisions) -> int | None:
        if self.target is not None:
            return self.target.number
        return targets.number_of(github, runner, self.commit, found.branch, found.base_branch)

    def _published(self, github: GitHub, number: int, text: str, way: Way, *, create: bool) -> str:
        cml = Cml.of(self.environ, token=github.http.settings.token)
        again = self.runner is not None and self.runner.attempt != "1"
        stamp = Order(github, number, self.commit, self.say) if again else _created
        wanted = Report(text, self.commit)
        try:
            done = publish(github, number, wanted, stamp, cml=cml, way=way, create=create)
        except MlopsError as error:
            self.notes.failed("the comment was not posted", error)
            return ""
        if done.note:
            self.notes.tell(done.note, NO_CML if way == "cml" and cml is None else "")
        return done.url

    # ---- the checks ------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the checks say that a run is under way, and that it died where it does."""
        board, tried = self.board, self.notes.tried
        try:
            if board is not None:
                tried(
                    "the checks were not begun", lambda: board.begin(self.commit, conclusions.names(_gates()))
                )
            yield
        except BaseException as error:
            if board is not None:
                end = _death(error, self.url)
                tried("the checks were not ended", lambda: board.end(self.commit, end))
            raise

    def conclude(self, found: Iterable[Conclusion], also: str = "") -> None:
        """Write the checks; ``also`` names a commit that was made meanwhile and is the head now.

        What stands in no check is annotated in the job instead.
        """
        every = tuple(found)
        board, commits = self.board, filter(None, (self.commit, also))
        written = [board.conclude(commit, every) for commit in commits] if board else []
        if written and all(written):
            return
        if self.runner is not None and not (self.from_fork or self.dry_run):
            _annotate(self.runner, [remark for one in every for remark in one.remarks])

    def end_left_open(self) -> tuple[str, ...]:
        """End the checks of this run that nothing else ended; gives their names."""
        if self.board is None:
            return ()
        said = "The run ended before it judged: it was stopped, or its machine was lost."
        return self.board.end(self.commit, End("cancelled", said, conclusions.died(said, url=self.url)))

    # ---- the job ---------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many bytes of a job summary are taken."""
        return self._job.room

    def summary(self, text: str) -> None:
        """Add to the job summary, where one is shown.

        Raises:
            ToolError: it cannot be written.
        """
        self._job.summary(text)

    def output(self, **values: object) -> None:
        """Give the step its outputs; ``_`` in a name stands for a hyphen."""

        def told() -> None:
            for name, value in values.items():
                self._job.output(name.replace("_", "-"), "" if value is None else str(value))

        if self.runner is not None:
            self.notes.tried("the step's outputs were not written", told)

    @property
    def _job(self) -> Runner:
        """The runner; other systems that set GITHUB_STEP_SUMMARY get a summary, too."""
        return self.runner or Runner(self.environ, "", {}, sys.stdout)


def _runner(notes: Notes, environ: Mapping[str, str], *, json_output: bool) -> Runner | None:
    # The runner reads commands on either stream; standard output is the document's with --json.
    stream = sys.stderr if json_output else sys.stdout
    try:
        return Runner.of(environ, stream)
    except ConfigError as error:
        notes.failed("what started this run is not known", error)
        return Runner(environ, environ.get("GITHUB_EVENT_NAME", ""), {}, stream)


def _annotate(runner: Runner, remarks: Sequence[Remark]) -> None:
    for kind, level in _LEVELS.items():
        for one in [remark for remark in remarks if remark.level == kind][:MOST_ANNOTATIONS]:
            runner.annotate(level, one.message, title=one.title, file=one.file, line=one.line)


def _posted_beside(git: Git, found: Revisions, text: str) -> Posted:
    """Post on the embedded forge, where the branch gets a pull request; the base branch has none."""
    forge = LocalForge.beside(git)
    if not found.branch or found.branch == found.base_branch:
        return Posted()
    title = git.message(found.head).partition("\n")[0]
    pull = forge.open(
        head=found.branch, base=found.base_branch or "main", head_commit=found.head, title=title
    )
    with forge.alone():
        return Posted(post(forge, pull.number, text, _created).url, pull.number)


def _created(body: str) -> str | None:
    found = report.read_marker(body)
    return found.created if found else None


def _gates() -> Iterable[str]:
    """The names of all gates; where another package's is broken, ours: the error comes when it judges."""
    try:
        return gates.all_gates()
    except MlopsError:
        return gates.GATES


def _death(error: BaseException, url: str) -> End:
    """How a check ends whose run died of this."""
    if isinstance(error, KeyboardInterrupt):
        said = "The run was stopped before it judged."
        return End("cancelled", said, conclusions.died(said, url=url))
    hint = error.hint if isinstance(error, MlopsError) else ""
    said = f"The run ended before it judged: {reason(error)}"
    return End("failure", said, conclusions.died(said, hint, url=url))
