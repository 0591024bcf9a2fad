"""CODEOWNERS: whom GitHub calls the owners of a file (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

# Where GitHub looks, in its order; the first file there is counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# GitHub reads no larger one.
MOST = 3_000_000

_OWNER = re.compile(r"@[\w.-]+(?:/[\w.-]+)?|[^@\s]+@[^@\s]+", re.ASCII)
_FIELD = re.compile(r"(?:\\.|[^\s\\])+")
_SIGN = re.compile(r"\\?.")


def found(read: Callable[[str], str | None]) -> tuple[str, str]:
    """Where the file is and its text; ``CODEOWNERS`` and nothing where there is none.

    ``read`` gives the text of a file, None where there is none.
    """
    for place in PLACES:
        if (text := read(place)) is not None:
            return place, text
    return "CODEOWNERS", ""


def of(text: str, paths: Iterable[str]) -> tuple[str, ...]:
    """The owners of any of some files, each once, in the order of the files."""
    return tuple(dict.fromkeys(owner for path in paths for owner in owners(text, path)))


def owners(text: str, path: str) -> tuple[str, ...]:
    """The owners of a file: of the last line whose pattern fits, which may name nobody.

    Lines that GitHub skips are skipped: with a ``!``, a range in brackets, or an owner that is none.
    """
    last: tuple[str, ...] = ()
    for pattern, named in _lines(text[:MOST]):
        if pattern.search(path):
            last = named
    return last


def _lines(text: str) -> Iterator[tuple[re.Pattern[str], tuple[str, ...]]]:
    for line in text.splitlines():
        fields = _FIELD.findall(line)
        comment = next((at for at, field in enumerate(fields) if field.startswith("#")), len(fields))
        pattern, *named = fields[:comment] or [""]
        if not pattern.strip("/") or pattern[0] == "!" or "[" in pattern or pattern.startswith("\\#"):
            continue
        if all(_OWNER.fullmatch(owner) for owner in named):
            yield _compiled(pattern), tuple(named)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of CODEOWNERS: as in .gitignore, but a last ``/*`` means the folder's own files alone."""
    anchored = "/" in pattern.rstrip("/")
    end = "/" if pattern.endswith("/") else "$" if pattern.endswith("/*") else "(?:/|$)"
    *folders, last = pattern.strip("/").split("/")
    inner = "".join("(?:.*/)?" if step == "**" else f"{_step(step)}/" for step in folders)
    inner += ".*" if last == "**" else _step(last)
    return re.compile(f"{'^' if anchored else '(?:^|/)'}{inner}{end}")


def _step(text: str) -> str:
    """One step of a path as a regular expression."""
    signs = {"*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(sign) or re.escape(sign.removeprefix("\\")) for sign in _SIGN.findall(text))
