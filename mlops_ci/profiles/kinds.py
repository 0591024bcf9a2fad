"""What a column of some Arrow type is profiled as, and its values as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.profiles.shape import Kind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Values = npt.NDArray[np.float64]

NO_VALUE = "null in every row"
_TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LONGEST_WORD = 80
_BINARY = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")
_STRING = ("is_string", "is_large_string", "is_string_view")
_NUMBER = ("is_integer", "is_floating", "is_decimal", "is_duration", "is_time")
_TIME = ("is_timestamp", "is_date")


def kind_of(type_: pa.DataType, *, categorical: bool = False) -> tuple[Kind, str]:
    """What a column is profiled as, and why it is not, for kind ``other``.

    Integers, floats, decimals, durations and times of day are numbers (the latter two in seconds),
    booleans, strings and dictionaries are categories, timestamps and dates points in time.
    ``categorical`` makes a category of anything that has a text.
    """
    import pyarrow.types as at

    if at.is_dictionary(type_):
        return kind_of(type_.value_type, categorical=True)
    problem = _problem(type_)
    if problem:
        return "other", problem
    if categorical or at.is_boolean(type_) or is_text(type_):
        return "category", ""
    return ("number" if _is(type_, _NUMBER) else "time"), ""


def _problem(type_: pa.DataType) -> str:
    """Why values of this type are not profiled, empty where they are."""
    import pyarrow.types as at

    if at.is_null(type_):
        return NO_VALUE
    if at.is_nested(type_) or at.is_run_end_encoded(type_):
        return f"nested values ({word(type_)}) are not profiled"
    if _is(type_, _BINARY):
        return "binary values are not profiled"
    known = at.is_boolean(type_) or _is(type_, (*_STRING, *_NUMBER, *_TIME))
    return "" if known else f"values of type {word(type_)} are not profiled"


def _is(type_: pa.DataType, names: tuple[str, ...]) -> bool:
    import pyarrow.types as at

    return any(getattr(at, name)(type_) for name in names)


def is_text(type_: pa.DataType) -> bool:
    """Whether the values are strings of any layout."""
    return _is(type_, _STRING)


def may_hold_nan(type_: pa.DataType) -> bool:
    """Whether values may be NaN or infinite."""
    import pyarrow.types as at

    return bool(at.is_floating(type_))


def may_have_fraction(type_: pa.DataType) -> bool:
    """Whether values need not be whole numbers."""
    import pyarrow.types as at

    return not at.is_integer(type_)


def word(type_: pa.DataType) -> str:
    """The source's word for a type, cut where a struct has hundreds of fields."""
    import pyarrow.types as at

    if at.is_dictionary(type_):
        # How a value is stored, as a code or not, is no difference between two tables.
        return word(type_.value_type)
    text = "string" if is_text(type_) else str(type_)
    return text if len(text) <= _LONGEST_WORD else text[: _LONGEST_WORD - 1] + "…"


def numbers(array: pa.Array) -> Values:
    """The values that are not null as doubles; times in seconds, points in time since 1970 UTC."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as at

    type_ = array.type
    if at.is_decimal(type_):
        array = array.cast(pa.float64())
    values: Values = present(array)
    if at.is_date32(type_):
        return values * 86_400.0
    if at.is_date64(type_):
        return values / 1_000.0
    if at.is_timestamp(type_) or at.is_duration(type_) or at.is_time(type_):
        return values / float(_TICKS[type_.unit])
    return values.astype(np.float64, copy=False)


def present(array: pa.Array) -> Any:
    """The values of a fixed-width array that are not null, as a NumPy array; a view where none is null.

    Arrow's own ways (``to_numpy``, ``drop_null``) import pandas and all of its compute module, which
    costs more than the work itself.
    """
    import numpy as np

    validity, values = array.buffers()[:2]
    dtype, count, offset = _dtype(array.type), len(array), array.offset
    if values is None or not count:
        return np.empty(0, dtype=dtype)
    found = np.frombuffer(values, dtype=dtype, count=count, offset=offset * dtype.itemsize)
    if validity is None or not array.null_count:
        return found
    start, bits = offset // 8, np.frombuffer(validity, dtype=np.uint8)
    there = np.unpackbits(bits[start : (offset + count + 7) // 8], bitorder="little")
    skip = offset - 8 * start
    return found[there[skip : skip + count].view(bool)]


def _dtype(type_: pa.DataType) -> np.dtype[Any]:
    import numpy as np
    import pyarrow.types as at

    if at.is_floating(type_):
        return np.dtype(f"f{type_.bit_width // 8}")
    sign = "u" if at.is_unsigned_integer(type_) else "i"
    return np.dtype(f"{sign}{type_.bit_width // 8}")
