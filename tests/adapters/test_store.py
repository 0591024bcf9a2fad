"""The evidence store: content-addressed, found by the lock, beside the data or in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.store import Store
from mlops_ci.evidence import Base, Environment, Evidence, Lock, Repository

LOCK = "sha256:" + "1" * 64


def document(created: str, lock: str = LOCK) -> Evidence:
    return Evidence(
        created=created,
        tool="0",
        repository=Repository(name="r", commit="c" * 40),
        base=Base(),
        lock=Lock(mode="report", digest=lock),
        environment=Environment(python="3", platform="x", cpu_count=1),
    )


@pytest.fixture
def stores(rich: Path, clone: Path, opened: Callable[[Path], Dvc], tmp_path: Path) -> tuple[Store, Store]:
    """Two clones of one repository with the same remote."""
    return Store(opened(rich), tmp_path / "one"), Store(opened(clone), tmp_path / "two")


def test_another_clone_finds_it_by_the_lock(stores: tuple[Store, Store]) -> None:
    one, two = stores
    old, new = document("2026-01-01T00:00:00Z"), document("2026-01-02T00:00:00Z")
    assert (one.write(new), one.write(old), one.write(new)) == ("", "", "")
    assert two.find(LOCK) == new
    assert two.find("sha256:" + "2" * 64) is None


def test_its_own_folder_is_asked_first(stores: tuple[Store, Store]) -> None:
    one, _ = stores
    one.write(document("2026-01-01T00:00:00Z"))
    found = one.folder / "evidence"
    assert len(list(found.rglob("*.json"))) == 1
    assert one.find(LOCK) == document("2026-01-01T00:00:00Z")


def test_forged_and_broken_documents_are_no_evidence(stores: tuple[Store, Store]) -> None:
    one, _ = stores
    good = document("2026-01-01T00:00:00Z")
    one.write(good)
    (path,) = (one.folder / "evidence").rglob("*.json")
    path.write_bytes(document("2027-01-01T00:00:00Z").canonical())
    assert one.find(LOCK) is None
    path.write_text("{")
    assert one.find(LOCK) is None
    path.unlink()
    # The remote's copy is still good.
    assert one.find(LOCK) == good


def test_without_a_remote_it_is_kept_here_and_said(
    dvc_repo: Path, opened: Callable[[Path], Dvc], tmp_path: Path
) -> None:
    store = Store(opened(dvc_repo), tmp_path / "kept")
    good = document("2026-01-01T00:00:00Z")
    assert store.write(good) == "there is no DVC remote, so the evidence is kept in this clone only"
    assert store.find(LOCK) == good
    assert store.find("sha256:" + "3" * 64) is None


def test_a_remote_that_cannot_be_written_costs_a_line(
    rich: Path, opened: Callable[[Path], Dvc], tmp_path: Path
) -> None:
    (rich.parent / "store").rename(rich.parent / "away")
    (rich.parent / "store").write_text("a file where the folder was")
    store = Store(opened(rich), tmp_path / "kept")
    assert store.write(document("2026-01-01T00:00:00Z")).startswith(
        "the evidence is kept in this clone only: "
    )
    assert store.find(LOCK) is not None
