"""Finding tables: stored profiles, equal bytes, revisions; what is missing is a reason, not an end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters import process
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.collect import reading, tables
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.collect.tables import Place, Tables
from mlops_ci.config import Data
from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.pipeline import Dep, Graph, Out, Stage
from mlops_ci.profiles.shape import ColumnProfile, Profile
from tests.conftest import RunGit

CSV = "id,x,town\n" + "".join(f"{n},{n % 7}.5,{'ab'[n % 2]}\n" for n in range(100))


def stage(name: str, reads: str, *writes: str) -> Stage:
    return Stage(name, "dvc.yaml", deps=(Dep(reads),), outs=tuple(Out(path) for path in writes))


# ---- stored profiles ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (Graph(), None),
        (Graph((stage("a", "raw.csv", "d/t.csv", "d/t.profile.json"),)), "d/t.profile.json"),
        (Graph(sources={"d/t.profile.json": "1"}), "d/t.profile.json"),
        (Graph((stage("p", "d/t.csv", "reports/t.profile.json"),)), "reports/t.profile.json"),
        (Graph((stage("a", "raw.csv", "d/t.csv", "r/t.profile.json"),)), "r/t.profile.json"),
        (Graph((stage("p", "e/t.csv", "reports/t.profile.json"),)), None),
        # Of another table with the same stem.
        (Graph((stage("p", "d/t.parquet", "d/t.profile.json"),)), None),
        (Graph((stage("p", "d/t.csv", "e/t.parquet", "e/t.profile.json"),)), None),
        (Graph((stage("p", "d/t.csv", "d/t.parquet", "d/t.profile.json"),)), None),
        (Graph((stage("p", "d/t", "d/t.csv", "d/t.profile.json"),)), None),
        (Graph(sources={"d/t.profile.json": "1", "d/t.parquet": "2"}), None),
        (Graph(sources={"e/t.profile.json": "1"}), None),
        # Surely of this one.
        (Graph((stage("p", "e/t.parquet", "d/t.csv", "d/t.profile.json"),)), "d/t.profile.json"),
        (Graph((stage("p", "d/t.py", "d/t.csv", "d/t.profile.json"),)), "d/t.profile.json"),
        (Graph((stage("p", "d", "d/t.profile.json"),)), "d/t.profile.json"),
        (
            Graph(
                (stage("p", "d/t.parquet", "d/t.profile.json"), stage("q", "d/t.csv", "d/t.csv.profile.json"))
            ),
            "d/t.csv.profile.json",
        ),
    ],
)
def test_a_stored_profile_is_beside_its_table_or_written_by_a_stage_that_knows_it(
    graph: Graph, expected: str | None
) -> None:
    assert tables.stored_path(graph, "d/t.csv") == expected
    assert tables.stored_path(graph, "d/t.csv", ("d/t.csv.dvc", "d/t.md", "d/x.csv")) == expected


def test_a_profile_beside_two_tables_that_git_keeps_is_nobodys() -> None:
    graph = Graph(sources={"t.profile.json": "1"})
    assert tables.stored_path(graph, "t.csv", ("t.csv", "t.profile.json.dvc")) == "t.profile.json"
    assert tables.stored_path(graph, "t.csv", ("t.csv", "t.parquet")) is None
    told = Graph((stage("p", "t.parquet", "t.profile.json"),))
    assert tables.stored_path(told, "t.parquet", ("t.csv", "t.parquet")) == "t.profile.json"


# ---- a real repository -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    dvc_template: Path,
    copy_repository: Any,
    git: RunGit,
    commit: RunGit,
) -> Path:
    """Tables in Git, in DVC, in a folder that DVC keeps, at two commits (the first is tagged v1)."""
    root: Path = copy_repository(dvc_template, tmp_path_factory.mktemp("tables") / "repository")
    for path in ("git.csv", "data.csv", "parts/year=2015/p.csv", "parts/year=2016/p.csv", "plain/one.csv"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(CSV)
    process.run(["dvc", "add", "--quiet", "data.csv", "parts"], cwd=root)
    commit(root, "tables")
    git(root, "tag", "v1")
    for path in ("git.csv", "data.csv"):
        (root / path).write_text(CSV + "100,9.5,a\n")
    process.run(["dvc", "add", "--quiet", "data.csv"], cwd=root)
    (root / "dvc.yaml").write_text("stages: {}\n")
    commit(root, "more")
    return root


@pytest.fixture
def repo(template: Path, tmp_path: Path, copy_repository: Any) -> Path:
    found: Path = copy_repository(template, tmp_path / "repository")
    return found


def sides(repo: Path) -> tuple[Tables, Side, Side]:
    dvc = Dvc.open(repo)
    first = Git(repo).resolve("v1")
    assert first is not None
    found = Tables(Reader(dvc), Data(categorical=("town",)))
    return found, Side("head", None, dvc.graph()), Side("base", first, dvc.graph(first))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("git.csv", False),
        ("data.csv", False),
        ("parts", True),
        ("parts/year=2015/p.csv", True),
        ("plain/one.csv", True),
        ("gone.csv", False),
        ("parts/gone.csv", False),
    ],
)
def test_equal_bytes_are_told_by_hashes_alone(repo: Path, path: str, expected: bool) -> None:
    found, head, base = sides(repo)
    assert found.same(Place(head, (path,)), Place(base, (path,))) is expected
    assert found.same(Place(head, (path,)), Place(None, (path,))) is False


@pytest.mark.parametrize(
    ("path", "rows"),
    [("git.csv", (101, 100)), ("data.csv", (101, 100)), ("parts", (200, 200)), ("plain", (100, 100))],
)
def test_tables_of_both_sides_are_profiled(repo: Path, path: str, rows: tuple[int, int]) -> None:
    found, head, base = sides(repo)
    profiles = [found.profile(Place(side, (path,))) for side in (head, base)]
    assert tuple(profile.rows for profile in profiles) == rows
    assert {c.name: c.kind for c in profiles[0].columns}["town"] == "category"
    assert found.profile(Place(head, (path,))) is profiles[0]


def test_a_table_that_only_the_cache_has_is_read_from_there(repo: Path) -> None:
    (repo / "data.csv").unlink()
    found, head, _ = sides(repo)
    assert found.profile(Place(head, ("data.csv",))).rows == 101


def test_several_paths_are_one_table(repo: Path) -> None:
    found, head, _ = sides(repo)
    assert found.profile(Place(head, ("git.csv", "data.csv"))).rows == 202


def test_a_link_out_of_the_repository_is_not_followed(repo: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text(CSV)
    (repo / "link.csv").symlink_to(outside)
    found, head, _ = sides(repo)
    with pytest.raises(ConfigError, match="outside"):
        found.profile(Place(head, ("link.csv",)))


def test_what_nobody_has_is_missing(repo: Path) -> None:
    found, head, base = sides(repo)
    for side in (head, base):
        with pytest.raises(MlopsError) as caught:
            found.profile(Place(side, ("gone.csv",)))
        assert reading.reason(caught.value, "gone.csv") == "is missing"


def test_data_that_was_never_pushed_is_told(repo: Path) -> None:
    for path in (repo / ".dvc" / "cache").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    found, _, base = sides(repo)
    with pytest.raises(ToolError) as caught:
        found.profile(Place(base, ("data.csv",)))
    assert reading.reason(caught.value, "data.csv").startswith("neither the DVC cache nor the remote has it")


@pytest.fixture
def stored(repo: Path, commit: RunGit) -> Callable[[bytes], tuple[Tables, Side]]:
    """A profile beside data.csv, kept by DVC: ``stored(content)`` gives the tables and the commit's side."""

    def keep(content: bytes) -> tuple[Tables, Side]:
        (repo / "data.profile.json").write_bytes(content)
        process.run(["dvc", "add", "--quiet", "data.profile.json"], cwd=repo)
        commit(repo, "profile")
        found, _, _ = sides(repo)
        tip = Git(repo).resolve("HEAD")
        return found, Side("base", tip, found.dvc.graph(tip))

    return keep


def test_a_stored_profile_is_read_instead_of_the_table(stored: Any) -> None:
    found, base = stored(Profile(rows=12345).to_json())
    assert found.profile(Place(base, ("data.csv",))).rows == 12345
    assert found.reader.problems == []


def test_the_stored_profile_of_another_table_is_not_taken(stored: Any, repo: Path) -> None:
    (repo / "data.jsonl").write_text('{"x": 1}\n')
    found, base = stored(Profile(rows=12345).to_json())
    assert found.profile(Place(base, ("data.csv",))).rows == 101
    assert found.profile(Place(base, ("data.jsonl",))).rows == 1


def test_the_stored_profile_of_head_is_not_believed(stored: Any) -> None:
    found, base = stored(Profile(rows=12345).to_json())
    head = Side("head", None, base.graph)
    assert found.profile(Place(head, ("data.csv",))).rows == 101
    with pytest.raises(ConfigError, match="is a profile, no table"):
        found.profile(Place(head, ("data.profile.json",)))


def test_a_number_that_the_stored_side_counts_as_categories_is_one_on_both_sides(stored: Any) -> None:
    columns = (
        ColumnProfile(name="id", type="int64", kind="category", rows=1),
        ColumnProfile(name="town", type="string", kind="category", rows=1),
    )
    found, base = stored(Profile(rows=1, columns=columns).to_json())
    head = Place(Side("head", None, base.graph), ("data.csv",))
    codes = found.codes(Place(base, ("data.csv",)))
    assert (codes, found.codes(head)) == ({"id"}, frozenset())
    kinds = [{c.name: c.kind for c in found.profile(head, some).columns}["id"] for some in (codes, ())]
    assert kinds == ["category", "number"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "is no profile"),
        (
            Profile(
                rows=1, columns=(ColumnProfile(name="town", type="int64", kind="number", rows=1),)
            ).to_json(),
            "counts town as a number, but data.categorical names it",
        ),
    ],
)
def test_a_stored_profile_that_does_not_fit_is_told_and_the_table_read(
    stored: Any, content: bytes, message: str
) -> None:
    found, base = stored(content)
    assert found.profile(Place(base, ("data.csv",))).rows == 101
    (problem,) = found.reader.problems
    assert (problem.where.file, problem.revision) == ("data.profile.json", "base")
    assert message in problem.message
    assert problem.message.endswith("the table itself was read")


def test_a_stage_that_failed_has_left_no_table(repo: Path) -> None:
    found, head, _ = sides(repo)
    graph = Graph((stage("make", "raw.csv", "data.csv"),))
    broken = Side("head", None, graph, frozenset({"make"}))
    assert found.missing(Place(broken, ("git.csv", "data.csv"))) == "the stage make did not finish"
    assert [found.missing(Place(side, ("data.csv",))) for side in (head, None)] == ["", ""]
    assert Place(head, ("a", "b"), "head").name == "a, b at head"
    assert Place(None, ("s3://b/t",)).name == "s3://b/t"
