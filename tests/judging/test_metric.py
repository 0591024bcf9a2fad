"""Rules of one metric that the gate never gets to ask."""

from __future__ import annotations

from mlops_ci.judging import metric as judging
from mlops_ci.judging.limits import Limit
from mlops_ci.judging.metric import Judged
from tests.gates.samples import metric


def test_no_two_values_no_judgement() -> None:
    assert judging.by_value(Judged(metric("accuracy", None, 0.9), Limit()), has_predictions=False) is None
    assert judging.by_value(Judged(metric("accuracy", 0.9, None), Limit()), has_predictions=False) is None
