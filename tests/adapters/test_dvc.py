"""Graphs, plans and files of a real repository: everything DVC knows, without the traps of its commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci import pipeline
from mlops_ci.adapters.dvc import Dvc, MissingFileError, PointerError, TooLargeError
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.pipeline import Artifact, Dep, Out, PlotSpec, Step

RunGit = Callable[..., str]
Open = Callable[[Path], Dvc]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def message(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        call()
    return caught.value.message


# ---- the graph -----------------------------------------------------------------------------------


def test_generated_stages_are_resolved(rich: Path, opened: Open) -> None:
    graph = opened(rich).graph()
    assert [
        "prepare",
        *(f"train@{name}-{seed}" for name in ("lin", "tree") for seed in (1, 2)),
        "evaluate",
        "sub/dvc.yaml:count@small",
        "sub/dvc.yaml:count@large",
    ] == [stage.name for stage in graph.stages]
    train = graph.by_name["train@tree-2"]
    assert train.cmd == "python train.py tree-2"
    assert train.matrix == {"name": "tree", "seed": 2}
    assert train.params == {"params.yaml": {"train.lr": 0.1, "train.layers": [8, 4]}}
    assert train.recorded_params == train.params
    assert graph.by_name["sub/dvc.yaml:count@large"].matrix == {"size": 2}
    assert graph.by_name["sub/dvc.yaml:count@large"].params == {"sub/extra.json": {"depth": 2, "on": True}}
    groups = [[stage.name for stage in group] for group in pipeline.seed_groups(graph)]
    assert groups == [["train@lin-1", "train@lin-2"], ["train@tree-1", "train@tree-2"]]


def test_outputs_metrics_plots_and_artifacts(rich: Path, opened: Open) -> None:
    graph = opened(rich).graph()
    recorded = graph.recorded["summary.json"]
    summary = Out("summary.json", recorded, cache=False, metric=True, size=13)
    assert summary == graph.by_name["evaluate"].outs[1]
    assert graph.recorded["report/eval"] == "0b893887b0b92edc8fc5cd05ebc9cad5.dir"
    assert not graph.by_name["sub/dvc.yaml:count@small"].outs[0].push
    assert graph.metrics == ("report/eval/metrics.json", "summary.json")
    assert graph.artifacts == (Artifact("digits", "model-lin-1.txt", "dvc.yaml", "model"),)
    roc = "report/eval/roc.csv"
    assert graph.plots == (
        PlotSpec(roc, roc, "dvc.yaml", "fpr", ("tpr",), "", "ROC"),
        PlotSpec("both", roc, "dvc.yaml", "fpr", ("tpr", "fpr"), "simple"),
        PlotSpec("both", "report/eval/metrics.json", "dvc.yaml", "", ("lin",), "simple"),
        PlotSpec("report/eval/other.csv", "report/eval/other.csv", "dvc.yaml"),
    )
    assert graph.sources == {"data/raw.csv": "c0710d6b4f15dfa88f600b0e6b624077"}


def test_a_commit_has_its_own_graph_and_the_workspace_keeps_its(
    rich: Path, opened: Open, git: RunGit, commit: RunGit
) -> None:
    base = git(rich, "rev-parse", "HEAD")
    edit(rich / "params.yaml", "lr: 0.1", "lr: 0.4")
    commit(rich)
    dvc = opened(rich)
    assert dvc.graph().by_name["train@lin-1"].params["params.yaml"]["train.lr"] == 0.4
    assert dvc.graph(base).by_name["train@lin-1"].params["params.yaml"]["train.lr"] == 0.1
    before = {out.path: out.recorded for stage in dvc.graph(base).stages for out in stage.outs}
    assert before == dvc.graph().recorded
    # Two names of one commit: DVC's diff commands say {} here (issue 10429).
    assert dvc.graph("HEAD") == dvc.graph("main")


def test_the_order_is_the_same_in_every_run(rich: Path, opened: Open) -> None:
    first, second = opened(rich), opened(rich)
    assert first.graph() == second.graph()
    assert list(first.present()) == list(second.present())


def test_a_detached_head_is_no_problem(rich: Path, opened: Open, git: RunGit) -> None:
    git(rich, "checkout", "--quiet", "--detach", "HEAD")
    assert opened(rich).plan().is_current


def test_legacy_locks_hash_text_as_dvc_2_did(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "in.txt").write_bytes(b"a\r\nb\r\n")
    (dvc_repo / "out.txt").write_bytes(b"c\r\n")
    (dvc_repo / "dvc.yaml").write_text(
        "stages: {s: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt: {cache: false}]}}\n"
    )
    (dvc_repo / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  s:\n    cmd: cp in.txt out.txt\n"
        "    deps:\n    - path: in.txt\n      md5: dd8c6a395b5dd36c56d23275028f526c\n"
        "    outs:\n    - path: out.txt\n      md5: 2cd6ee2c70b0bde53fbe6cac3c8b8bb1\n"
    )
    assert opened(dvc_repo).plan().steps == (Step("s", "cached"),)


def test_python_params_may_be_tuples(dvc_repo: Path, opened: Open) -> None:
    (dvc_repo / "conf.py").write_text("LAYERS = (8, 4)\n")
    (dvc_repo / "dvc.yaml").write_text("stages: {s: {cmd: 'true', params: [conf.py: [LAYERS]]}}\n")
    stage = opened(dvc_repo).graph().by_name["s"]
    assert stage.params == {"conf.py": {"LAYERS": [8, 4]}}
    assert stage.never_ran


def test_a_project_in_a_subfolder_has_paths_from_the_top(
    git_repo: Path, opened: Open, git: RunGit, commit: RunGit
) -> None:
    from dvc.repo import Repo

    project = git_repo / "proj"
    project.mkdir()
    Repo.init(str(project), subdir=True).close()
    (git_repo / "shared.txt").write_text("s")
    (project / "dvc.yaml").write_text(
        "stages: {s: {cmd: cat ../shared.txt > o.txt, deps: [../shared.txt], "
        "metrics: [o.txt: {cache: false}]}}\nartifacts: {m: {path: o.txt}}\n"
    )
    before = commit(git_repo)
    dvc = opened(git_repo)
    assert dvc.root == project
    assert [run.status for run in dvc.run()] == ["ran"]
    stage = dvc.graph().by_name["s"]
    assert (stage.dvcfile, stage.deps[0].path, stage.outs[0].path) == (
        "proj/dvc.yaml",
        "shared.txt",
        "proj/o.txt",
    )
    assert dvc.graph().metrics == ("proj/o.txt",)
    assert dvc.graph().artifacts == (Artifact("m", "proj/o.txt", "proj/dvc.yaml"),)
    assert list(dvc.lock_files()) == ["proj/dvc.lock"]
    old = dvc.graph(before).by_name["s"]
    assert (old.deps, old.never_ran) == ((Dep("shared.txt"),), True)


# ---- what is wrong with a repository -------------------------------------------------------------


def test_not_a_repository(tmp_path: Path, git_repo: Path, opened: Open) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert message(lambda: opened(plain)).endswith("not inside a git work tree")
    assert message(lambda: opened(git_repo)).endswith("not a DVC repository, there is no .dvc folder")


def test_several_dvc_repositories_below(git_repo: Path, opened: Open, commit: RunGit) -> None:
    from dvc.repo import Repo

    for name in ("a", "b"):
        (git_repo / name).mkdir()
        Repo.init(str(git_repo / name), subdir=True).close()
    commit(git_repo)
    assert message(lambda: opened(git_repo)).endswith("holds several DVC repositories: a, b")


def test_no_pipeline(dvc_repo: Path, opened: Open) -> None:
    dvc = opened(dvc_repo)
    assert message(dvc.graph).startswith("no dvc.yaml found in ")
    (dvc_repo / "dvc.yaml").write_text("")
    assert opened(dvc_repo).graph().stages == ()


def test_a_base_before_dvc_is_empty_and_an_unknown_one_is_told(
    git_repo: Path, opened: Open, commit: RunGit, git: RunGit
) -> None:
    from dvc.repo import Repo

    base = commit(git_repo, "before dvc")
    Repo.init(str(git_repo)).close()
    (git_repo / "dvc.yaml").write_text("stages: {s: {cmd: 'true'}}\n")
    dvc = opened(git_repo)
    assert dvc.graph(base).stages == ()
    assert dvc.lock_files(base) == {}
    assert message(lambda: dvc.graph("f" * 40)) == f"{'f' * 40} is not a commit of this repository"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("dvc.yaml", "stages:\n  a: [\n", "dvc.yaml:3: not YAML: "),
        ("dvc.yaml", "stages:\n  a:\n    comand: x\n", "dvc.yaml:"),
        (
            "dvc.yaml",
            "stages: {a: {cmd: 'echo ${no.such}'}}\n",
            "failed to parse 'stages.a.cmd' in 'dvc.yaml': ",
        ),
        ("dvc.yaml", "<<<<<<< HEAD\nstages: {}\n", "dvc.yaml:"),
        ("dvc.lock", "schema: '2.0'\nstages: [\n", "dvc.lock:3: not YAML: "),
        ("params.yaml", "train: [\n", "params.yaml:2: cannot be read: "),
        ("data/raw.csv.dvc", "outs: 3\n", "data/raw.csv.dvc: expected a list, in outs"),
    ],
)
def test_broken_files_are_named_with_their_line(
    rich: Path, opened: Open, commit: RunGit, file: str, text: str, expected: str
) -> None:
    (rich / file).write_text(text)
    dvc = opened(rich)
    assert message(dvc.graph).startswith(expected)
    broken = commit(rich)
    at_commit = message(lambda: dvc.graph(broken))
    assert at_commit.startswith(expected)
    assert at_commit.endswith(f" at {broken[:10]}")


# ---- the plan ------------------------------------------------------------------------------------


def test_a_clone_without_data_is_current(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    assert dvc.plan().is_current
    assert not (clone / "model-lin-1.txt").exists()


def test_a_changed_param_is_planned_without_data(clone: Path, opened: Open) -> None:
    edit(clone / "params.yaml", "lr: 0.1", "lr: 0.4")
    plan = opened(clone).plan()
    assert [step.stage for step in plan.having("run")] == [
        f"train@{name}-{seed}" for name in ("lin", "tree") for seed in (1, 2)
    ]
    assert plan.by_stage["train@lin-1"].reasons == ("params.yaml: train.lr 0.1 -> 0.4",)
    assert plan.by_stage["evaluate"].action == "maybe"
    assert plan.by_stage["prepare"].action == "cached"


def test_templated_values_are_part_of_the_command(clone: Path, opened: Open) -> None:
    edit(clone / "sub" / "dvc.yaml", "size: 1", "size: 7")
    assert opened(clone).plan().by_stage["sub/dvc.yaml:count@small"].reasons == ("the command changed",)


def test_a_file_in_a_changed_directory_is_seen_without_data(
    rich: Path, clone: Path, opened: Open, git: RunGit, commit: RunGit
) -> None:
    """The lock says the directory changed, the reader's own entry is old: DVC says up to date (11099)."""
    before = (rich / "dvc.lock").read_text()
    edit(rich / "prepare.py", "rows[:2]", "rows[:1]")
    dvc = opened(rich)
    dvc.run(["prepare"], push=True)
    entry = json.dumps(dvc.graph().recorded["data/parts"])
    commit(rich)
    git(clone, "pull", "--quiet")
    assert before != (clone / "dvc.lock").read_text()
    step = opened(clone).plan().by_stage["train@lin-1"]
    assert (step.action, step.reasons) == ("run", ("data/parts/train.csv changed",)), entry


def test_a_file_in_a_directory_nobody_has_must_run(clone: Path, opened: Open) -> None:
    shutil.rmtree(clone.parent / "store")
    reasons = opened(clone).plan().by_stage["train@lin-1"].reasons
    assert reasons == ("data/parts/train.csv cannot be known without the data",)


def test_a_metric_edited_by_hand_runs_its_stage(clone: Path, opened: Open) -> None:
    (clone / "summary.json").write_text('{"models": 99}')
    assert opened(clone).plan().by_stage["evaluate"].reasons == ("summary.json is not what dvc.lock says",)


def test_comments_only_need_a_new_hash_but_no_run(clone: Path, opened: Open) -> None:
    code = clone / "train.py"
    code.write_text("# why\n" + code.read_text().replace("sys.argv[1]", "sys.argv[ 1 ]"))
    dvc = opened(clone)
    plan = dvc.plan()
    assert {step.stage for step in plan.having("comment-only")} == {
        f"train@{name}-{seed}" for name in ("lin", "tree") for seed in (1, 2)
    }
    assert plan.by_stage["train@lin-1"].stamps == ("train.py",)
    before = {out.path: out.recorded for stage in dvc.graph().stages for out in stage.outs}
    assert {run.status for run in dvc.run()} == {"cached"}
    assert dvc.restamp(plan.having("comment-only")) == ("dvc.lock",)
    assert {step.action for step in dvc.plan().steps} == {"cached"}
    assert dvc.graph().recorded == before


def test_comments_count_for_a_stage_that_reads_the_source(
    dvc_repo: Path, opened: Open, commit: RunGit
) -> None:
    (dvc_repo / "train.py").write_text("print(1)\n")
    (dvc_repo / "dvc.yaml").write_text(
        "stages:\n  lint: {cmd: wc -l train.py > lint.txt, deps: [train.py], outs: [lint.txt]}\n"
        "  sub: {cmd: python train.py, wdir: inner, deps: [train.py, ../train.py]}\n"
    )
    (dvc_repo / "inner").mkdir()
    (dvc_repo / "inner" / "train.py").write_text("print(1)\n")
    dvc = opened(dvc_repo)
    dvc.run()
    commit(dvc_repo)
    (dvc_repo / "train.py").write_text("# why\nprint(1)\n")
    (dvc_repo / "inner" / "train.py").write_text("# why\nprint(1)\n")
    dvc.refresh()
    assert dvc.plan().by_stage["lint"] == Step("lint", "run", ("train.py changed",))
    step = dvc.plan().by_stage["sub"]
    assert (step.reasons, step.stamps) == (("train.py changed",), ("inner/train.py",))


def test_docstrings_and_unknown_versions_are_no_comments(rich: Path, opened: Open) -> None:
    dvc = opened(rich)
    recorded = next(dep.recorded for dep in dvc.graph().by_name["train@lin-1"].deps if dep.path == "train.py")
    assert recorded is not None
    assert dvc.same_code("train.py", recorded)
    assert not dvc.same_code("train.py", "0" * 32)
    assert not dvc.same_code("data", "0.dir")
    code = rich / "train.py"
    code.write_text(code.read_text() + '\n\ndef f():\n    "A docstring."\n')
    assert not opened(rich).same_code("train.py", recorded)
    code.write_text("def broken(:\n")
    assert not opened(rich).same_code("train.py", recorded)


def test_frozen_stages_are_left_alone(clone: Path, opened: Open) -> None:
    edit(clone / "dvc.yaml", "    cmd: python prepare.py\n", "    cmd: python prepare.py\n    frozen: true\n")
    edit(clone / "prepare.py", "import os", "import  os")
    dvc = opened(clone)
    assert dvc.plan().by_stage["prepare"] == Step("prepare", "cached", ("frozen",))
    assert {run.status for run in dvc.run()} == {"cached"}


# ---- reading -------------------------------------------------------------------------------------


def test_reading_from_git_cache_and_remote_leaves_the_workspace_alone(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    assert dvc.read("summary.json", "HEAD") == b'{"models": 4}'
    assert dvc.read("summary.json") == b'{"models": 4}'
    assert json.loads(dvc.read("report/eval/metrics.json", "HEAD"))["model-lin-1"] == 11
    assert dvc.read("model-lin-1.txt") == b"lin-1:3:0.1"
    assert dvc.read("data/raw.csv", "HEAD") == b"1\n2\n3\n"
    assert not (clone / "report" / "eval").exists()
    assert not (clone / "model-lin-1.txt").exists()
    assert dvc.files("report/eval", "HEAD") == ("report/eval/metrics.json", "report/eval/roc.csv")
    assert dvc.files("model-lin-1.txt") == ()


def test_reading_the_base_reads_the_base(rich: Path, opened: Open, git: RunGit, commit: RunGit) -> None:
    base = git(rich, "rev-parse", "HEAD")
    edit(rich / "params.yaml", "lr: 0.1", "lr: 0.4")
    dvc = opened(rich)
    dvc.run()
    commit(rich)
    assert dvc.read("model-lin-1.txt", base) == b"lin-1:3:0.1"
    assert dvc.read("model-lin-1.txt") == b"lin-1:3:0.4"


def test_what_cannot_be_read_says_why(clone: Path, opened: Open) -> None:
    dvc = opened(clone)
    for path in ("none.json", "report/eval/none.json", "report/eval", "sub"):
        with pytest.raises(MissingFileError):
            dvc.read(path)
        with pytest.raises(MissingFileError):
            dvc.read(path, "HEAD")
    for path in ("model-lin-1.txt", "summary.json"):
        for rev in (None, "HEAD"):
            with pytest.raises(TooLargeError, match=f"{path}: 1. bytes are more than the 5"):
                dvc.read(path, rev, limit=5)
    (clone / "link.json").symlink_to("/etc/hostname")
    assert (
        message(lambda: dvc.read("link.json")) == "link.json: is a link to a place outside of the repository"
    )
    assert message(lambda: dvc.read("../store/x")) == "../store/x: is outside of the repository"
    assert message(lambda: dvc.read("/etc/hostname")) == "/etc/hostname: is outside of the repository"


def test_an_lfs_pointer_is_no_content(clone: Path, opened: Open, commit: RunGit) -> None:
    (clone / "lfs.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n")
    commit(clone)
    dvc = opened(clone)
    for rev in (None, "HEAD"):
        with pytest.raises(PointerError, match="is a Git LFS pointer"):
            dvc.read("lfs.json", rev)


def test_an_object_nobody_has_is_a_tool_error(clone: Path, opened: Open) -> None:
    shutil.rmtree(clone.parent / "store" / "files")
    with pytest.raises(ToolError) as caught:
        opened(clone).read("model-lin-1.txt")
    assert caught.value.message.startswith("model-lin-1.txt: neither the DVC cache nor the remote has it")


def test_a_damaged_object_is_noticed(clone: Path, opened: Open) -> None:
    value = opened(clone).graph().recorded["model-lin-1.txt"]
    assert value is not None
    place = clone.parent / "store" / "files" / "md5" / value[:2] / value[2:]
    place.chmod(0o644)
    place.write_text("other")
    with pytest.raises(ToolError, match="is damaged"):
        opened(clone).read("model-lin-1.txt")


def test_non_finite_numbers_come_as_they_are(rich: Path, opened: Open) -> None:
    (rich / "summary.json").write_text('{"models": NaN}')
    assert opened(rich).read("summary.json") == b'{"models": NaN}'
