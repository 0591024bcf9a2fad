"""The tables of a model in a real repository: by the base branch's schema, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.collect import data as collected
from mlops_ci.collect import models
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import Sources
from mlops_ci.collect.project import find
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.evidence import DataRule, Problem, TableCheck
from tests.repositories import Repo

CONFIG = """\
version: 1
defaults:
  data: {train: data/train.parquet, test: data/test.parquet, schema: schema.yaml, target: y, id: id}
"""
SCHEMA = """\
columns:
  id: {type: integer, unique: true}
  x: {type: number, min: -9, max: 9}
  y: {type: integer, allowed: [0, 1]}
"""
PIPELINE = """\
stages:
  train:
    cmd: python -c "open('model.bin', 'w').write('1')"
    deps: [data/train.parquet]
    outs: [model.bin]
  prepare:
    cmd: python prepare.py
    outs: [made.parquet]
artifacts:
  toy: {path: model.bin, type: model}
"""
Columns = dict[str, Any]
Measure = Callable[..., dict[str, TableCheck]]


def rows(seed: int, count: int, first: int = 0) -> Columns:
    generator = np.random.default_rng(seed)
    return {
        "id": np.arange(first, first + count),
        "x": generator.normal(size=count),
        "y": generator.integers(0, 2, count),
    }


@pytest.fixture
def repo(dvc_repo: Path) -> Repo:
    found = Repo(dvc_repo)
    found.git("branch", "-M", "main")
    found.write("dvc.yaml", PIPELINE)
    found.write("mlops-ci.yaml", CONFIG)
    found.write("schema.yaml", SCHEMA)
    save(found, "train", rows(1, 400))
    save(found, "test", rows(2, 100, first=1_000))
    found.commit("start")
    found.git("checkout", "--quiet", "-b", "branch")
    return found


def save(repo: Repo, name: str, columns: Columns) -> None:
    path = repo.path / "data" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def problems() -> list[Problem]:
    """What ``measure`` met besides."""
    return []


@pytest.fixture
def measure(repo: Repo, problems: list[Problem]) -> Iterator[Measure]:
    """Measure the work tree against main; ``broken`` are stages that failed."""
    opened = []

    def run(*broken: str, commit: bool = True) -> dict[str, TableCheck]:
        if commit:
            repo.commit("change")
        project = find(repo.path, {}, base="main")
        opened.append(project)
        head = Side("head", None, project.dvc.graph(), frozenset(broken))
        (model,) = project.models(head.graph, None)
        sources = Sources(Reader(project.dvc), head, None, frozenset())
        outlined = models.outline(model, sources, alone=True)
        found = collected.measure(Context(project, model, sources, outlined))
        problems.extend(sources.reader.problems)
        return {one.table: one for one in found}

    yield run
    for project in opened:
        project.dvc.close()


def broken(table: TableCheck) -> list[tuple[str, str, int | None]]:
    return [(one.rule, one.column, one.failing) for one in table.rules if not one.ok]


def named(table: TableCheck, rule: str) -> list[DataRule]:
    return [one for one in table.rules if one.rule == rule]


def test_good_tables(measure: Measure) -> None:
    found = measure()
    assert [(name, one.rows, one.broken, one.problem) for name, one in found.items()] == [
        ("train", 400, 0, ""),
        ("test", 100, 0, ""),
    ]
    assert {one.rule for one in found["train"].rules} >= {"type", "range", "labels", "leakage"}
    assert [one.column for one in named(found["test"], "duplicates")] == ["id", ""]
    assert [one.column for one in named(found["train"], "leakage")] == ["x"]


def test_a_broken_schema_rule_is_found_in_the_table_that_breaks_it(repo: Repo, measure: Measure) -> None:
    table = rows(3, 100, first=1_000)
    table["x"][:7] = 50.0
    save(repo, "test", table)
    found = measure()
    assert broken(found["train"]) == []
    assert broken(found["test"]) == [("range", "x", 7)]


def test_shared_ids_and_copied_rows(repo: Repo, measure: Measure) -> None:
    test, train = rows(3, 100, first=1_000), rows(1, 400)
    test["id"][:3] = [1, 2, 3]
    test["x"][50:] = train["x"][:50]
    save(repo, "test", test)
    found = measure()
    assert broken(found["test"]) == [("duplicates", "id", 3), ("duplicates", "", 50)]


def test_leakage_and_missing_labels(repo: Repo, measure: Measure) -> None:
    train = rows(1, 400)
    labels = [None if place < 5 else int(one) for place, one in enumerate(train["y"])]
    save(repo, "train", {**train, "y": pa.array(labels), "x": train["y"] * 2.0})
    found = measure()
    assert broken(found["train"]) == [("nulls", "y", 5), ("labels", "y", 5), ("leakage", "x", None)]


def test_the_base_branchs_schema_judges(repo: Repo, measure: Measure) -> None:
    repo.write("schema.yaml", SCHEMA.replace("max: 9", "max: 0"))
    found = measure()
    assert found["train"].broken == 0
    assert found["train"].note == (
        "this pull request edits schema.yaml; the base branch's judges until it is merged"
    )


def test_a_schema_that_is_new_judges_already(repo: Repo, measure: Measure) -> None:
    repo.git("checkout", "--quiet", "main")
    repo.git("rm", "--quiet", "schema.yaml")
    repo.commit("without")
    repo.git("checkout", "--quiet", "branch")
    repo.git("merge", "--quiet", "main")
    repo.write("schema.yaml", SCHEMA.replace("max: 9", "max: 0"))
    found = measure()
    assert found["train"].broken == 1
    assert found["train"].note.startswith("schema.yaml is not on the base branch yet")


def test_a_schema_that_is_gone_or_broken_is_said_and_the_rest_is_judged(repo: Repo, measure: Measure) -> None:
    repo.git("checkout", "--quiet", "main")
    repo.write("schema.yaml", "columns:\n  x: {type: nothing}\n")
    repo.commit("break")
    repo.git("checkout", "--quiet", "branch")
    found = measure()
    (rule,) = named(found["train"], "schema")
    assert rule.problem.startswith("schema.yaml:2: columns.x.type: expected integer")
    assert named(found["train"], "leakage")
    repo.git("checkout", "--quiet", "main")
    repo.git("rm", "--quiet", "schema.yaml")
    repo.commit("remove")
    repo.git("checkout", "--quiet", "branch")
    repo.git("rm", "--quiet", "schema.yaml")
    (rule,) = named(measure()["test"], "schema")
    assert rule.problem == "schema.yaml is missing"


def test_tables_that_cannot_be_read(repo: Repo, measure: Measure) -> None:
    (repo.path / "data" / "train.parquet").unlink()
    (repo.path / "data" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    found = measure()
    assert found["train"].problem == "is missing"
    assert found["test"].problem.startswith("is no readable Parquet file")


def configure(repo: Repo, data: str) -> None:
    """Put other tables into the configuration of both branches."""
    repo.git("checkout", "--quiet", "main")
    repo.write("mlops-ci.yaml", f"version: 1\ndefaults:\n  data: {{{data}}}\n")
    repo.commit("configure")
    repo.git("checkout", "--quiet", "branch")
    repo.git("merge", "--quiet", "main")


def test_the_table_of_a_stage_that_failed_is_stale_and_others_are_checked(
    repo: Repo, measure: Measure
) -> None:
    configure(repo, "train: made.parquet, test: data/test.parquet, schema: schema.yaml")
    found = measure("prepare", commit=False)
    assert found["train"].problem == (
        "the stage prepare did not finish, so the table is not what this commit makes"
    )
    assert (found["test"].problem, found["test"].broken) == ("", 0)


def test_without_tables_nothing_is_measured(repo: Repo, measure: Measure) -> None:
    configure(repo, "target: y")
    assert measure(commit=False) == {}


def test_without_a_schema_the_tables_are_held_against_each_other(repo: Repo, measure: Measure) -> None:
    configure(repo, "train: data/train.parquet, test: data/test.parquet, target: y, id: id")
    found = measure(commit=False)
    assert [one.rule for one in found["train"].rules] == ["labels", "leakage"]
    assert [one.rule for one in found["test"].rules] == ["duplicates", "duplicates"]


def test_production_lacks_target_and_id(repo: Repo, measure: Measure) -> None:
    configure(repo, "production: data/live.parquet, schema: schema.yaml, target: y, id: id")
    save(repo, "live", {"x": rows(5, 50)["x"] + 100})
    found = measure()
    assert broken(found["production"]) == [("range", "x", 50)]


def test_other_columns_in_test_are_no_ground_for_a_comparison(repo: Repo, measure: Measure) -> None:
    save(repo, "test", {**rows(2, 100, first=1_000), "z": np.arange(100)})
    rules = measure()["test"].rules
    assert [one.problem for one in rules if one.problem] == ["train and test have other columns: z"]


def test_the_target_is_gone_and_names_repeat(repo: Repo, measure: Measure) -> None:
    train = rows(1, 400)
    save(repo, "train", {"id": train["id"], "x": train["x"]})
    found = measure()
    assert [one.problem for one in named(found["train"], "labels")] == ["the table has no target column y"]
    twice = pa.table([train["id"], train["x"], train["x"], train["y"]], names=["id", "x", "x", "y"])
    pq.write_table(twice, repo.path / "data" / "train.parquet")
    found = measure()
    assert [one.problem for one in named(found["train"], "leakage")] == ["two columns have the same name"]
    assert [one.problem for one in named(found["test"], "duplicates")] == [
        "a table has no feature, or two of one name"
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("both", "neither table has a column of this name, which data.id names; did you mean id?"),
        ("test", "train has no column of this name, which data.id names; did you mean id?"),
    ],
)
def test_an_id_that_is_no_column_is_told(repo: Repo, measure: Measure, table: str, said: str) -> None:
    configure(repo, "train: data/train.parquet, test: data/test.parquet, target: y, id: idd")
    save(repo, "test", rows(1, 400))
    if table == "test":
        columns = rows(1, 400)
        save(repo, "test", {**columns, "idd": columns["id"]})
    told = [(one.column, one.problem) for one in named(measure()["test"], "duplicates") if one.problem]
    assert told[0] == ("idd", said)


def test_a_misspelt_target_is_told_with_the_one_that_is_there(repo: Repo, measure: Measure) -> None:
    configure(repo, "train: data/train.parquet, target: Y_")
    told = [one.problem for one in named(measure()["train"], "labels")]
    assert told == ["the table has no target column Y_; did you mean y?"]


def test_names_that_are_no_column_are_told_once(
    repo: Repo, measure: Measure, problems: list[Problem]
) -> None:
    configure(
        repo,
        "train: data/train.parquet, test: data/test.parquet, target: y, id: id, categorical: [xx, x], "
        "ignore: [z*, i*], show_values: [yy], sensitive: [idd, 'x*', q*]",
    )
    measure()
    assert [(one.where.file, one.message, one.hint) for one in problems] == [
        ("mlops-ci.yaml", f"data.{key} {said}", f"mend data.{key} in mlops-ci.yaml, or take the name out")
        for key, said in [
            ("categorical", "names xx, which is no column of any table of toy; did you mean x?"),
            ("ignore", "names z*, which matches no column of any table of toy"),
            ("show_values", "names yy, which is no column of any table of toy; did you mean y?"),
            ("sensitive", "names idd, which is no column of any table of toy; did you mean id?"),
            ("sensitive", "names q*, which matches no column of any table of toy"),
        ]
    ]


def test_names_are_not_told_where_a_table_cannot_be_read(
    repo: Repo, measure: Measure, problems: list[Problem]
) -> None:
    configure(repo, "train: data/train.parquet, test: data/gone.parquet, target: y, sensitive: [idd]")
    measure()
    assert [one.message for one in problems] == []


def test_ten_thousand_broken_rules_stay_small_evidence(repo: Repo, measure: Measure) -> None:
    configure(repo, "test: data/test.parquet, schema: schema.yaml")
    save(repo, "test", {**rows(2, 100), **{f"c{place}": np.arange(100) for place in range(5_000)}})
    found = measure()["test"]
    assert (found.broken, len(found.rules)) == (5_000, collected.MAX_RULES)
    assert len(found.model_dump_json()) < 200_000


def test_ignored_columns_are_no_features(repo: Repo, measure: Measure) -> None:
    configure(repo, "train: data/train.parquet, target: y, id: id, ignore: ['copy*']")
    train = rows(1, 400)
    save(repo, "train", {**train, "copy_of_y": train["y"]})
    assert [one.column for one in named(measure()["train"], "leakage")] == ["x"]


def test_a_table_at_another_path_than_the_bases_is_told(repo: Repo, measure: Measure) -> None:
    save(repo, "decoy", rows(1, 400))
    repo.write("mlops-ci.yaml", CONFIG.replace("data/train.parquet", "data/decoy.parquet"))
    found = measure()
    assert [(one.expected, one.found) for one in named(found["train"], "moved")] == [
        ("data/train.parquet", "data/decoy.parquet")
    ]
    assert [one.problem for one in named(found["train"], "read")] == [
        "data.train is data/decoy.parquet, but no stage of the model reads it"
    ]
    assert [named(found["test"], rule) for rule in ("moved", "read")] == [[], []]


def test_the_test_table_is_read_by_what_writes_the_predictions(repo: Repo, measure: Measure) -> None:
    text = PIPELINE.replace("outs: [model.bin]", "outs: [model.bin, predictions.csv]")
    repo.write("dvc.yaml", text)
    assert [one.problem for one in named(measure()["test"], "read")] == [
        "data.test is data/test.parquet, but no stage behind the predictions reads it"
    ]
    repo.write("dvc.yaml", text.replace("deps: [data/train.parquet]", "deps: [data]"))
    assert named(measure()["test"], "read") == []
