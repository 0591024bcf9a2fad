"""Stage prepare: split the rows into train, valid and test, and keep the features asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline import files
from pipeline.columns import RANGES, TARGET

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# The evaluation set is not a parameter: a row is in it by its id alone, so that two models, whatever
# their params, are measured on the same people and their difference can be tested in pairs.
TEST_SHARE = 0.2

# Slices are reported by these columns, so they travel along even where the model may not see them.
GROUPS = ("SEX", "RAC1P", "AGEP", "DIS")


def scattered(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """A fixed, evenly spread number in [0, 1) for every id (the finaliser of splitmix64)."""
    import numpy as np

    mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def split(rows: pd.DataFrame, validation_share: float) -> dict[str, pd.DataFrame]:
    """Three disjoint tables in file order; ``validation_share`` is taken from what is not test."""
    place = scattered(rows["id"].to_numpy())
    end_of_valid = TEST_SHARE + (1 - TEST_SHARE) * validation_share
    return {
        "train": rows[place >= end_of_valid],
        "valid": rows[(place >= TEST_SHARE) & (place < end_of_valid)],
        "test": rows[place < TEST_SHARE],
    }


def delivered(numbers: Sequence[int]) -> pd.DataFrame | None:
    """The rows of these deliveries, one after the other; None where there are none."""
    import pandas as pd

    places = [files.DELIVERIES / f"{number:03d}.parquet" for number in numbers]
    if absent := [str(place) for place in places if not place.is_file()]:
        raise SystemExit(f"params.yaml: prepare.deliveries: no such delivery: {', '.join(absent)}")
    return pd.concat([files.read_table(place) for place in places], ignore_index=True) if places else None


def select_columns(rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Id, target and features as they are; the group columns follow under the name ``group_...``."""
    unknown = [name for name in features if name not in RANGES]
    if unknown:
        raise SystemExit(f"params.yaml: prepare.features: no such column: {', '.join(unknown)}")
    kept = rows[["id", TARGET, *features]].reset_index(drop=True)
    for name in GROUPS:
        kept[f"group_{name}"] = rows[name].to_numpy()
    return kept


def main() -> None:
    """Write prepared/train.parquet, valid.parquet and test.parquet."""
    import pandas as pd

    wanted = files.params("prepare")
    parts = split(
        select_columns(files.read_table(files.SOURCE), wanted["features"]), wanted["validation_share"]
    )
    later = delivered(wanted["deliveries"])
    if later is not None:
        # Deliveries are learned from; the test people stay those of 2015, so that models can be compared.
        more = split(select_columns(later, wanted["features"]), wanted["validation_share"])
        for name in ("train", "valid"):
            parts[name] = pd.concat([parts[name], more[name]], ignore_index=True)
    for name, part in parts.items():
        files.write_table(part, files.PREPARED / f"{name}.parquet")
        print(f"{name}: {len(part):,} rows, {part[TARGET].mean():.1%} employed")


if __name__ == "__main__":
    main()
