"""Evidence, findings and verdict as Markdown: the comment of a pull request and the job summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from jinja2 import Environment

from mlops_ci.evidence import Evidence, Finding, Verdict
from mlops_ci.report.ladder import COMMENT, SUMMARY, Detail, ladder
from mlops_ci.report.marker import MARKER, Marker, marker, read_marker
from mlops_ci.report.price import Price, priced
from mlops_ci.report.view import Facts, view
from mlops_ci.writing import templating
from mlops_ci.writing.markdown import plain, prose

__all__ = [
    "COMMENT_LIMIT",
    "MARKER",
    "SUMMARY_LIMIT",
    "Marker",
    "Price",
    "comment",
    "marker",
    "plain",
    "priced",
    "read_marker",
    "short",
    "summary",
    "untold",
]

# A publisher adds its own watermark below the comment: an image link with commit and title.
WATERMARK_ROOM = 536
COMMENT_LIMIT = 65_536 - WATERMARK_ROOM
SUMMARY_LIMIT = 1_048_576


def comment(
    evidence: Evidence,
    findings: Iterable[Finding],
    verdict: Verdict,
    *,
    overrides: Mapping[str, str] | None = None,
    limit: int = COMMENT_LIMIT,
    details_url: str = "",
    source_url: str = "",
    title: str = "",
    digest: str = "",
    price: Price | None = None,
) -> str:
    """The comment: at most ``limit`` characters, the hidden marker on its first line.

    ``overrides`` are the user's templates by name (``comment.md.j2``), ``details_url`` is where the
    whole report is, ``source_url`` where the commit's files are shown, ``title`` tells several
    reports on one pull request apart, ``digest`` is that of the document as it was received, ``price``
    that of the runner.

    Raises:
        ConfigError: a template of ``overrides`` is broken; without overrides it always works.
    """
    digest = digest or evidence.digest
    hidden = marker(title, commit=evidence.repository.commit, digest=digest, created=evidence.created)
    facts = Facts(evidence, tuple(findings), verdict, digest, details_url, source_url, price)
    room = limit - len(hidden) - 1
    return f"{hidden}\n{_fitting('comment.md.j2', facts, overrides, COMMENT, room, _characters)}"


def summary(
    evidence: Evidence,
    findings: Iterable[Finding],
    verdict: Verdict,
    *,
    overrides: Mapping[str, str] | None = None,
    limit: int = SUMMARY_LIMIT,
    details_url: str = "",
    source_url: str = "",
    digest: str = "",
    price: Price | None = None,
) -> str:
    """The job summary: everything, in at most ``limit`` bytes of UTF-8.

    Raises:
        ConfigError: a template of ``overrides`` is broken.
    """
    digest = digest or evidence.digest
    facts = Facts(evidence, tuple(findings), verdict, digest, details_url, source_url, price)
    return _fitting("summary.md.j2", facts, overrides, SUMMARY, limit, _octets)


def untold(evidence: Evidence, findings: Iterable[Finding], verdict: Verdict) -> bool:
    """Whether the comment would only say that nothing changed and that nothing had to run."""
    found = view(Facts(evidence, tuple(findings), verdict, ""), COMMENT)
    return found.head.quiet and not found.changes.comment_only


def short(evidence: Evidence, verdict: Verdict) -> str:
    """The verdict and its first reasons, where the comment itself cannot be rendered; without a template."""
    hidden = marker(commit=evidence.repository.commit, digest=evidence.digest, created=evidence.created)
    said = (
        f"**{verdict.outcome.value.capitalize()}**. The report could not be rendered; the run's log says why."
    )
    reasons = [f"- {prose(reason.sentence)}" for reason in verdict.reasons[: COMMENT.reasons]]
    return "\n".join([hidden, said, *([""] if reasons else []), *reasons, ""])


def _characters(text: str) -> int:
    """GitHub counts characters; in UTF-16 units no way of counting finds more."""
    return len(text.encode("utf-16-le")) // 2


def _octets(text: str) -> int:
    return len(text.encode())


@lru_cache(maxsize=1)
def _built_in() -> Environment:
    return templating.environment()


def _fitting(
    template: str,
    facts: Facts,
    overrides: Mapping[str, str] | None,
    full: Detail,
    limit: int,
    length: Callable[[str], int],
) -> str:
    """The largest step of the ladder that fits; the built-in words where a user's own never do."""
    made = templating.environment(overrides) if overrides else _built_in()

    def at(detail: Detail, words: Environment = made) -> str:
        return templating.render(words, template, report=view(facts, detail))

    text = at(full)
    if length(text) <= limit:
        return text
    # Each step is shorter than the one before, so halving finds the largest that fits.
    steps, fitting = ladder(full)[1:], ""
    while steps:
        middle = len(steps) // 2
        text = at(steps[middle])
        if length(text) <= limit:
            fitting, steps = text, steps[:middle]
        else:
            steps = steps[middle + 1 :]
    return fitting or _cut(at(ladder(full)[-1], _built_in()), limit, length)


def _cut(text: str, limit: int, length: Callable[[str], int]) -> str:
    """Whole lines while they fit; the smallest report has no fence or fold that a cut could leave open."""
    kept = ""
    for line in text.splitlines(keepends=True):
        if length(kept + line) > limit:
            break
        kept += line
    return kept or text[: limit // 4]
