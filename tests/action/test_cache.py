"""DVC's cache between runs: keyed by what the plan needs, restored only for that, trimmed before it is kept."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import Dvc
from tests.action.steps import ACTION, Job, script

RunGit = Callable[..., str]
CACHE = script("cache")
PIPELINE = """\
stages:
  double: {cmd: cat raw.txt raw.txt > double.txt, deps: [raw.txt], outs: [double.txt]}
  count: {cmd: wc -l < double.txt > WORD.txt, deps: [double.txt], outs: [WORD.txt]}
"""


def write(root: Path, word: str) -> None:
    (root / "dvc.yaml").write_text(PIPELINE.replace("WORD", word))


def reproduce(root: Path) -> None:
    dvc = Dvc.open(root)
    dvc.run()
    dvc.close()


def cached(root: Path) -> set[str]:
    place = root / ".dvc" / "cache" / "files" / "md5"
    return {"".join(path.parts[-2:]) for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def root(dvc_repo: Path, commit: RunGit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose pipeline ran and is committed; this process stands in it."""
    from dvc.repo import Repo

    monkeypatch.chdir(dvc_repo)
    (dvc_repo / "raw.txt").write_text("1\n2\n")
    with Repo(str(dvc_repo)) as repo:
        repo.add(str(dvc_repo / "raw.txt"))
    write(dvc_repo, "lines")
    reproduce(dvc_repo)
    commit(dvc_repo, "first")
    return dvc_repo


def told(**environ: str) -> dict[str, str]:
    return {"GITHUB_ACTION_PATH": str(ACTION), **environ}


def forget(root: Path) -> None:
    """As a runner finds it: only what Git has."""
    shutil.rmtree(root / ".dvc" / "cache")
    for name in ("raw.txt", "double.txt", "lines.txt"):
        (root / name).unlink(missing_ok=True)


def test_where_nothing_has_to_run_nothing_is_restored(root: Path) -> None:
    forget(root)
    found = CACHE.needs(told())
    assert found["needs"] == "none"
    assert "key" not in found


def test_the_key_is_of_what_the_stages_read_that_have_to_run(root: Path) -> None:
    write(root, "words")
    here = CACHE.needs(told())
    forget(root)
    assert CACHE.needs(told()) == here
    dvc = Dvc.open(root)
    needs = dvc.needs()
    assert list(needs.objects.values()) == ["double.txt"]
    assert needs.bytes == 8
    assert here["key"] == f"{needs.digest.removeprefix('sha256:')[:16]}-{here['lock']}"
    dvc.close()
    # What comes out of the run itself need not be brought, but its own source.
    (root / "dvc.lock").unlink()
    again = Dvc.open(root)
    assert list(again.needs().objects.values()) == ["raw.txt"]
    again.close()


def test_the_kept_cache_begins_with_what_was_needed_and_ends_with_what_was_made(root: Path) -> None:
    write(root, "words")
    before = CACHE.needs(told())
    reproduce(root)
    after = CACHE.save(told(MLOPS_CI_NEEDS=before["needs"], MLOPS_CI_LOCK=before["lock"]))
    needed, _, lock = after["cache-key"].partition("-")
    assert needed == before["needs"]
    assert lock != before["lock"]
    assert CACHE.save(told(MLOPS_CI_NEEDS="none", MLOPS_CI_LOCK=lock)) == {}
    assert CACHE.save(told(MLOPS_CI_NEEDS="none", MLOPS_CI_LOCK="of before")) == {"cache-key": f"none-{lock}"}


def test_the_kept_cache_has_only_what_this_commit_and_its_base_name(root: Path, commit: RunGit) -> None:
    first = cached(root)
    for number in (3, 4):
        (root / "dvc.yaml").write_text(PIPELINE.replace("raw.txt raw.txt", "raw.txt " * number))
        reproduce(root)
        commit(root, str(number))
    (root / ".dvc" / "cache" / "incoming-1").mkdir()
    (root / ".dvc" / "cache" / "README").write_text("mine")
    everything = cached(root)
    assert len(everything) == len(first) + 4
    CACHE.save(told(MLOPS_CI_NEEDS="some"))
    dvc = Dvc.open(root)
    kept = {value for rev in ("HEAD", "HEAD^1") for value in dvc.graph(rev).recorded.values()}
    raw = dvc.graph().sources["raw.txt"]
    dvc.close()
    assert cached(root) == {*kept, raw}
    assert {path.name for path in (root / ".dvc" / "cache").iterdir()} == {"files", "runs", "README"}
    assert len([path for path in (root / ".dvc" / "cache" / "runs").rglob("*") if path.is_file()]) == 4


def test_the_files_of_a_kept_folder_stay(root: Path, commit: RunGit) -> None:
    (root / "dvc.yaml").write_text(
        "stages: {make: {cmd: mkdir -p d && echo 1 > d/a && echo 2 > d/b, outs: [d]}}\n"
    )
    reproduce(root)
    commit(root, "a folder")
    before = cached(root)
    CACHE.save(told(MLOPS_CI_NEEDS="some"))
    assert cached(root) == before


def test_trouble_with_the_cache_is_no_trouble_of_the_job(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "dvc.yaml").write_text("stages: [\n")
    monkeypatch.setattr(sys, "argv", ["cache.py", "needs"])
    assert CACHE.main() == 0
    assert capsys.readouterr().out.startswith("note: no cache is kept: dvc.yaml")


def test_the_steps_tell_each_other(root: Path, tmp_path: Path) -> None:
    job = Job(tmp_path / "job")
    for folder in (job.folder, job.temp):
        folder.mkdir()
    job.work.symlink_to(root)
    python = job.folder / "bin" / "python"
    python.parent.mkdir()
    # The action's own interpreter knows this checkout; the one of the tests may know another.
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={ACTION.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    write(root, "words")
    first = job.run(python, "-I", ACTION / "cache.py", "needs")
    assert first.code == 0, first.log
    assert first.outputs.keys() == {"needs", "lock", "key"}
    reproduce(root)
    state = {
        "MLOPS_CI_VENV": str(job.folder),
        "MLOPS_CI_VERB": "pr",
        "MLOPS_CI_INSTALLED": "success",
        "MLOPS_CI_CACHE": str(root / ".dvc" / "cache"),
        "MLOPS_CI_NEEDS": first.outputs["needs"],
        "MLOPS_CI_LOCK": first.outputs["lock"],
    }
    for ran, verdict, kept in (
        ("skipped", "", False),
        ("failure", "waiting", False),
        ("failure", "refused", True),
        ("success", "passed", True),
    ):
        done = job.run("bash", ACTION / "collect.sh", MLOPS_CI_RAN=ran, MLOPS_CI_VERDICT=verdict, **state)
        assert done.code == 0, done.log
        assert done.outputs.get("cache-key", "").startswith(first.outputs["needs"]) is kept
    gone = job.run(
        "bash", ACTION / "collect.sh", MLOPS_CI_RAN="success", **{**state, "MLOPS_CI_CACHE": "gone"}
    )
    assert gone.outputs == {}
