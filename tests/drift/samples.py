"""Profiles of columns for the drift tests' tests, built from rows by the product's own builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlops_ci.drift.pair import Pair, pair
from mlops_ci.profiles.build import Builder
from mlops_ci.profiles.shape import ColumnProfile, Profile

CAR_LOAN = Path(__file__).parent / "data" / "car_loan_debt_to_income_ratio.npz"


def profile(
    columns: Mapping[str, Any], categorical: Sequence[str] = (), like: Profile | None = None
) -> Profile:
    """The profile of a table, on the grids of ``like``; a column is anything that Arrow makes an array of."""
    batch = pa.RecordBatch.from_arrays([pa.array(one) for one in columns.values()], names=list(columns))
    builder = Builder(batch.schema, categorical=categorical, like=like)
    builder.add(batch)
    while wanted := builder.wanted():
        for place in wanted:
            builder.again(place, batch.column(place))
    return builder.finish()


def column(values: Any, *, categorical: bool = False) -> ColumnProfile:
    """The profile of one column, named x."""
    return profile({"x": values}, ["x"] if categorical else []).columns[0]


def paired(reference: Any, current: Any, *, categorical: bool = False) -> Pair:
    """Both sides of one column."""
    return pair(column(reference, categorical=categorical), column(current, categorical=categorical))


def random(seed: int = 7) -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(seed)


def car_loan() -> list[npt.NDArray[np.float64]]:
    """The reference and the ten chunks of NannyML's column ``debt_to_income_ratio``."""
    with np.load(CAR_LOAN) as stored:
        low, middle, high = stored["bytes"].astype(np.int64)
        parts = np.split(low + middle * 256 + high * 65536, np.cumsum(stored["lengths"])[:-1])
    return [np.cumsum(part) / 2**24 for part in parts]
