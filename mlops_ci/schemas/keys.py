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


def hashed(columns: Sequence[Any], *, near: bool = False) -> Hashes:
    """One hash a row over pyarrow arrays of equal length, for whole and broken numbers the same.

    Equal values of columns with other widths, dictionaries, string or decimal types have equal hashes. A
    missing value equals a missing value. Nested values are hashed by their text. With ``near``, broken
    numbers are the same to 6 significant digits, from a million on to whole ones.
    """
    import numpy as np

    total: Any = None
    with np.errstate(over="ignore"):
        for column in columns:
            one = _column(column, near=near)
            # Boost's hash_combine in 64 bits: the order of the columns matters.
            golden = np.uint64(_NULL)
            total = one if total is None else total ^ (one + golden + (total << 6) + (total >> 2))
    return np.zeros(0, np.uint64) if total is None else np.asarray(total, np.uint64)


def identities(column: Any) -> Hashes:
    """One hash for each value that is there, where a text is the whole number that it reads as.

    An id that is a number in one table is often text in another: 7, 7.0, decimal 7.00 and ``" 7"`` are
    the same one, ``007`` is another.
    """
    import numpy as np
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    column = column.filter(pc.invert(pc.is_null(column, nan_is_null=types.is_floating(column.type))))
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return _column(column)
    bare = pc.utf8_trim_whitespace(column)
    found, whole = _column(bare), pc.match_substring_regex(bare, r"^(0|-?[1-9][0-9]*)(\.0+)?$")
    places = np.flatnonzero(whole.to_numpy(zero_copy_only=False))
    digits = pc.replace_substring_regex(bare.filter(whole), r"\.0+$", "")
    found[places] = _whole(digits, found[places])
    return found


def _whole(digits: Any, by_text: Hashes) -> Hashes:
    """The hashes of whole numbers in text; those of more than 64 bits keep that of their text."""
    import numpy as np
    import pyarrow.compute as pc

    found, short = (
        by_text,
        np.asarray(pc.less_equal(pc.utf8_length(digits), 18).to_numpy(zero_copy_only=False)),
    )
    found[short] = _numbers(digits.filter(pc.less_equal(pc.utf8_length(digits), 18)).cast("int64"))
    for place in np.flatnonzero(~short):
        number = int(digits[int(place)].as_py())
        if -(2**63) <= number < 2**64:
            found[place] = _numbers(_array(number))[0]
    return found


def _array(number: int) -> Any:
    import pyarrow as pa

    return pa.array([number], pa.int64() if number < 2**63 else pa.uint64())


def _column(column: Any, *, near: bool = False) -> Hashes:
    import numpy as np
    import pandas as pd
    import pyarrow.compute as pc
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_null(kind):
        return np.full(len(column), _NULL, np.uint64)
    if types.is_dictionary(column.type):
        indices = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
        levels = (
            _column(column.dictionary, near=near) if len(column.dictionary) else np.full(1, _NULL, np.uint64)
        )
        found = levels[indices]
    elif types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        found = _numbers(column, near=near)
    elif types.is_decimal(kind):
        found = _decimals(column)
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
    """Any other value by its text."""
    import pyarrow as pa

    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _decimals(column: Any) -> Hashes:
    """Decimals as the number that is written the same, else (with more digits) by their text."""
    import numpy as np
    import pandas as pd

    values = [value or Decimal(0) for value in column.to_pylist()]
    # All digits: normalize() would round to 28 of up to 76.
    texts = [f"{value:f}" for value in values]
    texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    found = pd.util.hash_array(np.array(texts, dtype=object))
    whole = np.array(["." not in one and -(2**63) <= int(one) < 2**63 for one in texts], dtype=bool)
    broken = np.array([Decimal(repr(float(one))) == Decimal(one) for one in texts], dtype=bool) & ~whole
    for kind, places in ((np.int64, whole), (np.float64, broken)):
        found[places] = pd.util.hash_array(np.array([kind(texts[at]) for at in np.flatnonzero(places)], kind))
    return found.astype(np.uint64)


def _rounded(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers to 6 significant digits, from a million on to whole ones."""
    import numpy as np

    size = np.abs(numbers)
    usual = (size > 1e-200) & (size < 1e6)
    scale = 10.0 ** (5 - np.floor(np.log10(np.where(usual, size, 1.0))))
    small = np.rint(np.where(usual, numbers, 0.0) * scale) / scale
    return np.where(usual, small, np.rint(numbers))


def _numbers(column: Any, *, near: bool = False) -> Hashes:
    """Whole numbers by their value, others by their bits; 1.0 is 1 and -0.0 is 0."""
    import numpy as np
    import pandas as pd
    from pyarrow import types

    if types.is_boolean(column.type):
        return pd.util.hash_array(column.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64))
    plain = column.fill_null(0).to_numpy(zero_copy_only=False)
    if plain.dtype.kind in "iu":
        return pd.util.hash_array(plain.astype(np.int64))
    # A missing one is hashed elsewhere.
    broken = (_rounded(plain.astype(np.float64)) if near else plain.astype(np.float64)) + 0.0
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
