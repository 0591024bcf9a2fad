"""docs/manifests.md: its table is what strategies were seen to do, its YAML is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_ci import config, manifests
from mlops_ci.manifests import MANIFESTS, contract
from mlops_ci.strategies import STRATEGIES
from tests.manifests.samples import SAMPLES

PAGE = (Path(__file__).parents[2] / "docs" / "manifests.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)
ROWS = {
    tuple(cells[:2]): tuple(cells[2:])
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip(" `") for cell in line.strip("|").split("|")]]
}
KNATIVE, STANDARD = (
    "an InferenceService in Knative mode",
    "an InferenceService in Standard mode, KServe 0.20 or newer",
)
FORMS = {
    ("kserve", "custom"): STANDARD,
    ("kserve", "standard"): STANDARD,
    ("kserve", "standard canary"): STANDARD,
    ("rollouts", "canary"): "an Argo Rollout with `strategy.canary`",
    ("rollouts", "blue-green"): "an Argo Rollout with `strategy.blueGreen`",
    ("rollouts", "waiting"): "an Argo Rollout with `strategy.blueGreen`",
    ("deployment", "slots"): "two Deployments, and a Service that picks one of them",
    ("helm", "canary"): "values with `model.uri`, `canary.uri` and `canary.weight`",
    ("helm", "running canary"): "values with `model.uri`, `canary.uri` and `canary.weight`",
}
DEFAULTS = {
    "kserve": KNATIVE,
    "deployment": "a Deployment",
    "kustomize": "a kustomization",
    "helm": "values with `model.uri`",
    "httproute": "an HTTPRoute and two workloads",
}


def test_the_table_says_which_strategies_work() -> None:
    """The samples' strategies are held by the laws; the table is held to the samples."""
    columns = ("direct", "blue_green", "canary", "shadow")
    assert set(columns) == set(STRATEGIES)
    seen = {}
    for one in SAMPLES:
        form = FORMS.get((one.kind, one.name), DEFAULTS.get(one.kind, ""))
        seen[one.kind, form.strip("`")] = tuple("yes" if name in one.strategies else "" for name in columns)
    assert seen == ROWS


def test_every_kind_has_a_section_with_yaml_that_is_of_it() -> None:
    sections = re.findall(r"(?ms)^## (\w+)\n\n```yaml\n(.*?)^```", PAGE)
    assert sorted(name for name, _ in sections) == sorted(MANIFESTS)
    for name, text in sections:
        assert manifests.detect(text) == name
        assert MANIFESTS[name].read(text, MANIFESTS[name].Options()).stable is not None
        assert contract.problems(text) == ()


def test_the_configuration_on_the_page_is_valid() -> None:
    found = config.load(BLOCKS[0])
    assert found.manifest_kind("production") == (
        "deployment",
        MANIFESTS["deployment"].Options.model_validate({"container": "server", "env": "MODEL_PATH"}),
    )


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_kind_says_in_one_short_line_what_it_is(name: str) -> None:
    line = str(MANIFESTS[name].__doc__).splitlines()[0]
    assert line.startswith("Manifest kind: ")
    assert len(line) <= 90
