"""A check that broke off is an incomplete verdict, whatever the gate's options say."""

from __future__ import annotations

import pytest

from mlops_ci import gates
from mlops_ci.evidence import Status, TableCheck
from tests.gates.samples import evidence, model

SIX = ("data", "drift", "fairness", "model", "latency", "reproducibility")


@pytest.mark.parametrize("name", SIX)
def test_a_required_skip_names_the_reason(name: str) -> None:
    gate = gates.GATES[name]
    found = evidence(model(unmeasured={name: "ValueError at mlops_ci/x.py:3"}))
    (finding,) = gate.check(found, gate.Options())
    assert (finding.gate, finding.status, finding.required, finding.model) == (
        name,
        Status.SKIP,
        True,
        "churn",
    )
    assert finding.sentence == f"The check {name} could not be measured: ValueError at mlops_ci/x.py:3."


def test_other_models_and_other_gates_are_judged_as_ever() -> None:
    good = TableCheck(table="train", path="t", schema_path="s", problem="is missing")
    lost = model(name="a", unmeasured={"data": "it broke."})
    gate = gates.GATES["data"]
    told = gate.check(evidence(lost, model(name="b", tables=(good,))), gate.Options())
    assert [(one.model, one.status, one.required) for one in told] == [
        ("a", Status.SKIP, True),
        ("b", Status.FAIL, False),
    ]
    assert told[0].sentence == "The check data could not be measured: it broke."
    drift = gates.GATES["drift"]
    (other,) = drift.check(evidence(lost), drift.Options())
    assert other.required is False
