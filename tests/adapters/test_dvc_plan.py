"""What we say about a pipeline against what DVC itself then does with it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_graph
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Graph, Plan
from tests import pipelines
from tests.pipelines import Change, Pipeline

RunGit = Callable[..., str]

FOLDERS = ("", "a/", "b/", "a/x/", "a/y/", "b/x/")
EXAMPLES = int(os.environ.get("MLOPS_CI_PLAN_EXAMPLES", "20"))


# ---- the order -----------------------------------------------------------------------------------


@st.composite
def wired(draw: st.DrawFn) -> dict[str, Any]:
    """A dvc.yaml whose stages read files, whole folders, files in folders and parameters of others."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations([f"s{n}" for n in range(count)]))
    written: list[str] = []
    stages: dict[str, Any] = {}
    for name in names:
        known = st.sampled_from([*written, *(f"{path}/in" for path in written), "a", "a", "a/x", "raw.csv"])
        deps = draw(st.lists(known, unique=True, max_size=3)) if written else ["raw.csv"]
        own = draw(st.lists(st.sampled_from(FOLDERS), max_size=2, unique=True))
        outs = [f"{folder}{name}.d" for folder in own]
        # A folder that others read must not hold what its own reader writes.
        outs = [out for out in outs if not any(out.startswith(f"{dep}/") for dep in deps)]
        params = draw(st.lists(st.sampled_from(written or ["p.json"]), max_size=1))
        stages[name] = {"cmd": "true", "deps": deps, "outs": outs, "params": [{p: ["k"]} for p in params]}
        written += outs
    order = draw(st.permutations(list(stages)))
    return {"stages": {name: {**stages[name], "frozen": draw(st.booleans())} for name in order}}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=wired())
def test_the_serial_order_is_that_of_dvc(dvc_repo: Path, file: dict[str, Any]) -> None:
    from dvc.exceptions import CyclicGraphError
    from dvc.repo import Repo
    from dvc.repo.reproduce import get_active_graph, plan_repro

    (dvc_repo / "dvc.yaml").write_text(json.dumps(file))
    with Repo(str(dvc_repo)) as repo:
        try:
            steps = plan_repro(get_active_graph(repo.index.graph))
        except CyclicGraphError:
            return
        graph = dvc_graph.load(repo, str(dvc_repo)).graph
    assert [stage.name for stage in steps] == list(pipeline.serial_order(graph))


# ---- the plan ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """What one `dvc repro` did: the stages whose command ran, those it made again in any way, its failure."""

    ran: frozenset[str]
    made: frozenset[str]
    problem: str


@pytest.fixture(scope="session")
def tracked_template(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path, commit: RunGit) -> Path:
    """A repository with a tracked file, a tracked folder, an import of a local path and a remote beside it."""
    from dvc.repo import Repo

    top = tmp_path_factory.mktemp("tracked")
    root = shutil.copytree(dvc_template, top / "repository", symlinks=True)
    (top / "outside.csv").write_text("outside 1\nsecond\n")
    (root / "bulk/deep").mkdir(parents=True)
    for name in ("data.csv", "bulk/one.csv", "bulk/deep/two.csv"):
        (root / name).write_text(f"{name} 1\nsecond\n")
    with (root / ".dvc/config").open("a") as file:
        file.write("[core]\n    remote = here\n['remote \"here\"']\n    url = ../../remote\n")
    with Repo(str(root)) as repo:
        repo.add([str(root / "data.csv"), str(root / "bulk")])
        repo.imp_url(str(top / "outside.csv"), str(root / "imported.csv"))
        repo.push()
    commit(root, "data")
    return top


def apply(root: Path, found: Pipeline) -> None:
    """Write the files of a pipeline."""
    for path, text in found.files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def touch(root: Path, change: Change) -> None:
    """Delete and edit what the change says, where it is there."""
    for path, ending in change.touched.items():
        place = root / path
        if not place.is_file():
            continue
        text = place.read_text()
        place.unlink()
        if ending is not None:
            # A new file: the old one may be linked to the cache, which nobody edits.
            place.write_text(ending + text)


def reproduce(root: Path, graph: Graph) -> Done:
    """What `dvc repro --all-pipelines --keep-going` does."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    log = root / ".dvc/tmp/stages.log"
    log.unlink(missing_ok=True)
    names = {stage.cmd.split()[2]: stage.name for stage in graph.stages}
    problem, made = "", frozenset[str]()
    with pytest.MonkeyPatch.context() as patch, Repo(str(root)) as repo:
        patch.setenv(pipelines.LOG, str(log))
        patch.chdir(root)
        try:
            done = repo.reproduce(all_pipelines=True, on_error="keep-going")
            made = frozenset(dvc_graph.stage_name(repo, item) for item in done if item.cmd)
        except DvcException as error:
            problem = repr(error)
    ran = log.read_text().split() if log.exists() else []
    return Done(frozenset(names[name] for name in ran), made, problem)


def planned(root: Path) -> tuple[Graph, Plan]:
    """Our plan of a repository; an order that nobody can have is no example."""
    dvc = Dvc.open(root)
    try:
        return dvc.graph(), dvc.plan()
    except ConfigError as error:
        assume("circle" not in error.message)
        raise
    finally:
        dvc.close()


def excused(root: Path, graph: Graph) -> frozenset[str]:
    """The stages of which an output that the cache has was deleted, and what follows them.

    DVC makes them again, out of the cache or, with ``persist: true``, by their command; the plan says that
    their data can be had.
    """
    gone = [
        s.name for s in graph.stages if any(out.cache and not (root / out.path).exists() for out in s.outs)
    ]
    return frozenset([*gone, *pipeline.downstream(graph, gone)])


def agree(graph: Graph, plan: Plan, done: Done, spared: frozenset[str] = frozenset()) -> None:
    """Hold the plan against what was done."""
    said = {step.stage: step for step in plan.steps}
    for step in plan.steps:
        note(f"{step.action:12} {step.stage}: {'; '.join(step.reasons)}")
    import hypothesis

    hypothesis.event("problem" if done.problem else "fine")
    if done.problem:
        hypothesis.event(done.problem[:160])
    hypothesis.event("some run" if plan.having("run") else "none run")
    note(f"ran {sorted(done.ran)} made {sorted(done.made)} {done.problem}")
    for name in done.ran - spared:
        assert said[name].action in ("run", "maybe"), f"{name} ran"
    for name in done.made - spared:
        assert said[name].action in ("run", "maybe"), f"{name} was made again"
    for step in plan.steps:
        if step.action == "maybe":
            assert any(said[source].action in ("run", "maybe") for source in graph.feeds[step.stage])
        # Without its data a folder that holds several outputs cannot be known: then it runs to be safe.
        sure = not all(reason.endswith("cannot be known without the data") for reason in step.reasons)
        if step.action == "run" and sure and not done.problem:
            assert step.stage in done.made, f"{step.stage} was not run"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_dvc_does_what_the_plan_says(
    tracked_template: Path, git: RunGit, commit: RunGit, data: st.DataObject
) -> None:
    first = data.draw(pipelines.pipelines())
    change = data.draw(pipelines.changes(first))
    remote = data.draw(st.booleans())
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "all"
        shutil.copytree(tracked_template, top, symlinks=True)
        root = top / "repository"
        apply(root, first)
        graph, plan = planned(root)
        agree(graph, plan, reproduce(root, graph))
        if remote:
            root = cloned(root, top / "clone", git, commit)
        apply(root, change.after)
        if not remote:
            touch(root, change)
        graph, plan = planned(root)
        if remote:
            pull(root)
        spared = excused(root, graph)
        agree(graph, plan, reproduce(root, graph), spared)


def cloned(root: Path, target: Path, git: RunGit, commit: RunGit) -> Path:
    """A clone without any data, after everything was pushed."""
    from dvc.repo import Repo

    commit(root)
    with Repo(str(root)) as repo:
        repo.push()
    git(root, "clone", "--quiet", str(root), str(target))
    return target


def pull(root: Path) -> None:
    """Fetch what there is; what a changed pipeline lacks is no trouble."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        repo.pull(allow_missing=True)
