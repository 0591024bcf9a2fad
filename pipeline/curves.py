"""The points behind the plots: ROC, precision-recall, calibration and confusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

POINTS = 200
BINS = 10


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """At most ``POINTS`` rows of a curve, evenly spaced, both ends kept."""
    import numpy as np

    if len(curve) <= POINTS:
        return curve
    return curve.iloc[np.linspace(0, len(curve) - 1, POINTS).round().astype(int)].reset_index(drop=True)


def roc(y_true: npt.NDArray[np.int64], y_score: npt.NDArray[np.float64]) -> pd.DataFrame:
    """True against false positive rate over all thresholds."""
    import pandas as pd
    from sklearn.metrics import roc_curve

    false_rate, true_rate, _ = roc_curve(y_true, y_score)
    return thinned(pd.DataFrame({"fpr": false_rate, "tpr": true_rate}))


def precision_recall(y_true: npt.NDArray[np.int64], y_score: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Precision against recall over all thresholds."""
    import pandas as pd
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(y_true, y_score)
    return thinned(pd.DataFrame({"recall": recall, "precision": precision}))


def calibration(y_true: npt.NDArray[np.int64], y_score: npt.NDArray[np.float64]) -> pd.DataFrame:
    """How often a score comes true, in bins of equally many rows."""
    import pandas as pd
    from sklearn.calibration import calibration_curve

    observed, predicted = calibration_curve(y_true, y_score, n_bins=BINS, strategy="quantile")
    return pd.DataFrame({"predicted": predicted, "observed": observed})


def confusion(y_true: npt.NDArray[np.int64], y_pred: npt.NDArray[np.int64]) -> pd.DataFrame:
    """One row an example, in words, as a confusion matrix plot counts them itself."""
    import numpy as np
    import pandas as pd

    words = np.array(["not employed", "employed"])
    return pd.DataFrame({"actual": words[y_true], "predicted": words[y_pred]})
