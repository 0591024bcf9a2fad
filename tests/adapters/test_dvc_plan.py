"""What we say about a pipeline against what DVC itself does with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_graph

FOLDERS = ("", "a/", "b/", "a/x/", "a/y/", "b/x/")


@st.composite
def wired(draw: st.DrawFn) -> dict[str, Any]:
    """A dvc.yaml whose stages read files, whole folders, files in folders and parameters of others."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations([f"s{n}" for n in range(count)]))
    written: list[str] = []
    stages: dict[str, Any] = {}
    for name in names:
        known = st.sampled_from([*written, *(f"{path}/in" for path in written), "a", "a/x", "raw.csv"])
        deps = draw(st.lists(known, unique=True, max_size=3))
        if not written:
            deps = ["raw.csv"]
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
