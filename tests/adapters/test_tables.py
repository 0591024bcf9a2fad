"""Tables by their suffix, and what is none."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from mlops_ci.adapters import tables

FRAME = pd.DataFrame({"y_true": [1, 0], "y_pred": [1, 1]})


def written(suffix: str) -> bytes:
    buffer = io.BytesIO()
    match suffix:
        case ".parquet" | ".pq":
            FRAME.to_parquet(buffer)
        case ".csv":
            FRAME.to_csv(buffer, index=False)
        case ".tsv":
            FRAME.to_csv(buffer, index=False, sep="\t")
        case ".jsonl" | ".ndjson":
            FRAME.to_json(buffer, orient="records", lines=True)
        case _:
            FRAME.to_json(buffer, orient="records")
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_every_format_gives_the_same_table(suffix: str) -> None:
    pd.testing.assert_frame_equal(tables.read(written(suffix), f"p{suffix}"), FRAME)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl", ".json"])
def test_what_is_no_table_says_why(suffix: str) -> None:
    raw = b"" if suffix == ".csv" else b"{nope"
    with pytest.raises(tables.TableError, match=f"is not a readable {suffix[1:]} table: "):
        tables.read(raw, f"p{suffix}")


def test_an_unknown_suffix_names_the_known_ones() -> None:
    with pytest.raises(tables.TableError, match=r"has the suffix \.xls; known are \.parquet, "):
        tables.read(b"", "p.xls")
