"""What GitHub answered, read field by field: what we do not ask for is ignored, what is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mlops_ci.errors import ToolError

T = TypeVar("T")


@dataclass(frozen=True)
class Fields:
    """A part of an answer; ``endpoint`` is the request it answers, ``at`` where in the answer it is.

    Every reader takes the keys that lead to a field. With a ``default`` a field may be missing or
    null, also on the way; else that is a ToolError, as a field of another kind always is.
    """

    endpoint: str
    plain: Any
    at: str = ""

    def text(self, *keys: str, default: str | None = None) -> str:
        """A text."""
        return self._read(keys, default, "a text", lambda value: isinstance(value, str))

    def number(self, *keys: str, default: int | None = None) -> int:
        """A whole number; JSON's true and false are none."""
        return self._read(
            keys, default, "a number", lambda value: isinstance(value, int) and not isinstance(value, bool)
        )

    def flag(self, *keys: str, default: bool | None = None) -> bool:
        """True or false."""
        return self._read(keys, default, "true or false", lambda value: isinstance(value, bool))

    def items(self, *keys: str, default: tuple[Fields, ...] | None = None) -> tuple[Fields, ...]:
        """The members of a list."""
        if default is not None and not self.has(*keys):
            return default
        found: list[Any] = self._read(keys, None, "a list", lambda value: isinstance(value, list))
        place = self._place(keys)
        return tuple(Fields(self.endpoint, item, f"{place}[{index}]") for index, item in enumerate(found))

    def has(self, *keys: str) -> bool:
        """Whether there is something other than null."""
        return self._find(keys) is not None

    def _read(self, keys: tuple[str, ...], default: T | None, kind: str, fits: Callable[[Any], bool]) -> T:
        found = self._find(keys)
        if found is None and default is not None:
            return default
        if found is None or not fits(found):
            problem = "is missing" if found is None else f"is not {kind}"
            raise ToolError(
                f"{self.endpoint}: in GitHub's answer `{self._place(keys) or 'the whole'}` {problem}",
                "is GITHUB_API_URL the address of a GitHub API?",
            )
        value: T = found
        return value

    def _find(self, keys: tuple[str, ...]) -> Any:
        found = self.plain
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def _place(self, keys: tuple[str, ...]) -> str:
        return ".".join((*filter(None, [self.at]), *keys))
