"""What a pull request controls cannot get a worse model passed, and nothing is written where it must not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.local import LocalForge
from tests.e2e.conftest import GATED, Call, Toy, comment, evidence, write
from tests.repositories import Repo

NAMED = """\
version: 1
models:
  toy: {gates: {metrics: {limits: {accuracy: {min: 0.5, max_drop: 0.01}}}}}
"""


def worse(toy: Toy) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 5.0")


def push(toy: Toy) -> None:
    """What an author does with `dvc push`."""
    dvc = Dvc.open(toy.author.path)
    dvc.push()
    dvc.close()


def judged(toy: Toy, call: Call, branch: str = "sly", **environ: str) -> tuple[int, str]:
    runner = toy.runner(branch)
    answer = call(runner, "pr", "--json", CI="true", **environ)
    assert answer.out, answer.err
    return answer.code, answer.document["verdict"]


@pytest.mark.parametrize("rules", [GATED.format(lock="report"), NAMED])
def test_renaming_the_model_does_not_escape_its_limits(toy: Toy, call: Call, rules: str) -> None:
    toy.configure(text=rules)
    worse(toy)
    toy.edit("dvc.yaml", "toy: {path: model.json, type: model}", "toy2: {path: model.json, type: model}")
    toy.author.write("mlops-ci.yaml", "version: 1\n")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")


def test_another_name_in_the_configuration_does_not_escape_either(toy: Toy, call: Call) -> None:
    toy.configure(text=NAMED)
    worse(toy)
    toy.author.write("mlops-ci.yaml", "version: 1\nmodels: {x: {artifact: toy}}\n")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")


def test_taking_the_stage_or_only_its_metrics_away_is_refused(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("dvc.yaml", "    metrics:\n      - metrics.json: {cache: false}\n", "")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")


def test_taking_the_model_away_is_refused_and_named(toy: Toy, call: Call) -> None:
    toy.configure()
    text = (toy.author.path / "dvc.yaml").read_text()
    start, end = text.index("  train:"), text.index("  alone:")
    toy.author.write("dvc.yaml", text[:start] + text[end : text.index("artifacts:")])
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")
    assert "`toy`" in comment(toy.folder / "runner-sly").split("\n")[1]


def test_decoys_do_not_hide_the_model_that_is_gone(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("dvc.yaml", "toy: {path: model.json, type: model}", "decoy: {path: alone.txt, type: model}")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")


def test_the_own_configuration_cannot_leave_a_metric_out(toy: Toy, call: Call) -> None:
    toy.configure()
    worse(toy)
    toy.author.write("mlops-ci.yaml", GATED.format(lock="report") + "  metrics: [n]\n")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")


def test_results_changed_by_hand_are_judged_though_nothing_declared_changed(toy: Toy, call: Call) -> None:
    """The author ran with a local edit, committed the results, and took the edit back."""
    toy.configure()
    worse(toy)
    assert call(toy.author.path, "run").code == 0
    toy.edit("params.yaml", "noise: 5.0", "noise: 0.3")
    lock = (toy.author.path / "dvc.lock").read_text()
    toy.author.write("dvc.lock", lock.replace("noise: 5.0", "noise: 0.3"))
    toy.propose("sly")
    push(toy)
    assert judged(toy, call) == (1, "refused")


def test_a_merge_on_the_branch_is_not_the_forges(toy: Toy, call: Call) -> None:
    """Checked out by its head: the tip is a merge that the author made, so it is compared with main."""
    toy.configure()
    worse(toy)
    toy.propose("sly")
    toy.author.git("checkout", "--quiet", "main")
    toy.author.commit("main moves", note_txt="1")
    toy.author.git("push", "--quiet", "origin", "main")
    toy.author.git("checkout", "--quiet", "sly")
    toy.author.git("merge", "--quiet", "--no-edit", "main")
    toy.author.git("push", "--quiet", "origin", "sly")
    environ = {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "sly"}
    assert judged(toy, call, **environ) == (1, "refused")


def test_the_key_base_does_not_choose_the_judge(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.author.git("checkout", "--quiet", "-b", "lax")
    toy.author.write("mlops-ci.yaml", "version: 1\n")
    toy.author.commit("lax")
    toy.author.git("push", "--quiet", "origin", "lax")
    toy.author.git("checkout", "--quiet", "main")
    worse(toy)
    toy.author.write("mlops-ci.yaml", GATED.format(lock="report") + "base: lax\n")
    toy.propose("sly")
    assert judged(toy, call) == (1, "refused")
    assert evidence(toy.folder / "runner-sly")["base"]["policy"]["ref"] == "main"


def test_a_kept_clone_is_judged_by_the_newest_rules(toy: Toy, call: Call) -> None:
    worse(toy)
    toy.propose("sly")
    runner = toy.runner("sly")
    toy.configure()
    answer = call(runner, "pr", "--json", CI="true", GITHUB_BASE_REF="main")
    assert answer.document["verdict"] == "refused"
    assert evidence(runner)["base"]["policy"]["commit"] == toy.origin.git("rev-parse", "main")


def test_check_does_not_take_evidence_against_another_base(toy: Toy, call: Call) -> None:
    """Main went from noise 0.3 to 0.01; going back is worse now, though 0.3 was once measured as better."""
    toy.configure("report")
    start = toy.author.git("rev-parse", "HEAD")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    assert call(toy.author.path, "run").code == 0
    toy.author.commit("better")
    toy.author.git("push", "--quiet", "origin", "main")
    toy.author.git("checkout", "--quiet", "-b", "back")
    toy.author.git("checkout", "--quiet", start, "--", ".")
    toy.author.commit("go back")
    toy.author.git("push", "--quiet", "origin", "back")
    answer = call(toy.runner("back"), "check")
    assert answer.code == 2
    assert "there is no evidence for this dvc.lock" in answer.err


# ---- what is written ---------------------------------------------------------------------------


def test_commit_mode_never_writes_the_base_branch(toy: Toy, call: Call) -> None:
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    tip = toy.author.commit("straight to main")
    toy.author.git("push", "--quiet", "origin", "main")
    runner = toy.runner("main")
    call(runner, "pr", "--json", CI="true")
    assert toy.origin.git("rev-parse", "main") == tip
    assert evidence(runner)["lock"]["note"].startswith("main is the base branch")


def test_a_merge_whose_base_moved_the_lock_is_not_put_onto_the_branch(toy: Toy, call: Call) -> None:
    """It would name inputs the branch does not have and conflict with main's own lock."""
    toy.configure("commit")
    toy.edit("params.yaml", "seed: 1", "seed: 2")
    tip = toy.propose("topic")
    toy.author.git("checkout", "--quiet", "main")
    toy.edit("params.yaml", "rows: 400", "rows: 500")
    assert call(toy.author.path, "run").code == 0
    toy.author.commit("more rows")
    push(toy)
    toy.author.git("push", "--quiet", "origin", "main")
    merge = toy.author.git(
        "commit-tree",
        toy.author.git("merge-tree", "--write-tree", "main", "topic").split("\n")[0],
        "-p",
        "main",
        "-p",
        "topic",
        "-m",
        "merge",
    )
    toy.author.git("push", "--quiet", "origin", f"{merge}:refs/pull/8/merge")
    toy.origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    runner = Repo.init(toy.folder / "runner")
    runner.git("remote", "add", "origin", toy.origin.path.as_uri())
    runner.git("fetch", "--quiet", "--depth=1", "origin", "refs/pull/8/merge")
    runner.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    environ = {
        "CI": "true",
        "GITHUB_SHA": merge,
        "GITHUB_REF": "refs/pull/8/merge",
        "GITHUB_BASE_REF": "main",
        "GITHUB_HEAD_REF": "topic",
    }
    answer = call(runner.path, "pr", "--json", **environ)
    assert answer.out, answer.err
    assert toy.origin.git("rev-parse", "topic") == tip
    found = evidence(runner.path)
    assert (found["repository"]["commit"], found["repository"]["pull_request"]) == (tip, 8)
    assert found["lock"]["note"] == "main moved on: bring the branch up to date with it first"
    (pull,) = LocalForge(toy.origin.path / "mlops-ci").pull_requests()
    assert pull.head_commit == tip


def test_plots_of_one_name_are_compared_file_by_file(dvc_repo: Path, call: Call) -> None:
    repo = Repo(dvc_repo)
    write(
        dvc_repo,
        {
            "dvc.yaml": """\
                stages:
                  go:
                    cmd: python go.py
                    deps: [go.py]
                    outs: [model.txt, live]
                    plots: [a.json: {cache: false, y: v}]
                plots:
                  - ROC: {y: {train.json: v, test.json: v}}
                  - a.json: {y: v}
                  - live: {}
                """,
            "go.py": """\
                import json, os
                SHIFT = 0
                os.makedirs("live", exist_ok=True)
                open("live/loss.tsv", "w").write("step\\tloss\\n0\\t1\\n1\\t0\\n")
                open("model.txt", "w").write(str(SHIFT))
                for name, start in {"a": 7, "train": 100, "test": 0}.items():
                    json.dump([{"v": start + SHIFT + n} for n in range(3)], open(f"{name}.json", "w"))
                """,
        },
    )
    text = (dvc_repo / "dvc.yaml").read_text()
    repo.write(
        "dvc.yaml", text.replace("outs: [model.txt, live]", "outs: [model.txt, live, train.json, test.json]")
    )
    repo.commit("start")
    assert call(dvc_repo, "run").code == 0
    repo.commit("run")
    repo.git("checkout", "--quiet", "-b", "try")
    repo.write("go.py", (dvc_repo / "go.py").read_text().replace("SHIFT = 0", "SHIFT = 1"))
    repo.commit("shift")
    assert call(dvc_repo, "pr", "--json").code == 0
    (model,) = evidence(dvc_repo)["models"]
    drawn = {plot["title"]: (plot["head"][0][1], plot["base"][0][1]) for plot in model["plots"]}
    assert drawn == {"ROC: train": (101, 100), "ROC: test": (1, 0), "a": (8, 7), "live": (1, 1)}
    assert json.dumps(drawn)
