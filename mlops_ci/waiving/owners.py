"""Who may waive: the owners that the base branch names, in mlops-ci.yaml or in CODEOWNERS (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# Where GitHub looks, in its order; the first file there is counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# GitHub reads no larger one.
MOST = 3_000_000

_OWNER = re.compile(r"@[\w.-]+(?:/[\w.-]+)?|[^@\s]+@[^@\s]+", re.ASCII)
_FIELD = re.compile(r"(?:\\.|[^\s\\])+")
_SIGN = re.compile(r"\\?.")


@dataclass(frozen=True)
class Rules:
    """Who may waive and for at most how many days; ``source`` is where the owners stand."""

    owners: tuple[str, ...]
    max_days: int
    source: str

    @property
    def closed(self) -> str:
        """Why nobody may waive here, if so."""
        if self.max_days < 1:
            return "nobody may waive here: waivers.max_days is 0"
        if not self.owners:
            return (
                "nobody may waive here: no owner stands in waivers.owners, and none of the file in CODEOWNERS"
            )
        return ""

    @property
    def logins(self) -> frozenset[str]:
        """The people, in lower case and without the sign."""
        return frozenset(
            owner[1:].lower() for owner in self.owners if owner.startswith("@") and "/" not in owner
        )

    @property
    def teams(self) -> tuple[tuple[str, str], ...]:
        """The teams: organization and name."""
        return tuple(
            (organization, team)
            for owner in self.owners
            if owner.startswith("@") and "/" in owner
            for organization, _, team in (owner[1:].partition("/"),)
        )

    @property
    def addresses(self) -> bool:
        """Whether an owner is named by an address, which GitHub tells nobody whose it is."""
        return any(not owner.startswith("@") for owner in self.owners)


def rules(named: Sequence[str], max_days: int, path: str, read: Callable[[str], str | None]) -> Rules:
    """The rules of a base branch: ``named`` in its mlops-ci.yaml at ``path``, else the owners of that file.

    ``read`` gives the text of a file of the base branch, None where there is none.
    """
    if named:
        return Rules(tuple(named), max_days, f"waivers.owners of {path}")
    for place in PLACES:
        if (text := read(place)) is not None:
            return Rules(codeowners(text, path), max_days, place)
    return Rules((), max_days, "CODEOWNERS")


def codeowners(text: str, path: str) -> tuple[str, ...]:
    """The owners of a file: of the last line whose pattern fits, which may name nobody.

    Lines that GitHub skips are skipped: with a ``!``, a range in brackets, or an owner that is none.
    """
    found: tuple[str, ...] = ()
    for pattern, owners in _lines(text[:MOST]):
        if pattern.search(path):
            found = owners
    return found


def _lines(text: str) -> Iterator[tuple[re.Pattern[str], tuple[str, ...]]]:
    for line in text.splitlines():
        fields = _FIELD.findall(line)
        comment = next((at for at, field in enumerate(fields) if field.startswith("#")), len(fields))
        pattern, *owners = fields[:comment] or [""]
        if not pattern.strip("/") or pattern[0] == "!" or "[" in pattern or pattern.startswith("\\#"):
            continue
        if all(_OWNER.fullmatch(owner) for owner in owners):
            yield _compiled(pattern), tuple(owners)


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
