"""Saying what was judged, everywhere: comment, job summary, checks, files, the page, a step's outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from mlops_ci import gates, report
from mlops_ci.adapters import files
from mlops_ci.adapters.github_checks import MOST_SUMMARY
from mlops_ci.collect.project import Project
from mlops_ci.collect.touched import is_touched
from mlops_ci.evidence import Evidence, Finding, Outcome, Verdict
from mlops_ci.outlets import Outlets, Posted
from mlops_ci.outlets.notes import Notes
from mlops_ci.report import Price, conclusions
from mlops_ci.report.conclusions import Conclusion

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
            "unused_waivers": [waiver.model_dump(mode="json") for waiver in self.verdict.waivers],
        }


@dataclass(frozen=True)
class Reported:
    """The comment's text, where it was posted (if it was), and the page's file (if it was written)."""

    text: str
    posted: Posted
    page: Path | None


@dataclass(frozen=True)
class Reporting:
    """One judgement on its way out; trouble with any part of it costs a line, never the verdict."""

    project: Project
    outlets: Outlets
    output: Path
    judged: Judged

    def report(self, source: Path | None = None) -> Reported:
        """Post the comment, then write the rest.

        ``source`` is the file of the evidence, where it is not this run's own.
        """
        tried, judged = self.outlets.notes.tried, self.judged
        comment = partial(report.comment, details_url=self.outlets.url, price=self._price)
        text = self._worded("comment", comment) or report.short(judged.evidence, judged.verdict)
        self._write("comment.md", lambda: text)
        posted = tried("the comment was not posted", lambda: self._posted(text)) or Posted()
        summary = self._worded("job summary", self._fitting()) or text
        self._write("summary.md", lambda: summary)
        tried("the job summary was not written", lambda: self.outlets.summary(summary))
        self.conclude()
        self._write("findings.json", judged.findings_json)
        shown = Reported(text, posted, self._write("report.html", self._page))
        self._give_out(shown, source)
        return shown

    def conclude(self) -> None:
        """Have the checks of the commit say what each gate says, where it is on GitHub."""
        if self.outlets.runner is None:
            return
        found, made = self._conclusions(), self.judged.evidence.lock.commit or ""
        self.outlets.notes.tried(
            "the checks were not written", lambda: self.outlets.conclude(found, also=made)
        )

    # ---- the texts -------------------------------------------------------------------------------

    @cached_property
    def _own(self) -> Mapping[str, str]:
        """The user's own templates."""
        return self.outlets.notes.tried("the built-in templates are used", self.project.templates) or {}

    @cached_property
    def _source(self) -> str:
        return self.project.source_of(self.judged.evidence.repository.commit)

    @cached_property
    def _price(self) -> Price | None:
        """What a minute of this job costs; what another machine measured was paid for elsewhere."""
        cost, runner = self.project.policy.cost, self.outlets.runner
        if cost is None or runner is None or self.judged.received:
            return None
        return report.priced(cost.per_minute, cost.currency, runner.machine)

    def _worded(self, name: str, render: Render) -> str | None:
        """A text in the user's own words, else in the built-in ones; nothing where these fail as well."""
        tried, judged = self.outlets.notes.tried, self.judged

        def rendered(words: Mapping[str, str]) -> str:
            return render(*judged.facts, overrides=words, source_url=self._source, digest=judged.digest)

        text = tried(f"the built-in {name} is used", lambda: rendered(self._own)) if self._own else None
        return text or tried(f"the {name} is short", lambda: rendered({}))

    def _fitting(self) -> Render:
        """The job summary in what room the step has left for it."""
        limit = min(report.SUMMARY_LIMIT, self.outlets.room)
        return partial(report.summary, limit=limit, price=self._price)

    def _page(self) -> str:
        from mlops_ci.report import html

        judged = self.judged
        return html.page(*judged.facts, source_url=self._source, digest=judged.digest, price=self._price)

    def _conclusions(self) -> tuple[Conclusion, ...]:
        judged = self.judged
        made = self._worded("check", partial(report.summary, limit=MOST_SUMMARY))
        summary = made or report.short(judged.evidence, judged.verdict)
        whole = conclusions.whole(judged.verdict, judged.findings, summary)

        def of_gates(words: Mapping[str, str]) -> tuple[Conclusion, ...]:
            return conclusions.of_gates(
                judged.evidence,
                judged.findings,
                gates.all_gates(),
                strict=self.project.policy.strict,
                overrides=words,
                source_url=self._source,
            )

        tried = self.outlets.notes.tried
        found = tried("the built-in checks are used", lambda: of_gates(self._own)) if self._own else None
        found = found or tried("the checks of the gates were not written", lambda: of_gates({}))
        return (whole, *(found or ()))

    # ---- where they go ---------------------------------------------------------------------------

    def _write(self, name: str, text: Callable[[], str]) -> Path | None:
        return write(self.outlets.notes, self.output / name, text)

    def _give_out(self, shown: Reported, source: Path | None) -> None:
        self.outlets.output(
            verdict=self.judged.verdict.outcome.value,
            exit_code=self.judged.verdict.exit_code,
            evidence=self.judged.digest,
            evidence_path=source or self.output / "evidence.json",
            comment_url=shown.posted.url,
            report_path=shown.page,
            pull_request=shown.posted.pull_request,
        )

    def _posted(self, text: str) -> Posted:
        way, create = self.project.policy.comment.publisher, self._tells()
        return self.outlets.post(text, self.project.git, self.project.revisions, way=way, create=create)

    def _tells(self) -> bool:
        """Whether a comment is begun for this; in doubt it is, and off GitHub there always is one."""
        if self.outlets.runner is None or self.judged.verdict.outcome is not Outcome.PASSED:
            return True
        calm = self.outlets.notes.tried("whether ours was touched is not known", self._is_calm)
        return not calm

    def _is_calm(self) -> bool:
        """Whether nothing of ours changed; of what was measured elsewhere the checkout says nothing."""
        untold = report.untold(*self.judged.facts)
        return untold and (bool(self.judged.received) or not is_touched(self.project))


def write(notes: Notes, path: Path, text: Callable[[], str]) -> Path | None:
    """Write a file; where that fails it is noted, and no older one is left that could be taken for it."""

    def written() -> Path:
        files.write(path, text().encode())
        return path

    if found := notes.tried(f"{path.name} was not written", written):
        return found
    with suppress(OSError):
        path.unlink()
    return None
