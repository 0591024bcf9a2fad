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
    "lib/deep.py",
    "lib/deep/model.py",
    "lib/deep/layers.py",
    "other.py",
}


@pytest.mark.parametrize(
    "cmd",
    [
        "python train.py",
        "python3.12 -u -W ignore -Xutf8 ./train.py --lr 0.1 logistic"
        if False
        else "python3.12 -u -W ignore ./train.py --lr 0.1",
        "uv run --with numpy python train.py",
        "SEED=1 env A=b .venv/bin/python -m train data/out",
    ],
)
def test_a_script_and_what_it_imports_through_dependencies(tmp_path: Path, cmd: str) -> None:
    assert found(tmp_path, cmd) == TRAINED
