"""The user's own checks of rows, run in a process of their own: they may raise, hang or die there."""

from __future__ import annotations

import base64
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_ci.adapters import row_checks_worker
from mlops_ci.adapters.companion import Companion
from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT = 120.0  # seconds that one batch may take
_LONG = 300


class _Answer(BaseModel):
    """What the process says is not trusted to be of the right shape."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failing: tuple[int, ...]
    problems: dict[int, str]


class RowChecks:
    """Checks of rows, as (column, module:function) pairs, the column empty for those of whole rows.

    ``failing`` counts rows by pair; ``problems`` say why a check could not be made. Use it as a context.
    """

    def __init__(self, checks: Sequence[tuple[str, str]], folder: Path, *, limit: float = LIMIT) -> None:
        self.checks = tuple(checks)
        self.failing = dict.fromkeys(self.checks, 0)
        self.problems: dict[tuple[str, str], str] = {}
        self._folder, self._limit = folder, limit
        self._child: Companion | None = None

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryDirectory(prefix="mlops-ci-")
        if self.checks:
            import json

            worker = [sys.executable, "-P", str(Path(row_checks_worker.__file__).resolve())]
            log = Path(self._log.name) / "log"
            self._child = Companion(worker, cwd=self._folder, log=log)
            self._ask(json.dumps(self.checks).encode())
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.end()
        self._log.cleanup()

    def add(self, batch: pa.RecordBatch) -> None:
        """Ask all checks about one batch; a column that it lacks is a problem of its checks."""
        import pyarrow as pa

        for pair in self.checks:
            if pair[0] and pair[0] not in batch.schema.names:
                self.problems.setdefault(pair, f"there is no column {pair[0]}")
        if self._child is None or len(self.problems) == len(self.checks):
            return
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        answer = self._ask(base64.b64encode(sink.getvalue()))
        for pair, count in zip(self.checks, answer.failing if answer else (), strict=False):
            self.failing[pair] += count

    def _ask(self, line: bytes) -> _Answer | None:
        """The process's answer; where it is gone, no check can be made any more."""
        if self._child is None:
            return None
        try:
            answer = _Answer.model_validate_json(self._child.ask(line, timeout=self._limit))
        except (ToolError, ValidationError) as error:
            # Its last words may hold values; how it ended does not.
            how = error.message.partition(";")[0] if isinstance(error, ToolError) else "gave no right answer"
            for pair in self.checks:
                self.problems.setdefault(pair, f"the process of the checks {how}")
            self._child.end()
            self._child = None
            return None
        for number, problem in answer.problems.items():
            if number < len(self.checks):
                self.problems.setdefault(self.checks[number], problem[:_LONG])
        return answer
