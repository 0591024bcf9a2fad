"""What begins like a pickle, however it was written, and what does not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from mlops_ci.adapters import pickles

MODEL = {"coefficients": np.arange(5.0), "names": ["age", "income"]}


@pytest.mark.parametrize("content", [b"", b"{}", b"version https://git-lfs\n", b"a,b\n1,2\n", b"PK\x03\x04"])
def test_what_is_no_pickle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.pkl").write_bytes(content)
    assert pickles.why_none(tmp_path / "m.pkl") == "m.pkl is no pickle: it does not begin like one"


@pytest.mark.parametrize("compress", [0, 3, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_every_way_that_joblib_writes(tmp_path: Path, compress: Any) -> None:
    joblib.dump(MODEL, tmp_path / "m.joblib", compress=compress)
    assert pickles.why_none(tmp_path / "m.joblib") == ""


def test_an_lz4_frame(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x04\x22\x4d\x18\x40\x40\xc0")
    assert pickles.why_none(tmp_path / "m.pkl") == ""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "m.SAV").write_bytes(pickle.dumps(MODEL, protocol))
    assert pickles.why_none(tmp_path / "m.SAV") == ""


def test_a_name_that_promises_no_pickle_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"{}")
    (tmp_path / "m.pkl").mkdir()
    assert [pickles.why_none(tmp_path / name) for name in ("m.onnx", "m.pkl", "gone.pkl")] == ["", "", ""]
