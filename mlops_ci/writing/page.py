"""Escaping for a page: foreign text stays text in HTML, and what cannot be seen becomes visible."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from mlops_ci.writing import figures
from mlops_ci.writing.markdown import LONGEST_CODE, LONGEST_TEXT, clip
from mlops_ci.writing.visible import one_line

_LINK = re.compile(r"https?://[^/\s]")


def text(value: object) -> Markup:
    """Foreign text as HTML that shows it and does nothing else."""
    return value if isinstance(value, Markup) else escape(clip(one_line(value), LONGEST_TEXT))


def shown(value: object) -> object:
    """What every ``{{ }}`` of a page goes through."""
    if value is None:
        return Markup()
    return text(figures.number(value) if isinstance(value, float) else value)


def code(value: object) -> Markup:
    """A name as code; an empty one as two quotes."""
    return Markup("<code>{}</code>").format(text(clip(one_line(value).strip(), LONGEST_CODE) or '""'))


def prose(value: object) -> Markup:
    """A sentence with `code` in backticks as such, all else as text."""
    pieces = clip(one_line(value), LONGEST_TEXT).split("`")
    if len(pieces) % 2 == 0:
        return text(value)
    return Markup("").join(code(piece) if odd % 2 else text(piece) for odd, piece in enumerate(pieces))


def link(label: object, url: str) -> Markup:
    """A link where ``url`` is an http address, else its label alone."""
    if not _LINK.match(url):
        return text(label)
    return Markup('<a href="{}">{}</a>').format(url, text(label))


def log(lines: object) -> Markup:
    """The lines of a log, one below the other."""
    kept = [lines] if isinstance(lines, str) else list(lines) if isinstance(lines, tuple | list) else []
    return Markup("\n").join(text(line) for line in kept)
