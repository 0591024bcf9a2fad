"""What goes into the artifact: known names, no links, nothing too large, only where the server takes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.action.steps import ACTION, Job, Step


@pytest.fixture
def job(tmp_path: Path) -> Job:
    found = Job.begun(tmp_path)
    folder = found.work / ".dvc" / "tmp" / "mlops-ci"
    folder.mkdir(parents=True)
    for name in ("report.html", "evidence.json", "findings.json"):
        (folder / name).write_text(name)
    return found


def collect(job: Job, **environ: str) -> Step:
    told = {"MLOPS_CI_VERB": "pr", "MLOPS_CI_INSTALLED": "success", "MLOPS_CI_RAN": "success", **environ}
    return job.run("bash", ACTION / "collect.sh", **told)


def collected(job: Job) -> list[str]:
    return sorted(path.name for path in (job.temp / "mlops-ci" / "artifact").iterdir())


def test_the_report_the_evidence_and_the_findings_are_collected(job: Job) -> None:
    done = collect(job)
    assert done.code == 0, done.log
    assert done.outputs == {"folder": str(job.temp / "mlops-ci" / "artifact")}
    assert collected(job) == ["evidence.json", "findings.json", "report.html"]


def test_nothing_of_another_name_leaves_and_no_link_is_followed(job: Job) -> None:
    folder = job.work / ".dvc" / "tmp" / "mlops-ci"
    (folder / "key.pem").write_text("secret")
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(folder / "key.pem")
    assert collect(job).code == 0
    assert collected(job) == ["evidence.json", "findings.json"]


def test_the_logs_of_stages_are_collected_newest_first_as_far_as_there_is_room(job: Job) -> None:
    folder = job.work / ".dvc" / "tmp" / "mlops-ci" / "logs"
    folder.mkdir()
    for index in range(40):
        file = folder / f"train@{index:02}.log"
        file.write_bytes(b"x" * 1_100_000 + b"the end of %d" % index)
        os.utime(file, (1_000_000 + index, 1_000_000 + index))
    for name in ("a b.log", "-rf.log", ".log", "key.pem", "x\ny.log", "empty.log"):
        (folder / name).write_text("" if name == "empty.log" else "secret")
    (folder / "link.log").symlink_to(job.work / ".dvc")
    done = collect(job)
    assert done.code == 0, done.log
    assert "3 files and 32 logs for the artifact" in done.log
    found = {path.name: path.read_bytes() for path in (job.temp / "mlops-ci" / "artifact" / "logs").iterdir()}
    assert sorted(found) == [f"train@{index:02}.log" for index in range(8, 40)]
    assert all(len(raw) == 1 << 20 for raw in found.values())
    assert found["train@39.log"].endswith(b"the end of 39")


def test_a_folder_of_logs_that_leads_elsewhere_is_not_followed(job: Job) -> None:
    (job.work / "other").mkdir()
    (job.work / "other" / "a.log").write_text("secret")
    (job.work / ".dvc" / "tmp" / "mlops-ci" / "logs").symlink_to(job.work / "other")
    assert collect(job).code == 0
    assert collected(job) == ["evidence.json", "findings.json", "report.html"]


def test_the_run_says_where_the_evidence_is(job: Job) -> None:
    other = job.work / "elsewhere"
    other.mkdir()
    (other / "evidence.json").write_text("{}")
    collect(job, MLOPS_CI_EVIDENCE=str(other / "evidence.json"))
    assert collected(job) == ["evidence.json"]


def test_without_files_nothing_is_uploaded(tmp_path: Path) -> None:
    assert collect(Job.begun(tmp_path)).outputs == {}


@pytest.mark.parametrize(
    ("server", "artifacts", "uploaded"),
    [
        ("https://github.com", "auto", True),
        ("https://acme.ghe.com", "auto", True),
        ("http://127.0.0.1:4721", "auto", True),
        ("https://github.acme.example", "auto", False),
        ("https://github.acme.example", "always", True),
        ("https://github.com", "never", False),
    ],
)
def test_enterprise_servers_do_not_take_current_artifacts(
    job: Job, server: str, artifacts: str, uploaded: bool
) -> None:
    done = collect(job, GITHUB_SERVER_URL=server, MLOPS_CI_ARTIFACTS=artifacts)
    assert bool(done.outputs) is uploaded


def lock(job: Job) -> str:
    return job.run("bash", ACTION / "key.sh").log.strip()


def test_what_the_locks_say_is_one_digest(job: Job) -> None:
    (job.work / "sub").mkdir()
    place, raw = job.work / "sub" / "dvc.lock", job.work / "raw data.csv.dvc"
    found = [lock(job)]
    for file, text in ((place, "a"), (place, "b"), (raw, "b")):
        file.write_text(text)
        found.append(lock(job))
    assert len(set(found)) == 4
    (job.work / "other.txt").write_text("x")
    assert lock(job) == found[-1]


def test_a_run_without_a_verdict_is_told_in_the_summary(job: Job) -> None:
    assert "came to no verdict" in collect(job, MLOPS_CI_RAN="failure").summary
    told = collect(job, MLOPS_CI_RAN="failure", MLOPS_CI_VERB="promote").summary
    assert told.startswith("### mlops-ci promote did not come to its end\n\n`mlops-ci promote` ended early;")


@pytest.mark.parametrize(
    "environ",
    [
        {"MLOPS_CI_RAN": "failure", "MLOPS_CI_VERDICT": "refused"},
        {"MLOPS_CI_RAN": "failure", "MLOPS_CI_VERDICT": "waiting"},
        {"MLOPS_CI_RAN": "failure", "MLOPS_CI_VERB": "promote", "MLOPS_CI_PROMOTED": "[]"},
        {"MLOPS_CI_RAN": "skipped", "MLOPS_CI_INSTALLED": "failure"},
        {},
    ],
    ids=["refused", "waiting", "promoted", "not installed", "passed"],
)
def test_what_was_told_already_is_not_told_twice(job: Job, environ: dict[str, str]) -> None:
    assert collect(job, **environ).summary == ""
