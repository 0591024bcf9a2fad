"""One invocation of a verb: the repository it works on, and the steps that verbs share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mlops_ci import evidence, gates, report
from mlops_ci.adapters import files, stage_display
from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.store import Store
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect import measuring, running
from mlops_ci.collect.handing import Spread
from mlops_ci.collect.locking import Outside, digest_at
from mlops_ci.collect.project import CONFIG, Project, find
from mlops_ci.collect.touched import is_touched
from mlops_ci.config import Waivers
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Evidence
from mlops_ci.evidence.bounded import bounded
from mlops_ci.judging import sentences
from mlops_ci.outlets import Outlets, waiting
from mlops_ci.outlets.received import LONGEST, ruled
from mlops_ci.outlets.waiting import Wait
from mlops_ci.outlets.waivers import rules_of
from mlops_ci.reporting import Judged, Reporting, write
from mlops_ci.waiving.owners import Rules
from mlops_ci.waiving.settling import settle
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

# So many days a report proposes; an owner writes what is right.
PROPOSED = 14


@dataclass(frozen=True)
class Session:
    """What a verb holds open; made once from the command line and the environment."""

    project: Project
    terminal: Terminal
    outside: Outside
    output: Path
    dry_run: bool
    outlets: Outlets

    @classmethod
    def open(
        cls,
        terminal: Terminal,
        *,
        base: str = "",
        output: Path | None = None,
        dry_run: bool = False,
        environ: Mapping[str, str] = os.environ,
        outlets: Outlets | None = None,
    ) -> Session:
        """Open the repository of the current folder."""
        project = find(Path.cwd(), environ, base=base)
        found = outlets or Outlets.of(terminal, environ, dry_run=dry_run)
        return cls(
            project=project,
            terminal=terminal,
            outside=Outside.of(environ, dry_run=dry_run, from_fork=found.from_fork),
            output=output or project.output,
            dry_run=dry_run,
            outlets=found,
        )

    @classmethod
    @contextmanager
    def running(
        cls,
        terminal: Terminal,
        *,
        base: str = "",
        output: Path | None = None,
        dry_run: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> Iterator[Session]:
        """Open it for a run: the checks on GitHub say so at once, and are ended whatever ends the run."""
        outlets = Outlets.of(terminal, environ, dry_run=dry_run)
        with outlets.running():
            yield cls.open(
                terminal, base=base, output=output, dry_run=dry_run, environ=environ, outlets=outlets
            )

    @classmethod
    def received(
        cls,
        terminal: Terminal,
        path: Path,
        pull_request: int | None,
        *,
        base: str = "",
        output: Path | None = None,
        dry_run: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> tuple[Session, Judged]:
        """What an untrusted run measured, judged by the rules of the branch it wants to go to.

        Raises:
            ConfigError: the document is refused: it is not evidence of that pull request's head.
            ToolError: GitHub cannot be reached.
        """
        outlets = Outlets.of(terminal, environ, dry_run=dry_run)
        found = outlets.receive(path, pull_request)
        session = cls.open(
            terminal,
            base=base or found.pull.base,
            output=output,
            dry_run=dry_run,
            environ=environ,
            outlets=replace(outlets, target=found.pull),
        )
        try:
            judged = session.judge(session.accepted(ruled(found, session.project)))
        except MlopsError:
            raise
        except Exception as error:
            said = clip(one_line(repr(error)), LONGEST)
            raise ConfigError(f"{path}: cannot be judged: {said}", "nothing was posted") from error
        return session, replace(judged, received=found.digest)

    @property
    def store(self) -> Store:
        """Where evidence is kept between runs."""
        return Store(self.project.dvc, self.project.git.git_dir() / "mlops-ci" / "store")

    def wait(self) -> Wait | None:
        """What this pull request waits for before it is run; where nothing of ours changed it never waits.

        Raises:
            ConfigError: the pipeline or its models cannot be read.
        """
        found = waiting.wait(self.project.policy.when, self.outlets.runner)
        return found if found and is_touched(self.project) else None

    def measure(
        self, timeout: float | None, jobs: float | None = None, joined: Spread | None = None
    ) -> Evidence:
        """Run and measure with live progress, and write the evidence down; ``jobs`` CPUs are shared.

        ``joined`` is what other jobs ran of it.
        """
        # A pipeline that cannot be read is one line of error, not the end of something begun.
        for note in running.notes(self.project.own, self.project.dvc.graph()):
            self.terminal.say(f"note: {CONFIG}: {note}")
        logs = self.output / "logs"
        with self.terminal.step("Running the pipeline"):
            measured = measuring.measure(
                self.project,
                self.store,
                self.outside,
                timeout=timeout or self.project.policy.timeout.total_seconds(),
                jobs=jobs,
                watch=partial(stage_display.stages, self.terminal, logs=logs),
                logs=logs,
                joined=joined,
            )
        # What is larger than this could be written, and not read back.
        found = bounded(self.accepted(measured))
        files.write(self.output / "evidence.json", found.canonical())
        if measured.lock.patch:
            write(self.outlets.notes, self.output / "lock.patch", lambda: measured.lock.patch)
        if not self.dry_run and (note := self.store.write(found)):
            self.terminal.say(f"note: {note}")
        return found

    @property
    def waiving(self) -> Rules:
        """Who may waive, by the base branch."""
        project = self.project
        settings = project.policy.waivers if project.revisions.policy else Waivers()
        return rules_of(settings, project.config_path, project.ruling)

    def accepted(self, found: Evidence) -> Evidence:
        """The evidence with the waivers that stand on the pull request now; elsewhere with its own."""
        told = self.outlets.waivers(self.waiving, self.project.revisions)
        return found if told in (None, found.waivers) else found.model_copy(update={"waivers": told})

    def recall(self) -> Evidence:
        """The evidence of the checked-out dvc.lock, with the waivers of now; written down where these differ.

        Raises:
            ConfigError: there is none.
        """
        stored = self._stored()
        found = self.accepted(stored)
        if found is not stored:
            files.write(self.output / "evidence.json", found.canonical())
        return found

    def _stored(self) -> Evidence:
        """What this clone measured last, else what the store has."""
        digest = lock_digest(self.project.dvc.lock_files())
        written = self.output / "evidence.json"
        if written.is_file():
            found = evidence.read(written.read_bytes(), str(written))
            if found.lock.digest == digest and found.repository.commit == self.project.revisions.head:
                return found
        hint = "measure it with `mlops-ci run`"
        if stale := self.project.dvc.plan().having("run"):
            raise ConfigError(f"dvc.lock is not current: {stale[0].stage} has to run", hint)
        base = self.project.revisions.metrics
        compared = digest_at(self.project, base.commit) if base else ""
        stored = self.store.find(digest, lambda document: document.lock.base == compared)
        if stored is None:
            raise ConfigError(f"there is no evidence for this dvc.lock ({digest[7:19]}) and its base", hint)
        return stored

    def judge(self, found: Evidence, now: datetime | None = None) -> Judged:
        """The gates' findings by the base branch's rules, what of them is waived today, and the verdict."""
        policy = self.project.policy
        findings = tuple(map(sentences.plain, gates.judge(found, policy.gate_options)))
        today = (now or datetime.now(UTC)).date()
        settled = settle(findings, found.waivers, today=today, strict=policy.strict, days=self._offered)
        verdict = evidence.verdict(settled.findings, strict=policy.strict, waivers=settled.unused)
        return Judged(found, settled.findings, verdict)

    @property
    def _offered(self) -> int:
        """How many days a report proposes to waive for; none where nobody reads comments, or nobody may."""
        rules = self.waiving
        return 0 if self.outlets.runner is None or rules.closed else min(PROPOSED, rules.max_days)

    def play(self, timeout: float | None, jobs: float | None, joined: Path | None = None) -> int:
        """All that a pull request needs, from its run to its report; gives the exit code.

        ``joined`` is the folder with what other jobs of the run handed over.
        """
        if (wait := self.wait()) is not None:
            waiting.tell(self.outlets, wait)
            self.terminal.result(f"{wait.reason}\n  → {wait.todo}", wait.document())
            return waiting.EXIT_CODE
        spread = Spread.open(joined, self.project.dvc, self.project.git) if joined else None
        judged = self.judge(self.measure(timeout, jobs, spread))
        shown = self.reporting(judged).report()
        self.terminal.markdown(report.plain(shown.text))
        told = {**judged.document(), "comment_url": shown.posted.url, "output": str(self.output)}
        self.terminal.result("", told)
        if shown.page:
            self.terminal.say(f"\nReport: {shown.page}")
        return judged.verdict.exit_code

    def reporting(self, judged: Judged) -> Reporting:
        """A judgement on its way out."""
        return Reporting(self.project, self.outlets, self.output, judged)
