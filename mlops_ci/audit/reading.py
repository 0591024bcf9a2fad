"""Records out of their texts: whole, or fast without what a table of many does not show (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlops_ci.errors import ConfigError
from mlops_ci.promotion import record
from mlops_ci.promotion.record import Record

_SECTIONS = frozenset({"data", "params", "edits"})
_LISTS = frozenset({"metrics", "gates", "waivers"})
_KEY = re.compile(r"( *)([a-z_]+):(?=\s|$)")


def whole(text: str, where: str) -> Record | str:
    """The record, or why it is none."""
    try:
        return record.read(text, where)
    except ConfigError as error:
        return error.message


def brief(text: str, where: str) -> Record | str:
    """The record without its data, parameters, edits, metrics, gates and waivers, or why it is none.

    Most of a record's lines need not be read as YAML then. Only a text laid out as ours is can be cut; any
    other is read whole.
    """
    try:
        return record.read("".join(_kept(text)), where)
    except ConfigError:
        return whole(text, where)


def _kept(text: str) -> Iterator[str]:
    """The lines of a record without the sections that are left out."""
    section, dropped = "", False
    for line in text.splitlines(keepends=True):
        if found := _KEY.match(line):
            depth, key = len(found[1]), found[2]
            if depth == 0:
                section, dropped = key, key in _SECTIONS
            elif depth == 2 and section == "evidence":
                dropped = key in _LISTS
        if not dropped:
            yield line
