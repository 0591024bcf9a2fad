"""Names that somebody wrote and that are no column: what is said of them, and what was meant (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase


def not_there(
    option: str,
    names: Iterable[str],
    columns: Collection[str],
    *,
    of: str = "this table",
    globs: bool = False,
) -> list[str]:
    """A note for each name of an option or a key that is no column, with the one that may have been meant.

    No error: a feature that was taken out is no reason to stop a pipeline.
    """
    return [
        f"{option} names {name}, which {_lacking(name, columns, of, globs=globs)}"
        for name in names
        if name not in columns and not (globs and any(fnmatchcase(column, name) for column in columns))
    ]


def meant(name: str, columns: Iterable[str]) -> str:
    """The column that a name may stand for, to go after a sentence: ``; did you mean sex?``, or nothing."""
    by_fold = {column.casefold(): column for column in columns}
    near = get_close_matches(name.casefold(), by_fold, n=1)
    return f"; did you mean {by_fold[near[0]]}?" if near else ""


def _lacking(name: str, columns: Collection[str], of: str, *, globs: bool) -> str:
    if globs and any(sign in name for sign in "*?["):
        return f"matches no column of {of}"
    return f"is no column of {of}{meant(name, columns)}"
