"""A pull request of another repository, by the workflow that the README shows."""

from __future__ import annotations

import hashlib
import re

import pytest

from mlops_ci import gates

from . import credit
from .conftest import Begin

README = credit.documented("README.md", "In your repository")
GREEN = {**dict.fromkeys(["mlops-ci", *(f"mlops-ci/{gate}" for gate in gates.GATES)], "success")}
VERDICT = "mlops-ci / verdict"


def own_lines(workflow: str) -> list[str]:
    """The lines of a workflow without comments and what stands under `on:` and `permissions:`."""
    found, inner = [], 99
    for line in re.sub(r"(?m)\s*#.*$", "", workflow).splitlines():
        depth = len(line) - len(line.lstrip())
        if not line.strip() or depth > inner:
            continue
        inner = depth if re.match(r"\s*(on|permissions):", line) else 99
        if inner == 99:
            found.append(line)
    return found


def test_the_readmes_workflow_is_short() -> None:
    assert own_lines(README) == [
        "name: mlops-ci",
        "jobs:",
        "  mlops-ci:",
        "    uses: mlops-ci/mlops-ci/.github/workflows/pull-request.yml@COMMIT",
        "    with:",
        "      requirements: requirements.txt",
    ]
    assert len(own_lines(README)) <= 8


@pytest.mark.slow
def test_the_readmes_workflow_judges_a_pull_request_of_another_repository(begin: Begin) -> None:
    acme = begin()
    acme.call(mlops_ci=README)
    pull = acme.propose("better", "0.01")
    head = pull["head"]["sha"]
    played = acme.played()
    assert played.conclusion == "success", played.log
    job = played.job(VERDICT)
    # CML could not be had, and the job went on: the API posted.
    assert (job.step("Set up CML").result, job.step("mlops-ci").result, job.result) == (
        "failure",
        "success",
        "success",
    )
    [body] = acme.bodies(1)
    assert (
        "| ✅ | `accuracy` | 0.9900 | 0.7675 | 🟢 ▲ +0.223 better | +0.182 to +0.263 | min 0.5, max drop 0.01 |"
    ) in body
    assert "| `train.noise` | `0.3` | `0.01` |" in body
    # The checkout keeps no token, and the base branch was fetched all the same: its newest rules judge.
    assert "(tip of main)" in body
    assert "could not be fetched" not in body
    assert body.endswith(f'![](https://cml.dev/watermark.png#{head} "CML watermark mlops-ci")')
    assert acme.checks(head) == GREEN | {VERDICT: "success"}
    # What the job tells other steps and people.
    outputs = job.step("mlops-ci").outputs
    artifact = acme.stand.artifact("mlops-ci")
    assert {name: outputs[name] for name in ("verdict", "exit-code", "pull-request", "evidence")} == {
        "verdict": "warned",
        "exit-code": "0",
        "pull-request": "1",
        "evidence": f"sha256:{hashlib.sha256(artifact['evidence.json']).hexdigest()}",
    }
    [comment] = acme.stand.comments(1)
    assert outputs["comment-url"] == comment["html_url"]
    assert "| ✅ | `accuracy` | 0.9900 | 0.7675 |" in played.summary
    assert set(artifact) == {
        "comment.md",
        "evidence.json",
        "findings.json",
        "lock.patch",
        "report.html",
        "summary.md",
    }
    assert acme.evidence()["repository"]["commit"] == head
    # The runner hides a secret that is printed behind stars: there was none to hide.
    told = [played.log, played.summary, body, *(data.decode() for data in artifact.values())]
    assert [text for text in told if "ghs_" in text or "***" in text] == []
