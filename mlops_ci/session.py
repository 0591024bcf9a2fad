"""One invocation of a verb: the repository it works on, and the steps that verbs share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_ci import collect, evidence, gates, report
from mlops_ci.adapters import files
from mlops_ci.adapters.dvc import StageEvent, lock_digest
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.store import Store
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.locking import Outside, digest_at
from mlops_ci.collect.project import Project, find
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import Evidence, Finding, Verdict
from mlops_ci.evidence.bounded import bounded
from mlops_ci.forge import PullRequest, post
from mlops_ci.judging import sentences


@dataclass(frozen=True)
class Judged:
    """Evidence, what the gates say about it, and the fold of that."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    verdict: Verdict

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
            files.write(self.output / "lock.patch", measured.lock.patch.encode())
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

    def comment(self, judged: Judged) -> str:
        """The comment's text, written to the output folder with the job summary and the page."""
        text, summary = self._rendered(judged, self.project.templates())
        files.write(self.output / "comment.md", text.encode())
        files.write(self.output / "summary.md", summary.encode())
        files.write(self.output / "report.html", self._page(judged).encode())
        findings = [finding.model_dump(mode="json") for finding in judged.findings]
        files.write(
            self.output / "findings.json", json.dumps(findings, indent=1, ensure_ascii=False).encode()
        )
        if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(step_summary).open("a", encoding="utf-8") as file:
                file.write(summary + "\n")
        return text

    def _page(self, judged: Judged) -> str:
        from mlops_ci.report import html

        facts = (judged.evidence, judged.findings, judged.verdict)
        return html.page(*facts, source_url=self.project.source_url)

    def _rendered(self, judged: Judged, overrides: Mapping[str, str]) -> tuple[str, str]:
        """Comment and summary; a broken template of the user costs a line, never the report."""
        try:
            return self._texts(judged, overrides)
        except ConfigError as error:
            self.terminal.say(f"note: the built-in report is used: {error.message}")
            return self._texts(judged, {})

    def _texts(self, judged: Judged, overrides: Mapping[str, str]) -> tuple[str, str]:
        facts = (judged.evidence, judged.findings, judged.verdict)
        source = self.project.source_url
        return (
            report.comment(*facts, overrides=overrides, source_url=source),
            report.summary(*facts, overrides=overrides, source_url=source),
        )

    def publish(self, text: str) -> str:
        """Bring the pull request's sticky comment up to date; gives where it stands.

        A comment that cannot be posted costs a line, never the verdict.
        """
        if self.dry_run:
            return ""
        try:
            pull, forge = self._pull_request()
            if pull is None:
                return ""
            with forge.alone():
                return post(forge, pull.number, text, _created).url
        except ToolError as error:
            self.terminal.say(f"note: the comment was not posted: {error.message}")
            return ""

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
