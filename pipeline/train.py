"""Stage train: fit one model family on the training rows; `python -m pipeline.train FAMILY`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pipeline import files
from pipeline.columns import RANGES, TARGET
from pipeline.families import FAMILIES

if TYPE_CHECKING:
    import pandas as pd


def fit(family: str, table: pd.DataFrame, settings: dict[str, Any], seed: int) -> Any:
    """A fitted model of that family; one thread, so that its bytes do not depend on the machine's cores."""
    from threadpoolctl import threadpool_limits

    features = [name for name in table.columns if name in RANGES]
    model = FAMILIES[family](features, seed, **settings)
    with threadpool_limits(limits=1):
        return model.fit(table[features], table[TARGET])


def main() -> None:
    """Write models/candidates/FAMILY.joblib."""
    family = sys.argv[1] if len(sys.argv) > 1 else ""
    if family not in FAMILIES:
        raise SystemExit(f"name one model family: {', '.join(sorted(FAMILIES))}")
    wanted = files.params("train")
    table = files.read_table(files.PREPARED / "train.parquet")
    model = fit(family, table, wanted[family], wanted["seed"])
    files.write_model(model, files.CANDIDATES / f"{family}.joblib")
    print(f"{family}: fitted on {len(table):,} rows")


if __name__ == "__main__":
    main()
