"""What a check run says of each gate: good or bad, in one sentence, with its findings and their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from jinja2 import Environment

from mlops_ci import evidence as ev
from mlops_ci.evidence import Evidence, Finding, Outcome, Status, Verdict
from mlops_ci.report.changes import Cause, Places, by_stage, causes_of
from mlops_ci.report.ladder import Rows, capped
from mlops_ci.report.model import severity
from mlops_ci.report.view import Reason
from mlops_ci.writing import templating
from mlops_ci.writing.figures import count
from mlops_ci.writing.markdown import LONGEST_TEXT, clip
from mlops_ci.writing.visible import one_line

# The verdict's own check, and what the name of a gate's check begins with.
WHOLE = "mlops-ci"
PREFIX = f"{WHOLE}/"
MOST_FINDINGS = 200
# GitHub takes no path longer than a file system does, and no line that no file has.
MOST_PATH, MOST_LINE = 1_000, 10_000_000

Level = Literal["failure", "warning"]
Causes = Mapping[tuple[str, str], Cause]


@dataclass(frozen=True)
class Remark:
    """A finding at the line of the file that caused it."""

    file: str
    line: int
    level: Level
    message: str
    title: str


@dataclass(frozen=True)
class Conclusion:
    """What the check of a name shall say in the end; ``title`` is plain text, ``summary`` Markdown."""

    name: str
    passed: bool
    title: str
    summary: str
    remarks: tuple[Remark, ...] = ()


def names(gates: Iterable[str]) -> tuple[str, ...]:
    """The names of all checks: the verdict's, then one of each gate. They never change with the evidence."""
    return (WHOLE, *(PREFIX + gate for gate in gates))


def of_gates(
    evidence: Evidence,
    findings: Sequence[Finding],
    gates: Iterable[str],
    *,
    strict: bool = False,
    overrides: Mapping[str, str] | None = None,
    source_url: str = "",
) -> tuple[Conclusion, ...]:
    """What each gate says. A gate that had nothing to judge is green: a required check must report.

    Raises:
        ConfigError: a template of ``overrides`` is broken.
    """
    places = Places(source_url)
    causes = _first_causes(evidence, places)
    made = templating.environment(overrides) if overrides else _built_in()
    return tuple(
        _of_gate(gate, [one for one in findings if one.gate == gate], strict, made, places, causes)
        for gate in gates
    )


def whole(verdict: Verdict, findings: Sequence[Finding], summary: str) -> Conclusion:
    """What the verdict's own check says; its summary is a report."""
    return Conclusion(WHOLE, verdict.exit_code == 0, _title(verdict, findings), summary)


def died(reason: str, hint: str = "", *, url: str = "") -> str:
    """The summary of a check whose run ended before it judged; ``url`` is where its log is."""
    return templating.render(_built_in(), "died.md.j2", reason=reason, hint=hint, url=url)


def waiting(reason: str, todo: str, *, url: str = "") -> str:
    """The summary of a check and of a job that run nothing yet; ``todo`` is what starts it."""
    return templating.render(_built_in(), "waiting.md.j2", reason=reason, todo=todo, url=url)


@lru_cache(maxsize=1)
def _built_in() -> Environment:
    return templating.environment()


def _of_gate(
    gate: str,
    findings: Sequence[Finding],
    strict: bool,
    made: Environment,
    places: Places,
    causes: Causes,
) -> Conclusion:
    verdict = ev.verdict(findings, strict=strict)
    ordered = sorted(findings, key=severity)
    rows: Rows[Reason] = capped([Reason(one, places.of(one.where)) for one in ordered], MOST_FINDINGS)
    summary = templating.render(made, "check.md.j2", gate=gate, rows=rows)
    remarks = dict.fromkeys(_remarks(gate, ordered, verdict, causes))
    title = _title(verdict, findings)
    return Conclusion(PREFIX + gate, verdict.exit_code == 0, title, summary, tuple(remarks))


# ---- the title ---------------------------------------------------------------------------------


def _title(verdict: Verdict, findings: Sequence[Finding]) -> str:
    """One sentence: how it ended, and the worst reason."""
    if verdict.outcome is Outcome.PASSED:
        return _good(findings)
    reasons = sorted(verdict.reasons, key=severity)
    return _said(_ending(verdict, reasons[0]), reasons)


def _good(findings: Sequence[Finding]) -> str:
    judged = [one for one in findings if one.status is Status.PASS]
    skipped = [one for one in findings if one.status is Status.SKIP]
    if not findings:
        return "Nothing to judge."
    if not judged:
        return _said("Not judged", skipped)
    if len(judged) == 1 and not skipped:
        return _said("Passed", judged)
    beside = f", {count(len(skipped))} not judged" if skipped else ""
    return f"Passed: {count(len(judged))} {'finding' if len(judged) == 1 else 'findings'}{beside}."


def _ending(verdict: Verdict, worst: Finding) -> str:
    if verdict.outcome is Outcome.REFUSED:
        return "Refused (strict)" if verdict.strict else "Refused"
    if verdict.outcome is Outcome.INCOMPLETE:
        return "Incomplete"
    if worst.waiver:
        return f"Passed, waived by {worst.waiver.owner}"
    return "Passed, undecided" if worst.status is Status.INCONCLUSIVE else "Passed with a warning"


def _said(word: str, findings: Sequence[Finding]) -> str:
    first, more = findings[0], len(findings) - 1
    rest = f" (and {count(more)} more)" if more else ""
    # A title is no Markdown.
    said = f"{word}: {_about(first)}{first.sentence.rstrip('.').replace('`', '')}"
    return f"{clip(one_line(said), LONGEST_TEXT)}{rest}."


def _about(finding: Finding) -> str:
    return f"{finding.model}: " if finding.model else ""


# ---- remarks at lines --------------------------------------------------------------------------


def _first_causes(evidence: Evidence, places: Places) -> Causes:
    """The likeliest cause by model and metric: the first changed line that feeds the stage which wrote it."""
    feeding = by_stage(causes_of(evidence, places))
    found: dict[tuple[str, str], Cause] = {}
    for model in evidence.models:
        stages = {"": model.stage, **{one.name: one.stage or model.stage for one in model.metrics}}
        for metric, stage in stages.items():
            if first := next((cause for cause in feeding.get(stage, ()) if cause.place.line), None):
                found[model.name, metric] = first
    return found


def _remarks(gate: str, findings: Iterable[Finding], verdict: Verdict, causes: Causes) -> Iterator[Remark]:
    """Every loud finding at its own line, else at the change that explains it, else at its file."""
    for finding in findings:
        place = _place(finding, causes)
        if finding.status in (Status.PASS, Status.SKIP) or place is None or not _usable(*place):
            continue
        fatal = finding in verdict.reasons and verdict.exit_code != 0
        said = filter(None, (_about(finding) + finding.sentence, finding.hint))
        message = "\n".join(clip(one_line(line), LONGEST_TEXT) for line in said)
        yield Remark(*place, "failure" if fatal else "warning", message, PREFIX + gate)


def _place(finding: Finding, causes: Causes) -> tuple[str, int] | None:
    where, cause = finding.where, causes.get((finding.model, finding.metric))
    if where and where.line:
        return where.file, where.line
    if cause and finding.change in ("worse", "inconclusive"):
        return cause.place.file, cause.place.line or 1
    return (where.file, 1) if where else None


def _usable(file: str, line: int) -> bool:
    """Evidence of a fork may name anything; one bad place must not cost the whole check."""
    return 0 < len(file) <= MOST_PATH and file.isprintable() and 0 < line <= MOST_LINE
