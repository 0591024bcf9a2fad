"""The whole example from a clone: it runs cold, writes what it declares, and the same every time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci.adapters import process
from tests import shared

ROOT = Path(__file__).parents[2]
PARTS = (
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "data/2015.parquet",
    "dvc.yaml",
    "dvc.lock",
    "params.yaml",
)


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as a clone has it, with no cache and no output, after one `dvc repro`."""
    root = tmp_path_factory.mktemp("cold") / "example"
    return shutil.copytree(shared.folder(tmp_path_factory, "cold", run_cold), root, symlinks=True)


def run_cold(root: Path) -> None:
    for name in PARTS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for folder in ("data/deliveries", "pipeline", "schemas"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    process.run(["git", "init", "--quiet", "."], cwd=root)
    process.run(["dvc", "repro", "--force"], cwd=root)


def report(root: Path, name: str) -> Any:
    return json.loads((root / f"reports/{name}.json").read_text())


def in_git(stage: dict[str, Any]) -> dict[str, str]:
    """The data and code a stage reads, with their hashes."""
    return {
        dep["path"]: dep["md5"] for dep in stage["deps"] if dep["path"].startswith(("data/", "pipeline/"))
    }


@pytest.mark.slow
def test_the_committed_reports_and_lock_are_what_a_run_gives(cold: Path) -> None:
    assert report(cold, "validation") == report(ROOT, "validation")
    # Another processor or another numpy may round the last digits another way.
    assert report(cold, "metrics") == pytest.approx(report(ROOT, "metrics"), abs=0.002)
    assert report(cold, "selection")["family"] == report(ROOT, "selection")["family"]
    fresh, committed = (yaml.safe_load((root / "dvc.lock").read_text()) for root in (cold, ROOT))
    for name in ("prepare", "evaluate"):
        assert fresh["stages"][name]["params"] == committed["stages"][name]["params"]
    assert sorted(fresh["stages"]) == sorted(committed["stages"])


@pytest.mark.slow
def test_every_dependency_in_the_committed_lock_is_the_file_in_git(cold: Path) -> None:
    fresh, committed = (yaml.safe_load((root / "dvc.lock").read_text())["stages"] for root in (cold, ROOT))
    for name, stage in committed.items():
        assert in_git(fresh[name]) == in_git(stage)


@pytest.mark.slow
def test_a_second_run_from_nothing_gives_the_same_bytes(cold: Path) -> None:
    before = (cold / "dvc.lock").read_text()
    for folder in ("prepared", "models", "reports"):
        shutil.rmtree(cold / folder)
    shutil.rmtree(cold / ".dvc" / "cache")
    process.run(["dvc", "repro", "--force"], cwd=cold)
    assert (cold / "dvc.lock").read_text() == before


@pytest.mark.slow
def test_git_sees_small_reports_and_no_model(cold: Path) -> None:
    seen = process.run(["git", "ls-files", "--others", "--exclude-standard"], cwd=cold).stdout.splitlines()
    outputs = [path for path in seen if path.startswith(("prepared", "models", "reports", "ml"))]
    assert outputs == [
        "reports/metrics.json",
        "reports/schema.json",
        "reports/selection.json",
        "reports/tracking.json",
        "reports/validation.json",
    ]
    assert sum((cold / path).stat().st_size for path in outputs) < 20_000


@pytest.mark.slow
def test_the_model_is_as_good_as_the_limits_ask(cold: Path) -> None:
    metrics = report(cold, "metrics")
    limits = yaml.safe_load((ROOT / "mlops-ci.yaml").read_text())["gates"]["metrics"]["limits"]
    assert [name for name, limit in limits.items() if metrics[name] < limit.get("min", 0)] == []
