"""What the second phase takes of a fork's artifact: one file of a fixed name, no link, of a bounded size."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlops_ci.evidence import MAX_BYTES
from tests.action.steps import ACTION, Job, Step


@pytest.fixture
def job(tmp_path: Path) -> Job:
    found = Job.begun(tmp_path)
    (found.temp / "downloaded").mkdir()
    return found


def take(job: Job) -> Step:
    """Run the workflow's own script."""
    workflow = yaml.safe_load((ACTION.parent / ".github" / "workflows" / "fork-report.yml").read_text())
    (script,) = [step["run"] for step in workflow["jobs"]["report"]["steps"] if step.get("id") == "take"]
    told = {"DOWNLOADED": str(job.temp / "downloaded"), "TAKEN": str(job.temp / "taken.json")}
    # As GitHub runs `shell: bash`.
    return job.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script, **told)


def test_the_evidence_is_taken(job: Job) -> None:
    (job.temp / "downloaded" / "evidence.json").write_text("{}".ljust(MAX_BYTES))
    (job.temp / "downloaded" / "report.html").write_text("<script>")
    assert take(job).outputs == {"evidence": "true"}
    assert (job.temp / "taken.json").read_text().strip() == "{}"


def test_without_evidence_there_is_nothing_to_report(job: Job) -> None:
    done = take(job)
    assert (done.code, done.outputs) == (0, {})
    assert "left no evidence" in done.log


def test_a_link_is_not_followed(job: Job) -> None:
    (job.temp / "secret").write_text("secret")
    (job.temp / "downloaded" / "evidence.json").symlink_to(job.temp / "secret")
    assert take(job).outputs == {}
    assert not (job.temp / "taken.json").exists()


def test_a_folder_of_that_name_is_none(job: Job) -> None:
    (job.temp / "downloaded" / "evidence.json").mkdir()
    assert take(job).outputs == {}


def test_what_is_too_large_is_refused(job: Job) -> None:
    with (job.temp / "downloaded" / "evidence.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    done = take(job)
    assert (done.code, done.outputs) == (1, {})
    assert "larger than 4 MB" in done.log
