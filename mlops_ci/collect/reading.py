"""Files of either side, read once; what cannot be read becomes a Problem instead of an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mlops_ci.adapters import tables
from mlops_ci.adapters.dvc import Dvc, MissingFileError
from mlops_ci.adapters.named import MAX_TABLE
from mlops_ci.collect import plots, values
from mlops_ci.collect.values import UnreadableError, Values
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import Problem, Where
from mlops_ci.pipeline import Graph

if TYPE_CHECKING:
    import pandas as pd

SideName = Literal["head", "base"]


@dataclass(frozen=True)
class Side:
    """Head (``rev`` None: the work tree) or base, with its graph; ``broken`` stages have stale outputs."""

    name: SideName
    rev: str | None
    graph: Graph
    broken: frozenset[str] = frozenset()


@dataclass
class Reader:
    """Reads through DVC, keeps what it read, and collects the problems it met."""

    dvc: Dvc
    problems: list[Problem] = field(default_factory=list)
    _values: dict[tuple[SideName, str], Values | str] = field(default_factory=dict)

    def values(self, side: Side, path: str) -> Values | str:
        """The numbers of a metrics file, or why there are none."""
        key = (side.name, path)
        if key not in self._values:
            try:
                raw = self.dvc.read(path, rev=side.rev, limit=values.MAX_BYTES)
                found = values.parse(raw, path)
            except (UnreadableError, MlopsError) as error:
                self._values[key] = self._problem(side, path, error)
            else:
                self._values[key] = found
                for note in found.notes:
                    self.note(side, path, note)
        return self._values[key]

    def table(self, side: Side, path: str) -> pd.DataFrame | str:
        """A table of predictions, or why there is none."""
        try:
            return tables.read(self.dvc.read(path, rev=side.rev, limit=MAX_TABLE), path)
        except (tables.TableError, MlopsError) as error:
            return self._problem(side, path, error)

    def rows(self, side: Side, path: str) -> Sequence[plots.Row]:
        """The rows of a plot's data, empty where they cannot be read."""
        try:
            return plots.rows(self.dvc.read(path, rev=side.rev, limit=values.MAX_BYTES), path)
        except (UnreadableError, MlopsError) as error:
            self._problem(side, path, error)
            return []

    def _problem(self, side: Side, path: str, error: Exception) -> str:
        text = reason(error, path)
        self.note(side, path, text, error.hint if isinstance(error, MlopsError) else "")
        return text

    def note(self, side: Side, path: str, message: str, hint: str = "") -> None:
        """Tell the report, once, what could not be read as it should."""
        problem = Problem(where=Where(file=path), revision=side.name, message=message, hint=hint)
        if problem not in self.problems:
            self.problems.append(problem)


def reason(error: Exception, path: str) -> str:
    """Why a file could not be read, in words that go after its name."""
    if isinstance(error, MissingFileError):
        return "is missing"
    return error.message.removeprefix(f"{path}: ") if isinstance(error, MlopsError) else str(error)
