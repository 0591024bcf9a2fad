"""A rich pipeline, run once a session, and copies of it with a remote of their own; a scripted GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.github import GitHub
from tests.adapters.github_double import Double, running

RunGit = Callable[..., str]
Copy = Callable[[Path, Path], Path]

CONFIG = """\
[core]
    remote = store
['remote "store"']
    url = ../../store
"""

FILES = {
    "params.yaml": """\
        # what is tried
        prepare:
          keep: 3   # rows
        train:
          lr: 0.1
          layers: [8, 4]
        names: [lin, tree]
        """,
    "prepare.py": """\
        import os
        from pathlib import Path

        os.makedirs("data/parts", exist_ok=True)
        rows = Path("data/raw.csv").read_text().split()
        Path("data/parts/train.csv").write_text("\\n".join(rows[:2]))
        Path("data/parts/test.csv").write_text("\\n".join(rows[2:]))
        print("prepared", len(rows))
        """,
    "train.py": """\
        import sys
        from pathlib import Path

        name = sys.argv[1]
        text = Path("data/parts/train.csv").read_text()
        print("training", name)
        Path(f"model-{name}.txt").write_text(f"{name}:{len(text)}:{Path('params.yaml').read_text().split('lr:')[1].split()[0]}")
        """,
    "evaluate.py": """\
        import json
        import os
        from pathlib import Path

        os.makedirs("report/eval", exist_ok=True)
        sizes = {p.stem: len(p.read_text()) for p in sorted(Path().glob("model-*.txt"))}
        Path("report/eval/metrics.json").write_text(json.dumps(sizes))
        Path("report/eval/roc.csv").write_text("fpr,tpr\\n0,0\\n1,1\\n")
        Path("summary.json").write_text(json.dumps({"models": len(sizes)}))
        """,
    "dvc.yaml": """\
        stages:
          prepare:
            cmd: python prepare.py
            deps: [prepare.py, data/raw.csv]
            params: [prepare.keep]
            outs: [data/parts]
          train:
            matrix:
              name: ${names}
              seed: [1, 2]
            cmd: python train.py ${item.name}-${item.seed}
            deps: [train.py, data/parts/train.csv]
            params: [train.lr, train.layers]
            outs: ["model-${item.name}-${item.seed}.txt"]
          evaluate:
            cmd: python evaluate.py
            deps: [evaluate.py, model-lin-1.txt, model-tree-1.txt]
            outs:
              - report/eval
            metrics:
              - summary.json: {cache: false}
        metrics:
          - report/eval/metrics.json
        plots:
          - report/eval/roc.csv: {x: fpr, y: tpr, title: ROC}
          - both:
              x: {report/eval/roc.csv: fpr}
              y: {report/eval/roc.csv: [tpr, fpr], report/eval/metrics.json: lin}
              template: simple
          - report/eval/other.csv
        artifacts:
          digits:
            path: model-lin-1.txt
            type: model
        """,
    "sub/dvc.yaml": """\
        stages:
          count:
            foreach:
              small: {size: 1}
              large: {size: 2}
            do:
              cmd: echo ${item.size} > out-${key}.txt
              params:
                - extra.json:
              outs:
                - out-${key}.txt:
                    push: false
        """,
    "sub/extra.json": '{"depth": 2, "on": true}',
}


def write(root: Path, files: dict[str, str]) -> None:
    """Write dedented texts."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


@pytest.fixture(scope="session")
def rich_template(
    tmp_path_factory: pytest.TempPathFactory, dvc_template: Path, copy_repository: Copy, commit: RunGit
) -> Path:
    """The rich pipeline, run and committed, with a remote beside it that has everything."""
    from dvc.repo import Repo

    root = copy_repository(dvc_template, tmp_path_factory.mktemp("rich") / "repository")
    write(root, FILES)
    (root / ".dvc" / "config").write_text(CONFIG)
    commit(root, "files")
    write(root, {"data/raw.csv": "1\n2\n3\n"})
    with Repo(str(root)) as repo:
        repo.add(str(root / "data" / "raw.csv"))
    commit(root, "data")
    dvc = Dvc.open(root)
    runs = dvc.run(push=True)
    dvc.close()
    assert {"ran"} == {run.status for run in runs}
    commit(root, "first run")
    return root


@pytest.fixture
def rich(rich_template: Path, tmp_path: Path, copy_repository: Copy) -> Path:
    """A copy with the cache, the workspace's outputs and a copy of the remote."""
    copy_repository(rich_template.parent / "store", tmp_path / "store")
    return copy_repository(rich_template, tmp_path / "repository")


@pytest.fixture
def clone(rich: Path, tmp_path: Path, git: RunGit) -> Path:
    """A fresh clone without any data; its remote has everything."""
    target = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(rich), str(target))
    return target


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Dvc]]:
    """Open repositories that are closed when the test ends."""
    held: list[Dvc] = []

    def run(root: Path) -> Dvc:
        held.append(Dvc.open(root))
        return held[-1]

    yield run
    for dvc in held:
        dvc.close()


@pytest.fixture
def double() -> Iterator[Double]:
    """A scripted GitHub; what was asked and answered wrongly fails the test."""
    with running() as started:
        yield started


@pytest.fixture
def github(double: Double) -> GitHub:
    """A client of the scripted GitHub that never sleeps."""
    return double.github()
