"""Runs as a process of its own: loads one model, predicts and times it, one JSON line for each asked.

It knows nothing of mlops_ci: the folder it runs in may hold another version of it, and its memory
should be the model's. Rows come as base64 of Arrow IPC. What the model prints goes to standard error.
An error is told twice: its text, which may hold values, and ``told``, its type and place, which do not.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import re
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, Any

WARM_BATCHES = 8
WARM_UP = 0.5  # seconds after which no further batch is warmed up with
_MAX_TEXT = 300
PICKLES = (".joblib", ".pkl", ".pickle", ".sav")
_NO_ATTRIBUTE = re.compile(r"[Cc]an't get attribute '([\w.]+)' on <module '([\w.]+)'")
_NAME = re.compile(r"[A-Za-z_][\w.]{0,100}")
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


class UnknownFormatError(Exception):
    """The file is of no kind that can be loaded here; the text says which it is."""


class OutputError(TypeError):
    """What the model gave is no prediction; the text says what it is, without values."""


@dataclass
class Loaded:
    """A model: the columns it names (None: it names none), and how it predicts.

    ``score`` gives what can be compared finely: probabilities or a decision function, where there is one.
    ``rows`` makes what it takes out of a frame whose columns are right. ``frames`` are the rows to time
    with by the size of a batch, ``at`` is the row that the next batch begins with, whatever its size.
    """

    flavor: str
    predict: Callable[[Any], Any]
    rows: Callable[[Any], Any]
    score: Callable[[Any], Any] | None = None
    names: tuple[str, ...] | None = None
    signature: str = ""
    frames: dict[int, Any] = field(default_factory=dict)
    at: int = 0


# ---- loading -----------------------------------------------------------------------------------


def load(path: Path) -> Loaded:
    """Load a model by what its file or folder is.

    Raises:
        UnknownFormatError: it is no MLflow folder, no pickle, no joblib file, no ONNX.
        Exception: whatever loading it raises.
    """
    if path.is_dir():
        return _mlflow(_mlflow_folder(path))
    if path.suffix.lower() == ".onnx":
        return _onnx(path)
    if path.suffix.lower() in PICKLES or path.read_bytes()[:1] == b"\x80":
        return _estimator(_unpickled(path))
    raise UnknownFormatError(f"{path.name} is no MLflow folder, pickle, joblib file or ONNX model")


def _mlflow_folder(path: Path) -> Path:
    found = [path] if (path / "MLmodel").is_file() else sorted(one.parent for one in path.rglob("MLmodel"))
    if len(found) != 1:
        many = "several MLflow models" if found else "no file MLmodel, so it is no MLflow model"
        raise UnknownFormatError(f"the folder {path.name} holds {many}")
    return found[0]


def _unpickled(path: Path) -> Any:
    from importlib.util import find_spec

    if find_spec("joblib") is not None:
        import joblib

        return joblib.load(path)
    import pickle

    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - the project's own model, in a process of its own


def _estimator(model: Any) -> Loaded:
    """Anything with ``predict``: scikit-learn's way, which most libraries and own classes follow."""
    if not callable(getattr(model, "predict", None)):
        raise UnknownFormatError(f"it holds a {type(model).__name__}, which has no predict")
    names, by_place = _feature_names(model), getattr(model, "n_features_in_", None) is not None
    return Loaded(
        flavor=f"{type(model).__module__.partition('.')[0]} {type(model).__name__}",
        predict=model.predict,
        score=_score(model),
        rows=_array if by_place and names is None else _frame,
        names=names,
        signature="feature names" if names else "",
    )


def _feature_names(model: Any) -> tuple[str, ...] | None:
    """The columns it was fitted on, where it remembers them."""
    found = None
    for name in ("feature_names_in_", "feature_names_", "feature_name_"):
        with suppress(Exception):
            found = found or [str(one) for one in getattr(model, name, None)]  # type: ignore[union-attr]
    return tuple(found) if found else None


def _score(model: Any) -> Callable[[Any], Any] | None:
    for name in ("predict_proba", "decision_function"):
        found = getattr(model, name, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
    return None


def _mlflow(path: Path) -> Loaded:
    from mlflow import pyfunc

    model = pyfunc.load_model(str(path))
    schema = model.metadata.get_input_schema()
    names = tuple(schema.input_names()) if schema is not None and schema.has_input_names() else None
    raw = None
    with suppress(Exception):
        raw = model.get_raw_model()
    return Loaded(
        flavor="mlflow",
        predict=model.predict,
        score=_score(raw) if raw is not None and _feature_names(raw) is not None else None,
        rows=_frame,
        names=names or (_feature_names(raw) if raw is not None else None),
        signature="MLflow signature" if schema is not None else "",
    )


def _onnx(path: Path) -> Loaded:
    from importlib import import_module

    ort = import_module("onnxruntime")

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), [one.name for one in session.get_outputs()]
    several = len(inputs) > 1

    def rows(frame: Any) -> dict[str, Any]:
        if not several:
            return {inputs[0].name: frame.to_numpy(dtype=_onnx_type(inputs[0].type))}
        return {one.name: frame[[one.name]].to_numpy(dtype=_onnx_type(one.type)) for one in inputs}

    return Loaded(
        flavor="onnx",
        predict=lambda feed: session.run(outputs[:1], feed)[0],
        score=(lambda feed: _plain_map(session.run(outputs[1:2], feed)[0])) if len(outputs) > 1 else None,
        rows=rows,
        names=tuple(one.name for one in inputs) if several else None,
        signature="ONNX inputs" if several else "",
    )


def _onnx_type(text: str) -> str:
    known = {"float": "float32", "double": "float64", "int64": "int64", "int32": "int32", "bool": "bool"}
    return known.get(text.removeprefix("tensor(").removesuffix(")"), "object")


def _plain_map(found: Any) -> Any:
    """Converters write probabilities as a list of {class: probability}."""
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return [[row[key] for key in sorted(row)] for row in found]
    return found


def _frame(frame: Any) -> Any:
    return frame


def _array(frame: Any) -> Any:
    return frame.to_numpy()


# ---- answering ---------------------------------------------------------------------------------


class Worker:
    """What is asked, one method a command."""

    def __init__(self) -> None:
        self._model: Loaded | None = None
        self._before = 0

    @property
    def model(self) -> Loaded:
        """The loaded model."""
        if self._model is None:
            raise RuntimeError("no model is loaded")
        return self._model

    def load(self, path: str, folders: list[str]) -> dict[str, Any]:
        """Load the model; ``seconds`` include the libraries that it needs."""
        import pandas as pd  # noqa: F401 - what every model gets its rows with is not the model's memory
        import pyarrow as pa  # noqa: F401

        sys.path[:0] = [folder for folder in folders if folder not in sys.path]
        _forget_peak()
        self._before = _memory("VmRSS")
        begun = time.perf_counter()
        try:
            self._model = load(Path(path))
        except UnknownFormatError as error:
            return {"unknown": str(error)}
        seconds = time.perf_counter() - begun
        model = self._model
        names = None if model.names is None else list(model.names)
        return {"flavor": model.flavor, "names": names, "signature": model.signature, "seconds": seconds}

    def predict(self, rows: str, in_order: bool = False) -> dict[str, Any]:
        """Predictions and scores; ``in_order`` leaves the columns as they come."""
        taken = self.model.rows(self._columns(_read(rows), in_order=in_order))
        labels, numbers = _plain(self.model.predict(taken))
        score = None if self.model.score is None else _plain(self.model.score(taken))[1]
        return {"labels": labels, "numbers": numbers, "score": score}

    def prepare(self, rows: str, size: int) -> dict[str, Any]:
        """Take the rows for batches of ``size`` and warm up with eight; ``ns`` is the last call's time."""
        model = self.model
        model.frames[size] = self._columns(_read(rows), in_order=False)
        begun, first = time.perf_counter(), model.at
        for _ in range(WARM_BATCHES):
            (batch,) = self._batches(size, 1)
            last = time.perf_counter_ns()
            model.predict(batch)
            last = time.perf_counter_ns() - last
            if time.perf_counter() - begun > WARM_UP:
                break
        # However slow a model is, the one it is compared with goes on with the same row.
        model.at = first + WARM_BATCHES * size
        return {"ns": last}

    def _batches(self, size: int, count: int) -> list[Any]:
        """The next batches, as the model takes them: rows come again only when the table is used up.

        A model that remembers what it was asked would else be as fast as its memory.
        """
        model, frame = self.model, self.model.frames[size]
        made = []
        for _ in range(count):
            rows = [(model.at + step) % len(frame) for step in range(size)]
            made.append(model.rows(frame.iloc[rows].reset_index(drop=True)))
            model.at += size
        return made

    def time(self, size: int, calls: int) -> dict[str, Any]:
        """Nanoseconds of each of ``calls`` predictions; what the garbage collector does is left out."""
        predict, clock, batches = self.model.predict, time.perf_counter_ns, self._batches(size, calls)
        taken = [0] * calls
        gc.collect(0)
        gc.disable()
        try:
            for call, batch in enumerate(batches):
                begun = clock()
                predict(batch)
                taken[call] = clock() - begun
        finally:
            gc.enable()
        return {"ns": taken}

    def memory(self) -> dict[str, Any]:
        """Bytes by which the largest memory use so far exceeds that before loading."""
        return {"bytes": max(0, _memory("VmHWM") - self._before)}

    def _columns(self, frame: Any, *, in_order: bool) -> Any:
        names = self.model.names
        return frame if names is None or in_order else frame[list(names)]


def _read(rows: str) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(base64.b64decode(rows)) as stream:
        return stream.read_all().to_pandas()


def _plain(output: Any) -> tuple[list[str | None] | None, list[list[float]] | None]:
    """An output as labels (text, None for nothing) or as rows of numbers."""
    import numpy as np

    found = np.asarray(output)
    if found.ndim == 0:
        raise OutputError(f"predict gives a {type(output).__name__}, not one value a row")
    table = found.reshape(len(found), -1) if len(found) else found.reshape(0, 1)
    with suppress(TypeError, ValueError):
        if table.dtype.kind in "biufO":
            return None, table.astype(float).tolist()
    return [_label(row) for row in table.tolist()], None


def _label(row: list[Any]) -> str | None:
    import pandas as pd

    return None if all(pd.isna(row)) else " ".join(map(str, row))


def _memory(name: str) -> int:
    """Bytes of resident memory by the kernel's own count; elsewhere than on Linux the peak."""
    with suppress(OSError):
        found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _forget_peak() -> None:
    """From here on the peak counts anew (proc(5), clear_refs)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def one_line(error: BaseException) -> str:
    """An exception in one short line without the places of this machine."""
    said = " ".join(str(error).split())
    if lost := _lost_script(error):
        return lost
    said = said.replace(str(Path.cwd()) + os.sep, "")
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _lost_script(error: BaseException) -> str:
    lost = _NO_ATTRIBUTE.search(str(error))
    if lost is None or lost[2] != "__main__":
        return ""
    return f"the pickle needs {lost[1]} of the script that made it: define it in a module of its own"


def told(error: BaseException) -> str:
    """An exception without its text, which may hold values of the rows or of the training table.

    Its type, and the last line of the project's own code that it went through, else the library that
    raised it. Names of modules and of what they lack are told: they are code.
    """
    kind = type(error).__name__
    if isinstance(error, OutputError):
        return one_line(error)
    if lost := _lost_script(error):
        return lost
    if isinstance(error, AttributeError) and (lacking := _NO_ATTRIBUTE.search(str(error))):
        return f"{kind}: {lacking[2]} has no {lacking[1]}"
    if isinstance(error, ModuleNotFoundError) and _NAME.fullmatch(error.name or ""):
        return f"{kind}: No module named '{error.name}'"
    return f"{kind}{_place(error)}"[:_MAX_TEXT]


def _place(error: BaseException) -> str:
    files = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    files = [(path, line) for path, line in files if path != Path(__file__)]
    for path, line in reversed(files):
        if not _libraries(path) and (own := _within(path)):
            return f" at {own}:{line}"
    library = _libraries(files[-1][0]) if files else ""
    return f" in {library}" if library else ""


def _libraries(path: Path) -> str:
    """The library that a file is of, nothing where it is of none."""
    parts = path.parts
    packages = [place for place, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    if packages and packages[-1] + 1 < len(parts):
        return Path(parts[packages[-1] + 1]).stem
    return (
        "Python"
        if path.is_relative_to(sysconfig.get_path("stdlib")) or str(path).startswith("<frozen")
        else ""
    )


def _within(path: Path) -> str:
    """A file's path from the folders that code is looked for in, as long as it can be."""
    folders = [Path.cwd(), *map(Path, sys.path)]
    found = [str(path.relative_to(folder)) for folder in folders if path.is_relative_to(folder)]
    return max(found, key=len, default="")


# ---- the pipe ----------------------------------------------------------------------------------


def answers(requests: Iterator[bytes], worker: Worker) -> Iterator[bytes]:
    """One answer a request; whatever a model raises, even an exit, is an answer."""
    for line in requests:
        try:
            asked = json.loads(line)
            found = getattr(worker, asked.pop("do"))(**asked)
        except BaseException as error:
            found = {"error": one_line(error), "told": told(error)}
        yield json.dumps(found).encode() + b"\n"


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Our ends of the pipes, out of the reach of what the model prints or reads."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _end_with_parent() -> None:
    """A model that hangs must not outlive the run that asked it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def main() -> None:
    """Answer until the pipe is closed."""
    _end_with_parent()
    requests, replies = _private_pipes()
    for answer in answers(iter(requests), Worker()):
        replies.write(answer)
        replies.flush()


if __name__ == "__main__":
    # A pickle that names something of its own `__main__` must not find ours.
    ours, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    sys.argv[1:] = []
    main()
