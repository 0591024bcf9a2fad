"""Trouble that costs a line on the terminal and nothing else: what went wrong, and how to mend it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mlops_ci.errors import MlopsError

T = TypeVar("T")


@dataclass(frozen=True)
class Notes:
    """Says what did not work; a hint is said once, however much it would mend."""

    say: Callable[[str], None]
    hinted: set[str] = field(default_factory=set)

    def tell(self, trouble: str, hint: str = "") -> None:
        """One line, and a second one that mends it."""
        self.say(f"note: {' '.join(trouble.split())}")
        if hint and hint not in self.hinted:
            self.hinted.add(hint)
            self.say(f"  → {hint}")

    def tried(self, trouble: str, work: Callable[[], T]) -> T | None:
        """What ``work`` gives; nothing, and a line that says why, where it fails."""
        try:
            return work()
        except Exception as error:
            self.failed(trouble, error)
            return None

    def failed(self, trouble: str, error: Exception) -> None:
        """The line of an error."""
        self.tell(f"{trouble}: {reason(error)}", error.hint if isinstance(error, MlopsError) else "")


def reason(error: BaseException) -> str:
    """What an error says, in one line; of a bug of ours also where it is."""
    if isinstance(error, MlopsError):
        return error.message
    if isinstance(error, OSError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a bug of ours, please report it: {error!r} in {Path(last.filename).name}:{last.lineno}"
