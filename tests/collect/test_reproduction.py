"""A second run from scratch: what it finds, what it leaves alone, and what it cannot try."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_ci.adapters import process
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.collect import models, project, reproduction
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import Sources
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.evidence import Reproduction
from tests.e2e.conftest import write
from tests.repositories import Repo

CONFIG = """\
version: 1
defaults:
  gates:
    reproducibility: {run: always}
"""
FILES = {
    "mlops-ci.yaml": CONFIG,
    "params.yaml": "rows: 5\n",
    "dvc.yaml": """\
        stages:
          prepare:
            cmd: python prepare.py
            deps: [prepare.py, raw.txt]
            params: [rows]
            outs: [data]
          train:
            cmd: python train.py
            deps: [train.py, data]
            outs: [model.txt]
            metrics:
              - metrics.json: {cache: false}
          other:
            cmd: python other.py
            deps: [other.py, data]
            outs: [other.txt]
        artifacts:
          first: {path: model.txt, type: model}
          second: {path: other.txt, type: model}
        """,
    "prepare.py": """\
        import pathlib
        pathlib.Path("data").mkdir()
        pathlib.Path("data/rows.txt").write_text(open("raw.txt").read() * 5)
        """,
    "train.py": """\
        import json
        text = open("data/rows.txt").read()
        open("model.txt", "w").write(text)
        json.dump({"score": len(text)}, open("metrics.json", "w"))
        """,
    "other.py": "open('other.txt', 'w').write('second')\n",
}
RANDOM = """\
    import json, os
    text = os.urandom(8).hex()
    open("model.txt", "w").write(text)
    json.dump({"score": int(text, 16), "fixed": 1}, open("metrics.json", "w"))
    """


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path) -> Path:
    """A pipeline over a tracked file, which the DVC remote has; never run."""
    folder = tmp_path_factory.mktemp("rerun")
    root = folder / "repository"
    shutil.copytree(dvc_template, root, symlinks=True)
    (root / ".dvc" / "config").write_text("[core]\n    remote = s\n['remote \"s\"']\n    url = ../../store\n")
    write(root, FILES)
    (root / "raw.txt").write_text("raw ")
    process.run(["dvc", "add", "--quiet", "raw.txt"], cwd=root)
    process.run(["dvc", "push", "--quiet"], cwd=root)
    return folder


@pytest.fixture
def repo(tmp_path: Path, template: Path) -> Repo:
    """A copy of the pipeline, in a folder beside its remote."""
    shutil.copytree(template, tmp_path / "a b", symlinks=True)
    return Repo(tmp_path / "a b" / "repository")


Made = Callable[[Repo, str], Context]


@pytest.fixture
def made() -> Iterator[Made]:
    """The context of one model of a repository, after its pipeline ran and was committed."""
    opened: list[Dvc] = []

    def context(repo: Repo, name: str) -> Context:
        opening = Dvc.open(repo.path)
        opening.run()
        opening.close()
        repo.commit("the run")
        return again(repo, name)

    def again(repo: Repo, name: str) -> Context:
        found = project.find(repo.path, {})
        opened.append(found.dvc)
        head = Side("head", None, found.dvc.graph())
        sources = Sources(Reader(found.dvc), head, None, frozenset(head.graph.by_name))
        model = next(one for one in found.models(head.graph, None) if one.name == name)
        return Context(found, model, sources, models.outline(model, sources, alone=False))

    yield context
    for dvc in opened:
        dvc.close()


def measured(context: Context) -> Reproduction:
    found = reproduction.measure(context)
    assert found is not None
    return found


def test_off_runs_nothing(repo: Repo, made: Made) -> None:
    repo.write("mlops-ci.yaml", "version: 1\n")
    assert reproduction.measure(made(repo, "first")) is None


def test_a_deterministic_pipeline_gives_the_same_bytes(repo: Repo, made: Made) -> None:
    context = made(repo, "first")
    before = repo.git("status", "--porcelain"), (repo.path / "dvc.lock").read_text()
    found = measured(context)
    assert (found.problem, found.failed, found.commit) == ("", "", repo.git("rev-parse", "HEAD"))
    assert {one.path: (one.stage, one.same) for one in found.outputs} == {
        "data": ("prepare", True),
        "model.txt": ("train", True),
        "metrics.json": ("train", True),
    }
    assert [(one.name, one.file, one.first, one.again) for one in found.metrics] == [
        ("score", "metrics.json", 20.0, 20.0)
    ]
    assert found.seconds > 0
    assert (repo.git("status", "--porcelain"), (repo.path / "dvc.lock").read_text()) == before
    assert repo.git("worktree", "list").count("\n") == 0


def test_it_takes_raw_data_from_the_remote_and_leaves_no_run_behind(repo: Repo, made: Made) -> None:
    context = made(repo, "first")
    cache = repo.path / ".dvc" / "cache"
    runs = sorted((cache / "runs").rglob("*"))
    for path in (cache / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    (repo.path / "raw.txt").unlink()
    assert [one.same for one in measured(context).outputs] == [True, True, True]
    assert sorted((cache / "runs").rglob("*")) == runs


def test_a_random_stage_has_other_bytes_and_both_values_of_its_metric(repo: Repo, made: Made) -> None:
    write(repo.path, {"train.py": RANDOM})
    found = measured(made(repo, "first"))
    assert {one.path: one.same for one in found.outputs} == {
        "data": True,
        "model.txt": False,
        "metrics.json": False,
    }
    fixed, score = found.metrics
    assert (score.name, score.first == score.again) == ("score", False)
    assert (fixed.name, fixed.first, fixed.again) == ("fixed", 1.0, 1.0)


def test_an_undeclared_file_is_missing_in_the_clone(repo: Repo, made: Made) -> None:
    repo.write(".gitignore", "/raw.txt\n/secret.csv\n")
    repo.write("secret.csv", "1")
    write(repo.path, {"train.py": "open('secret.csv')\n" + FILES["train.py"].replace("        ", "")})
    found = measured(made(repo, "first"))
    assert found.failed == "train"
    assert found.problem == (
        "the stage train failed: failed to run: python train.py, exited with 1; the last line of its log: "
        "FileNotFoundError: [Errno 2] No such file or directory: 'secret.csv'"
    )
    assert found.outputs == ()
    assert repo.git("worktree", "list").count("\n") == 0


def test_the_workspace_named_by_its_absolute_path_is_found_before_anything_runs(
    repo: Repo, made: Made
) -> None:
    text = FILES["train.py"].replace("        ", "").replace("data/rows", f"{repo.path}/data/rows")
    write(repo.path, {"train.py": text})
    found = measured(made(repo, "first"))
    assert (found.failed, found.problem) == (
        "train",
        "train.py:2 names this workspace by its absolute path, which is no part of the commit",
    )


def test_models_share_one_second_run(repo: Repo, made: Made) -> None:
    log = repo.path.parent / "log"
    write(
        repo.path,
        {
            "prepare.py": f"open({str(log)!r}, 'a').write('ran ')\n"
            + FILES["prepare.py"].replace("        ", "")
        },
    )
    context = made(repo, "first")
    head = context.sources.head.graph
    second = next(one for one in context.project.models(head, None) if one.name == "second")
    other = Context(
        context.project, second, context.sources, models.outline(second, context.sources, alone=False)
    )
    assert [one.path for one in measured(context).outputs] == ["data", "model.txt", "metrics.json"]
    assert [one.path for one in measured(other).outputs] == ["data", "other.txt"]
    assert log.read_text() == "ran ran "


def test_uncommitted_changes_leave_nothing_to_run_again(repo: Repo, made: Made) -> None:
    made(repo, "first")
    repo.write("params.yaml", "rows: 6\n")
    found = project.find(repo.path, {})
    head = Side("head", None, found.dvc.graph())
    sources = Sources(Reader(found.dvc), head, None, frozenset())
    model = found.models(head.graph, None)[0]
    context = Context(found, model, sources, models.outline(model, sources, alone=False))
    assert measured(context).problem == (
        "the work tree had changes that are not committed, so no commit is what was measured"
    )
    found.dvc.close()


def test_ctrl_c_takes_the_clone_away(repo: Repo, made: Made) -> None:
    flag = repo.path.parent / "flag"
    write(
        repo.path,
        {
            "train.py": f"""\
            import os, time
            again = os.path.exists({str(flag)!r})
            open({str(flag)!r}, "a").write("x")
            if again:
                time.sleep(60)
            open("model.txt", "w").write("1")
            open("metrics.json", "w").write("{{}}")
            """
        },
    )
    context = made(repo, "first")
    done = threading.Event()

    def interrupt() -> None:
        while flag.read_text() != "xx" and not done.wait(0.02):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            measured(context)
    finally:
        done.set()
        thread.join()
    assert repo.git("worktree", "list").count("\n") == 0
    assert repo.git("status", "--porcelain") == ""


def test_a_stage_that_never_finished_leaves_nothing_to_run_again(repo: Repo, made: Made) -> None:
    write(repo.path, {"train.py": "raise SystemExit(1)\n"})
    context = made(repo, "first")
    broken = replace(context.sources.head, broken=frozenset({"train"}))
    context = replace(context, sources=replace(context.sources, head=broken))
    assert measured(context).problem == "the stage train did not finish the first time"
    nothing = replace(context, found=context.found.model_copy(update={"stages": ()}))
    assert measured(nothing).problem == "no stage of the pipeline makes the model"


def test_raw_data_that_nobody_has_is_a_problem_and_no_failure(repo: Repo, made: Made) -> None:
    context = made(repo, "first")
    for folder in (repo.path / ".dvc" / "cache", repo.path.parent / "store"):
        shutil.rmtree(folder)
    (repo.path / "raw.txt").unlink()
    found = measured(context)
    assert (found.failed, found.outputs) == ("", ())
    assert "raw.txt" in found.problem


def test_a_frozen_stage_counts_as_raw_data(repo: Repo, made: Made) -> None:
    made(repo, "first")
    text = (repo.path / "dvc.yaml").read_text()
    repo.write(
        "dvc.yaml",
        text.replace("    cmd: python prepare.py\n", "    cmd: python prepare.py\n    frozen: true\n"),
    )
    found = measured(made(repo, "first"))
    assert [(one.path, one.same) for one in found.outputs] == [("model.txt", True), ("metrics.json", True)]
    assert found.kept == ()


@pytest.mark.parametrize(("model", "stage"), [("first", "train"), ("second", "other")])
def test_a_frozen_stage_that_makes_the_model_is_named(repo: Repo, made: Made, model: str, stage: str) -> None:
    made(repo, model)
    line = f"    cmd: python {stage}.py\n"
    text = (repo.path / "dvc.yaml").read_text()
    repo.write("dvc.yaml", text.replace(line, f"{line}    frozen: true\n"))
    context = made(repo, model)
    # What feeds a frozen stage is no longer found through the graph; the model's other stages still run.
    found = context.found.model_copy(update={"stages": ("prepare", stage)})
    again = measured(replace(context, found=found))
    assert ([one.path for one in again.outputs], again.kept) == (["data"], (stage,))


def test_a_metrics_file_that_cannot_be_read_again_has_no_second_value(repo: Repo, made: Made) -> None:
    flag = repo.path.parent / "flag"
    write(
        repo.path,
        {
            "train.py": f"""\
            import os
            again = os.path.exists({str(flag)!r})
            open({str(flag)!r}, "a").write("x")
            open("model.txt", "w").write("1")
            open("metrics.json", "w").write("broken" if again else '{{"score": 1}}')
            """
        },
    )
    (metric,) = measured(made(repo, "first")).metrics
    assert (metric.name, metric.first, metric.again) == ("score", 1.0, None)
