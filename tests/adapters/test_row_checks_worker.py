"""What the process of the users' checks answers, asked here without a process."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mlops_ci.adapters import row_checks_worker as worker
from mlops_ci.adapters.row_checks_worker import UnusableError

ROWS = pd.DataFrame({"a": [1, 2, 3]})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(True, 0), (False, 3), ([True, False, False], 2), (pd.array([True, None, False], dtype="boolean"), 1)],
)
def test_answers_are_counted(answer: Any, expected: int) -> None:
    assert worker.failing(lambda _rows: answer, ROWS) == expected


@pytest.mark.parametrize(
    ("answer", "said"),
    [([True], "gives 1 answers for 3 rows"), (["a", "b", "c"], "gives str instead of true or false")],
)
def test_other_answers_cannot_be_counted(answer: Any, said: str) -> None:
    with pytest.raises(UnusableError) as caught:
        worker.failing(lambda _rows: answer, ROWS)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json:nothing", "json has no nothing"),
        ("json:__name__", "is no function"),
        ("no_such_module_at_all:f", "cannot be imported: No module named 'no_such_module_at_all'"),
    ],
)
def test_a_function_that_cannot_be_found(name: str, said: str) -> None:
    with pytest.raises(UnusableError) as caught:
        worker.find(name)
    assert str(caught.value) == said


def test_a_module_that_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raises_when_imported.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnusableError) as caught:
        worker.find("raises_when_imported:f")
    assert str(caught.value) == "cannot be imported: ZeroDivisionError at raises_when_imported.py:1"


def test_the_conversation() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())])) as stream:
        stream.write_batch(pa.record_batch({"a": [1, 0, 3]}))
    batch = base64.b64encode(sink.getvalue())
    checks = [["a", "numpy:isfinite"], ["", "math:sqrt"], ["a", "json:nothing"]]
    asked = [json.dumps(checks).encode(), batch, batch]
    answers = [json.loads(one) for one in worker.answers(iter(asked))]
    assert answers[0] == {"failing": [], "problems": {"2": "json has no nothing"}}
    assert answers[1]["failing"] == [0, 0, 0]
    assert answers[1]["problems"] == {"1": "raises TypeError", "2": "json has no nothing"}
    assert answers[2] == answers[1]
