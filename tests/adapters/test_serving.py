"""Models of every kind that is served, their answers, and what is no model; the worker called directly too."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mlops_ci.adapters import serving, serving_worker
from mlops_ci.adapters.serving import LostError, Place, Served, ServingError, UnknownModelError
from mlops_ci.adapters.serving_worker import Worker, answers

ROWS = pd.DataFrame({"a": [0.1, 0.9, 0.4, 0.7] * 10, "b": [1, 0, 1, 1] * 10})
TRUTH = (ROWS["a"] > 0.5).astype(int)


def ask(worker: Worker, **asked: Any) -> dict[str, Any]:
    """One request through the worker's own loop, in this process."""
    (answer,) = answers(iter([json.dumps(asked).encode()]), worker)
    found: dict[str, Any] = json.loads(answer)
    return found


def loaded(path: Path) -> tuple[Worker, dict[str, Any]]:
    worker = Worker()
    return worker, ask(worker, do="load", path=str(path), folders=[])


class Echo:
    """A model that answers with what it was made with."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, rows: Any) -> Any:
        return self.answer


def saved(folder: Path, model: Any, name: str = "model.pkl") -> Path:
    path = folder / name
    path.write_bytes(pickle.dumps(model))
    return path


# ---- what can be loaded ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.joblib", "m.pkl", "m.pickle", "m.sav"])
def test_an_estimator_names_its_columns_and_gives_scores(tmp_path: Path, name: str) -> None:
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TRUTH), tmp_path / name)
    worker, found = loaded(tmp_path / name)
    assert (found["flavor"], found["names"], found["signature"]) == (
        "sklearn Pipeline",
        ["a", "b"],
        "feature names",
    )
    # Columns are taken by their names, whatever else comes and in whatever order.
    given = serving.packed(ROWS[["b", "a"]].assign(c="x").iloc[:2])
    told = ask(worker, do="predict", rows=given)
    assert (told["numbers"], told["labels"]) == ([[0.0], [1.0]], None)
    assert [len(row) for row in told["score"]] == [2, 2]
    assert "ValueError" in ask(worker, do="predict", rows=given, in_order=True)["error"]


def test_an_estimator_of_an_array_gets_an_array(tmp_path: Path) -> None:
    path = saved(tmp_path, LinearRegression().fit(ROWS.to_numpy(), ROWS["a"] * 2))
    worker, found = loaded(path)
    assert (found["names"], found["signature"]) == (None, "")
    told = ask(worker, do="predict", rows=serving.packed(ROWS.iloc[:2]))
    assert (np.round(told["numbers"], 6).tolist(), told["score"]) == ([[0.2], [1.8]], None)


def test_a_decision_function_is_a_score_too(tmp_path: Path) -> None:
    worker, _ = loaded(saved(tmp_path, LinearSVC().fit(ROWS, TRUTH)))
    assert len(ask(worker, do="predict", rows=serving.packed(ROWS.iloc[:3]))["score"]) == 3


def test_a_pickle_is_known_by_its_first_byte(tmp_path: Path) -> None:
    _, found = loaded(saved(tmp_path, LogisticRegression().fit(ROWS, TRUTH), "model.bin"))
    assert found["flavor"] == "sklearn LogisticRegression"


@pytest.mark.slow
def test_an_mlflow_model_has_its_signature(tmp_path: Path) -> None:
    import mlflow

    model = LogisticRegression().fit(ROWS, TRUTH)
    signature = mlflow.models.infer_signature(ROWS, model.predict(ROWS))
    mlflow.sklearn.save_model(model, tmp_path / "m", signature=signature, pip_requirements=["scikit-learn"])
    worker, found = loaded(tmp_path)
    assert (found["flavor"], found["names"], found["signature"]) == ("mlflow", ["a", "b"], "MLflow signature")
    told = ask(worker, do="predict", rows=serving.packed(ROWS.iloc[:2]))
    assert (told["numbers"], [len(row) for row in told["score"]]) == ([[0.0], [1.0]], [2, 2])


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_an_onnx_model(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    assert "error" in loaded(tmp_path / "m.onnx")[1]


def test_onnx_without_its_package_says_so(tmp_path: Path) -> None:
    if find_spec("onnxruntime") is not None:
        pytest.skip("onnxruntime is installed")
    (tmp_path / "m.onnx").write_bytes(b"")
    assert loaded(tmp_path / "m.onnx")[1] == dict.fromkeys(
        ("error", "told"), "ModuleNotFoundError: No module named 'onnxruntime'"
    )


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        ({"m.json": b"{}"}, "m.json", "m.json is no MLflow folder, pickle, joblib file or ONNX model"),
        ({"m/x": b""}, "m", "the folder m holds no file MLmodel, so it is no MLflow model"),
        ({"m/a/MLmodel": b"", "m/b/MLmodel": b""}, "m", "the folder m holds several MLflow models"),
        ({"m.pkl": pickle.dumps({"a": 1})}, "m.pkl", "it holds a dict, which has no predict"),
    ],
)
def test_what_is_no_model_says_what_it_is(
    tmp_path: Path, files: dict[str, bytes], path: str, said: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert loaded(tmp_path / path)[1] == {"unknown": said}


def test_a_broken_pickle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04broken")
    assert "error" in loaded(tmp_path / "m.pkl")[1]


# ---- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "labels", "numbers"),
    [
        ([1, 2.5], None, [[1.0], [2.5]]),
        (np.array([[1, 2], [3, 4]]), None, [[1.0, 2.0], [3.0, 4.0]]),
        (pd.Series([True, False]), None, [[1.0], [0.0]]),
        (pd.DataFrame({"p": [0.5, 0.25]}), None, [[0.5], [0.25]]),
        (["yes", None], ["yes", None], None),
        (np.array(["a", "b"]), ["a", "b"], None),
        ([], None, []),
    ],
)
def test_outputs_become_labels_or_numbers(tmp_path: Path, answer: Any, labels: Any, numbers: Any) -> None:
    worker, _ = loaded(saved(tmp_path, Echo(answer)))
    told = ask(worker, do="predict", rows=serving.packed(ROWS.iloc[:2]))
    assert told == {"labels": labels, "numbers": numbers, "score": None}


def test_an_output_that_is_no_column_is_an_error(tmp_path: Path) -> None:
    worker, _ = loaded(saved(tmp_path, Echo({"a": 1})))
    told = ask(worker, do="predict", rows=serving.packed(ROWS.iloc[:2]))
    said = "OutputError: predict gives a dict, not one value a row"
    assert told == {"error": said, "told": said}


def test_batches_are_prepared_and_timed(tmp_path: Path) -> None:
    worker, _ = loaded(saved(tmp_path, LogisticRegression().fit(ROWS, TRUTH)))
    assert ask(worker, do="prepare", rows=serving.packed(ROWS), size=100)["ns"] > 0
    ask(worker, do="prepare", rows=serving.packed(ROWS), size=10)
    taken = ask(worker, do="time", size=10, calls=7)["ns"]
    assert (len(taken), min(taken) > 0) == (7, True)
    assert ask(worker, do="memory")["bytes"] >= 0


class Memory:
    """A model that remembers what it was asked, as one that is to look fast may."""

    feature_names_in_ = ("a", "b")

    def __init__(self) -> None:
        self.asked: list[float] = []

    def predict(self, rows: pd.DataFrame) -> Any:
        self.asked += rows["a"].tolist()
        return rows["a"]


def test_no_row_is_timed_twice_before_the_table_is_used_up(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": np.arange(100.0), "b": 0})
    worker, _ = loaded(saved(tmp_path, Memory()))
    asked = worker.model.predict.__self__.asked  # type: ignore[attr-defined]
    for size in (1, 4):
        ask(worker, do="prepare", rows=serving.packed(rows), size=size)
    for size, calls in ((1, 20), (4, 5), (1, 20), (4, 2)):
        assert len(ask(worker, do="time", size=size, calls=calls)["ns"]) == calls
    # 8 batches of each size to warm up, 68 rows timed, and then from the beginning.
    assert asked == [float(row % 100) for row in range(8 + 32 + 68)]


def test_a_slow_model_goes_on_with_the_same_row_as_a_fast_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_worker, "WARM_UP", 0.0)
    worker, _ = loaded(saved(tmp_path, Memory()))
    ask(worker, do="prepare", rows=serving.packed(ROWS), size=2)
    assert worker.model.at == 16


def test_requests_that_make_no_sense_are_errors() -> None:
    worker = Worker()
    assert ask(worker, do="memory")["bytes"] >= 0
    assert ask(worker, do="predict", rows="") == {
        "error": "RuntimeError: no model is loaded",
        "told": "RuntimeError",
    }
    assert "error" in ask(worker, do="nothing")


def test_an_error_is_one_short_line_without_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert serving_worker.one_line(ValueError(f"in\n {tmp_path}/a.py")) == "ValueError: in a.py"
    assert serving_worker.one_line(KeyError()) == "KeyError"
    assert len(serving_worker.one_line(ValueError("x" * 900))) == 300


SECRET = """\
import importlib

class Picky:
    def __init__(self, how):
        self.how = how

    def predict(self, rows):
        if self.how == "library":
            return rows.astype("NARWHAL")
        if self.how == "stdlib":
            return importlib.import_module(".NARWHAL")
        if self.how == "module":
            import no_such_module
        raise ValueError("unknown category Ann Lee, 49,311.50; known: ['NARWHAL']")
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("own", "ValueError at code/picky.py:14"),
        ("library", "TypeError at code/picky.py:9"),
        ("stdlib", "TypeError at code/picky.py:11"),
        ("module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_an_error_is_told_by_its_type_and_place_alone(
    tmp_path: Path, serve: Callable[..., Served], how: str, said: str
) -> None:
    """The text may hold a value of the training table, which nobody could look for in the test table."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "__init__.py").write_text("")
    (tmp_path / "code" / "picky.py").write_text(SECRET)
    (tmp_path / "m.pkl").write_bytes(b"ccode.picky\nPicky\n(V" + how.encode() + b"\ntR.")
    model = serve(tmp_path / "m.pkl")
    model.load()
    with pytest.raises(ServingError) as raised:
        model.predict(ROWS.iloc[:2])
    assert raised.value.told == said


def test_an_error_of_a_library_alone_names_the_library(tmp_path: Path) -> None:
    worker, _ = loaded(saved(tmp_path, LogisticRegression().fit(ROWS, TRUTH)))
    given = serving.packed(ROWS.assign(a="NARWHAL"))
    told = ask(worker, do="predict", rows=given)
    assert "NARWHAL" in told["error"]
    assert told["told"] == "ValueError in pandas"


def test_the_last_words_of_a_lost_process_are_not_told(tmp_path: Path, serve: Callable[..., Served]) -> None:
    (tmp_path / "dying.py").write_text(
        "import os, sys\n\nclass Dying:\n    def predict(self, rows):\n"
        "        print('NARWHAL', flush=True)\n        os.abort()\n"
    )
    (tmp_path / "m.pkl").write_bytes(b"cdying\nDying\n(tR.")
    model = serve(tmp_path / "m.pkl")
    model.load()
    with pytest.raises(LostError, match="NARWHAL") as raised:
        model.predict(ROWS)
    assert raised.value.told == "the model's process was ended by SIGABRT"


def test_memory_is_counted_by_the_kernel_or_by_resource() -> None:
    assert serving_worker._memory("VmRSS") > 1e6
    assert serving_worker._memory("NoSuchCount") > 1e6


# ---- the process -------------------------------------------------------------------------------


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve a model's file in a process of its own, which is ended after the test."""
    started: list[Served] = []

    def run(model: Path, limit: float = 60.0) -> Served:
        started.append(Served(Place(model, tmp_path, (tmp_path,), tmp_path / "log"), limit=limit))
        return started[-1]

    yield run
    for one in started:
        one.close()


def test_a_served_model_is_loaded_asked_timed_and_measured(
    tmp_path: Path, serve: Callable[..., Served]
) -> None:
    model = serve(saved(tmp_path, LogisticRegression().fit(ROWS, TRUTH)))
    told = model.load()
    assert (told.flavor, told.names) == ("sklearn LogisticRegression", ("a", "b"))
    found = model.predict(ROWS.iloc[:2])
    assert (found.numbers, found.labels) == (((0.0,), (1.0,)), None)
    with pytest.raises(ServingError, match="ValueError: The feature names"):
        model.predict(ROWS[["b", "a"]], in_order=True)
    assert model.prepare(ROWS, 10) > 0
    assert len(model.time(10, 5)) == 5
    assert model.memory() > 1e6


def test_a_nan_crosses_the_pipe(tmp_path: Path, serve: Callable[..., Served]) -> None:
    (tmp_path / "kinds.py").write_text(
        "class Nan:\n    def predict(self, rows):\n        print('out'); return [float('nan'), float('inf')]\n"
    )
    (tmp_path / "m.pkl").write_bytes(b"ckinds\nNan\n(tR.")
    model = serve(tmp_path / "m.pkl")
    assert model.load().flavor == "kinds Nan"
    assert str(model.predict(ROWS.iloc[:2]).numbers) == "((nan,), (inf,))"


def test_what_is_no_model_and_what_cannot_be_loaded(tmp_path: Path, serve: Callable[..., Served]) -> None:
    (tmp_path / "m.json").write_text("{}")
    with pytest.raises(UnknownModelError, match=r"m\.json is no MLflow folder"):
        serve(tmp_path / "m.json").load()
    (tmp_path / "m.pkl").write_bytes(b"cno_such_module\nThing\n(tR.")
    with pytest.raises(ServingError, match="No module named 'no_such_module'"):
        serve(tmp_path / "m.pkl").load()


def test_a_file_that_is_no_pickle_is_told_as_such(tmp_path: Path, serve: Callable[..., Served]) -> None:
    (tmp_path / "m.pkl").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ServingError) as caught:
        serve(tmp_path / "m.pkl").load()
    assert caught.value.told == "m.pkl is no pickle: it does not begin like one"


def test_a_process_that_is_gone_is_lost(tmp_path: Path, serve: Callable[..., Served]) -> None:
    model = serve(tmp_path / "m.pkl")
    model.close()
    with pytest.raises(LostError, match="the model's process was ended by SIGTERM"):
        model.load()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"nonsense", "its answer cannot be used: Invalid JSON"),
        (b"[]", "its answer cannot be used"),
        (b'{"bytes": "many"}', "its answer cannot be used: Input should be a valid integer"),
    ],
)
def test_an_answer_of_another_shape_is_an_error(raw: bytes, said: str) -> None:
    with pytest.raises(ServingError, match=said):
        serving._read(serving._Memory, raw)


def test_rows_that_arrow_does_not_know_are_an_error() -> None:
    with pytest.raises(ServingError, match="rows cannot be sent: ") as raised:
        serving.packed(pd.DataFrame({"x": [1, "a"]}))
    assert raised.value.told == "rows cannot be sent: ArrowInvalid"


def test_the_size_of_a_file_and_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "one").write_bytes(b"123")
    (tmp_path / "m" / "sub" / "two").write_bytes(b"4567")
    assert (serving.size(tmp_path / "m"), serving.size(tmp_path / "m" / "one")) == (7, 3)
