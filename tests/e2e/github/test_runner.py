"""Played workflows: the real runner, started by what happened, with the tokens and secrets that GitHub would give."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.repositories import Repo

from .act_output import Annotation
from .conftest import MakeStand
from .remote_actions import UnknownActionError
from .runner import Played
from .stand import Stand

BOT = "github-actions[bot]"
CI = """\
name: CI
on:
  pull_request: {branches: [main]}
permissions: {contents: read, pull-requests: write}
jobs:
  judge:
    runs-on: ubuntu-latest
    outputs: {verdict: "${{ steps.say.outputs.verdict }}"}
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      - id: say
        env: {TOKEN: "${{ github.token }}", NUMBER: "${{ github.event.number }}"}
        run: |
          python3 say.py
          echo "verdict=passed" >> "$GITHUB_OUTPUT"
          echo "# Report" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=say.py,line=2,title=Slow::took long"
      - uses: actions/upload-artifact@v4
        with: {name: evidence, path: out}
  after:
    needs: judge
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with: {name: evidence, path: got}
      - name: look
        run: echo "$(cat got/evidence.json) ${{ needs.judge.outputs.verdict }}"
"""
# Posts its second argument to its first, prints the status.
ASK = (
    """python3 -c 'import http.client, os, sys; c = http.client.HTTPConnection(os.environ["GITHUB_API_URL"][7:]); """
    """c.request("POST", *sys.argv[1:], {"Authorization": "Bearer " + os.environ["TOKEN"], "User-Agent": "x"}); """
    """print(c.getresponse().status)'"""
)
SAY = """\
import json, os, pathlib, urllib.request
address = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues/{os.environ['NUMBER']}/comments"
body = json.dumps({"body": f"judged {os.environ['GITHUB_SHA']}"}).encode()
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(address, body, headers))
pathlib.Path("out").mkdir()
pathlib.Path("out/evidence.json").write_text('{"accuracy": 0.9}')
"""


def begin(stand: Stand, workflows: dict[str, str], **files: str) -> Repo:
    """Main with workflows, and a branch topic that changes params.yaml."""
    ada = stand.clone()
    for name, text in workflows.items():
        ada.write(f".github/workflows/{name}.yml", text)
    ada.commit("Begin", params_dot_yaml="lr: 1\n", **files)
    stand.push(ada, "main")
    stand.fetch(ada)
    ada.git("checkout", "--quiet", "-b", "topic")
    ada.commit("Change", params_dot_yaml="lr: 2\n")
    stand.push(ada, "topic")
    return ada


def one(played: list[Played]) -> Played:
    assert len(played) == 1, [each.run.workflow.name for each in played]
    return played[0]


def listed(played: list[Played]) -> list[tuple[str, str | None]]:
    return [(each.run.workflow.name, each.conclusion) for each in played]


def steps(*lines: str, on: str = "pull_request", more: str = "", name: str = "CI") -> str:
    """A workflow with one job of shell lines."""
    script = "".join(f"          {line}\n" for line in lines)
    return (
        f"name: {name}\non: {on}\n{more}jobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - id: step\n        env: {{TOKEN: '${{{{ github.token }}}}', SECRET: '${{{{ secrets.SECRET }}}}'}}\n        run: |\n{script}"
    )


@pytest.mark.slow
def test_a_pull_request_is_played_from_checkout_to_comment(stand: Stand) -> None:
    begin(stand, {"ci": CI}, say_dot_py=SAY)
    assert stand.play() == []
    pull = stand.open_pull("topic")
    played = one(stand.play())
    assert played.conclusion == "success", played.log
    say = played.job("judge").step("say")
    assert (say.result, say.outputs, say.summary) == ("success", {"verdict": "passed"}, "# Report\n")
    assert played.annotations == [Annotation("warning", "took long", "say.py", 2, "Slow")]
    assert played.summary == "# Report\n"
    assert played.job("after").step("look").log == '{"accuracy": 0.9} passed\n'
    [comment] = stand.comments(1)
    assert (comment["body"], comment["user"]["login"]) == (f"judged {pull['merge_commit_sha']}", BOT)
    [run] = stand.must("GET", f"actions/runs?head_sha={pull['head']['sha']}")["workflow_runs"]
    assert [run[key] for key in ("name", "event", "status", "conclusion")] == [
        "CI",
        "pull_request",
        "completed",
        "success",
    ]
    assert [each["number"] for each in run["pull_requests"]] == [1]
    jobs = stand.must("GET", f"actions/runs/{run['id']}/jobs")["jobs"]
    assert [(job["name"], job["conclusion"]) for job in jobs] == [("judge", "success"), ("after", "success")]
    # A run leaves nothing behind, and its token is worth nothing any more.
    assert list((stand.folder / "runs").iterdir()) == []
    assert stand.api("GET", "", token=f"ghs_{run['id']}_1").status == 401


@pytest.mark.slow
def test_an_artifact_is_downloaded_by_api_without_the_token(stand: Stand) -> None:
    begin(stand, {"ci": CI}, say_dot_py=SAY)
    stand.open_pull("topic")
    stand.play()
    [artifact] = stand.must("GET", "actions/artifacts?name=evidence")["artifacts"]
    got = stand.api("GET", f"actions/artifacts/{artifact['id']}/zip")
    assert (got.status, got.headers["location"].startswith("http://localhost:")) == (302, True)
    path = re.sub(r"^http://localhost:\d+", "", got.headers["location"])
    assert stand.gateway.api("GET", path, token="").data[:2] == b"PK"
    assert stand.gateway.api("GET", path, token="ada-token").status == 400
    assert stand.artifact("evidence") == {"evidence.json": b'{"accuracy": 0.9}'}
    stand.gateway.artifacts.kept[artifact["id"]].expired = True
    assert stand.api("GET", f"actions/artifacts/{artifact['id']}/zip").status == 410


@pytest.mark.slow
def test_a_second_workflow_follows_with_the_default_branchs_file(stand: Stand) -> None:
    follow = """\
name: Follow
on:
  workflow_run: {workflows: [CI], types: [completed]}
permissions: {actions: read, pull-requests: write}
jobs:
  post:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with:
          name: evidence
          path: got
          run-id: ${{ github.event.workflow_run.id }}
          github-token: ${{ github.token }}
      - name: look
        run: echo "$(cat got/evidence.json) ${{ github.event.workflow_run.conclusion }} $GITHUB_REF"
"""
    begin(stand, {"ci": CI, "follow": follow}, say_dot_py=SAY)
    stand.open_pull("topic")
    played = stand.play()
    assert listed(played) == [("CI", "success"), ("Follow", "success")], played[-1].log
    assert played[1].job("post").step("look").log == '{"accuracy": 0.9} success refs/heads/main\n'
    assert [each.name for each in stand.gateway.events.delivered].count("workflow_run") == 6


@pytest.mark.slow
def test_a_comment_starts_a_workflow_but_a_workflows_comment_does_not(stand: Stand) -> None:
    line = f"{ASK} '/repos/acme/model/issues/${{{{ github.event.issue.number }}}}/comments' '{{\"body\": \"at your service\"}}'"
    text = steps(line, on="{issue_comment: {types: [created]}}", more="permissions: {issues: write}\n")
    begin(stand, {"ci": text})
    stand.open_pull("topic")
    stand.must("POST", "issues/1/comments", {"body": "/promote"}, "bob-token")
    played = stand.play()
    assert listed(played) == [("CI", "success")], played[0].log
    assert played[0].log == "201\n"
    assert played[0].run.event.payload["issue"]["pull_request"]["merged_at"] is None
    assert [each["body"] for each in stand.comments(1)] == ["/promote", "at your service"]


@pytest.mark.slow
def test_facts_of_a_run(make_stand: MakeStand) -> None:
    secret = 'a "quoted" $HOME \\n\nsecret'
    stand = make_stand(secrets={"SECRET": secret}, environ={"EXTRA": "1"})
    text = steps(
        'echo "$GITHUB_SHA $GITHUB_REF $GITHUB_BASE_REF $GITHUB_HEAD_REF $GITHUB_EVENT_NAME $GITHUB_ACTOR"',
        'echo "$GITHUB_REPOSITORY ${{ github.api_url }} $GITHUB_RUN_ATTEMPT $EXTRA"',
        'printf %s "$SECRET" | sha256sum',
        "env | cut -d= -f1 | sort > names",
        "grep -cE 'AWS|MLOPS_CI_|GIT_CONFIG|GITHUB_TOKEN' names || true",
        "git config --global --list 2>/dev/null | wc -l",
    )
    begin(stand, {"ci": text})
    pull = stand.open_pull("topic")
    played = one(stand.play())
    assert played.log.splitlines() == [
        f"{pull['merge_commit_sha']} refs/pull/1/merge main topic pull_request ada",
        f"acme/model {stand.gateway.address} 1 1",
        f"{hashlib.sha256(secret.encode()).hexdigest()}  -",
        "0",
        "0",
    ]


@pytest.mark.slow
def test_a_forks_run_reads_only_and_has_no_secrets(make_stand: MakeStand) -> None:
    stand = make_stand(secrets={"SECRET": "sesame"})
    text = steps(
        'echo "secret=[$SECRET]"',
        f'{ASK} /repos/acme/model/issues/1/comments \'{{"body": "x"}}\'',
        more="permissions: {pull-requests: write}\n",
    )
    begin(stand, {"ci": text})
    stand.must("POST", "forks", {}, token="eve-token")
    eve = stand.clone("eve-token", "eve/model")
    stand.fetch(eve, "eve-token")
    eve.git("checkout", "--quiet", "-b", "mine", "origin/main")
    eve.commit("From outside", params_dot_yaml="lr: 3\n")
    stand.push(eve, "mine", "eve-token")
    stand.runner.skip()
    stand.open_pull("eve:mine", token="eve-token")
    played = one(stand.play())
    assert played.log == "secret=[]\n403\n"
    assert played.run.pulls == []
    seen = stand.must("GET", f"actions/runs/{played.run.number}")
    assert (seen["head_repository"]["full_name"], seen["head_branch"]) == ("eve/model", "mine")
    [pull] = stand.must("GET", "pulls?head=eve:mine")
    assert pull["head"]["sha"] == seen["head_sha"]
    [refused] = stand.gateway.asked("issues/create-comment", BOT)
    assert refused.status == 403


@pytest.mark.slow
def test_failures_skipped_jobs_and_a_matrix(stand: Stand) -> None:
    text = """\
name: CI
on: pull_request
jobs:
  fail:
    runs-on: ubuntu-latest
    steps:
      - {id: one, run: 'echo "::error::bad"; exit 3'}
      - {id: two, run: echo never}
  skipped:
    needs: fail
    runs-on: ubuntu-latest
    steps: [{run: echo never}]
  many:
    runs-on: ubuntu-latest
    strategy: {matrix: {seed: [1, 2]}}
    steps: [{id: say, run: 'echo "seed=${{ matrix.seed }}" >> "$GITHUB_OUTPUT"'}]
"""
    begin(stand, {"ci": text})
    stand.open_pull("topic")
    played = one(stand.play())
    assert played.conclusion == "failure"
    results = sorted((job.id, job.result) for job in played.jobs)
    assert results == [("fail", "failure"), ("many", "success"), ("many", "success"), ("skipped", "skipped")]
    assert played.job("fail").step("one").result == "failure"
    assert played.job("fail").annotations == [Annotation("failure", "bad")]
    assert played.job("many", seed=2).step("say").outputs == {"seed": "2"}
    pull = stand.must("GET", "pulls/1")
    checks = stand.must("GET", f"commits/{pull['head']['sha']}/check-runs")["check_runs"]
    assert sorted((one["name"], one["conclusion"]) for one in checks) == [
        ("fail", "failure"),
        ("many (1)", "success"),
        ("many (2)", "success"),
        ("skipped", "skipped"),
    ]
    assert pull["mergeable_state"] == "unstable"
    run = stand.must("GET", "actions/runs?status=failure")["workflow_runs"][0]
    assert stand.api("POST", f"actions/runs/{run['id']}/rerun").status == 201
    again = stand.runner.play_again()
    assert [(each.run.number, each.run.attempt, each.conclusion) for each in again] == [
        (run["id"], 2, "failure")
    ]


@pytest.mark.slow
def test_an_action_of_another_repository_and_of_ones_own(make_stand: MakeStand, tmp_path: Path) -> None:
    action = Repo.init(tmp_path / "action")
    action.write("sub/action.yml", _composite('echo "sub $GITHUB_ACTION_REPOSITORY@$GITHUB_ACTION_REF"'))
    action.write("action.yml", _composite("cat $GITHUB_ACTION_PATH/word.txt", "      - uses: $/sub\n"))
    action.write("word.txt", "a word\n")
    text = """\
name: CI
on: pull_request
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: tools/action@0123456789012345678901234567890123456789 # v1.2.3
      - uses: $/mine
"""
    stand = make_stand(actions={"tools/action": action.path})
    begin(
        stand,
        {"ci": text},
        mine__action_dot_yml=_composite("echo mine; echo '## Mine' >> $GITHUB_STEP_SUMMARY"),
    )
    stand.open_pull("topic")
    played = one(stand.play())
    assert played.log.splitlines() == [
        "a word",
        "sub tools/action@0123456789012345678901234567890123456789",
        "mine",
    ], played.log
    assert played.summary == "## Mine\n"
    assert (action.path / "action.yml").read_text().count("$/sub") == 1


def _composite(line: str, more: str = "") -> str:
    return (
        f"name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: {line}\n"
        + more.replace("      - ", "    - ")
    )


@pytest.mark.slow
def test_a_push_a_tag_a_merge_a_time_and_a_hand(stand: Stand) -> None:
    echo = 'echo "$GITHUB_EVENT_NAME $GITHUB_REF_NAME ${{ github.event.action }} ${{ inputs.who }} ${{ github.event.schedule }}"'
    on = """
  push: {branches: [main], tags: ['v*']}
  pull_request: {types: [closed]}
  schedule: [{cron: '0 6 * * *'}]
  workflow_dispatch: {inputs: {who: {default: nobody}}}
  repository_dispatch: {types: [retrain]}"""
    ada = begin(stand, {"ci": steps(echo, on=on)})

    def said() -> list[str]:
        return [each.log.strip() for each in stand.play()]

    assert said() == ["push main"]
    stand.open_pull("topic")
    stand.must("PUT", "pulls/1/merge", {})
    assert said() == ["pull_request main closed", "push main"]
    ada.git("tag", "v1")
    stand.git(ada, "ada-token", "push", "--quiet", "origin", "v1")
    assert said() == ["push v1"]
    stand.must("POST", "actions/workflows/ci.yml/dispatches", {"ref": "main", "inputs": {"who": "ada"}})
    stand.must("POST", "dispatches", {"event_type": "retrain"})
    stand.must("POST", "dispatches", {"event_type": "other"})
    assert said() == ["workflow_dispatch main  ada", "repository_dispatch main retrain"]
    assert [each.log.strip() for each in stand.runner.schedule("acme/model", "0 6 * * *")] == [
        "schedule main   0 6 * * *"
    ]


def test_a_workflow_with_an_action_that_nothing_stands_in_for(stand: Stand) -> None:
    text = "on: push\njobs: {job: {runs-on: ubuntu-latest, steps: [{\n uses: some/thing@v1}]}}\n"
    begin(stand, {"ci": text})
    with pytest.raises(
        UnknownActionError, match=r"nothing stands in for some/thing@v1; there are actions/cache, "
    ):
        stand.play()


def test_a_pull_request_that_conflicts_starts_nothing(stand: Stand) -> None:
    ada = begin(stand, {"ci": steps("echo x")})
    stand.open_pull("topic")
    stand.runner.skip()
    ada.git("checkout", "--quiet", "--detach", "origin/main")
    ada.commit("Otherwise", params_dot_yaml="lr: 9\n")
    stand.push(ada, "main")
    ada.git("checkout", "--quiet", "topic")
    ada.commit("More", params_dot_yaml="lr: 4\n")
    stand.push(ada, "topic")
    assert stand.events()[-1] == "pull_request.synchronize"
    assert stand.play() == []


@pytest.mark.slow
def test_an_event_delivered_twice_is_played_twice(stand: Stand) -> None:
    begin(stand, {"ci": steps("echo $GITHUB_RUN_ID")})
    stand.gateway.events.disturb("pull_request.opened", "twice")
    stand.open_pull("topic")
    played = stand.play()
    assert [each.conclusion for each in played] == ["success", "success"]
    assert len({each.log for each in played}) == 2


@pytest.mark.slow
def test_checkout_of_branches_depths_and_other_repositories(make_stand: MakeStand) -> None:
    text: Any = """\
name: CI
on: push
permissions: {contents: write}
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - {id: whole, run: "git rev-list --count HEAD; git branch --show-current; git branch -r"}
      - uses: actions/checkout@v4
        with: {ref: topic, path: other}
      - {id: other, run: "git -C other rev-list --count HEAD; git -C other branch --show-current; cat other/params.yaml"}
      - uses: actions/checkout@v4
        with: {repository: acme/deploy, path: deploy, persist-credentials: false}
      - {id: deploy, run: "git -C deploy log --format=%s; git -C deploy config --local --get-regexp extraheader | wc -l"}
      - id: push
        run: |
          git -c user.name=x -c user.email=x@example.invalid commit --quiet --allow-empty -m Locked
          git push --quiet origin HEAD:locked
"""
    stand = make_stand(repositories=["acme/model", "acme/deploy"])
    deploy = stand.clone(repository="acme/deploy")
    deploy.commit("Deployed")
    stand.push(deploy, "main")
    stand.runner.skip()
    begin(stand, {"ci": text})
    [played, *_] = stand.play()
    assert played.conclusion == "success", played.log
    job = played.job("job")
    assert job.step("whole").log.split() == ["1", "main", "origin/main", "origin/topic"]
    assert job.step("other").log.split() == ["1", "topic", "lr:", "2"]
    assert job.step("deploy").log.split() == ["Deployed", "0"]
    assert stand.gateway.events.last("push").quiet is True
    assert stand.must("GET", "branches/locked")["commit"]["commit"]["message"] == "Locked"


@pytest.mark.slow
def test_a_cache_is_restored_by_a_later_run(stand: Stand) -> None:
    text = """\
name: CI
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - {id: restore, uses: actions/cache/restore@v4, with: {path: kept, key: "k/${{ github.sha }}", restore-keys: k/}}
      - {id: look, run: "echo hit=${{ steps.restore.outputs.cache-hit }}; cat kept/word || true; mkdir -p kept; echo $GITHUB_REF_NAME > kept/word"}
      - {uses: actions/cache/save@v4, with: {path: kept, key: "k/${{ github.sha }}"}}
      - {id: again, uses: actions/cache@v4, with: {path: kept, key: "k/${{ github.sha }}"}}
"""
    begin(stand, {"ci": text})
    first, second = stand.play()
    assert (first.conclusion, second.conclusion) == ("success", "success"), first.log + second.log
    assert "hit=false\n" in first.job("job").step("look").log
    assert second.job("job").step("look").log == "hit=false\nmain\n"
    assert second.job("job").step("again").outputs["cache-hit"] == "true"
