"""One invocation of a verb: the repository it works on, and the steps that verbs share."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mlops_ci import collect, evidence, gates, report
from mlops_ci.adapters import files
from mlops_ci.adapters.dvc import StageEvent, lock_digest
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.store import Store
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.locking import Outside, digest_at
from mlops_ci.collect.project import Project, find
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Evidence, Finding, Verdict
from mlops_ci.evidence.bounded import bounded
from mlops_ci.forge import PullRequest, post
from mlops_ci.judging import sentences

T = TypeVar("T")


@dataclass(frozen=True)
class Judged:
    """Evidence, what the gates say about it, and the fold of that."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    verdict: Verdict

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
            "evidence": self.evidence.digest,
            "lock": self.evidence.lock.digest,
            "commit": self.evidence.repository.commit,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
        }


@dataclass(frozen=True)
class Reported:
    """The comment's text, where it was posted (if it was), and the page's file (if it was written)."""

    text: str
    url: str
    page: Path | None


@dataclass(frozen=True)
class Session:
    """What a verb holds open; made once from the command line and the environment."""

    project: Project
    terminal: Terminal
    outside: Outside
    output: Path
    dry_run: bool

    @classmethod
    def open(
        cls,
        terminal: Terminal,
        *,
        base: str = "",
        output: Path | None = None,
        dry_run: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> Session:
        """Open the repository of the current folder."""
        project = find(Path.cwd(), environ, base=base)
        return cls(
            project=project,
            terminal=terminal,
            outside=Outside.of(environ, dry_run=dry_run),
            output=output or project.output,
            dry_run=dry_run,
        )

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
        return Judged(found, findings, evidence.verdict(findings, strict=self.project.policy.strict))

    def report(self, judged: Judged) -> Reported:
        """Post the comment, then write the rest; trouble with any of it costs a line, never the verdict."""
        own = self._tried("the built-in templates are used", self.project.templates) or {}
        text = self._worded("comment", report.comment, judged, own)
        text = text or report.short(judged.evidence, judged.verdict)
        self._write("comment.md", lambda: text)
        url = self._tried("the comment was not posted", lambda: self._post(text)) or ""
        summary = self._worded("job summary", report.summary, judged, own) or text
        self._write("summary.md", lambda: summary)
        self._tried("GITHUB_STEP_SUMMARY was not written", lambda: _append_step_summary(summary))
        self._write("findings.json", judged.findings_json)
        return Reported(text, url, self._write("report.html", lambda: self._page(judged)))

    def _worded(
        self, name: str, render: Callable[..., str], judged: Judged, own: Mapping[str, str]
    ) -> str | None:
        """A text in the user's own words, else in the built-in ones; nothing where these fail as well."""

        def rendered(words: Mapping[str, str]) -> str:
            return render(*judged.facts, overrides=words, source_url=self.project.source_url)

        text = self._tried(f"the built-in {name} is used", lambda: rendered(own)) if own else None
        return text or self._tried(f"the {name} is short", lambda: rendered({}))

    def _page(self, judged: Judged) -> str:
        from mlops_ci.report import html

        return html.page(*judged.facts, source_url=self.project.source_url)

    def _write(self, name: str, text: Callable[[], str]) -> Path | None:
        """Write a file of the output; where that fails, no older one is left that could be taken for it."""
        path = self.output / name

        def written() -> Path:
            files.write(path, text().encode())
            return path

        if found := self._tried(f"{name} was not written", written):
            return found
        with suppress(OSError):
            path.unlink()
        return None

    def _tried(self, trouble: str, work: Callable[[], T]) -> T | None:
        """What ``work`` gives; nothing, and a line that says why, where it fails."""
        try:
            return work()
        except MlopsError as error:
            reason = error.message
        except OSError as error:
            reason = str(error)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"a bug of ours, please report it: {error!r} in {Path(last.filename).name}:{last.lineno}"
        self.terminal.say(f"note: {trouble}: {' '.join(reason.split())}")
        return None

    def _post(self, text: str) -> str:
        """Bring the pull request's sticky comment up to date; gives where it stands."""
        if self.dry_run:
            return ""
        pull, forge = self._pull_request()
        if pull is None:
            return ""
        with forge.alone():
            return post(forge, pull.number, text, _created).url

    def _pull_request(self) -> tuple[PullRequest | None, LocalForge]:
        """The branch's pull request on the embedded forge; the base branch itself has none."""
        forge = LocalForge.beside(self.project.git)
        found = self.project.revisions
        if not found.branch or found.branch == found.base_branch:
            return None, forge
        title = self.project.git.message(found.head).partition("\n")[0]
        pull = forge.open(
            head=found.branch, base=found.base_branch or "main", head_commit=found.head, title=title
        )
        return pull, forge


def _append_step_summary(summary: str) -> None:
    """Add the job summary to the step's, where the runner shows one."""
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary + "\n")


def _created(body: str) -> str | None:
    found = report.read_marker(body)
    return found.created if found else None


def _progress(terminal: Terminal, update: Callable[[str], None]) -> Callable[[StageEvent], None]:
    def show(event: StageEvent) -> None:
        if event.status == "running":
            update(f"{event.stage}: {event.line}")
        elif event.status == "started":
            update(event.stage)
        elif event.status != "cached":
            seconds = f" · {event.seconds:.1f} s" if event.seconds else ""
            terminal.say(f"  {event.status:<8} {event.stage}{seconds}")

    return show
