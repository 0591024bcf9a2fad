"""A table as a person names it: whatever Git or DVC keeps at a revision is found, the rest is one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters import named, process
from mlops_ci.adapters.profiling import profile
from mlops_ci.errors import MlopsError
from tests.conftest import RunGit

CSV = "id,x,town\n" + "".join(f"{n},{n % 7}.5,{'ab'[n % 2]}\n" for n in range(100))
MORE = CSV + "100,9.5,a\n"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n"
PIPELINE = """\
stages:
  make:
    cmd: mkdir -p made && cp data.csv out.csv && cp data.csv made/one.csv
    deps: [data.csv]
    outs: [out.csv, made]
"""


def write(root: Path, *names: str, text: str = CSV) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def dvc(root: Path, *args: str) -> None:
    process.run(["dvc", *args, "--quiet"], cwd=root)


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    dvc_template: Path,
    copy_repository: Callable[[Path, Path], Path],
    git: RunGit,
    commit: RunGit,
) -> Path:
    """Tables kept by Git, by a .dvc file, as outputs, and by both; v1 has 100 rows each, the work tree 101."""
    root = copy_repository(dvc_template, tmp_path_factory.mktemp("named") / "repository")
    write(root, "git.csv", "plain/one.csv", "plain/year=2016/two.csv", "mixed/git.csv", "mixed/notes.md")
    write(
        root,
        "data.csv",
        "parts/year=2015/p.csv",
        "parts/year=2016/p.csv",
        "mixed/dvc.csv",
        "mixed/deep/one.csv",
    )
    write(root, "lfs.csv", "plain/logo.png", text=POINTER)
    write(root, "dvc.yaml", text=PIPELINE)
    dvc(root, "add", "data.csv", "parts", "mixed/dvc.csv", "mixed/deep")
    dvc(root, "repro")
    commit(root, "tables")
    git(root, "tag", "v1")
    git(root, "branch", "feature/x")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    write(root, "git.csv", "data.csv", "plain/one.csv", "mixed/dvc.csv", text=MORE)
    dvc(root, "add", "data.csv", "mixed/dvc.csv")
    dvc(root, "repro")
    commit(root, "more")
    return root


@pytest.fixture
def repo(
    template: Path,
    tmp_path: Path,
    copy_repository: Callable[[Path, Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The current folder is a copy of the template."""
    found = copy_repository(template, tmp_path / "repository")
    monkeypatch.chdir(found)
    return found


def rows(text: str) -> int:
    with named.opened(text) as source:
        assert source.name == text
        return profile(source).rows


def refused(text: str) -> tuple[str, str, int]:
    """The message, the hint and the exit code."""
    with pytest.raises(MlopsError) as raised, named.opened(text):
        raise AssertionError(text)
    return raised.value.message, raised.value.hint, raised.value.exit_code


# ---- what is a revision ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.parquet", None),
        ("a.parquet@main", ("a.parquet", "main")),
        ("a.parquet@origin/main", ("a.parquet", "origin/main")),
        ("a@b.parquet@HEAD~1", ("a@b.parquet", "HEAD~1")),
        ("a.csv@main@{1}", ("a.csv", "main@{1}")),
        ("a.csv@@{u}", ("a.csv", "@{u}")),
        ("a.csv@@", ("a.csv", "@")),
        ("s3://bucket/a@b", None),
        ("sql:SELECT '@'", None),
        ("@main", None),
        ("a@", None),
        ("is@here.csv", None),
    ],
)
def test_what_is_a_revision(
    text: str, expected: tuple[str, str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "is@here.csv").touch()
    assert named.revision(text) == expected


# ---- what is found -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "then", "now"),
    [
        ("git.csv", 100, 101),
        ("plain", 200, 201),
        ("plain/", 200, 201),
        ("./plain/year=2016", 100, 100),
        ("data.csv", 100, 101),
        ("parts", 200, 200),
        ("parts/year=2016", 100, 100),
        ("parts/year=2016/p.csv", 100, 100),
        ("out.csv", 100, 101),
        ("made", 100, 101),
        ("made/one.csv", 100, 101),
        ("mixed", 300, 301),
        ("mixed/deep", 100, 100),
    ],
)
def test_a_table_at_a_revision(repo: Path, path: str, then: int, now: int) -> None:
    assert rows(path) == now
    assert rows(f"{path}@v1") == then
    assert rows(f"{path}@HEAD") == now


@pytest.mark.parametrize("rev", ["origin/main", "feature/x", "HEAD~1", "main~1", "HEAD@{1}", "v1^{}"])
def test_every_name_of_a_commit_is_one(repo: Path, rev: str) -> None:
    assert rows(f"git.csv@{rev}") == 100
    assert rows(f"data.csv@{rev}") == 100


def test_a_path_is_of_the_current_folder(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo / "plain")
    assert rows("one.csv@v1") == 100
    assert rows("../data.csv@v1") == 100
    assert rows(f"{repo}/plain@v1") == 200


def test_what_the_work_tree_lost_is_found(repo: Path, git: RunGit) -> None:
    git(repo, "rm", "--quiet", "-r", "plain", "data.csv.dvc")
    (repo / "data.csv").unlink()
    assert rows("plain@v1") == 200
    assert rows("data.csv@v1") == 100


def test_a_repository_without_dvc(
    git_repo: Path, commit: RunGit, git: RunGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(git_repo)
    write(git_repo, "t.csv", "plain/one.csv", "plain/year=2016/two.csv")
    commit(git_repo, "tables")
    git(git_repo, "rm", "--quiet", "-r", ".")
    assert rows("t.csv@HEAD") == 100
    assert rows("plain@HEAD") == 200
    assert rows("plain/year=2016@HEAD") == 100
    assert refused("plain/tow.csv@HEAD") == (
        "plain/tow.csv@HEAD: is not in Git",
        "did you mean 'one.csv'?",
        2,
    )


def test_the_dvc_repository_of_the_path_is_asked(
    git_repo: Path,
    dvc_template: Path,
    copy_repository: Callable[[Path, Path], Path],
    commit: RunGit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("one", "two"):
        (git_repo / name).mkdir()
        copy_repository(dvc_template / ".dvc", git_repo / name / ".dvc")
        write(git_repo / name, "t.csv", text=CSV if name == "one" else MORE)
        dvc(git_repo / name, "add", "t.csv")
    commit(git_repo, "two projects")
    monkeypatch.chdir(git_repo)
    assert (rows("one/t.csv@HEAD"), rows("two/t.csv@HEAD"), rows("two@HEAD")) == (100, 101, 101)


# ---- what is not -------------------------------------------------------------------------------

NO_COMMIT = "there is no such file, and {!r} is no commit, branch or tag of this repository"
NOWHERE = "is neither in Git nor tracked by DVC"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("data.csv@v9", NO_COMMIT.format("v9"), "fetch it, or check the name"),
        ("plain@featur/x", NO_COMMIT.format("featur/x"), "did you mean 'feature/x'?"),
        ("data.csv@--all", NO_COMMIT.format("--all"), "fetch it, or check the name"),
        ("dta.csv@v1", NOWHERE, "did you mean 'data.csv'?"),
        ("plain/oen.csv@v1", NOWHERE, "did you mean 'one.csv'?"),
        ("parts/gone.csv@v1", NOWHERE, "check the path"),
        ("no/such/folder@v1", NOWHERE, "check the path"),
        ("dvc.yaml@v1", "has the suffix .yaml, which is no table's", None),
        (".dvc@v1", "is a folder without any table", None),
        (
            "lfs.csv@v1",
            "is a Git LFS pointer, its content was not fetched",
            "`git worktree add --detach COPY v1`, and name COPY/lfs.csv",
        ),
    ],
)
def test_what_is_not_there_is_one_line(repo: Path, text: str, message: str, hint: str | None) -> None:
    said, mending, code = refused(text)
    assert (said, code) == (f"{text}: {message}", 2)
    assert hint is None or mending == hint


def test_a_path_outside_of_the_repository(repo: Path) -> None:
    said, _, code = refused("../else.csv@v1")
    assert (said, code) == (f"../else.csv@v1: is outside of the repository {repo}", 2)


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("data.csv", "data.csv"),
        ("out.csv", "out.csv"),
        ("parts", "parts"),
        ("parts/year=2016", "parts"),
        ("mixed", "mixed/deep"),
    ],
)
def test_what_nobody_has_any_more_is_the_storages_fault(repo: Path, path: str, lost: str) -> None:
    for file in (repo / ".dvc" / "cache").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.unlink()
    said, hint, code = refused(f"{path}@v1")
    assert said.startswith(f"{lost}: neither the DVC cache nor the remote has it (")
    assert (hint, code) == ("whoever made it runs `dvc push`", 3)


@pytest.mark.parametrize("path", ["git.csv", "data.csv", "plain", "parts"])
def test_what_is_too_large_can_be_copied(repo: Path, path: str) -> None:
    with (
        pytest.raises(MlopsError) as raised,
        named.at_revision(repo, path, "v1", limit=10),
    ):
        raise AssertionError
    assert raised.value.message == f"{path}@v1: {len(CSV)} bytes are more than the 10 that are read"
    assert raised.value.hint == f"`dvc get . {path} --rev v1 -o COPY`, and name COPY"


def test_an_error_names_the_revision_of_its_table(repo: Path, commit: RunGit) -> None:
    write(repo, "git.csv", text="a;b\n1;2\n")
    commit(repo)
    said, _, code = refused("git.csv@HEAD")
    assert (said, code) == (
        "git.csv@HEAD: the header has semicolons and no commas: the wrong delimiter?",
        2,
    )
