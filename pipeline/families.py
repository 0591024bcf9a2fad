"""The model families that compete: a function of typed settings each, giving an unfitted estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.columns import CODES, NUMBERS, RANGES


def logistic(features: Sequence[str], seed: int, *, C: float, knots: int) -> Any:  # noqa: N803
    """Logistic regression on one-hot codes and a smooth curve over each number."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, SplineTransformer

    codes = [name for name in features if name in CODES]
    numbers = [name for name in features if name in NUMBERS]
    # The codes come from the dictionary, not from the data: a rare one keeps its place.
    known = [list(range(RANGES[name][0], RANGES[name][1] + 1)) for name in codes]
    columns = make_column_transformer(
        (OneHotEncoder(categories=known, sparse_output=False, dtype=float), codes),
        (SplineTransformer(n_knots=knots, knots="quantile"), numbers),
    )
    return make_pipeline(columns, LogisticRegression(C=C, solver="newton-cholesky", random_state=seed))


def boosting(features: Sequence[str], seed: int, **settings: Any) -> Any:
    """Gradient-boosted trees that know which columns are codes and need no encoding."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        categorical_features=[name for name in features if name in CODES],
        early_stopping=False,
        random_state=seed,
        **settings,
    )


FAMILIES: Mapping[str, Callable[..., Any]] = {"boosting": boosting, "logistic": logistic}
