"""Tables as pandas frames: Parquet, CSV, TSV, JSON and JSON Lines, from bytes."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".parquet", ".pq", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")


class TableError(ValueError):
    """A file that is no readable table; the text says why, for a person."""


def read(raw: bytes, path: str) -> pd.DataFrame:
    """A table by its file's suffix.

    Raises:
        TableError: the suffix is not known, or the content does not fit it.
        ConfigError: the packages that read tables are not installed.
    """
    try:
        import pandas as pd
        import pyarrow as pa
    except ImportError as error:
        raise ConfigError(
            f"{path}: reading predictions needs {error.name}", "pip install 'mlops-ci[stats]'"
        ) from error
    suffix = PurePosixPath(path).suffix.lower()
    buffer = io.BytesIO(raw)
    try:
        match suffix:
            case ".parquet" | ".pq":
                return pd.read_parquet(buffer)
            case ".csv":
                return pd.read_csv(buffer)
            case ".tsv":
                return pd.read_csv(buffer, sep="\t")
            case ".jsonl" | ".ndjson":
                return pd.read_json(buffer, lines=True)
            case ".json":
                return pd.DataFrame(pd.read_json(buffer))
    except (ValueError, OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"is not a readable {suffix.lstrip('.')} table: {reason}") from error
    raise TableError(f"has the suffix {suffix or '(none)'}; known are {', '.join(SUFFIXES)}")
