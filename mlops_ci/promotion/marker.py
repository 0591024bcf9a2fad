"""The hidden first line of a promotion's pull request: its decisions, by id and by digest (pure).

The mark at the end of the body (``marks``) says what the pull request as a whole is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

MARKER = "<!-- mlops-ci:decisions"

# Only the very first line counts: a title or a sentence inside the body may hold the same characters.
_MARKER = re.compile(r"\A\s*" + MARKER + r" ids=(\S*) models=(\S*) evidence=(\S*) records=(\S*) -->")


@dataclass(frozen=True)
class Marker:
    """The decisions of a pull request, one or those of a group, each with the digests it binds itself to.

    All are in the same order: ``models`` are the digests of the releases, ``evidence`` those of the documents
    they were judged by (empty where there is none), ``records`` those of the records.
    """

    ids: tuple[str, ...]
    models: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    records: tuple[str, ...] = ()


def written(marker: Marker) -> str:
    """The marker's line. Every value is encoded, so none can end the hidden part."""
    lists = (marker.ids, marker.models, marker.evidence, marker.records)
    ids, models, evidence, records = map(_encoded, lists)
    return f"{MARKER} ids={ids} models={models} evidence={evidence} records={records} -->"


def read(body: str) -> Marker | None:
    """The marker of a pull request's body, None where it has none."""
    found = _MARKER.match(body)
    return Marker(*map(_decoded, found.groups())) if found else None


def _encoded(values: Iterable[str]) -> str:
    return ",".join(map(_one, values))


def _one(value: str) -> str:
    """A value without a comma or two hyphens in a row, which would end the comment; a hyphen: it is empty."""
    if value in ("", "-"):
        return "%2D" if value else "-"
    return quote(value, safe=":/", errors="replace").replace("--", "-%2D")


def _decoded(text: str) -> tuple[str, ...]:
    return tuple("" if one == "-" else unquote(one) for one in text.split(",")) if text else ()
