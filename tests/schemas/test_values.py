"""Pandera is loaded by itself, and its absence is said."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.schemas.values import load_pandera


def test_without_pandera_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandera.pandas", None)
    with pytest.raises(ConfigError) as caught:
        load_pandera()
    assert caught.value.message == "checking a table needs pandera.pandas"
    assert caught.value.hint == "pip install 'mlops-ci[checks]'"


def test_loading_pandera_leaves_pyspark_and_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pandera", "pyspark")]:
        monkeypatch.delitem(sys.modules, name)
    before = dict(os.environ)
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    load_pandera()
    assert "pyspark" not in sys.modules
    assert dict(os.environ) == {name: value for name, value in before.items() if name != "SPARK_LOCAL_IP"}


def test_pyspark_that_is_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType("pyspark")
    monkeypatch.setitem(sys.modules, "pyspark", own)
    load_pandera()
    assert sys.modules["pyspark"] is own
