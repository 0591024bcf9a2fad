"""The life of a pull request, by the files that `mlops-ci init` writes: opened, changed, run again, closed; or refused."""

from __future__ import annotations

import pytest

from tests.e2e.github.runner import Played

from .conftest import Begin
from .credit import Credit
from .test_pull_request import GREEN, VERDICT

REFUSED = (
    "toy: accuracy fell by 0.23 (95 % interval −0.27 to −0.19, 400 examples), more than the allowed 0.01."
)
# What a caller adds to read what the called workflow tells.
AFTER = """\
  after:
    needs: mlops-ci
    if: always()
    runs-on: ubuntu-latest
    steps:
      - id: say
        env:
          SAID: ${{ needs.mlops-ci.result }} ${{ needs.mlops-ci.outputs.verdict }} ${{ needs.mlops-ci.outputs.pull-request }}
        run: echo "$SAID"
"""


def comment(acme: Credit) -> tuple[int, str]:
    """The id and text of the only comment."""
    [found] = acme.stand.comments(1)
    return found["id"], found["body"]


def said(played: Played) -> str:
    return played.job("after").step("say").log


@pytest.mark.slow
def test_a_pull_request_is_opened_changed_run_again_and_closed(begin: Begin) -> None:
    acme = begin()
    acme.init("--forks")
    file = acme.ada.path / ".github/workflows/mlops-ci.yml"
    file.write_text(file.read_text() + AFTER)
    acme.call()
    first = acme.propose("topic", "0.01")["head"]["sha"]
    played, trusted = acme.stand.play()
    before = played.run.number
    assert (played.conclusion, said(played)) == ("success", "success warned 1\n"), played.log
    # It is no fork's, so the second phase leaves it alone.
    assert [(job.name, job.result) for job in trusted.jobs] == [("report / report", "skipped")]
    opened = comment(acme)
    assert "| 🟢 ▲ +0.223 better |" in opened[1]
    assert played.job(VERDICT).step("mlops-ci/restore").outputs.get("cache-matched-key", "") == ""
    # A second commit: the same comment says what is true now, and the new head has checks of its own.
    second = acme.push("topic", "0.3")
    played = acme.played()
    assert (played.conclusion, said(played)) == ("success", "success passed 1\n"), played.log
    number, changed = comment(acme)
    assert number == opened[0]
    assert "✅ **Passed**: nothing that feeds a model changed; nothing had to run." in changed
    assert f"watermark.png#{second} " in changed
    for head in (first, second):
        assert acme.checks(head) == GREEN | {VERDICT: "success", "after": "success"}
    # Nothing had to run, so nothing of DVC's cache was restored.
    assert played.job(VERDICT).step("mlops-ci/restore").result == "skipped"
    # Run again: one comment still, and the checks of that commit anew.
    acme.stand.must("POST", f"actions/runs/{played.run.number}/rerun")
    again = acme.run_again()
    assert (again.conclusion, again.run.attempt) == ("success", 2), again.log
    assert comment(acme)[0] == opened[0]
    assert acme.checks(second) == GREEN | {VERDICT: "success", "after": "success"}
    # The first commit is run again: the comment goes on to be about the second.
    standing = comment(acme)
    acme.stand.must("POST", f"actions/runs/{before}/rerun")
    again = acme.run_again()
    assert (again.conclusion, said(again)) == ("success", "success warned 1\n"), again.log
    assert "a newer run has reported already" in again.log
    assert comment(acme) == standing
    # Closed: nothing is run any more.
    acme.stand.runner.skip()
    acme.stand.must("PATCH", "pulls/1", {"state": "closed"})
    assert acme.stand.play() == []
    assert len(acme.stand.comments(1)) == 1


@pytest.mark.slow
def test_a_worse_model_is_refused_everywhere(begin: Begin) -> None:
    acme = begin()
    acme.begin()
    head = acme.propose("worse", "1.5")["head"]["sha"]
    played = acme.played()
    assert played.conclusion == "failure"
    job = played.job(VERDICT)
    assert (
        job.result,
        job.step("mlops-ci").outputs["verdict"],
        job.step("mlops-ci").outputs["exit-code"],
    ) == (
        "failure",
        "refused",
        "1",
    )
    _, body = comment(acme)
    assert body.split("\n")[1].startswith(f"❌ **Refused**: `toy`{REFUSED.removeprefix('toy')}")
    red = {"mlops-ci": "failure", "mlops-ci/metrics": "failure", VERDICT: "failure"}
    assert acme.checks(head) == GREEN | red
    # The remark stands at the line that caused it, in the pull request's own files.
    listed = acme.stand.must("GET", f"commits/{head}/check-runs?per_page=100")["check_runs"]
    (check,) = (one["id"] for one in listed if one["name"] == "mlops-ci/metrics")
    [remark] = acme.stand.must("GET", f"check-runs/{check}/annotations")["check_annotations"]
    assert (remark["path"], remark["start_line"], remark["annotation_level"]) == ("params.yaml", 3, "failure")
    assert remark["message"].split("\n")[0] == REFUSED
    # The checks hold the remarks, so the job does not repeat them; the report and the evidence are kept all the same.
    assert [one for one in played.annotations if one.file] == []
    assert f"❌ **Refused**: `toy`{REFUSED.removeprefix('toy')}" in played.summary
    assert "findings.json" in acme.stand.artifact("mlops-ci")
