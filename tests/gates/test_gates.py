"""Laws that every gate keeps, the plug-ins, and the fold over models."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from mlops_ci import gates
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Evidence, Finding, Lock, Status
from tests.gates.samples import evidence, metric, model


class Options(BaseModel):
    """A plug-in's options."""

    model_config = ConfigDict(extra="forbid")

    least: int = 1


class Loose(BaseModel):
    """Options that would swallow a typing mistake."""


def check(found: Evidence, options: Options) -> list[Finding]:
    names = ", ".join(one.name for one in found.models)
    return [Finding(gate="sizes", subject="size", status=Status.PASS, sentence=f"{names} {options.least}")]


GOOD = SimpleNamespace(PER_MODEL=True, Options=Options, check=check)
NO_FLAG = SimpleNamespace(PER_MODEL="yes", Options=Options, check=check)
NO_OPTIONS = SimpleNamespace(PER_MODEL=True, Options=dict, check=check)
LOOSE = SimpleNamespace(PER_MODEL=True, Options=Loose, check=check)
NO_CHECK = SimpleNamespace(PER_MODEL=True, Options=Options, check=None)


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=gates.GROUP)


@pytest.mark.parametrize("name", gates.GATES)
def test_no_evidence_is_a_skip_that_says_why(name: str) -> None:
    gate = gates.GATES[name]
    empty = evidence(lock=Lock(mode="report", digest=""))
    (finding,) = gate.check(empty, gate.Options())
    assert (finding.gate, finding.status, bool(finding.sentence)) == (name, Status.SKIP, True)


@pytest.mark.parametrize("name", gates.GATES)
def test_options_have_defaults_refuse_unknown_keys_and_describe_every_key(name: str) -> None:
    options = gates.GATES[name].Options
    options()
    assert options.model_config.get("extra") == "forbid"
    assert [key for key, one in options.model_fields.items() if not one.description] == []


@pytest.mark.parametrize("name", gates.GATES)
def test_the_first_line_of_a_gate_is_short(name: str) -> None:
    first = (gates.GATES[name].__doc__ or "").splitlines()[0]
    assert 0 < len(first) <= 90
    assert first.startswith("Gate: ")


def test_installed_plugins_are_looked_up_by_default() -> None:
    assert set(gates.GATES) <= set(gates.all_gates())


def test_a_plugin_joins_ours() -> None:
    found = gates.all_gates([plugin("sizes", "tests.gates.test_gates:GOOD")])
    assert [*found] == [*gates.GATES, "sizes"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lock", "tests.gates.test_gates:GOOD", "the name is taken by a gate of mlops-ci"),
        ("sizes", "tests.gates.no_such_module", "cannot be loaded: ModuleNotFoundError"),
        ("sizes", "tests.gates.test_gates:NO_FLAG", "is no gate: PER_MODEL must be True or False"),
        ("sizes", "tests.gates.test_gates:NO_OPTIONS", "is no gate: Options must be a pydantic model"),
        ("sizes", "tests.gates.test_gates:LOOSE", "is no gate: Options must refuse unknown keys"),
        ("sizes", "tests.gates.test_gates:NO_CHECK", "is no gate: check must be a function"),
    ],
)
def test_a_plugin_that_does_not_fit_is_named(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gates.all_gates([plugin(name, value)])
    assert caught.value.message.startswith(f"gate {name} ({value}): {expected}")
    assert caught.value.hint


def test_judge_shows_a_gate_one_model_at_a_time() -> None:
    asked: list[tuple[str, str | None]] = []

    def options_for(gate: str, name: str | None) -> BaseModel:
        asked.append((gate, name))
        return Options(least=len(asked))

    found = gates.judge(evidence(model(name="a"), model(name="b")), options_for, {"sizes": GOOD})
    assert [(one.model, one.sentence) for one in found] == [("a", "a 1"), ("b", "b 2")]
    assert asked == [("sizes", "a"), ("sizes", "b")]


def test_a_finding_bears_the_name_of_its_gate() -> None:
    found = gates.judge(evidence(model(name="a")), lambda gate, name: Options(), {"volumes": GOOD})
    assert [one.gate for one in found] == ["volumes"]


def test_judge_asks_a_model_gate_even_where_there_is_no_model() -> None:
    found = gates.judge(evidence(), lambda gate, name: Options(), {"sizes": GOOD})
    assert [(one.model, one.sentence) for one in found] == [("", " 1")]


# What a repository that configures nothing is not judged by.
NOT_ASKED_FOR = ("data", "drift", "fairness", "model", "latency", "reproducibility")


def test_judge_with_every_gate_and_its_defaults() -> None:
    def options_for(gate: str, name: str | None) -> Any:
        return gates.GATES[gate].Options()

    found = gates.judge(evidence(model(metric("accuracy", 0.9, 0.9))), options_for, gates.GATES)
    assert {(one.gate, one.model, one.status) for one in found} == {
        ("stages", "", Status.SKIP),
        ("lock", "", Status.PASS),
        ("metrics", "churn", Status.PASS),
        *((gate, "churn", Status.SKIP) for gate in NOT_ASKED_FOR),
    }


def test_judge_uses_all_gates_unless_told() -> None:
    found = gates.judge(evidence(), lambda gate, name: gates.all_gates()[gate].Options())
    assert {one.gate for one in found} >= {"stages", "lock", "metrics"}
