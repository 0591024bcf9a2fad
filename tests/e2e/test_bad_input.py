"""Bad input, each with one clear line, the right exit code, and nothing lost or half written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Call, Toy, comment, evidence, write
from tests.repositories import Repo

OURS = [sys.executable, "-m", "mlops_ci"]


def findings(document: dict[str, object], gate: str) -> list[tuple[str, str]]:
    found = document["findings"]
    assert isinstance(found, list)
    return [(f["status"], f["subject"]) for f in found if f["gate"] == gate]


# ---- the repository ----------------------------------------------------------------------------


def test_not_a_git_repository(tmp_path: Path, call: Call) -> None:
    answer = call(tmp_path, "pr")
    assert answer.code == 2
    assert answer.err.startswith(f"mlops-ci: {tmp_path}: not inside a git work tree\n  → run `git init`")


def test_no_commit_yet(git_repo: Path, call: Call) -> None:
    answer = call(git_repo, "pr")
    assert answer.code == 2
    assert answer.err.startswith(f"mlops-ci: {git_repo}: the repository has no commit yet\n  → ")


def test_not_a_dvc_repository(git_repo: Path, call: Call) -> None:
    Repo(git_repo).commit("one", a="1")
    answer = call(git_repo, "pr")
    assert answer.code == 2
    assert answer.err.startswith(f"mlops-ci: {git_repo}: not a DVC repository")
    assert "dvc init" in answer.err


def test_no_dvc_yaml(dvc_repo: Path, call: Call) -> None:
    for verb in ("pr", "plan", "run"):
        answer = call(dvc_repo, verb)
        assert answer.code == 2
        assert answer.err.startswith("mlops-ci: no dvc.yaml found in")


def test_a_detached_head(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    toy.propose("topic")
    runner = toy.runner("topic")
    Repo(runner).git("checkout", "--quiet", "--detach")
    assert call(runner, "pr", "--json", CI="true").code == 0
    assert evidence(runner)["repository"]["branch"] == ""
    assert evidence(runner)["base"]["metrics"]["how"] == "merge base with main"


def test_a_shallow_clone_is_deepened_by_what_is_needed(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    toy.propose("topic")
    toy.origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    runner = toy.folder / "shallow"
    toy.author.git("clone", "--quiet", "--depth=1", "--branch=topic", toy.origin.path.as_uri(), str(runner))
    answer = call(runner, "pr", "--json", CI="true", GITHUB_BASE_REF="main")
    assert answer.code == 0
    assert evidence(runner)["base"]["metrics"]["commit"] == toy.origin.git("rev-parse", "main")
    (model,) = evidence(runner)["models"]
    assert {m["name"]: m["base"] is not None for m in model["metrics"]} == {"accuracy": True, "n": True}


def test_an_unknown_base(toy: Toy, call: Call) -> None:
    answer = call(toy.author.path, "pr", "--base", "nowhere")
    assert answer.code == 2
    assert answer.err == (
        "mlops-ci: the base 'nowhere' is not a branch or commit of this repository\n"
        "  → name an existing branch with --base, or fetch it first\n"
    )


@pytest.mark.parametrize("verb", ["plan", "run", "pr"])
def test_a_broken_dvc_yaml_at_head(toy: Toy, call: Call, verb: str) -> None:
    toy.author.write("dvc.yaml", "stages:\n  train: [\n")
    answer = call(toy.author.path, verb)
    assert answer.code == 2
    assert answer.err.startswith("mlops-ci: dvc.yaml:")
    assert len(answer.err.splitlines()) <= 2


def test_a_broken_params_yaml_at_head(toy: Toy, call: Call) -> None:
    toy.author.write("params.yaml", "train: {noise: [\n")
    answer = call(toy.author.path, "pr")
    assert answer.code == 2
    assert answer.err.startswith("mlops-ci: params.yaml")
    assert len(answer.err.splitlines()) <= 2


@pytest.mark.parametrize("name", ["dvc.yaml", "params.yaml"])
def test_a_broken_file_at_base_is_said_and_the_head_is_judged_alone(toy: Toy, call: Call, name: str) -> None:
    good = (toy.author.path / name).read_text()
    toy.author.write(name, "a: [\n")
    toy.author.commit("break main")
    toy.author.git("push", "--quiet", "origin", "main")
    toy.author.write(name, good)
    toy.propose("mend")
    runner = toy.runner("mend")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 0
    (problem,) = evidence(runner)["problems"]
    assert (problem["revision"], name in problem["message"]) == ("base", True)
    assert name in comment(runner)
    (model,) = evidence(runner)["models"]
    assert {m["name"]: m["base"] for m in model["metrics"]} == {"accuracy": None, "n": None}


def test_every_mistake_of_the_configuration_at_once(toy: Toy, call: Call) -> None:
    toy.author.write("mlops-ci.yaml", "version: 1\nlok: commit\ndefaults:\n  gates:\n    metrcs: {}\n")
    answer = call(toy.author.path, "pr")
    assert answer.code == 2
    assert 'mlops-ci.yaml:2: lok: unknown key; did you mean "lock"?' in answer.err
    assert "mlops-ci.yaml:5: " in answer.err
    assert 'did you mean "metrics"?' in answer.err


# ---- metrics and predictions -------------------------------------------------------------------


def with_metrics(toy: Toy, call: Call, statement: str) -> tuple[int, dict[str, object], str]:
    """Let the training write its metrics by other means; gives exit code, evidence and comment."""
    old = '        json.dump({"accuracy": right / len(rows), "n": len(rows)}, open("metrics.json", "w"))'
    toy.edit("train.py", old.strip(), statement)
    toy.propose("metrics")
    runner = toy.runner("metrics")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.out, answer.err
    return answer.code, evidence(runner), comment(runner)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ('open("metrics.json", "w").write("")', "is empty"),
        ('open("metrics.json", "w").write("{nope")', "is not JSON: line 1"),
        ('open("metrics.json", "w").write("[1, 2]")', "holds a list, not a mapping"),
        ('open("metrics.json", "w").write("x" * 10_000_000)', "10"),
    ],
)
def test_a_metrics_file_that_cannot_be_read(toy: Toy, call: Call, statement: str, words: str) -> None:
    code, found, text = with_metrics(toy, call, statement)
    assert code == 0
    problems = found["problems"]
    assert isinstance(problems, list)
    assert [(p["where"]["file"], p["revision"], words in p["message"]) for p in problems] == [
        ("metrics.json", "head", True)
    ]
    assert "`metrics.json`" in text


def test_a_metrics_file_that_is_not_written_fails_its_stage(toy: Toy, call: Call) -> None:
    code, found, _ = with_metrics(toy, call, "pass")
    assert code == 1
    stages = found["stages"]
    assert isinstance(stages, list)
    assert {s["name"]: s["status"] for s in stages}["train"] == "failed"
    assert "metrics.json" in next(s["error"] for s in stages if s["name"] == "train")


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_nan_and_infinity_are_refused(toy: Toy, call: Call, value: str) -> None:
    code, found, text = with_metrics(
        toy, call, f'json.dump({{"accuracy": {value}}}, open("metrics.json", "w"))'
    )
    assert code == 1
    word = "NaN" if "nan" in value else "Infinity"
    assert word in text.split("\n")[1]
    json.dumps(found, allow_nan=False)


def test_a_metric_only_at_base_and_one_only_at_head(toy: Toy, call: Call) -> None:
    code, found, text = with_metrics(
        toy, call, 'json.dump({"precision": 0.5, "n": len(rows)}, open("metrics.json", "w"))'
    )
    assert code == 0
    models = found["models"]
    assert isinstance(models, list)
    metrics = {m["name"]: (m["head"], m["base"] is None) for m in models[0]["metrics"]}
    assert metrics == {"accuracy": (None, False), "n": (400.0, False), "precision": (0.5, True)}
    assert "accuracy" in text.split("\n")[1]


@pytest.mark.parametrize(
    ("old", "new", "words", "finding"),
    [
        ("rows: 400", "rows: 300", "300", ("INCONCLUSIVE", "evaluation set")),
        (
            "{index},{truth},{guess}",
            "{index},{'yes' if truth else 'no'},{guess}",
            "y_true",
            ("WARN", "predictions"),
        ),
        (
            "{index},{truth},{guess}",
            "{index},{'ny'[truth]},{'ny'[guess]}",
            "y_true is text at head",
            ("INCONCLUSIVE", "evaluation set"),
        ),
    ],
)
def test_predictions_that_cannot_be_compared(
    toy: Toy, call: Call, old: str, new: str, words: str, finding: tuple[str, str]
) -> None:
    toy.edit("params.yaml" if "rows" in old else "train.py", old, new)
    toy.propose("other")
    runner = toy.runner("other")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 0, answer.err
    (model,) = evidence(runner)["models"]
    assert model["predictions"]["comparable"] is False
    assert words in model["predictions"]["reason"]
    assert finding in findings(answer.document, "metrics")


# ---- stages ------------------------------------------------------------------------------------


def test_a_failing_stage_is_a_refusal_and_the_rest_finishes(toy: Toy, call: Call) -> None:
    toy.edit("train.py", "rows, right = [], 0", "raise SystemExit('no GPU in <b>sight</b>')")
    toy.edit("params.yaml", "rows: 400", "rows: 401")
    toy.propose("fails")
    runner = toy.runner("fails")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    stages = {s["name"]: s["status"] for s in evidence(runner)["stages"]}
    assert stages == {"prepare": "ran", "train": "failed", "after": "blocked", "alone": "ran"}
    text = comment(runner)
    assert "train" in text.split("\n")[1]
    assert "no GPU in <b>sight</b>" in text.split("```")[1]
    (model,) = evidence(runner)["models"]
    assert {m["name"]: m["head"] for m in model["metrics"]} == {"accuracy": None, "n": None}


def test_a_hanging_stage_ends_at_its_timeout(toy: Toy, call: Call) -> None:
    toy.edit("train.py", "rows, right = [], 0", "import time; time.sleep(600); rows, right = [], 0")
    toy.propose("hangs")
    runner = toy.runner("hangs")
    answer = call(runner, "pr", "--json", "--timeout", "1s", CI="true")
    assert answer.code == 1
    train = next(s for s in evidence(runner)["stages"] if s["name"] == "train")
    assert (train["status"], train["error"]) == ("failed", "timed out after 1 s")


@pytest.mark.slow
def test_a_stage_that_prints_a_hundred_megabytes(toy: Toy, call: Call) -> None:
    line = "'x' * 999_999 + chr(10)"
    toy.edit(
        "train.py",
        "rows, right = [], 0",
        f"[print({line}, end='') for _ in range(100)]; raise SystemExit('end')",
    )
    toy.propose("prints")
    runner = toy.runner("prints")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert call(runner, "pr", "--json", CI="true").code == 1
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024, "a stage's output is not held in memory (KiB)"
    train = next(s for s in evidence(runner)["stages"] if s["name"] == "train")
    assert train["tail"][-1] == "end"
    assert len(comment(runner)) < 65_536


# ---- the remote and the disk -------------------------------------------------------------------


def test_a_missing_object_is_a_tool_error(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    toy.propose("missing")
    runner = toy.runner("missing")
    shutil.rmtree(toy.folder / "store" / "files")
    answer = call(runner, "pr", CI="true")
    assert answer.code == 3
    assert "data.csv" in answer.err
    assert len([line for line in answer.err.splitlines() if line.startswith("mlops-ci: ")]) == 1


def test_an_unreachable_remote_is_a_tool_error(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    toy.propose("unreachable")
    runner = toy.runner("unreachable")
    config = runner / ".dvc" / "config.local"
    config.write_text("['remote \"s\"']\n    url = http://127.0.0.1:9/nothing\n")
    answer = call(runner, "pr", CI="true")
    assert answer.code == 3
    assert answer.err.splitlines()[-1].startswith("  → ")


def test_a_full_disk_keeps_the_old_report(toy: Toy, call: Call) -> None:
    """A real full disk: a tmpfs of 8 KiB, in a mount namespace of the command's own."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small disk (unshare -rm)")
    toy.author.write("README.md", "words")
    toy.propose("full")
    runner = toy.runner("full")
    script = (
        'mkdir -p "$1" && mount -t tmpfs -o size=8k tmpfs "$1" && printf old > "$1/evidence.json"'
        ' && head -c 4096 /dev/zero > "$1/other"; shift; "$@"; code=$?'
        '; ls -A "$OUT"; cat "$OUT/evidence.json"; exit $code'
    )
    out = str(toy.folder / "out")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", out, *OURS, "pr", "--output", out],
        cwd=runner,
        env={**os.environ, "CI": "true", "OUT": out},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "evidence.json: cannot be written (No space left on device)" in done.stderr
    assert done.stdout == "evidence.json\nother\nold"


# ---- interrupted -------------------------------------------------------------------------------


def test_ctrl_c_in_the_middle_of_a_stage_and_again(toy: Toy, call: Call) -> None:
    gate = toy.folder / "gate"
    os.mkfifo(gate)
    toy.edit(
        "train.py",
        "rows, right = [], 0",
        f"open({str(gate)!r}, 'w').write('x'); input(); rows, right = [], 0",
    )
    toy.edit("params.yaml", "rows: 400", "rows: 401")
    toy.propose("stopped")
    runner = toy.runner("stopped")
    process = subprocess.Popen(
        [*OURS, "pr"],
        cwd=runner,
        env={**os.environ, "CI": "true"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    gate.read_text()  # the stage is running now
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    lock = (runner / "dvc.lock").read_text()
    assert "Traceback" not in err
    # What had finished is kept, and the next run goes on from there.
    write(
        runner,
        {
            "train.py": (runner / "train.py")
            .read_text()
            .replace(f"open({str(gate)!r}, 'w').write('x'); input(); ", "")
        },
    )
    assert call(runner, "run", "--json").code == 0
    stages = {s["name"]: s["status"] for s in evidence(runner)["stages"]}
    assert stages["prepare"] == "cached"
    assert stages["train"] == "ran"
    assert lock.startswith("schema:")


# ---- names -------------------------------------------------------------------------------------

HOSTILE = "x | y `z` <img src=q onerror=alert(1)> @all [a](b) $(touch pwned) ü"


def test_hostile_names_reach_no_shell_and_no_markup(
    dvc_repo: Path, call: Call, tmp_path: Path, commit: Callable[..., str]
) -> None:
    from markdown_it import MarkdownIt

    write(
        dvc_repo,
        {
            "dvc.yaml": """\
                stages:
                  make:
                    cmd: python make.py
                    deps: [make.py]
                    outs: [model.txt]
                    metrics:
                      - "m @all ü $(touch pwned).json": {cache: false}
                artifacts:
                  model: {path: model.txt, type: model}
                """,
            "make.py": f"""\
                import json
                open("model.txt", "w").write("1")
                json.dump({{{HOSTILE!r}: 0.5}}, open("m @all ü $(touch pwned).json", "w"))
                """,
        },
    )
    commit(dvc_repo, "start")
    Repo(dvc_repo).git("checkout", "--quiet", "-b", "br-@all-$(touch${IFS}pwned)-`x`-|-ü")
    write(dvc_repo, {"make.py": (dvc_repo / "make.py").read_text().replace("0.5", "0.4")})
    commit(dvc_repo, "<script>alert(1)</script> @all")
    answer = call(dvc_repo, "pr", "--json")
    assert answer.code == 0, answer.err
    (model,) = evidence(dvc_repo)["models"]
    assert [m["name"] for m in model["metrics"]] == [HOSTILE]
    assert not list(dvc_repo.rglob("pwned"))
    html = MarkdownIt("gfm-like", {"linkify": False}).render(comment(dvc_repo))
    assert "<img" not in html
    assert "<script" not in html
