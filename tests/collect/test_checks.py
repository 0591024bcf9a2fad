"""A check that breaks off costs itself, never the run: a problem with its place, and a reason for the gates."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.collect import checks
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import Sources
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.config import Model
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import ModelEvidence
from mlops_ci.pipeline import Graph


class Broken:
    """A project whose every answer is a mistake that quotes a value."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError("QUOKKA earns 52345")


class Refusing:
    """A project whose every answer is a mistake of the user."""

    def __getattr__(self, name: str) -> Any:
        raise ConfigError("a package is missing", "install it")


def measured(dvc_repo: Path, project: object) -> tuple[ModelEvidence, list[str], list[str]]:
    dvc = Dvc.open(dvc_repo)
    reader = Reader(dvc)
    sources = Sources(reader, Side("head", None, Graph()), None, frozenset())
    model = Model("toy")
    model = Model("toy", data=model.data.model_copy(update={"train": "t.csv", "test": "t.csv"}))
    context = Context(cast(Any, project), model, sources, ModelEvidence(name="toy", path="m", stages=("a",)))

    def phase(name: str) -> AbstractContextManager[None]:
        return nullcontext()

    found = checks.measure(context, phase)
    dvc.close()
    return found, [one.message for one in reader.problems], [one.hint for one in reader.problems]


def test_a_mistake_of_ours_names_its_place_and_none_of_its_values(dvc_repo: Path) -> None:
    found, messages, _ = measured(dvc_repo, Broken())
    assert set(found.unmeasured) == {"data", "drift", "fairness", "model", "latency", "reproducibility"}
    assert all(re.fullmatch(r"ValueError at mlops_ci/\S+\.py:\d+", why) for why in found.unmeasured.values())
    assert len(messages) == 5
    assert messages[0] == f"data of toy was not measured: {found.unmeasured['data']}"
    assert "QUOKKA" not in found.model_dump_json() + "".join(messages)


def test_what_the_user_can_mend_keeps_its_words(dvc_repo: Path) -> None:
    found, messages, hints = measured(dvc_repo, Refusing())
    assert set(found.unmeasured.values()) == {"a package is missing"}
    assert messages[1] == "drift of toy was not measured: a package is missing"
    assert set(hints) == {"install it"}
