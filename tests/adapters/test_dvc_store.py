"""The lock's digest, what the remote lacks, and documents kept beside the data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters import model_bytes
from mlops_ci.adapters.dvc import Dvc, NoRemoteError, TooLargeError, lock_digest
from mlops_ci.adapters.model_bytes import LostError
from mlops_ci.errors import ConfigError, ToolError

Open = Callable[[Path], Dvc]


def test_the_digest_is_of_what_the_locks_say_not_how() -> None:
    one = {"dvc.lock": b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n"}
    other = {"dvc.lock": b"# made by hand\nstages: {a: {cmd: 'x'}}\nschema: '2.0'\n"}
    moved = {"sub/dvc.lock": one["dvc.lock"]}
    assert lock_digest(one) == lock_digest(other)
    assert lock_digest(one) != lock_digest(moved)
    assert lock_digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with pytest.raises(ConfigError, match=r"dvc\.lock: not YAML"):
        lock_digest({"dvc.lock": b"a: [\n"})


def test_lock_files_of_workspace_and_commit(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    assert list(dvc.lock_files()) == ["dvc.lock", "sub/dvc.lock"]
    assert dvc.lock_files() == dvc.lock_files("HEAD")
    assert dvc.lock_files()["dvc.lock"] == (rich / "dvc.lock").read_bytes()


def test_everything_is_pushed_without_having_the_data(clone: Path, opened: Open) -> None:
    assert opened(clone).missing_in_remote() == ()


def test_what_the_remote_lacks_is_named(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    graph = dvc.graph()
    listing = dvc.store.tree(str(graph.recorded["report/eval"]))
    assert listing is not None
    for oid in (graph.recorded["model-lin-1.txt"], graph.sources["data/raw.csv"], listing["roc.csv"]):
        (clone.parent / "store" / "files" / "md5" / str(oid)[:2] / str(oid)[2:]).unlink()
    assert dvc.missing_in_remote() == ("data/raw.csv", "model-lin-1.txt", "report/eval")


def test_whether_an_object_is_there_is_the_remotes_to_say(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    folder, file = str(dvc.graph().recorded["report/eval"]), str(dvc.graph().sources["data/raw.csv"])
    listing = dvc.store.tree(folder)
    assert listing is not None
    assert dvc.store.has(folder)
    assert dvc.store.has(file)
    # The cache of this clone still has both.
    for oid in (file, listing["roc.csv"]):
        (rich.parent / "store" / "files" / "md5" / oid[:2] / oid[2:]).unlink()
    assert not dvc.store.has(folder)
    assert not dvc.store.has(file)


def test_without_a_remote_the_cache_says_whether_an_object_is_there(rich: Path, opened: Open) -> None:
    (rich / ".dvc" / "config").write_text("")
    dvc = opened(rich)
    assert dvc.store.has(str(dvc.graph().sources["data/raw.csv"]))
    assert not dvc.store.has("0" * 32)


def test_bytes_are_fetched_anew_where_the_cache_is_not_to_be_asked(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    path = "model-lin-1.txt"
    value = str(dvc.graph().recorded[path])
    with model_bytes.gathered(dvc, path, value, remotely=True) as found:
        fetched = found.digest
    with model_bytes.gathered(dvc, path, value) as found:
        assert found.digest == fetched
    place = rich.parent / "store" / "files" / "md5" / value[:2] / value[2:]
    place.chmod(0o600)
    place.write_bytes(b"other")
    with pytest.raises(LostError, match="is damaged"), model_bytes.gathered(dvc, path, value, remotely=True):
        pass
    place.unlink()
    with pytest.raises(LostError, match="neither"), model_bytes.gathered(dvc, path, value, remotely=True):
        pass


def test_push_sends_what_is_missing(rich: Path, opened: Open) -> None:
    shutil.rmtree(rich.parent / "store")
    dvc = opened(rich)
    assert dvc.missing_in_remote() is not None
    assert len(dvc.missing_in_remote() or ()) == 7
    assert dvc.push() > 0
    assert dvc.missing_in_remote() == ()
    assert dvc.push() == 0


def test_no_remote_is_told_apart(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "dvc.yaml").write_text("stages: {s: {cmd: echo 1 > o.txt, outs: [o.txt]}}\n")
    dvc = opened(dvc_repo)
    dvc.run()
    assert dvc.missing_in_remote() is None
    for call in (dvc.push, lambda: dvc.remote_write("a", b""), lambda: dvc.remote_read("a"), dvc.remote_list):
        with pytest.raises(NoRemoteError):
            call()


def test_an_unreachable_remote_is_a_tool_error(rich: Path, opened: Open) -> None:
    shutil.rmtree(rich.parent / "store")
    (rich.parent / "store").write_text("a file where the folder should be")
    dvc = opened(rich)
    with pytest.raises(ToolError):
        dvc.remote_write("evidence/a.json", b"{}")
    with pytest.raises(ToolError):
        dvc.push()


def test_documents_are_kept_beside_the_data(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    assert dvc.remote_list() == ()
    assert dvc.remote_read("evidence/ab/one.json") is None
    dvc.remote_write("evidence/ab/one.json", b"{}")
    dvc.remote_write("evidence/ab/one.json", b"{1}")
    dvc.remote_write("other.json", b"[]")
    assert dvc.remote_read("evidence/ab/one.json") == b"{1}"
    assert dvc.remote_list() == ("evidence/ab/one.json", "other.json")
    assert dvc.remote_list("evidence") == ("evidence/ab/one.json",)
    assert dvc.remote_list("nothing") == ()
    assert (rich.parent / "store" / "mlops-ci" / "other.json").read_bytes() == b"[]"
    assert dvc.missing_in_remote() == ()
    with pytest.raises(TooLargeError):
        dvc.remote_read("other.json", limit=1)


@pytest.mark.parametrize("name", ["../out", "a//b", "", "/a", "a/./b"])
def test_names_stay_inside_the_folder(rich: Path, opened: Open, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a document"):
        opened(rich).remote_write(name, b"")


def test_what_is_no_hash_leads_to_no_file_of_the_machine(rich: Path, opened: Open, tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_text("token")
    with pytest.raises(ToolError, match="data: neither the DVC cache nor the remote has it"):
        opened(rich).store.read("../" * 40 + str(secret).lstrip("/"), "data")


def test_folders_inside_a_tracked_directory_have_dvcs_own_hash(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "dvc.yaml").write_text(
        "stages:\n  w: {cmd: mkdir -p d/x && echo 1 > d/x/b && echo 2 > d/x/a, outs: [d]}\n"
        "  r: {cmd: cat d/x/a > o, deps: [d/x], outs: [o]}\n"
    )
    dvc = opened(dvc_repo)
    dvc.run()
    graph = dvc.graph()
    assert dvc.store.inside(str(graph.recorded["d"]), "x") == graph.by_name["r"].deps[0].recorded
    assert dvc.store.inside(str(graph.recorded["d"]), "y") == "absent"
    shutil.rmtree(dvc_repo / "d")
    assert dvc.plan().is_current
