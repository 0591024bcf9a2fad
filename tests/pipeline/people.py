"""A small, made-up census: enough people to train on, and no file to read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.columns import RANGES, TARGET


def people(rows: int, *, seed: int = 0, first_id: int = 0) -> pd.DataFrame:
    """Codes drawn evenly from their ranges; whoever is between 20 and 65 and able mostly works."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"id": np.arange(first_id, first_id + rows)})
    table["year"] = 2015
    for name, (low, high) in RANGES.items():
        table[name] = draw.integers(low, high + 1, rows)
    likely = np.where(table["AGEP"].between(20, 65) & (table["DIS"] == 2), 0.9, 0.1)
    table[TARGET] = (draw.random(rows) < likely).astype(int)
    return table
