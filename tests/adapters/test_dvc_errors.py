"""DVC's errors in the user's words."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mlops_ci.adapters import dvc_errors
from mlops_ci.adapters.dvc_errors import NoRemoteError, remote_trouble, translate, translated
from mlops_ci.errors import ConfigError, MlopsError, ToolError


def told(error: MlopsError) -> tuple[type[MlopsError], str, bool]:
    return type(error), error.message, bool(error.hint)


def test_each_error_has_its_kind_its_words_and_a_hint() -> None:
    from dvc.config import ConfigError as DvcConfigError
    from dvc.config import NoRemoteError as DvcNoRemote
    from dvc.config import RemoteNotFoundError
    from dvc.exceptions import CheckoutError, DownloadError, NotDvcRepoError, OverlappingOutputPathsError
    from dvc.fs import RemoteMissingDepsError
    from dvc.lock import LockError
    from dvc.output import OutputAlreadyTrackedError
    from dvc.scm import RevError, SCMError

    class Backend:
        protocol = "s3"

    busy = "'a' is busy, it is being blocked by:\n  (PID 7): dvc pull\n\nIf there are no processes"
    assert [
        (ConfigError, "not a DVC repository: there is no .dvc folder here or above", True),
        (ConfigError, "x is not a git repository", True),
        (ConfigError, "git: unknown Git revision 'y'", False),
        (ToolError, "another DVC process is at work in this repository: (PID 7): dvc pull", True),
        (ToolError, "another DVC process is at work in this repository", True),
        (ConfigError, "m.json is an output of the pipeline, but Git tracks it already", True),
        (ToolError, "the DVC remote does not have a, b", True),
        (ToolError, "DVC could not transfer data: 2 files failed to download", True),
        (NoRemoteError, "no default DVC remote is configured", True),
        (ConfigError, "DVC remote: remote 'r' doesn't exist", True),
        (ConfigError, ".dvc/config: bad", False),
        (ConfigError, "the DVC remote needs support for s3, which is not installed", True),
        (ConfigError, "one two", False),
    ] == [
        told(translate(error))
        for error in (
            NotDvcRepoError("you are not inside"),
            SCMError("x is not a git repository"),
            RevError("unknown Git revision 'y'"),
            LockError(busy),
            LockError("Unable to acquire lock."),
            OutputAlreadyTrackedError("m.json"),
            CheckoutError(["./a", "b"], {}),
            DownloadError(2),
            DvcNoRemote("none"),
            RemoteNotFoundError("remote 'r' doesn't exist"),
            DvcConfigError("bad"),
            RemoteMissingDepsError(Backend(), "s3", "s3://b", ["s3fs"]),
            OverlappingOutputPathsError("p", "o", "one\n\ttwo"),
        )
    ]


def test_paths_are_told_from_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.exceptions import DvcException

    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "repo"
    assert translate(DvcException("in 'repo/dvc.yaml'"), top=str(inner)).message == "in 'dvc.yaml'"
    assert translate(DvcException(f"in '{inner}/a'"), top=str(inner)).message == "in 'a'"
    assert translate(DvcException("in './a'"), "a" * 40, str(tmp_path)).message == "in './a' at aaaaaaaaaa"


def test_a_full_disk_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="no space left on the disk"), translated():
        raise OSError(errno.ENOSPC, "No space left on device", "x")
    with pytest.raises(ToolError, match="Read-only file system"), translated():
        raise OSError(errno.EROFS, "Read-only file system")


def test_anything_a_storage_raises_is_a_tool_error_but_ours_stays() -> None:
    from dvc.exceptions import DownloadError

    with pytest.raises(ToolError) as caught, remote_trouble("asking"):
        raise RuntimeError("Connection\nrefused")
    assert caught.value.message == "asking: Connection refused"
    with pytest.raises(ToolError, match="asking: it did not answer in time"), remote_trouble("asking"):
        raise TimeoutError
    with pytest.raises(NoRemoteError), remote_trouble("asking"):
        raise NoRemoteError
    with pytest.raises(ToolError, match="could not transfer"), remote_trouble("asking"):
        raise DownloadError(1)


def test_the_innermost_cause_comes_first() -> None:
    outer = ValueError("outer")
    outer.__cause__ = KeyError("inner")
    assert [type(error) for error in dvc_errors.chain(outer)] == [KeyError, ValueError]
