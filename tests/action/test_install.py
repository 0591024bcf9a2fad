"""The installation: what is locked for which extras, and what is told where it fails. No package is fetched here."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.action.steps import ACTION, Job, Step, script

LOCK = script("lock")
CLOSURE = script("closure")
LOCKED = (ACTION.parent / "constraints-dev.txt").read_text(encoding="utf-8")


def names(requirements: str) -> set[str]:
    return set(re.findall(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[.*\])?==", requirements))


def test_the_packages_are_those_that_the_extras_need() -> None:
    """`.venv/bin/python action/closure.py` writes them anew."""
    assert (ACTION / "packages.json").read_text(encoding="utf-8") == CLOSURE.text()


def test_every_package_is_locked() -> None:
    known = json.loads((ACTION / "packages.json").read_text(encoding="utf-8"))
    assert {extra: sorted(set(found) - names(LOCKED)) for extra, found in known.items()} == {
        extra: [] for extra in known
    }


def test_an_extra_brings_its_packages_with_hashes_and_no_others() -> None:
    core, checks = (LOCK.locked(LOCK.chosen(extras), LOCKED) for extras in ("", "checks"))
    assert {"dvc", "hatchling", "jinja2"} <= names(core)
    assert {"pandera", "fairlearn", "scipy"} <= names(checks) - names(core)
    assert not {"mlflow", "pytest", "duckdb"} & names(checks)
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", checks)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_several_extras_add_up() -> None:
    found = set(LOCK.chosen("duckdb, polars"))
    assert {"duckdb", "polars", "narwhals"} <= found


def test_an_unknown_extra_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert LOCK.main(["check"]) == 2
    assert capsys.readouterr().err == (
        "mlops-ci: extras: there is no 'check'; there are checks, demo, duckdb, polars, promotion, registry, spark, sql, stats\n"
    )


def test_uv_is_pinned_by_hash() -> None:
    text = (ACTION / "uv.txt").read_text(encoding="utf-8")
    assert names(text) == {"uv"}
    assert "--hash=sha256:" in text


# ---- what is told where it fails ---------------------------------------------------------------


def install(job: Job, **environ: str) -> Step:
    return job.run("bash", ACTION / "install.sh", **environ)


def tools(folder: Path, **scripts: str) -> str:
    """A PATH of a few programs of ours and the system's own."""
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job.begun(tmp_path)


def test_a_python_that_is_none_is_told(job: Job) -> None:
    done = install(job, MLOPS_CI_PYTHON="3.9; id")
    assert done.code == 2
    assert done.log == (
        "::error title=mlops-ci was not installed::Reading python-version failed. To mend it: write 3.11, 3.12 or 3.13, in quotes\n"
    )
    assert done.summary.startswith(
        "### mlops-ci was not installed\n\nReading python-version failed, so nothing was run"
    )


def test_a_package_that_cannot_be_had_is_told(job: Job, tmp_path: Path) -> None:
    """uv makes the environment, and then there is no network."""
    uv = f'[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip "$5"\necho "error: no network" >&2; exit 2'
    done = install(job, PATH=tools(tmp_path / "tools", uv=uv), MLOPS_CI_EXTRAS="")
    assert done.code == 2, done.log
    assert "error: no network" in done.log
    assert "Installing the locked packages failed" in done.summary
    assert "PIP_INDEX_URL" in done.summary
    assert "venv" not in done.outputs


def test_an_extra_that_is_none_stops_before_anything_is_fetched(job: Job, tmp_path: Path) -> None:
    uv = f'[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip "$5"\necho fetched; exit 2'
    done = install(job, PATH=tools(tmp_path / "tools", uv=uv), MLOPS_CI_EXTRAS="$(id)")
    assert done.code == 2
    assert "extras: there is no '$(id)'" in done.log
    assert "fetched" not in done.log
    assert "Choosing the packages failed" in done.summary


WORKING = f"""\
echo "$UV_DEFAULT_INDEX $SSL_CERT_FILE $*" >> "$SEEN"
[ "$1" = venv ] || exit 0
{sys.executable} -m venv --without-pip "$5" && printf '#!/bin/sh\\necho mlops-ci 9.9\\n' > "$5/bin/mlops-ci" && chmod +x "$5/bin/mlops-ci"
"""


def installed(job: Job, tmp_path: Path, **environ: str) -> tuple[Step, list[str]]:
    """An installation by a uv that only writes down what it is asked."""
    seen = tmp_path / "seen"
    done = install(job, PATH=tools(tmp_path / "tools", uv=WORKING), SEEN=str(seen), **environ)
    assert done.code == 0, done.log
    return done, seen.read_text().splitlines()


def test_what_is_installed_is_locked_then_ours_then_the_pipelines(job: Job, tmp_path: Path) -> None:
    (job.work / "req uirements.txt").write_text("x\n")
    done, seen = installed(job, tmp_path, MLOPS_CI_REQUIREMENTS="req uirements.txt")
    assert "mlops-ci 9.9, installed with uv in" in done.log
    venv, locked, own, pipeline, check = [line.strip() for line in seen]
    assert venv.startswith("venv --quiet --python ")
    assert f"--require-hashes --no-deps -r {job.temp}/mlops-ci/locked.txt" in locked
    assert own.endswith(f"--no-deps --no-build-isolation {ACTION.parent}")
    assert pipeline.endswith("-r ./req uirements.txt")
    assert check.startswith("pip check")
    assert done.outputs["venv"] == str(job.temp / "mlops-ci" / "venv")


def test_a_mirror_and_a_certificate_for_pip_are_uvs_as_well(job: Job, tmp_path: Path) -> None:
    _, seen = installed(
        job, tmp_path, PIP_INDEX_URL="https://mirror.example/simple", REQUESTS_CA_BUNDLE="/ca.pem"
    )
    assert all(line.startswith("https://mirror.example/simple /ca.pem ") for line in seen)


@pytest.mark.parametrize(
    ("config", "cache"),
    [
        ("", ".dvc/cache"),
        ("[cache]\n    dir = kept\n", ".dvc/kept"),
        ("[cache]\n    dir = /mnt/shared\n", ""),
        ("[cache]\n    dir = ../../../etc\n", ""),
    ],
    ids=["default", "inside", "shared", "outside"],
)
def test_only_a_cache_inside_of_the_checkout_is_kept(
    job: Job, tmp_path: Path, config: str, cache: str
) -> None:
    (job.work / ".dvc").mkdir()
    (job.work / ".dvc" / "config").write_text(config)
    done, _ = installed(job, tmp_path)
    assert done.outputs["cache-dir"] == (str(job.work / cache) if cache else "")


def test_without_dvc_there_is_no_cache(job: Job, tmp_path: Path) -> None:
    done, _ = installed(job, tmp_path)
    assert done.outputs["cache-dir"] == ""
