"""Models of a real repository, loaded, timed and tried: good, slow, broken, hanging and dying ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mlops_ci.collect import models, serving
from mlops_ci.collect.context import Context
from mlops_ci.collect.project import find
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.config import Data
from mlops_ci.evidence import Behaviour, CheckResult, Latency
from mlops_ci.gates import latency as latency_gate
from mlops_ci.gates import model as model_gate
from tests.conftest import RunGit
from tests.e2e.conftest import write

FILES = {
    "params.yaml": "kind: Good\n",
    "dvc.yaml": """\
        stages:
          train:
            cmd: python scripts/train.py
            deps: [scripts/train.py, scripts/kinds.py]
            params: [kind]
            outs: [model.pkl]
        artifacts:
          shop: {path: model.pkl, type: model}
        """,
    "scripts/train.py": """\
        import pickle
        import re

        import kinds

        kind = re.search(r"kind: (\\w+)", open("params.yaml").read())[1]

        class Lost:
            def predict(self, rows):
                return rows["age"]

        model = Lost() if kind == "Lost" else getattr(kinds, kind)()
        pickle.dump(model, open("model.pkl", "wb"))
        """,
    "scripts/kinds.py": """\
        import os
        import sys
        import time

        import numpy as np


        class Good:
            feature_names_in_ = ["age", "income", "town"]

            def predict(self, rows):
                return (self.predict_proba(rows)[:, 1] > 0.5).astype(int)

            def predict_proba(self, rows):
                age = rows["age"].astype(float).fillna(40).clip(0, 100).to_numpy()
                score = age / 200 + 0.1 * (rows["town"] == "ada").to_numpy()
                return np.column_stack([1 - score, score])


        class Slow(Good):
            def predict(self, rows):
                end = time.perf_counter() + 0.003
                while time.perf_counter() < end:
                    pass
                return super().predict(rows)


        class Nan(Good):
            def predict_proba(self, rows):
                return super().predict_proba(rows) * np.where(rows["age"] > 60, np.nan, 1)[:, None]


        class Quoting(Good):
            def predict(self, rows):
                raise ValueError(f"no town called '{rows['town'].iloc[0]}', income {rows['income'].iloc[0]}")


        class Noisy(Good):
            def predict(self, rows):
                print("hello from predict", flush=True)
                os.write(1, b"and from below")
                return super().predict(rows)


        class Dying(Good):
            def predict(self, rows):
                if rows["town"].isna().any():
                    os.abort()
                return super().predict(rows)


        class Hanging(Good):
            def predict(self, rows):
                if rows["age"].isna().any():
                    time.sleep(60)
                return super().predict(rows)


        class Sleeping(Good):
            def predict(self, rows):
                time.sleep(1000)


        class Leaving(Good):
            def predict(self, rows):
                sys.exit("enough")


        class Unnamed:
            def predict(self, rows):
                return ["yes" if age > 50 else "no" for age in rows["age"]]


        class Wide(Good):
            feature_names_in_ = ["age", "shoe_size"]


        class Nothing:
            pass
        """,
    "test.csv": "id,age,income,town,bought\n"
    + "".join(
        f"{at},{20 + at % 60},{1000 + 7 * at},{('ada', 'bern', 'cork')[at % 3]},{at % 2}\n"
        for at in range(300)
    ),
}


@dataclass(frozen=True)
class Shop:
    """A repository whose base holds a good model."""

    path: Path
    commit: RunGit

    def train(self, kind: str, **files: str) -> str:
        """Train another kind of model and commit it."""
        write(self.path, {"params.yaml": f"kind: {kind}\n", **files})
        project = find(self.path, {}, base="HEAD")
        (run,) = project.dvc.run()
        assert run.status in ("ran", "restored"), run
        project.dvc.close()
        return self.commit(self.path, f"train {kind}")

    def context(self, data: Data, *, base: str, **options: Mapping[str, Any]) -> Context:
        project = find(self.path, {}, base=base or "HEAD")
        graph = project.dvc.graph()
        (model,) = project.models(graph, None)
        gates: dict[str, BaseModel] = {
            "model": model_gate.Options.model_validate(options.get("model", {})),
            "latency": latency_gate.Options.model_validate(options.get("latency", {})),
        }
        model = replace(model, data=data)
        head = Side("head", None, graph)
        before = Side("base", base, project.dvc.graph(base)) if base else None
        sources = models.Sources(Reader(project.dvc), head, before, frozenset({"train"}))
        found = models.outline(model, sources, alone=True)
        return Chosen(project, model, sources, found, gates)


@dataclass(frozen=True)
class Chosen(Context):
    """A context whose gates have these options, whatever the repository says."""

    gates: Mapping[str, BaseModel]

    def options(self, gate: str) -> BaseModel:
        return self.gates[gate]


@pytest.fixture(scope="session")
def shop_template(
    tmp_path_factory: pytest.TempPathFactory,
    dvc_template: Path,
    copy_repository: Callable[[Path, Path], Path],
    commit: RunGit,
) -> Path:
    root = copy_repository(dvc_template, tmp_path_factory.mktemp("shop") / "repository")
    write(root, FILES)
    commit(root, "start")
    Shop(root, commit).train("Good")
    return root


@pytest.fixture
def shop(
    shop_template: Path, tmp_path: Path, copy_repository: Callable[[Path, Path], Path], commit: RunGit
) -> Shop:
    return Shop(copy_repository(shop_template, tmp_path / "a shöp"), commit)


DATA = Data(test="test.csv", target="bought", id="id")
QUICK = {"seconds": 0.3, "batch_sizes": (1,)}
OFF = {"run": "off"}


def checks(found: Behaviour | None) -> dict[str, CheckResult]:
    assert found is not None
    return {one.check: one for one in found.checks}


def behaviour(shop: Shop, **options: Any) -> dict[str, CheckResult]:
    found, timed = serving.measure(shop.context(DATA, base="", model=options, latency=OFF))
    assert timed is None
    return checks(found)


@pytest.mark.slow
def test_a_good_model_passes_every_check(shop: Shop) -> None:
    found = behaviour(shop, invariant=["income"], increasing=["age"], decreasing=["age"])
    assert {name: one.ok for name, one in found.items()} == {
        "loads": True,
        "signature": True,
        "sample": True,
        "edge:nulls": True,
        "edge:zeros": True,
        "edge:extremes": True,
        "edge:huge": True,
        "edge:unseen": True,
        "edge:one_row": True,
        "edge:reordered": True,
        "invariant:income": True,
        "increasing:age": True,
        "decreasing:age": False,
    }
    assert found["signature"].detail == "3 named by its feature names"
    assert found["sample"].detail == "200 rows, all predictions are finite and repeat"
    assert (found["decreasing:age"].value, found["decreasing:age"].rows) == (0.0, 200)


def test_an_invariance_that_does_not_hold_is_counted(shop: Shop) -> None:
    found = behaviour(shop, invariant=["town", "colour", "bought"], edges=[])
    assert (found["invariant:town"].ok, found["invariant:town"].value) == (False, 0.0)
    assert found["invariant:town"].detail == "200 of 200 predictions change, at most by 0.1, over 3 values"
    assert (found["invariant:colour"].ok, found["invariant:bought"].ok) == (None, True)


def test_a_prediction_that_is_nan_is_found(shop: Shop) -> None:
    shop.train("Nan")
    found = behaviour(shop)
    assert found["sample"].ok is False
    assert found["sample"].detail == "65 of 200 predictions are missing, NaN or infinite"
    assert "NaN or infinite with huge numbers in age" in found["edge:huge"].detail


def test_values_of_the_table_are_not_told_by_an_error(shop: Shop) -> None:
    shop.train("Quoting")
    assert behaviour(shop)["sample"].detail == "ValueError at scripts/kinds.py:35"
    shown = DATA.model_copy(update={"show_values": True})
    found, _ = serving.measure(shop.context(shown, base="", latency=OFF))
    assert checks(found)["sample"].detail == "ValueError: no town called 'ada', income 1000"
    sensitive = shown.model_copy(update={"sensitive": ("income",)})
    found, _ = serving.measure(shop.context(sensitive, base="", latency=OFF))
    assert checks(found)["sample"].detail == "ValueError at scripts/kinds.py:35"


def test_a_model_that_prints_is_understood(shop: Shop) -> None:
    shop.train("Noisy")
    assert {one.ok for one in behaviour(shop).values()} == {True}


@pytest.mark.slow
def test_a_model_that_dies_on_an_edge_is_named_and_tried_on(shop: Shop) -> None:
    shop.train("Dying")
    found = behaviour(shop)
    assert (found["edge:nulls"].ok, found["edge:zeros"].ok) == (False, True)
    assert found["edge:nulls"].detail.startswith("the model's process was ended by SIGABRT")


@pytest.mark.slow
def test_a_model_that_hangs_is_ended(shop: Shop) -> None:
    shop.train("Hanging")
    found = behaviour(shop, seconds=6.0, edges=["nulls", "zeros"])
    assert (found["edge:nulls"].ok, found["edge:zeros"].ok) == (False, True)
    assert found["edge:nulls"].detail == "the model's process gave no answer within 6 s"


@pytest.mark.slow
def test_a_model_that_hangs_whatever_it_is_asked_is_too_slow_to_be_tried(shop: Shop) -> None:
    base = shop.context(DATA, base="HEAD").project.revisions.head
    shop.train("Sleeping")
    options = {"seconds": 4.0, "invariant": ["income"], "edges": ["nulls", "one_row"]}
    found, timed = serving.measure(shop.context(DATA, base=base, model=options, latency=QUICK))
    slow = "the model's process gave no answer within 4 s"
    assert timed == Latency(problem=slow)
    told = {name: (one.ok, one.detail) for name, one in checks(found).items() if name != "loads"}
    assert told == {
        "signature": (True, "3 named by its feature names"),
        "sample": (False, slow),
        "edge:nulls": (None, f"too slow to be tried: {slow}"),
        "edge:one_row": (None, f"too slow to be tried: {slow}"),
        "invariant:income": (None, f"too slow to be tried: {slow}"),
    }


@pytest.mark.slow
def test_a_model_that_takes_seconds_is_surely_slower_than_a_fast_one(shop: Shop) -> None:
    base = shop.context(DATA, base="HEAD").project.revisions.head
    text = (
        FILES["scripts/kinds.py"].replace("+ 0.003", "+ 0.8").replace("class Slow(Good)", "class Good(Good)")
    )
    shop.train("Good", **{"scripts/kinds.py": text})
    _, timed = serving.measure(shop.context(DATA, base=base, model=OFF, latency=QUICK))
    assert timed is not None
    (batch,) = timed.batches
    assert (batch.interval, batch.calls) == (None, 2)
    assert batch.extremes is not None
    assert batch.ratio is not None
    assert 5 < batch.extremes[0] <= batch.ratio <= batch.extremes[1]


def test_a_model_that_exits_is_an_error(shop: Shop) -> None:
    shop.train("Leaving")
    found = behaviour(shop)
    assert (found["sample"].ok, found["sample"].detail) == (False, "SystemExit at scripts/kinds.py:66")


def test_a_model_without_names_gets_what_is_configured(shop: Shop) -> None:
    shop.train("Unnamed")
    found = behaviour(shop, increasing=["age"])
    assert (found["signature"].ok, found["sample"].ok, found["edge:reordered"].ok) == (False, True, None)
    assert found["increasing:age"].detail == "the model gives no single score that has a direction"


def test_columns_that_the_table_lacks_are_named(shop: Shop) -> None:
    shop.train("Wide")
    found, timed = serving.measure(shop.context(DATA, base="HEAD~1", latency=QUICK))
    assert checks(found)["sample"].detail == "the test table has no column shoe_size, which the model takes"
    assert timed == Latency(problem="the test table has no column shoe_size, which the model takes")


@pytest.mark.parametrize(
    ("kind", "ok", "detail"),
    [
        (
            "Lost",
            False,
            "the pickle needs Lost of the script that made it: define it in a module of its own",
        ),
        ("Nothing", None, "it holds a Nothing, which has no predict"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why(shop: Shop, kind: str, ok: bool | None, detail: str) -> None:
    shop.train(kind)
    found, timed = serving.measure(shop.context(DATA, base="HEAD~1", latency=QUICK))
    assert found == Behaviour(checks=(CheckResult(check="loads", ok=ok, detail=detail),))
    assert timed == Latency(problem=f"the model was not loaded: {detail}")


def test_code_that_a_pickle_needs_and_that_is_gone(shop: Shop) -> None:
    write(shop.path, {"scripts/kinds.py": "class Other:\n    pass\n"})
    found = behaviour(shop)
    assert found["loads"].ok is False
    assert found["loads"].detail.startswith("AttributeError: ")
    assert "Good" in found["loads"].detail
    assert str(shop.path) not in found["loads"].detail


@pytest.mark.slow
def test_a_slower_model_is_found_and_the_base_runs_its_own_code(shop: Shop) -> None:
    base = shop.context(DATA, base="HEAD").project.revisions.head
    text = FILES["scripts/kinds.py"].replace("class Slow(Good)", "class Good(Good)")
    shop.train("Good", **{"scripts/kinds.py": text})
    found, timed = serving.measure(shop.context(DATA, base=base, model=OFF, latency={"seconds": 2.0}))
    assert found is None
    assert timed is not None
    assert (timed.problem, timed.note) == ("", "")
    one, hundred = timed.batches
    assert (one.batch_size, hundred.batch_size) == (1, 100)
    assert one.head.p50 >= 0.003
    assert one.base is not None
    assert one.base.p50 < 0.003
    assert one.interval is not None
    assert one.ratio is not None
    assert 1.5 < one.interval.low <= one.ratio <= one.interval.high
    assert hundred.head.throughput == pytest.approx(100 / hundred.head.p50, rel=0.5)
    assert timed.size == timed.base_size == (shop.path / "model.pkl").stat().st_size
    assert timed.memory is not None
    assert 0 < timed.memory < 500e6
    assert timed.load is not None
    assert 0 < timed.load < 60


def test_without_a_base_the_times_stand_alone(shop: Shop) -> None:
    _, timed = serving.measure(shop.context(DATA, base="", model=OFF, latency=QUICK))
    assert timed is not None
    assert timed.note == "there is no model at the base to compare with"
    assert [(one.base, one.ratio) for one in timed.batches] == [(None, None)]
    assert timed.base_size is None


@pytest.mark.slow
def test_a_base_that_takes_other_columns_is_asked_with_its_own_rows(shop: Shop) -> None:
    base = shop.context(DATA, base="HEAD").project.revisions.head
    table = FILES["test.csv"].replace("id,age,", "id,years,")
    code = FILES["scripts/kinds.py"].replace('"age"', '"years"')
    shop.train("Good", **{"scripts/kinds.py": code, "test.csv": table})
    _, timed = serving.measure(shop.context(DATA, base=base, model=OFF, latency=QUICK))
    assert timed is not None
    assert (timed.problem, timed.note, timed.batches[0].base is None) == ("", "", False)


@pytest.mark.slow
def test_a_base_that_cannot_be_asked_is_a_note(shop: Shop) -> None:
    base = shop.train("Leaving")
    shop.train("Good")
    _, timed = serving.measure(shop.context(DATA, base=base, model=OFF, latency=QUICK))
    assert timed is not None
    assert timed.note == "the base's model cannot be asked: SystemExit at scripts/kinds.py:66"
    assert timed.batches[0].ratio is None


def test_a_table_that_cannot_be_read_is_the_reason(shop: Shop) -> None:
    gone = DATA.model_copy(update={"test": "gone.csv"})
    found, timed = serving.measure(shop.context(gone, base=""))
    assert (found, timed) == (
        Behaviour(problem="gone.csv is missing"),
        Latency(problem="gone.csv is missing"),
    )
    write(shop.path, {"test.csv": "id,age\n"})
    found, _ = serving.measure(shop.context(DATA, base="", latency=OFF))
    assert found == Behaviour(problem="test.csv has no rows")


def test_a_stage_that_did_not_finish_is_the_reason(shop: Shop) -> None:
    context = shop.context(DATA, base="")
    head = replace(context.sources.head, broken=frozenset({"train"}))
    context = replace(context, sources=replace(context.sources, head=head))
    assert serving.measure(context) == (
        Behaviour(problem="the stage train did not finish"),
        Latency(problem="the stage train did not finish"),
    )


@pytest.mark.parametrize(("data", "run"), [(Data(), {}), (DATA, OFF)])
def test_nothing_is_measured_unless_asked(shop: Shop, data: Data, run: dict[str, str]) -> None:
    assert serving.measure(shop.context(data, base="", model=run, latency=run)) == (None, None)
