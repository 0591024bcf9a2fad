"""Stage validate: stop before training where the prepared tables are not what the model expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline import files
from pipeline.columns import RANGES, TARGET

if TYPE_CHECKING:
    import pandas as pd


def problems(name: str, table: pd.DataFrame, limits: Mapping[str, Any]) -> Iterator[str]:
    """Everything wrong with one table, a sentence each."""
    if len(table) < limits["min_rows"]:
        yield f"{name}: {len(table):,} rows, fewer than {limits['min_rows']:,}"
    for column, missing in table.isna().sum().items():
        if missing:
            yield f"{name}: {column}: {missing:,} values are missing"
    if table["id"].duplicated().any():
        yield f"{name}: id: {table['id'].duplicated().sum():,} ids occur more than once"
    if not table[TARGET].isin((0, 1)).all():
        yield f"{name}: {TARGET}: has values other than 0 and 1"
    yield from _out_of_range(name, table)
    low, high = limits["target_share"]
    if not low <= table[TARGET].mean() <= high:
        yield f"{name}: {TARGET}: a share of {table[TARGET].mean():.3f} is outside {low} to {high}"


def _out_of_range(name: str, table: pd.DataFrame) -> Iterator[str]:
    for column in (column for column in RANGES if column in table):
        low, high = RANGES[column]
        strange = table[column][(table[column] < low) | (table[column] > high)]
        if len(strange):
            such = strange.iloc[0]
            yield f"{name}: {column}: {len(strange):,} values outside {low} to {high}, such as {such}"


def shared_ids(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """A person in two tables would let the model be measured on what it learned from."""
    names = sorted(tables)
    for position, left in enumerate(names):
        for right in names[position + 1 :]:
            shared = int(tables[left]["id"].isin(tables[right]["id"]).sum())
            if shared:
                yield f"{left} and {right} share {shared:,} ids"


def main() -> None:
    """Write reports/validation.json, or end with every problem there is."""
    limits = files.params("validate")
    tables = {
        name: files.read_table(files.PREPARED / f"{name}.parquet") for name in ("train", "valid", "test")
    }
    found = [problem for name, table in tables.items() for problem in problems(name, table, limits)]
    found += shared_ids(tables)
    if found:
        raise SystemExit("the data is not valid:\n" + "\n".join(f"  {problem}" for problem in found))
    facts = {
        name: {"rows": len(table), "employed": round(float(table[TARGET].mean()), 6)}
        for name, table in tables.items()
    }
    files.write_json(facts, files.REPORTS / "validation.json")
    print(f"{len(tables)} tables are valid")


if __name__ == "__main__":
    main()
