"""When the live release's own numbers are lost, on small documents; the rest is in tests/e2e/test_live.py."""

from __future__ import annotations

import pytest

from mlops_ci.evidence import ModelEvidence, Predictions
from mlops_ci.promoting import champion
from tests.gates.samples import evidence, metric, model

GONE = Predictions(path="p.csv", rows=9, reason="the base's p.csv is missing")
NONE = Predictions(path="p.csv", rows=9, reason="the base has no predictions")
OTHER = Predictions(path="p.csv", rows=9, base_rows=8, reason="the evaluation set changed: 1 row more")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (model(metric("f1", 0.8, 0.9), predictions=GONE), "p.csv: is missing"),
        (model(metric("f1", 0.8), metric("auc", 0.7)), "none of its metrics can be read"),
        (model(metric("f1", 0.8), changed=False), ""),
        (model(metric("f1", 0.8), metric("auc", 0.7, 0.8)), ""),
        (model(metric("f1", 0.8, 0.9), predictions=NONE), ""),
        (model(metric("f1", 0.8, 0.9), predictions=OTHER), ""),
        (model(), ""),
    ],
)
def test_a_live_release_without_numbers_is_no_champion(found: ModelEvidence, expected: str) -> None:
    said = f"the live release cannot be measured again: {expected}" if expected else ""
    assert champion._lost(evidence(found), "churn") == said
    assert champion._lost(evidence(found), "other") == ""
