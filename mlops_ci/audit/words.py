"""The timeline and the chain for people and for spreadsheets (pure)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from mlops_ci.audit.links import Link
from mlops_ci.audit.timeline import Entry, Timeline, brief, documents
from mlops_ci.audit.verify import Chain
from mlops_ci.writing import plain
from mlops_ci.writing.figures import duration

# A spreadsheet takes a cell that begins so for a formula, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# A table without a row has its columns too.
_COLUMNS = (
    *("when", "environment", "model", "number", "action", "digest", "version", "from", "to", "author"),
    *("requested_by", "automatic", "merged_by", "approved_by", "pull_request", "reason", "verdict"),
    *("evidence", "source_commit", "commit", "record", "live_seconds", "is_live"),
)
_HEAD = ("when", "where", "action", "what", "by", "evidence", "live", "commit", "why")


def table(timeline: Timeline) -> str:
    """The entries in columns, oldest first, and what could not be read."""
    rows = [_HEAD, *map(_row, timeline.entries)] if timeline.entries else []
    return plain.render("audit_log.txt.j2", rows=rows, problems=timeline.problems)


def _row(entry: Entry) -> tuple[str, ...]:
    one, short = entry.record, entry.commit[:10]
    pull = f" #{entry.pull_request}" if entry.pull_request else ""
    return (
        f"{entry.when:%Y-%m-%d %H:%M}" if entry.when else "",
        f"{one.environment}/{one.model}",
        one.action,
        brief(one.after),
        _people(entry),
        one.evidence.verdict or "none",
        _live(entry),
        f"{short}{pull}",
        one.reason or (one.hold.reason if one.hold else ""),
    )


def _people(entry: Entry) -> str:
    """Who asked, made and merged it, each once."""
    names = [entry.record.requested_by or entry.author]
    if entry.merge:
        names += [approval.user for approval in entry.merge.approvals]
        names.append(entry.merge.merged_by)
    return ", ".join(dict.fromkeys(filter(None, names)))


def _live(entry: Entry) -> str:
    if entry.live is not None:
        return duration(entry.live.total_seconds())
    return "now" if entry.is_live else ""


def comma_separated(entries: Iterable[Entry]) -> str:
    """The entries as CSV with a line of names; lists are joined by blanks, no cell is a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in documents(entries):
        writer.writerow({key: _cell(value) for key, value in one.items()})
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def chain(found: Chain) -> str:
    """All links, target by target, and how many are broken or unknown."""
    groups = groupby(found.links, key=lambda link: (link.environment, link.model))
    targets = [("/".join(filter(None, target)), list(map(_line, links))) for target, links in groups]
    return plain.render("audit_verify.txt.j2", targets=targets, counts=found.counts, records=_records(found))


def _records(found: Chain) -> int:
    return sum(len(trail.filed) for trail in found.trails)


def _line(link: Link) -> Sequence[str]:
    where = f" [{link.where}]" if link.where else ""
    return (link.status, link.name, f"{link.sentence}{where}")


def document(found: Chain) -> Mapping[str, Any]:
    """The chain as plain values, for machines."""
    return {
        "ok": not found.is_broken,
        "counts": dict(found.counts),
        "targets": [f"{environment}/{model}" for environment, model in (t.target for t in found.trails)],
        "links": [link.document() for link in found.links],
    }
