"""An object that lies in a cache is never half, and never gone for a moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters import dvc_whole
from mlops_ci.adapters.dvc import Dvc, Settings
from mlops_ci.pipeline import Capacity
from tests.adapters.test_dvc_run import statuses

Open = Callable[[Path], Dvc]
CONTENT = b"the same bytes\n"


@pytest.mark.parametrize("is_there", [True, False])
def test_to_clone_a_file_is_to_have_it_whole_or_as_it_was(tmp_path: Path, is_there: bool) -> None:
    from dvc_objects.fs import system

    source, cache = tmp_path / "source", tmp_path / "cache"
    source.write_bytes(CONTENT)
    cache.mkdir()
    if is_there:
        (cache / "object").write_bytes(CONTENT)
    own = system.reflink
    with dvc_whole.objects_in(str(cache)):
        try:
            system.reflink(str(source), str(cache / "object"))
            cloned = True
        except OSError:  # not on this file system
            cloned = False
    found = {path.name: path.read_bytes() for path in cache.iterdir()}
    assert found == ({"object": CONTENT} if is_there or cloned else {})
    assert system.reflink is own


def test_what_an_object_was_is_not_opened_to_be_written(tmp_path: Path) -> None:
    from dvc_objects.fs import system

    (tmp_path / "source").write_bytes(CONTENT)
    (tmp_path / "object").write_bytes(CONTENT)
    with (tmp_path / "object").open("rb") as reader, dvc_whole.objects_in(str(tmp_path)):
        with contextlib.suppress(OSError):
            system.reflink(str(tmp_path / "source"), str(tmp_path / "object"))
        assert reader.read() == CONTENT


def test_stages_that_write_the_same_bytes_at_once_all_run(dvc_repo: Path, opened: Open) -> None:
    stage = "  s{0}: {{cmd: echo same > {0}.txt, outs: [{0}.txt: {{persist: true}}]}}\n"
    (dvc_repo / "dvc.yaml").write_text("stages:\n" + "".join(stage.format(index) for index in range(24)))
    dvc = opened(dvc_repo)
    found = statuses(dvc.run(settings=Settings(capacity=Capacity(cpu=8))))
    assert set(found.values()) == {"ran"}, found
    cached = [path for path in (dvc_repo / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in cached] == [b"same\n"]
