"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_ci.adapters import files
from mlops_ci.errors import ToolError


def test_writes_with_its_folders_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b ü" / "evidence.json"
    files.write(target, b"one")
    files.write(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["evidence.json"]


FULL = """
import resource, sys
import subprocess
import sys
from pathlib import Path
from mlops_ci.adapters import files
from mlops_ci.errors import MlopsError
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    files.write(Path(sys.argv[1]), b"x" * 1000)
except MlopsError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""


def test_no_room_for_the_new_file_keeps_the_old_one(tmp_path: Path) -> None:
    """The kernel's file-size limit refuses the bytes half way, as a full disk does."""
    target = tmp_path / "evidence.json"
    target.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stdout.startswith(f"{target}: cannot be written (File too large")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["evidence.json"]


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").mkdir()
    with pytest.raises(ToolError, match="cannot be written"):
        files.write(tmp_path / "evidence.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["evidence.json"]


def test_the_lock_is_free_again_after_the_block(tmp_path: Path) -> None:
    with files.locked(tmp_path / "x.lock"):
        pass
    with files.locked(tmp_path / "x.lock"):
        pass
    assert (tmp_path / "x.lock").exists()


def test_a_new_file_may_be_read_by_whoever_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "report.html", b"new")
        (tmp_path / "mine").touch(mode=0o600)
        files.write(tmp_path / "mine", b"kept private")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("report.html", "mine")]
    assert modes == [0o640, 0o600]
