"""Stage evaluate: metrics, slices, plots and every single prediction on the fixed test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import curves, files
from pipeline.columns import AGE_BANDS, DISABILITY, RACE, SEX, TARGET

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

SLICES = ("sex", "race", "age_band", "dis")
DECIMALS = 6


def predict(model: Any, table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """One row a person: id, truth, score, decision, and the groups the person belongs to."""
    import numpy as np
    import pandas as pd
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        score = model.predict_proba(table[list(model.feature_names_in_)])[:, 1]
    return pd.DataFrame(
        {
            "id": table["id"],
            "y_true": table[TARGET].astype(np.int8),
            "y_pred": (score >= threshold).astype(np.int8),
            "y_score": score,
            "sex": table["group_SEX"].map(SEX),
            "race": table["group_RAC1P"].map(RACE),
            "age_band": age_band(table["group_AGEP"].to_numpy()),
            "dis": table["group_DIS"].map(DISABILITY),
        }
    )


def age_band(ages: npt.NDArray[np.int64]) -> list[str]:
    """The band of every age, in words."""
    import numpy as np

    starts, words = np.array(list(AGE_BANDS)), list(AGE_BANDS.values())
    return [words[place] for place in np.searchsorted(starts, ages, side="right") - 1]


def measure(predictions: pd.DataFrame) -> dict[str, float]:
    """The model's quality; every number is rounded, so that a last bit is no difference."""
    from sklearn import metrics

    truth, decision, score = (predictions[name].to_numpy() for name in ("y_true", "y_pred", "y_score"))
    numbers = {
        "accuracy": metrics.accuracy_score(truth, decision),
        "average_precision": metrics.average_precision_score(truth, score),
        "brier_score": metrics.brier_score_loss(truth, score),
        "f1": metrics.f1_score(truth, decision, zero_division=0),
        "log_loss": metrics.log_loss(truth, score, labels=[0, 1]),
        "roc_auc": metrics.roc_auc_score(truth, score),
    }
    return {name: round(float(number), DECIMALS) for name, number in numbers.items()}


def slices(predictions: pd.DataFrame) -> pd.DataFrame:
    """Rows, accuracy and selection rate of every group, so that nobody hides in the mean."""
    import pandas as pd

    rows = [
        {
            "column": column,
            "level": level,
            "rows": len(group),
            "accuracy": (group["y_true"] == group["y_pred"]).mean(),
            "predicted_employed": group["y_pred"].mean(),
            "employed": group["y_true"].mean(),
        }
        for column in SLICES
        for level, group in predictions.groupby(column, sort=True)
    ]
    return pd.DataFrame(rows)


def plots(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The points of every plot, by file name."""
    truth, decision, score = (predictions[name].to_numpy() for name in ("y_true", "y_pred", "y_score"))
    return {
        "roc": curves.roc(truth, score),
        "precision_recall": curves.precision_recall(truth, score),
        "calibration": curves.calibration(truth, score),
        "confusion": curves.confusion(truth, decision),
    }


def main() -> None:
    """Write reports/metrics.json, predictions.parquet, slices.csv and plots/."""
    threshold = files.params("evaluate")["threshold"]
    table = files.read_table(files.PREPARED / "test.parquet")
    predictions = predict(files.read_model(files.MODEL), table, threshold)
    numbers = measure(predictions)
    files.write_json(numbers, files.REPORTS / "metrics.json")
    files.write_table(predictions, files.REPORTS / "predictions.parquet")
    files.write_csv(slices(predictions), files.REPORTS / "slices.csv")
    for name, points in plots(predictions).items():
        files.write_csv(points, files.REPORTS / "plots" / f"{name}.csv")
    print(", ".join(f"{name} {number:.4f}" for name, number in numbers.items()))


if __name__ == "__main__":
    main()
