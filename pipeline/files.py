"""What the stages hand to each other: tables, small JSON files, models; equal content, equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

PARAMS = Path("params.yaml")
SOURCE = Path("data/2015.parquet")
DELIVERIES = Path("data/deliveries")
PREPARED = Path("prepared")
CANDIDATES = Path("models/candidates")
MODEL = Path("models/employment.joblib")
REPORTS = Path("reports")


def params(stage: str) -> dict[str, Any]:
    """One stage's section of params.yaml."""
    import yaml

    section: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))[stage]
    return section


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet table."""
    import pandas as pd

    return pd.read_parquet(path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a Parquet table; it holds no time and no index, so equal tables give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False, compression="zstd")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table of plot points with six decimals, as a plot needs no more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(facts: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file a person can read in a diff; a NaN in it is an error, not a value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_model(path: Path) -> Any:
    """Load a model; only for files this pipeline wrote, because a pickle can run code."""
    import joblib

    return joblib.load(path)


def write_model(model: Any, path: Path) -> None:
    """Save a model."""
    import joblib

    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, path, compress=("zlib", 3))
