"""A model served by a process of its own: load it, ask it for predictions, time them."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_ci.adapters import pickles, serving_worker
from mlops_ci.adapters.companion import Companion
from mlops_ci.errors import ConfigError, ToolError

if TYPE_CHECKING:
    import pandas as pd

# One thread each, so that two models are comparable on a machine that others use too; and no telemetry.
ENVIRONMENT = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "POLARS_MAX_THREADS",
            "RAYON_NUM_THREADS",
            "TF_NUM_INTRAOP_THREADS",
            "TF_NUM_INTEROP_THREADS",
            "LOKY_MAX_CPU_COUNT",
        ),
        "1",
    ),
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONHASHSEED": "0",
}


class UnknownModelError(Exception):
    """The file is of no kind that can be loaded; the text says what it is."""


class ServingError(Exception):
    """The model raised an error; the text is that error in one line, and may hold values.

    ``told`` holds none: the error's type and place, or the text where it is ours.
    """

    def __init__(self, text: str, told: str | None = None) -> None:
        super().__init__(text)
        self.told = text if told is None else told


class LostError(ServingError):
    """The process that held the model is gone (it died, or hung and was ended); the text says how."""


class _Said(BaseModel):
    """An answer; what a model's process says is not trusted to be of the right shape."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Loaded(_Said):
    """How a model was loaded: ``names`` are the columns it asks for, None where it names none.

    ``signature`` says where the names are from; ``seconds`` include the libraries that it needs.
    """

    flavor: str = Field(max_length=200)
    names: tuple[str, ...] | None
    signature: str = Field(max_length=100)
    seconds: float


class Predicted(_Said):
    """What a model answered, one entry a row: labels or numbers; and scores where it has them."""

    labels: tuple[str | None, ...] | None
    numbers: tuple[tuple[float, ...], ...] | None
    score: tuple[tuple[float, ...], ...] | None


class _Failed(_Said):
    error: str
    told: str = Field(max_length=300)


class _Unknown(_Said):
    unknown: str


class _Times(_Said):
    ns: tuple[int, ...]


class _Memory(_Said):
    bytes: int


class _Prepared(_Said):
    ns: int


Answer = TypeVar("Answer", bound=_Said)


@dataclass(frozen=True)
class Place:
    """Where a model is served: its file or folder, the folder to run in, and where its code is."""

    model: Path
    folder: Path
    code: tuple[Path, ...]
    log: Path


class Served:
    """A model in its process; times are nanoseconds, sizes bytes."""

    def __init__(self, place: Place, *, limit: float) -> None:
        """Start the process; ``limit`` are the seconds that one answer may take."""
        worker = [sys.executable, "-P", str(Path(serving_worker.__file__).resolve())]
        self._limit = limit
        self._place = place
        self._child = Companion(worker, cwd=place.folder, log=place.log, env=ENVIRONMENT)

    def load(self) -> Loaded:
        """Load the model.

        Raises:
            UnknownModelError: it is of no kind that can be loaded.
            ServingError: loading failed, with the reason.
        """
        if none := pickles.why_none(self._place.model):
            raise ServingError(none)
        folders = [str(path) for path in dict.fromkeys((self._place.folder, *self._place.code))]
        return self._ask(Loaded, "load", path=str(self._place.model), folders=folders)

    def predict(self, rows: pd.DataFrame, *, in_order: bool = False) -> Predicted:
        """Predictions of rows; ``in_order`` gives it the columns as they stand, else by their names.

        Raises:
            ServingError: predicting failed, with the reason.
        """
        return self._ask(Predicted, "predict", rows=packed(rows), in_order=in_order)

    def prepare(self, rows: pd.DataFrame, size: int) -> int:
        """Make batches of a size ready and warm up; how long the last call took; raises ServingError."""
        return self._ask(_Prepared, "prepare", rows=packed(rows), size=size).ns

    def time(self, size: int, calls: int) -> tuple[int, ...]:
        """How long each of ``calls`` predictions of a prepared size took; raises ServingError."""
        return self._ask(_Times, "time", size=size, calls=calls).ns

    def memory(self) -> int:
        """How much the largest memory use so far exceeds that before loading; raises ServingError."""
        return self._ask(_Memory, "memory").bytes

    @property
    def lost(self) -> bool:
        """Whether the process is gone, so that only a fresh one can answer."""
        return bool(self._child.lost)

    def close(self) -> None:
        """End the process."""
        self._child.end()

    def _ask(self, kind: type[Answer], do: str, **said: Any) -> Answer:
        try:
            raw = self._child.ask(json.dumps({"do": do, **said}).encode(), timeout=self._limit)
        except ToolError as error:
            # How it ended holds no value; its last words may.
            how = error.message.partition(";")[0]
            raise LostError(f"the model's process {error.message}", f"the model's process {how}") from error
        return _read(kind, raw)


def _read(kind: type[Answer], raw: bytes) -> Answer:
    with suppress(ValidationError):
        failed = _Failed.model_validate_json(raw)
        raise ServingError(failed.error, failed.told)
    with suppress(ValidationError):
        raise UnknownModelError(_Unknown.model_validate_json(raw).unknown)
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise ServingError(f"its answer cannot be used: {error.errors()[0]['msg']}") from error


def packed(rows: pd.DataFrame) -> str:
    """Rows with their types as base64 of Arrow IPC.

    Raises:
        ConfigError: pyarrow is not installed.
        ServingError: a column has no type that Arrow knows.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ConfigError("serving a model needs pyarrow", "pip install 'mlops-ci[checks]'") from error
    try:
        table = pa.Table.from_pandas(rows, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        said = f"rows cannot be sent: {type(error).__name__}"
        raise ServingError(f"{said}: {str(error).splitlines()[0]}", said) from error
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(buffer.getvalue()).decode()


def size(model: Path) -> int:
    """Bytes of a model's file, or of all files of its folder."""
    files: Sequence[Path] = [model] if model.is_file() else [*model.rglob("*")]
    return sum(path.stat().st_size for path in files if path.is_file())
