"""Escaping for GitHub Markdown: foreign text stays text, wherever a template puts it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from mlops_ci.writing.visible import last_state, one_line

LONGEST_TEXT = 600
LONGEST_CODE = 160

# Entities and not backslashes: they also hold inside an HTML block such as <summary>, where
# Markdown is not read. An underscore between letters is no emphasis and stays readable.
# The second half is what GitHub links or draws in rendered text. It looks after escapes are undone:
# only a character that is there and cannot be seen keeps such things apart. A commit is known by
# seven characters of its hash and more; a plain number is none that anybody could choose.
_SPECIAL = re.compile(
    r"""(?P<entity>[&<`*\[\]|\\~$"]|(?<![^\W_])_|_(?![^\W_]))
    |@|\#(?=\d|$)|\bgh-(?=\d|$)|:(?=//)|\b(?:www|mailto|xmpp)(?=[.:])|:(?=[a-z_+-][\w+-]*:)
    |(?P<hash>\b(?=[a-f]*\d)(?=\d*[a-f])[\da-f]{7,40}\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_APART = "&#8203;"
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
# A quotation, heading, list item, underlined heading or row of dashes, where the text starts a line.
_STARTS_A_BLOCK = re.compile(r"^ ?(?:>|#{1,6}(?=\s|$)|[+-](?=\s|$)|\d{1,9}[.)](?=\s|$)|(?:=+|[-:][ :-]*)$)")
_UNSAFE_IN_CODE = re.compile(r"[`|<>&\\\[\]$]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_KEPT_IN_LABELS = set(" ._-/()+,")


class Safe(Markup):
    """Markdown that needs no more escaping; what is joined to it is escaped first."""

    __slots__ = ()

    @classmethod
    def escape(cls, s: Any, /) -> Safe:
        """Any value as Markdown text; what is safe already stays as it is."""
        return text(s)


def clip(value: str, longest: int) -> str:
    """The value, its middle cut out where it is longer than ``longest`` characters."""
    if len(value) <= longest:
        return value
    tail = longest // 3
    return value[: longest - tail - 1] + "…" + value[-tail:]


def _escaped(plain: str) -> str:
    return _STARTS_A_BLOCK.sub(
        lambda start: start[0][:-1] + _entity(start[0][-1]), _SPECIAL.sub(_inert, plain)
    )


def _inert(found: re.Match[str]) -> str:
    if found["entity"]:
        return _entity(found[0])
    return _APART.join(re.findall(".{1,6}", found[0])) if found["hash"] else found[0] + _APART


def _entity(character: str) -> str:
    return _NAMED.get(character, f"&#{ord(character)};")


def text(value: object) -> Safe:
    """Foreign text as Markdown that shows it and does nothing else."""
    if isinstance(value, Safe):
        return value
    if isinstance(value, Markup):
        return Safe(value)
    return Safe(_escaped(clip(one_line(value), LONGEST_TEXT)))


def code(value: object) -> Safe:
    """Foreign text as inline code; as a tag where backticks would not hold in a table cell."""
    plain = clip(one_line(value).strip(), LONGEST_CODE)
    if not plain:
        plain = '""'
    if _UNSAFE_IN_CODE.search(plain):
        return Safe(f"<code>{_escaped(plain)}</code>")
    return Safe(f"`{plain}`")


def prose(value: object) -> Safe:
    """A sentence with `code` in backticks as such, all else as text."""
    pieces = clip(one_line(value), LONGEST_TEXT).split("`")
    if len(pieces) % 2 == 0:
        return text(value)
    return Safe("".join(code(piece) if odd % 2 else _escaped(piece) for odd, piece in enumerate(pieces)))


def link(label: object, url: str) -> Safe:
    """A link where ``url`` is an http address, else its label alone."""
    shown = text(label)
    if not re.match(r"https?://[^/\s]", url):
        return shown
    return Safe(f"[{shown}]({quote(url, safe=':/?#@!&*+,;=%~-._')})")


def joined(values: Iterable[object], separator: str = ", ") -> Safe:
    """Values in a row, each escaped; the separator is the template's own."""
    return Safe(separator.join(text(value) for value in values))


def fence(value: object, language: str = "") -> Safe:
    """Lines in a fence that is longer than any inside, on lines of its own.

    Nothing is parsed in a fence but by programs that look for hidden markers in the raw comment:
    those are broken up by a character that cannot be seen.
    """
    source = value if isinstance(value, str) else "\n".join(map(str, _each(value)))
    lines = [last_state(line) for line in source.split("\n")]
    # A patch with a line cut short would not apply; a log is only read.
    kept = lines if language else [clip(line, LONGEST_TEXT) for line in lines]
    shown = "\n".join(kept).replace("<!--", "<!\u200b--").replace("![", "!\u200b[")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    bar = "`" * max(3, longest + 1)
    return Safe(f"\n\n{bar}{re.sub(r'[^a-z]', '', language)}\n{shown}\n{bar}\n\n")


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, Iterable) else (value,)


def label(value: object) -> Safe:
    """Foreign text inside the quotes of a Mermaid diagram: letters, digits and a few marks."""
    plain = clip(one_line(value), 80)
    kept = "".join(c if c.isalnum() or c in _KEPT_IN_LABELS else " " for c in plain)
    # An empty name between the quotes would be a syntax error.
    return Safe(" ".join(kept.split()).replace("--", "-") or "·")


def marked(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every line with what it belongs to: nothing, or the language of its fence (``fence`` if none)."""
    bar, language = "", ""
    for line in lines:
        found = _FENCE.match(line)
        if bar:
            yield language, line
            if found and found[1].startswith(bar) and not line.strip().strip(bar[0]):
                bar = ""
        elif found:
            bar = found[1]
            language = line.strip().strip(bar[0]).strip() or "fence"
            yield language, line
        else:
            yield "", line


def tidy(source: str) -> str:
    """Markdown without trailing blanks and with single empty lines; fences stay as they are."""
    kept: list[str] = []
    for kind, line in marked(source.split("\n")):
        shown = line if kind else line.rstrip()
        if shown or kind or (kept and kept[-1]):
            kept.append(shown)
    return "\n".join(kept).strip("\n") + "\n"


_FOLD = re.compile(r"<details><summary>(.*)</summary>$")
_TAGS = re.compile(r"</?(?:details(?: open)?|sub|b|code)>|<!--.*?-->")


def plain(comment: str) -> str:
    """The comment for a terminal: what is folded stays so, no hidden markers, no diagrams in source."""
    kept = []
    folded = False
    for kind, line in marked(comment.split("\n")):
        if folded:
            folded = bool(kind) or "</details>" not in line
        elif not kind and (fold := _FOLD.match(line)):
            folded = True
            kept += [f"▸ {fold[1]}", ""]
        elif not kind:
            kept.append(_TAGS.sub("", line.replace("<summary>", "**").replace("</summary>", "**\n")))
        elif kind != "mermaid":
            kept.append(line)
    return tidy("\n".join(kept))
