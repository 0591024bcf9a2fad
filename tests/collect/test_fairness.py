"""Fairness measured of a model's predictions: which groups, which table, and what may be told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.collect import fairness, models, project
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import Sources
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.evidence import Fairness
from tests.repositories import Repo

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    outs: [model.txt]
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, model.txt]
    outs:
      - predictions.csv: {cache: false}
artifacts:
  toy: {path: model.txt, type: model}
"""
EVALUATE = """\
rows = [f"{n % 2},{n % 3 % 2},{'fm'[n % 2]},{'ab'[n // 2 % 2]}" for n in range(800)]
open("predictions.csv", "w").write("y_true,y_pred,sex,team\\n" + "\\n".join(rows))
"""
CONFIG = """\
version: 1
defaults:
  columns: {groups: [sex]}
"""

Made = Callable[..., Context]


@pytest.fixture
def made(dvc_repo: Path) -> Iterator[Made]:
    """The context of the model after its pipeline ran: ``made(CONFIG, evaluate="...")``."""
    opened: list[Dvc] = []

    def context(config: str = CONFIG, evaluate: str = EVALUATE, pipeline: str = PIPELINE) -> Context:
        repo = Repo(dvc_repo)
        repo.write("dvc.yaml", pipeline)
        repo.write("train.py", "open('model.txt', 'w').write('1')\n")
        repo.write("evaluate.py", evaluate)
        repo.write("mlops-ci.yaml", dedent(config))
        running = Dvc.open(dvc_repo)
        runs = running.run()
        running.close()
        repo.commit("the run")
        found = project.find(dvc_repo, {})
        opened.append(found.dvc)
        broken = frozenset(run.name for run in runs if run.status == "failed")
        head = Side("head", None, found.dvc.graph(), broken)
        sources = Sources(Reader(found.dvc), head, None, frozenset(head.graph.by_name))
        (model,) = found.models(head.graph, None)
        return Context(found, model, sources, models.outline(model, sources, alone=True))

    yield context
    for dvc in opened:
        dvc.close()


def said(found: tuple[Fairness, ...]) -> dict[str, str]:
    return {one.column: one.problem for one in found}


def test_without_groups_nothing_is_measured(made: Made) -> None:
    assert fairness.measure(made("version: 1\n")) == ()


def test_the_groups_of_the_columns_are_measured(made: Made) -> None:
    (found,) = fairness.measure(made())
    assert (found.column, found.rows, found.positive, found.problem) == ("sex", 800, "1", "")
    assert found.note == "there is no base to compare with"
    selected = next(one for one in found.metrics if one.name == "selection_rate")
    assert {one.group: (one.rows, one.value) for one in selected.groups} == {
        "f": (400, 133 / 400),
        "m": (400, 134 / 400),
    }


def test_the_gate_may_choose_other_groups_and_the_positive_class(made: Made) -> None:
    context = made(
        """\
        version: 1
        defaults:
          columns: {groups: [sex]}
          gates:
            fairness: {groups: [team, [sex, team]], positive: 0, min_rows: 50}
        """
    )
    first, second = fairness.measure(context)
    assert (first.column, second.column, first.positive) == ("team", "sex, team", "0")
    groups = [one.group for one in second.metrics[0].groups]
    assert groups == ["f, a", "f, b", "m, a", "m, b"]
    assert second.disparities[0].small == ()


def test_a_sensitive_column_is_told_in_hashes(made: Made) -> None:
    context = made(CONFIG + "  data: {sensitive: [sex]}\n")
    (found,) = fairness.measure(context)
    assert [one.group[0] for one in found.metrics[0].groups] == ["#", "#"]


def test_slices_of_a_sensitive_column_are_told_in_hashes(made: Made) -> None:
    metrics = EVALUATE + "open('metrics.json', 'w').write('{\"accuracy\": 0.50125}')\n"
    pipeline = PIPELINE.replace(
        "artifacts:", "    metrics:\n      - metrics.json: {cache: false}\nartifacts:"
    )
    config = CONFIG.replace("[sex]", "[sex, team]") + "  data: {sensitive: [sex]}\n"
    context = made(config, metrics, pipeline)
    found = models.compare(context.found, context.model, context.sources)
    told = [(one.column, one.level) for one in found.slices]
    assert told == [("sex", "#7a79a2"), ("sex", "#25b9bd"), ("team", "a"), ("team", "b")]
    (sex, _) = fairness.measure(context)
    assert [one.group for one in sex.metrics[0].groups] == ["#7a79a2", "#25b9bd"]


def test_no_table_of_predictions(made: Made) -> None:
    context = made(evaluate="open('other.csv', 'w')", pipeline=PIPELINE.replace("predictions", "other"))
    assert said(fairness.measure(context)) == {"sex": "the model has no table of predictions"}


def test_a_table_that_a_failed_stage_left_is_not_read(made: Made) -> None:
    context = made(evaluate=EVALUATE + "\nraise SystemExit(1)\n")
    assert said(fairness.measure(context)) == {
        "sex": "predictions.csv was not written: its stage did not finish"
    }


def test_a_table_that_cannot_be_read(made: Made) -> None:
    context = made()
    (context.project.git.root / "predictions.csv").unlink()
    named = replace(context.model, predictions="gone.csv")
    assert said(fairness.measure(replace(context, model=named))) == {"sex": "gone.csv is missing"}


def test_a_group_of_the_base_stays_and_its_missing_column_is_told(made: Made) -> None:
    made()
    repo = Repo(made(evaluate=EVALUATE).project.git.root)
    base = repo.git("rev-parse", "HEAD")
    repo.git("branch", "--quiet", "trunk")
    context = made(
        CONFIG.replace("[sex]", "[team]"), evaluate=EVALUATE.replace("sex", "gender").replace("'fm'", "'xy'")
    )
    found = project.find(repo.path, {}, base="trunk")
    (model,) = found.models(context.sources.head.graph, found.dvc.graph(base))
    assert model.columns.groups == ("sex", "team")
    sex, team = fairness.measure(replace(context, project=found, model=model))
    found.dvc.close()
    assert (sex.column, sex.problem, sex.absent) == ("sex", "there is no column sex in the predictions", True)
    assert (team.column, team.problem, team.absent) == ("team", "", False)
