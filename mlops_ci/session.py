"""One invocation of a verb: the repository it works on, and the steps that verbs share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mlops_ci import collect, evidence, gates, report
from mlops_ci.adapters import files
from mlops_ci.adapters.dvc import StageEvent, lock_digest
from mlops_ci.adapters.github_checks import MOST_SUMMARY
from mlops_ci.adapters.store import Store
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.locking import Outside, digest_at
from mlops_ci.collect.project import Project, find
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Evidence, Finding, Verdict
from mlops_ci.evidence.bounded import bounded
from mlops_ci.judging import sentences
from mlops_ci.outlets import Outlets, Posted
from mlops_ci.outlets.received import LONGEST, ruled
from mlops_ci.report import conclusions
from mlops_ci.report.conclusions import Conclusion
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

Render = Callable[..., str]


@dataclass(frozen=True)
class Judged:
    """Evidence, what the gates say about it, and the fold of that.

    ``received`` is the digest of the document as it came, where it came from elsewhere.
    """

    evidence: Evidence
    findings: tuple[Finding, ...]
    verdict: Verdict
    received: str = ""

    @property
    def digest(self) -> str:
        """The document's name."""
        return self.received or self.evidence.digest

    @property
    def facts(self) -> tuple[Evidence, tuple[Finding, ...], Verdict]:
        """What every report is made of."""
        return self.evidence, self.findings, self.verdict

    def findings_json(self) -> str:
        """The findings alone, as a file."""
        found = [finding.model_dump(mode="json") for finding in self.findings]
        return json.dumps(found, indent=1, ensure_ascii=False)

    def document(self) -> dict[str, object]:
        """The machine-readable result of a verb."""
        return {
            "verdict": self.verdict.outcome.value,
            "exit_code": self.verdict.exit_code,
            "evidence": self.digest,
            "lock": self.evidence.lock.digest,
            "commit": self.evidence.repository.commit,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
        }


@dataclass(frozen=True)
class Reported:
    """The comment's text, where it was posted (if it was), and the page's file (if it was written)."""

    text: str
    posted: Posted
    page: Path | None


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
        return cls(
            project=project,
            terminal=terminal,
            outside=Outside.of(environ, dry_run=dry_run),
            output=output or project.output,
            dry_run=dry_run,
            outlets=outlets or Outlets.of(terminal, environ, dry_run=dry_run),
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
            judged = session.judge(ruled(found, session.project))
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

    def measure(self, timeout: float | None) -> Evidence:
        """Run and measure with live progress, and write the evidence down."""
        # A pipeline that cannot be read is one line of error, not the end of something begun.
        self.project.dvc.graph()
        with self.terminal.step("Running the pipeline") as update:
            measured = collect.measure(
                self.project,
                self.store,
                self.outside,
                timeout=timeout or self.project.policy.timeout.total_seconds(),
                on_event=_progress(self.terminal, update),
            )
        # What is larger than this could be written, and not read back.
        found = bounded(measured)
        files.write(self.output / "evidence.json", found.canonical())
        if measured.lock.patch:
            self._write("lock.patch", lambda: measured.lock.patch)
        if not self.dry_run and (note := self.store.write(found)):
            self.terminal.say(f"note: {note}")
        return found

    def recall(self) -> Evidence:
        """The evidence of the checked-out dvc.lock: this clone's own, else the store's.

        Raises:
            ConfigError: there is none.
        """
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

    def judge(self, found: Evidence) -> Judged:
        """The gates' findings by the base branch's rules, and the verdict."""
        findings = tuple(map(sentences.plain, gates.judge(found, self.project.policy.gate_options)))
        verdict = evidence.verdict(findings, strict=self.project.policy.strict)
        return Judged(found, findings, verdict)

    def report(self, judged: Judged, source: Path | None = None) -> Reported:
        """Post the comment, then write the rest; trouble with any of it costs a line, never the verdict.

        ``source`` is the file of the evidence, where it is not this run's own.
        """
        tried = self.outlets.notes.tried
        own = tried("the built-in templates are used", self.project.templates) or {}
        comment = partial(report.comment, details_url=self.outlets.url)
        text = self._worded("comment", comment, judged, own)
        text = text or report.short(judged.evidence, judged.verdict)
        self._write("comment.md", lambda: text)
        posted = tried("the comment was not posted", lambda: self._posted(text)) or Posted()
        summary = self._worded("job summary", self._fitting(), judged, own) or text
        self._write("summary.md", lambda: summary)
        tried("the job summary was not written", lambda: self.outlets.summary(summary))
        self.conclude(judged, own)
        self._write("findings.json", judged.findings_json)
        shown = Reported(text, posted, self._write("report.html", lambda: self._page(judged)))
        self._give_out(judged, shown, source)
        return shown

    def conclude(self, judged: Judged, own: Mapping[str, str] | None = None) -> None:
        """Have the checks of the commit say what each gate says, where it is on GitHub."""
        if self.outlets.runner is None:
            return
        tried, made = self.outlets.notes.tried, judged.evidence.lock.commit or ""
        if own is None:
            own = tried("the built-in templates are used", self.project.templates) or {}
        found = self._conclusions(judged, own)
        tried("the checks were not written", lambda: self.outlets.conclude(found, also=made))

    def _conclusions(self, judged: Judged, own: Mapping[str, str]) -> tuple[Conclusion, ...]:
        made = self._worded("check", partial(report.summary, limit=MOST_SUMMARY), judged, own)
        summary = made or report.short(judged.evidence, judged.verdict)
        whole = conclusions.whole(judged.verdict, judged.findings, summary)

        def of_gates(words: Mapping[str, str]) -> tuple[Conclusion, ...]:
            return conclusions.of_gates(
                judged.evidence,
                judged.findings,
                gates.all_gates(),
                strict=self.project.policy.strict,
                overrides=words,
                source_url=self._source(judged),
            )

        tried = self.outlets.notes.tried
        found = tried("the built-in checks are used", lambda: of_gates(own)) if own else None
        found = found or tried("the checks of the gates were not written", lambda: of_gates({}))
        return (whole, *(found or ()))

    def _give_out(self, judged: Judged, shown: Reported, source: Path | None) -> None:
        self.outlets.output(
            verdict=judged.verdict.outcome.value,
            exit_code=judged.verdict.exit_code,
            evidence=judged.digest,
            evidence_path=source or self.output / "evidence.json",
            comment_url=shown.posted.url,
            report_path=shown.page,
            pull_request=shown.posted.pull_request,
        )

    def _fitting(self) -> Render:
        """The job summary in what room the step has left for it."""
        return partial(report.summary, limit=min(report.SUMMARY_LIMIT, self.outlets.room))

    def _source(self, judged: Judged) -> str:
        return self.project.source_of(judged.evidence.repository.commit)

    def _worded(self, name: str, render: Render, judged: Judged, own: Mapping[str, str]) -> str | None:
        """A text in the user's own words, else in the built-in ones; nothing where these fail as well."""
        tried = self.outlets.notes.tried

        def rendered(words: Mapping[str, str]) -> str:
            source = self._source(judged)
            return render(*judged.facts, overrides=words, source_url=source, digest=judged.digest)

        text = tried(f"the built-in {name} is used", lambda: rendered(own)) if own else None
        return text or tried(f"the {name} is short", lambda: rendered({}))

    def _page(self, judged: Judged) -> str:
        from mlops_ci.report import html

        return html.page(*judged.facts, source_url=self._source(judged), digest=judged.digest)

    def _write(self, name: str, text: Callable[[], str]) -> Path | None:
        """Write a file of the output; where that fails, no older one is left that could be taken for it."""
        path = self.output / name

        def written() -> Path:
            files.write(path, text().encode())
            return path

        if found := self.outlets.notes.tried(f"{name} was not written", written):
            return found
        with suppress(OSError):
            path.unlink()
        return None

    def _posted(self, text: str) -> Posted:
        return self.outlets.post(text, self.project.git, self.project.revisions)


def _progress(terminal: Terminal, update: Callable[[str], None]) -> Callable[[StageEvent], None]:
    def show(event: StageEvent) -> None:
        # A stage's key may be any text.
        stage = one_line(event.stage)
        if event.status == "running":
            update(f"{stage}: {one_line(event.line)}")
        elif event.status == "started":
            update(stage)
        elif event.status != "cached":
            seconds = f" · {event.seconds:.1f} s" if event.seconds else ""
            terminal.say(f"  {event.status:<8} {stage}{seconds}")

    return show
