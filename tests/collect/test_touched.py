"""What a branch may change without anybody having to look at a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.collect.project import Project, find
from mlops_ci.collect.touched import concern, is_touched

RunGit = Callable[..., str]
PIPELINE = """\
stages:
  train:
    cmd: cp data/rows.csv model.pkl && echo '{"rmse":1}' > metrics.json && cp lib/train.py curve.csv
    deps: [data/rows.csv, lib]
    params: [p.yaml: [speed]]
    outs: [model.pkl]
    metrics: [metrics.json: {cache: false}]
plots: [shown/curve.csv: {}]
artifacts:
  churn: {path: model.pkl, type: model}
"""
CONFIG = """\
version: 1
templates: words
defaults:
  predictions: "out/*.csv"
  data: {train: tables/train.csv, production: "sql:SELECT * FROM t", schema: schemas/churn.yaml}
"""


@pytest.fixture
def project(dvc_repo: Path, commit: RunGit, git: RunGit) -> Path:
    """A pipeline that has run on main, and a branch."""
    files = {
        "dvc.yaml": PIPELINE,
        "mlops-ci.yaml": CONFIG,
        "data/rows.csv": "1\n",
        "lib/train.py": "pass\n",
        "p.yaml": "speed: 1\nother: 1\n",
        "README.md": "words\n",
        "shown/curve.csv": "x,y\n1,1\n",
    }
    for name, text in files.items():
        (dvc_repo / name).parent.mkdir(exist_ok=True)
        (dvc_repo / name).write_text(text)
    dvc = Dvc.open(dvc_repo)
    dvc.run()
    dvc.close()
    commit(dvc_repo, "main")
    git(dvc_repo, "checkout", "--quiet", "-b", "topic")
    return dvc_repo


def touched(root: Path, **environ: str) -> bool:
    with opened(root, environ) as found:
        return is_touched(found)


@contextmanager
def opened(root: Path, environ: dict[str, str]) -> Iterator[Project]:
    found = find(root, environ)
    try:
        yield found
    finally:
        found.dvc.close()


@pytest.mark.parametrize(
    "name", ["README.md", "src/service.py", "library/x.py", "docs/mlops-ci.md", ".github/workflows/ci.yml"]
)
def test_what_feeds_no_model(project: Path, commit: RunGit, name: str) -> None:
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("new\n")
    commit(project)
    assert touched(project) is False


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.yaml", "speed: 1\nother: 2\n"),
        ("lib/new.py", "pass\n"),
        ("lib/train.py", "pass # again\n"),
        ("data/rows.csv", "2\n"),
        ("metrics.json", '{"rmse":0}\n'),
        ("shown/curve.csv", "x,y\n"),
        ("dvc.yaml", f"{PIPELINE}# words\n"),
        ("sub/dvc.yaml", "stages: {}\n"),
        ("more.csv.dvc", "outs: [{md5: d41d8cd98f00b204e9800998ecf8427e, path: more.csv}]\n"),
        (".dvc/config", "[core]\n    autostage = false\n"),
        (".dvcignore", "x\n"),
        ("mlops-ci.yaml", f"{CONFIG}# words\n"),
        ("words/comment.md.j2", "hello\n"),
        ("out/a.csv", "1\n"),
        ("tables/train.csv", "1\n"),
        ("schemas/churn.yaml", "columns: {}\n"),
        (".github/workflows/mlops-ci-forks.yml", "on: push\n"),
    ],
)
def test_what_a_model_or_its_judgement_depends_on(
    project: Path, commit: RunGit, name: str, text: str
) -> None:
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(text)
    commit(project)
    assert touched(project) is True


def test_a_base_whose_stages_have_to_run_anyway(project: Path, commit: RunGit, git: RunGit) -> None:
    git(project, "checkout", "--quiet", "main")
    (project / "p.yaml").write_text("speed: 2\n")
    commit(project, "not run")
    git(project, "checkout", "--quiet", "-b", "words")
    (project / "README.md").write_text("more words\n")
    commit(project)
    assert touched(project) is True


def test_a_base_that_cannot_be_read(project: Path, commit: RunGit, git: RunGit) -> None:
    # A params file of a name that no pattern knows, so that the base's graph is asked for.
    git(project, "checkout", "--quiet", "main")
    (project / "dvc.yaml").write_text(PIPELINE.replace("cmd: cp", "cmd: ${speed} cp"))
    (project / "params.yaml").write_text("slow: 1\n")
    commit(project, "broken")
    git(project, "checkout", "--quiet", "-b", "mended")
    (project / "params.yaml").write_text("speed: ''\n")
    commit(project)
    assert touched(project) is True


def test_without_a_base_everything_may_be_touched(
    dvc_repo: Path, commit: RunGit, git: RunGit, tmp_path: Path
) -> None:
    (dvc_repo / "dvc.yaml").write_text(PIPELINE)
    git(dvc_repo, "checkout", "--quiet", "-b", "only")
    git(dvc_repo, "branch", "--quiet", "-D", "main")
    commit(dvc_repo, "all there is")
    assert touched(dvc_repo) is True


@pytest.mark.parametrize(
    ("file", "known", "expected"),
    [
        ("a", ["a"], True),
        ("a/b", ["a"], True),
        ("a/b", ["a/"], True),
        ("ab", ["a"], False),
        ("a", ["a/b"], False),
        ("x/y.csv", ["x/*.csv"], True),
        ("x/[1].csv", ["x/[1].csv"], True),
        ("any", ["."], True),
        ("a", [], False),
    ],
)
def test_paths(file: str, known: list[str], expected: bool) -> None:
    assert concern([file], known) is expected
    assert concern([], known) is False
