"""Stage select: the family that scores best on the validation rows becomes the model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline import files
from pipeline.columns import TARGET
from pipeline.families import FAMILIES

if TYPE_CHECKING:
    import pandas as pd


def score(model: Any, table: pd.DataFrame, metric: str) -> float:
    """One number on the validation rows, higher is better."""
    from sklearn.metrics import get_scorer

    features = list(model.feature_names_in_)
    return round(float(get_scorer(metric)(model, table[features], table[TARGET])), 6)


def best(scores: Mapping[str, float]) -> str:
    """The family with the highest score; of equals the first by name, so that runs agree."""
    return min(scores, key=lambda family: (-scores[family], family))


def main() -> None:
    """Write models/employment.joblib and reports/selection.json."""
    metric = files.params("select")["metric"]
    table = files.read_table(files.PREPARED / "valid.parquet")
    candidates = [files.CANDIDATES / f"{family}.joblib" for family in sorted(FAMILIES)]
    scores = {path.stem: score(files.read_model(path), table, metric) for path in candidates}
    winner = best(scores)
    shutil.copyfile(files.CANDIDATES / f"{winner}.joblib", files.MODEL)
    facts = {"family": winner, "metric": metric, "rows": len(table), "scores": scores}
    files.write_json(facts, files.REPORTS / "selection.json")
    print(f"{winner} has the best {metric}: {scores[winner]:.4f}")


if __name__ == "__main__":
    main()
