"""Jobs that share work: a matrix that a job makes up, artifacts that others take, and what is left to do again."""

from __future__ import annotations

import pytest

from .conftest import MakeStand
from .stand import Stand
from .test_runner import begin, one

SPREAD = """\
name: Spread
on:
  workflow_call:
    inputs: {wide: {type: boolean, default: true}}
    outputs: {word: {value: "${{ jobs.last.outputs.word }}"}}
jobs:
  plan:
    name: plan
    if: inputs.wide
    runs-on: ubuntu-latest
    outputs:
      attempt: ${{ github.run_attempt }}
      first: ${{ steps.plan.outputs.first }}
      second: ${{ steps.plan.outputs.second }}
    steps:
      - id: plan
        run: |
          echo 'first={"include": [{"part": "a"}, {"part": "b", "runner": "self-hosted"}, {"part": "c"}]}' >> "$GITHUB_OUTPUT"
          echo 'second=' >> "$GITHUB_OUTPUT"
  first:
    name: first
    needs: plan
    runs-on: ${{ matrix.runner || 'ubuntu-latest' }}
    strategy:
      fail-fast: false
      matrix: ${{ fromJSON(needs.plan.outputs.first) }}
    steps:
      - uses: actions/download-artifact@v8
        with: {pattern: "fan-${{ needs.plan.outputs.attempt }}-*", path: got, merge-multiple: true}
      - env: {PART: "${{ matrix.part }}"}
        run: |
          mkdir -p "out/$PART/.hidden" && echo "$PART $GITHUB_RUN_ATTEMPT" > "out/$PART/.hidden/file"
          echo "::notice::$PART runs"
          [ "$PART" != b ] || [ "$GITHUB_RUN_ATTEMPT" != 1 ]
      - if: always()
        uses: actions/upload-artifact@v7
        with:
          name: fan-${{ needs.plan.outputs.attempt }}-${{ matrix.part }}
          path: out
          include-hidden-files: true
          overwrite: true
  second:
    name: second
    needs: [plan, first]
    if: ${{ !cancelled() && needs.plan.outputs.second != '' && needs.plan.result == 'success' }}
    runs-on: ubuntu-latest
    strategy: {matrix: "${{ fromJSON(needs.plan.outputs.second) }}"}
    steps: [{run: echo never}]
  last:
    name: last
    needs: [plan, first, second]
    if: ${{ !cancelled() }}
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.look.outputs.word }}"}
    steps:
      - uses: actions/download-artifact@v8
        with: {pattern: "fan-${{ needs.plan.outputs.attempt }}-*", path: got, merge-multiple: true}
      - id: look
        env: {RESULT: "${{ needs.first.result }}"}
        run: |
          find got -type f -exec cat {} + | sort
          echo "word=$RESULT" >> "$GITHUB_OUTPUT"
          [ "$RESULT" != failure ]
"""
CALL = """\
name: Call
on: pull_request
jobs:
  call:
    uses: acme/shared/.github/workflows/spread.yml@COMMIT # v1.0.0
    with: {wide: WIDE}
  apart:
    runs-on: ubuntu-latest
    steps: [{run: echo apart}]
  after:
    needs: call
    runs-on: ubuntu-latest
    steps: [{id: say, run: 'echo "${{ needs.call.outputs.word }}"'}]
"""
FIRST = ["call / first (a)", "call / first (b, self-hosted)", "call / first (c)"]


def called(make_stand: MakeStand, wide: str) -> Stand:
    """Pull request 1 of a repository that calls the workflow of another one."""
    stand = make_stand(repositories=("acme/model", "acme/shared"))
    shared = stand.clone(repository="acme/shared")
    commit = shared.commit("Begin", **{".github/workflows/spread.yml": SPREAD})
    stand.push(shared, "main")
    stand.runner.skip()
    begin(stand, {"ci": CALL.replace("COMMIT", commit).replace("WIDE", wide)})
    stand.open_pull("topic")
    return stand


@pytest.mark.slow
def test_what_failed_is_run_again_alone_and_finds_what_the_others_left(make_stand: MakeStand) -> None:
    stand = called(make_stand, "true")
    first = one(stand.play())
    assert {job.name: job.result for job in first.jobs} == {
        "call / plan": "success",
        **dict.fromkeys(FIRST, "success"),
        FIRST[1]: "failure",
        "call / second": "skipped",
        "call / last": "failure",
        "apart": "success",
        "after": "skipped",
    }
    assert first.job("call / last").step("look").log == "a 1\nb 1\nc 1\n"
    run = first.run.number
    stand.must("POST", f"actions/runs/{run}/rerun-failed-jobs")
    (again,) = stand.runner.play_again()
    assert again.conclusion == "success", again.log
    assert (again.run.number, again.run.attempt) == (run, 2)
    # The plan is not made again: what it said still counts, also the attempt that names the artifacts.
    ran = {job.name for job in again.jobs if job.attempt == 2 and job.result != "skipped"}
    assert ran == {FIRST[1], "call / last", "after"}
    assert {job.name for job in again.jobs} == {job.name for job in first.jobs}
    assert again.job("call / last").step("look").log == "a 1\nb 2\nc 1\n"
    assert again.job("after").step("say").log == "success\n"
    names = [each["name"] for each in stand.must("GET", f"actions/runs/{run}/artifacts")["artifacts"]]
    assert sorted(names) == ["fan-1-a", "fan-1-b", "fan-1-c"]


@pytest.mark.slow
def test_a_plan_that_is_skipped_skips_what_it_would_have_planned(make_stand: MakeStand) -> None:
    stand = called(make_stand, "false")
    played = one(stand.play())
    assert {job.name: job.result for job in played.jobs} == {
        **dict.fromkeys(["call / plan", "call / first", "call / second"], "skipped"),
        "call / last": "success",
        "apart": "success",
        "after": "success",
    }
    assert played.job("after").step("say").log == "skipped\n"
