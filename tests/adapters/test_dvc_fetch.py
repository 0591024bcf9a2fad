"""Fetching in a forked task, and the many ways in which DVC keeps data: folders, imports, DVC 2.x, versions."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters import dvc_locks, process
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.dvc_fetch import FetchTask, lacking
from mlops_ci.errors import ConfigError, ToolError
from tests.adapters.faulty import serving

Open = Callable[[Path], Dvc]
RunGit = Callable[..., str]
RAW, MODEL, FOLDER = "data/raw.csv", "model-lin-1.txt", "report/eval"


def _object(store: Path, oid: str) -> Path:
    return store / "files" / "md5" / oid[:2] / oid[2:]


def _cached(root: Path) -> set[str]:
    cache = root / ".dvc" / "cache"
    return {"".join(path.parts[-2:]) for path in cache.rglob("*") if path.is_file()}


def _forked(dvc: Dvc, folder: Path, *paths: str) -> dict[str, Any]:
    answer = folder / "answer.json"
    outcome = process.forked(FetchTask(dvc._load(None), paths, answer), log=folder / "log", timeout=60)
    assert outcome.code == 0, (folder / "log").read_text()
    found: dict[str, Any] = json.loads(answer.read_bytes())
    return found


def test_a_task_fetches_beside_a_parent_that_spoke_to_the_remote(
    clone: Path, opened: Open, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        (clone / ".dvc" / "config.local").write_text(f"['remote \"store\"']\n    url = {server.url}/store\n")
        dvc = opened(clone)
        assert dvc.missing_in_remote() == ()
        assert lacking(dvc._load(None), dvc.store, [RAW])
        answer = _forked(dvc, tmp_path, RAW, MODEL)
        sizes = [_object(tmp_path / "store", oid).stat().st_size for oid in _cached(clone) if "." not in oid]
        assert not lacking(dvc._load(None), dvc.store, [RAW, MODEL])
        assert answer == {"bytes": _size(tmp_path, dvc, RAW, MODEL)}
        assert sum(sizes) == answer["bytes"]
        assert _forked(dvc, tmp_path, RAW, MODEL) == {"bytes": 0}


def _size(top: Path, dvc: Dvc, *paths: str) -> int:
    return sum(_object(top / "store", str(dvc.tracked(path))).stat().st_size for path in paths)


def test_a_task_says_what_failed(clone: Path, opened: Open, tmp_path: Path) -> None:
    dvc = opened(clone)
    raw = dvc.graph().sources[RAW]
    _object(tmp_path / "store", raw).unlink()
    answer = _forked(dvc, tmp_path, RAW, MODEL)
    assert answer["error"] == f"the DVC remote store ({tmp_path / 'store'}) does not have {RAW} ({raw[:8]})"
    assert answer["hint"].startswith("Test (commit ")
    assert (answer["fatal"], answer["bytes"]) == (3, _size(tmp_path, dvc, MODEL))


def test_what_a_killed_task_left_is_cleared_away(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    dvc.fetch([RAW])
    (left := next((clone / ".dvc" / "cache").glob("files")).parent / "incoming-0").mkdir()
    own = [path for path in (clone / ".dvc" / "cache").iterdir() if path.name.startswith("incoming")]
    assert own == [left]


def test_a_folder_that_is_not_there_is_not_an_empty_remote(clone: Path, opened: Open, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(ToolError, match=r"the folder .*store of the DVC remote store is not there"):
        opened(clone).fetch([RAW])


def test_without_a_remote_that_is_said(clone: Path, opened: Open) -> None:
    (clone / ".dvc" / "config").write_text("")
    with pytest.raises(ConfigError, match="no default DVC remote is configured"):
        opened(clone).fetch([RAW])


def test_a_damaged_object_in_the_cache_is_fetched_anew(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    dvc.fetch([RAW])
    place = _object(clone / ".dvc" / "cache", dvc.graph().sources[RAW])
    place.chmod(0o644)
    place.write_bytes(b"other")
    dvc.fetch([RAW])
    assert place.read_bytes() == b"1\n2\n3\n"


def test_an_output_with_a_remote_of_its_own_comes_from_there_and_goes_there(
    dvc_repo: Path, opened: Open, tmp_path: Path
) -> None:
    (dvc_repo / ".dvc" / "config").write_text(
        f"[core]\n    remote = one\n['remote \"one\"']\n    url = {tmp_path / 'one'}\n"
        f"['remote \"two\"']\n    url = {tmp_path / 'two'}\n"
    )
    (dvc_repo / "dvc.yaml").write_text(
        "stages:\n  a: {cmd: echo a > a.txt && mkdir d && echo d > d/d.txt, outs: [a.txt, d: {remote: two}]}\n"
    )
    dvc = opened(dvc_repo)
    dvc.run()
    assert dvc.push() == 3
    file, folder = dvc.graph().recorded["a.txt"], dvc.graph().recorded["d"]
    assert _object(tmp_path / "one", str(file)).is_file()
    assert _object(tmp_path / "two", str(folder)).is_file()
    assert len([path for path in (tmp_path / "two").rglob("*") if path.is_file()]) == 2
    shutil.rmtree(dvc_repo / ".dvc" / "cache")
    again = opened(dvc_repo)
    again.fetch(["d/d.txt", "a.txt"])
    assert {str(file), str(folder)} < _cached(dvc_repo)
    assert (
        again.pulled
        == again.store._repo.cache.local.fs.size(str(_object(dvc_repo / ".dvc/cache", str(folder)))) + 4
    )


def test_data_of_dvc_2_is_found_where_that_kept_it(dvc_repo: Path, opened: Open, tmp_path: Path) -> None:
    content = b"1\r\n2\r\n"
    value = hashlib.md5(content.replace(b"\r\n", b"\n"), usedforsecurity=False).hexdigest()
    place = tmp_path / "store" / value[:2] / value[2:]
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    (dvc_repo / ".dvc" / "config").write_text(
        f"[core]\n    remote = store\n['remote \"store\"']\n    url = {tmp_path / 'store'}\n"
    )
    (dvc_repo / "old.csv.dvc").write_text(f"outs:\n- md5: {value}\n  size: {len(content)}\n  path: old.csv\n")
    (dvc_repo / "dvc.yaml").write_text(
        "stages: {a: {cmd: cp old.csv n.csv, deps: [old.csv], outs: [n.csv]}}\n"
    )
    dvc = opened(dvc_repo)
    dvc.fetch(["old.csv"])
    assert (dvc_repo / ".dvc" / "cache" / value[:2] / value[2:]).read_bytes() == content
    assert dvc.pulled == len(content)
    place.write_bytes(b"other")
    shutil.rmtree(dvc_repo / ".dvc" / "cache")
    with pytest.raises(ToolError, match=r"old.csv \(.*\): the object in the DVC remote store .* is damaged"):
        opened(dvc_repo).fetch(["old.csv"])


def test_data_imported_from_another_repository_comes_from_there(
    clone: Path, rich: Path, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    # A remote beside the other repository; its address there is relative.
    monkeypatch.chdir(clone)
    with Repo(str(clone)) as repo:
        repo.imp(url=str(rich), path=MODEL, out="imported.txt")
    (clone / "imported.txt").unlink()
    shutil.rmtree(clone / ".dvc" / "cache")
    dvc = opened(clone)
    # Beside stages that hash, which hold DVC's lock together.
    with dvc_locks.shared(dvc._repo):
        assert _forked(dvc, tmp_path, "imported.txt") == {"bytes": (rich / MODEL).stat().st_size}
    value = dvc.graph().sources["imported.txt"]
    assert _cached(clone) == {value}
    assert not (clone / "imported.txt").exists()


def test_what_was_imported_from_an_address_lies_in_the_remote_like_all_else(
    clone: Path, opened: Open, tmp_path: Path
) -> None:
    from dvc.repo import Repo

    (source := tmp_path / "source.csv").write_text("a,b\n1,2\n")
    with Repo(str(clone)) as repo:
        repo.imp_url(str(source), out=str(clone / "data.csv"))
    source.unlink()
    dvc = opened(clone)
    assert dvc.push() == 1
    (clone / "data.csv").unlink()
    shutil.rmtree(clone / ".dvc" / "cache")
    dvc.fetch(["data.csv"])
    assert _cached(clone) == {dvc.graph().sources["data.csv"]}
    assert (dvc.pulled, dvc.pushed) == (8, 8)
