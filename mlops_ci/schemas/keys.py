"""Rows as 64-bit hashes: which are there twice, and which of one table are in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

# 160 MB of hashes. Two different rows have the same hash in one of 100,000 tables of this length.
MOST = 20_000_000
_NULL = 0x9E3779B97F4A7C15


def hashed(columns: Sequence[Any]) -> Hashes:
    """One hash a row over pyarrow arrays of equal length, for whole and broken numbers the same.

    Equal values of columns with other widths, dictionaries or string types have equal hashes. A missing
    value equals a missing value. Nested values are hashed by their text.
    """
    import numpy as np

    total: Any = None
    with np.errstate(over="ignore"):
        for column in columns:
            one = _column(column)
            # Boost's hash_combine in 64 bits: the order of the columns matters.
            golden = np.uint64(_NULL)
            total = one if total is None else total ^ (one + golden + (total << 6) + (total >> 2))
    return np.zeros(0, np.uint64) if total is None else np.asarray(total, np.uint64)


def _column(column: Any) -> Hashes:
    import numpy as np
    import pandas as pd
    import pyarrow.compute as pc
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_null(kind):
        return np.full(len(column), _NULL, np.uint64)
    if types.is_dictionary(column.type):
        indices = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
        levels = _column(column.dictionary) if len(column.dictionary) else np.full(1, _NULL, np.uint64)
        found = levels[indices]
    elif types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        found = _numbers(column)
    elif types.is_timestamp(kind) or types.is_date(kind):
        # An instant is one whatever its zone and unit; less than a microsecond is not looked at.
        instant = column.cast("date32").cast("int32") if types.is_date(kind) else _micros(column)
        found = _numbers(instant)
    else:
        is_text = types.is_string(kind) or types.is_large_string(kind)
        values = (column if is_text else _texts(column)).fill_null("")
        found = pd.util.hash_array(values.to_numpy(zero_copy_only=False).astype(object), categorize=True)
    missing = pc.is_null(column, nan_is_null=bool(types.is_floating(kind)))
    empty = np.asarray(missing.to_numpy(zero_copy_only=False), dtype=bool)
    return np.where(empty, np.uint64(_NULL), found).astype(np.uint64)


def _micros(column: Any) -> Any:
    import pyarrow as pa

    return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast("int64")


def _texts(column: Any) -> Any:
    """Any other value by its text, a decimal without trailing noughts."""
    import pyarrow as pa

    def plain(value: Any) -> str | None:
        if value is None:
            return None
        return str(value.normalize() if isinstance(value, Decimal) else value)

    return pa.array([plain(value) for value in column.to_pylist()], pa.string())


def _numbers(column: Any) -> Hashes:
    """Whole numbers by their value, others by their bits; 1.0 is 1 and -0.0 is 0."""
    import numpy as np
    import pandas as pd
    from pyarrow import types

    if types.is_boolean(column.type):
        return pd.util.hash_array(column.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64))
    plain = column.fill_null(0).to_numpy(zero_copy_only=False)
    if plain.dtype.kind in "iu":
        return pd.util.hash_array(plain.astype(np.int64))
    broken = plain.astype(np.float64) + 0.0
    whole = (np.abs(broken) < 2.0**53) & (np.floor(broken) == broken)
    as_whole = np.where(whole, broken, 0).astype(np.int64)
    return np.where(whole, pd.util.hash_array(as_whole), pd.util.hash_array(broken)).astype(np.uint64)


@dataclass
class Keys:
    """The hashes of a table's rows, collected batch by batch in bounded memory.

    Beyond ``most`` hashes only those are kept whose last bits are 0, one of 2, 4, 8 ...: equal rows are
    kept or dropped together, so counts of repeated rows are an unbiased share, scaled by ``scale``.
    """

    most: int = MOST
    scale: int = 1
    seen: int = 0
    _parts: list[Hashes] = field(default_factory=list)
    _kept: int = 0

    def add(self, hashes: Hashes) -> None:
        """Add a batch of hashes."""
        self.seen += len(hashes)
        self._parts.append(self._sample(hashes))
        self._kept += len(self._parts[-1])
        while self._kept > self.most:
            self.thin(self.scale * 2)

    def thin(self, scale: int) -> None:
        """Keep one of ``scale`` hashes, so that two tables are looked at through the same sieve."""
        self.scale = max(scale, self.scale)
        self._parts = [self._sample(part) for part in self._parts]
        self._kept = sum(len(part) for part in self._parts)

    def _sample(self, hashes: Hashes) -> Hashes:
        import numpy as np

        return hashes if self.scale == 1 else hashes[(hashes & np.uint64(self.scale - 1)) == 0]

    def hashes(self) -> Hashes:
        """All that are kept, in the order they came."""
        import numpy as np

        return np.concatenate([np.zeros(0, np.uint64), *self._parts])

    @property
    def kept(self) -> int:
        """How many hashes are kept."""
        return self._kept

    @property
    def repeated(self) -> int:
        """Rows that repeat one before them, scaled up where not all are kept."""
        import numpy as np

        found = self.hashes()
        return (len(found) - len(np.unique(found))) * self.scale
