"""What a stage surely only runs as code, and everything that is not certain enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters.dvc_code import RunsCode
from mlops_ci.pipeline import Dep, Stage

FILES = {
    "train.py": "import util\nfrom lib import data\nfrom lib.deep import model\nimport json\nimport unlisted\n",
    "util.py": "import lib.deep.layers as layers\n",
    "unlisted.py": "import hidden\n",
    "hidden.py": "",
    "other.py": "",
    "json.py": "",
    "broken.py": "import util\n)",
    "lib/__init__.py": "",
    "lib/data.py": "from . import rows\nfrom .. import other\n",
    "lib/rows.py": "from .deep.model import fit\n",
    "lib/deep/model.py": "import os\n",
    "lib/deep/layers.py": "",
    "lib/deep/__init__.py": "",
    "lib/deep.py": "",
    "app/__init__.py": "",
    "app/__main__.py": "from app.core import main\nfrom .. import other\n",
    "app/core.py": "",
    "sub/train.py": "import util\nimport other\n",
    "sub/util.py": "",
}
DEPS = tuple(Dep(path, "1") for path in sorted(FILES) if path != "unlisted.py")


def found(tmp_path: Path, cmd: str, folder: str = ".") -> set[str]:
    """Everything that the command only runs."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    stage = Stage("s", "dvc.yaml", cmd=cmd.replace("ROOT", str(tmp_path)), deps=DEPS, folder=folder)
    return {path for path in FILES if RunsCode(tmp_path)(stage, path)}


TRAINED = {
    "train.py",
    "util.py",
    "lib/__init__.py",
    "lib/data.py",
    "lib/rows.py",
    "lib/deep/__init__.py",
    "lib/deep/model.py",
    "lib/deep/layers.py",
    "other.py",
}


@pytest.mark.parametrize(
    "cmd",
    [
        "python train.py",
        "python3.12 -u -W ignore -X utf8 ./train.py --lr 0.1 --out ROOT/../store",
        "uv run --with numpy python train.py 'a b'",
        "SEED=1 .venv/bin/python -m train data/out",
        "nice -n 5 python -B train.py",
    ],
)
def test_a_script_and_what_it_imports_through_dependencies(tmp_path: Path, cmd: str) -> None:
    assert found(tmp_path, cmd) == TRAINED


def test_a_module_a_package_and_a_folder(tmp_path: Path) -> None:
    deep = {"lib/deep/__init__.py", "lib/deep/model.py"}
    assert found(tmp_path, "python -m lib.rows") == {"lib/rows.py", *deep}
    assert found(tmp_path, "python -m app") == {
        "app/__main__.py",
        "app/__init__.py",
        "app/core.py",
        "other.py",
    }
    assert found(tmp_path, "python train.py", "sub") == {"sub/train.py", "sub/util.py"}
    assert found(tmp_path, "python sub/train.py") == {"sub/train.py", "sub/util.py"}
    layers = {"lib/__init__.py", "lib/deep/__init__.py", "lib/deep/layers.py"}
    assert found(tmp_path, "python -m sub.train") == {"sub/train.py", "util.py", "other.py", *layers}
    assert found(tmp_path, "python broken.py") == {"broken.py"}


@pytest.mark.parametrize(
    ("cmd", "lost"),
    [
        ("python train.py util.py", {"util.py", "sub/util.py"}),
        ("python train.py --source=lib/data.py", {"lib/data.py"}),
        ("python train.py lib", {path for path in TRAINED if path.startswith("lib/")}),
        ("python train.py --in=ROOT/lib/deep", {path for path in TRAINED if "deep/" in path}),
        ("python train.py .", TRAINED),
        ("F=other.py python train.py", {"other.py"}),
    ],
)
def test_an_argument_may_name_it(tmp_path: Path, cmd: str, lost: set[str]) -> None:
    assert found(tmp_path, cmd) == TRAINED - lost


@pytest.mark.parametrize(
    "cmd",
    [
        "",
        "wc -l train.py",
        "cat python train.py",
        "train.py",
        "python",
        "python -",
        "python -c 'import train'",
        "python -i train.py",
        "python -mtrain",
        "python -m",
        "python -m pytest",
        "python nothing.py",
        "python train.py > log.txt",
        "python train.py < train.py",
        "python train.py | tee log.txt",
        "python train.py && wc -l train.py",
        "python train.py; wc -l train.py",
        "python train.py\nwc -l train.py",
        "python train.py `ls`",
        "python train.py $(ls)",
        "python train.py $SOURCE",
        "python train.py *.py",
        "python train.py 'open",
        "uv run --directory sub python train.py",
        "env -C sub python train.py",
        "PYTHONPATH=sub python train.py",
    ],
)
def test_what_is_not_certain_is_not_only_run(tmp_path: Path, cmd: str) -> None:
    assert found(tmp_path, cmd) == set()


def test_the_example_pipeline(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    names = ("columns", "families", "files", "train")
    stage = Stage(
        "train",
        "dvc.yaml",
        cmd="python -m pipeline.train logistic",
        deps=tuple(Dep(f"pipeline/{name}.py", "1") for name in names),
    )
    assert all(RunsCode(root)(stage, f"pipeline/{name}.py") for name in names)
