"""One column's values against its rules, batch by batch, through pandera's checks."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from mlops_ci.errors import ConfigError
from mlops_ci.schemas import shape, types
from mlops_ci.schemas.shape import ColumnRules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# So many different values that are not allowed are counted by name.
STRANGE = 1000


@dataclass
class Counts:
    """What the batches so far held of one column; ``failing`` counts rows by rule.

    ``strange`` counts values that are not allowed, ``outside`` those that are out of the range, ``newest``
    is the greatest value of all.
    """

    rows: int = 0
    nulls: int = 0
    infinite: int = 0
    broken: int = 0
    unreadable: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    newest: Any = None

    @property
    def null_share(self) -> float:
        """The share of rows without a value."""
        return self.nulls / self.rows if self.rows else 0.0


def single(values: Any) -> Any:
    """Half precision numbers as single precision ones, which Arrow counts with; others as they are."""
    from pyarrow import types as arrow

    return values.cast("float32") if arrow.is_float16(values.type) else values


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Read values of a column, or of several.

    Raises:
        ConfigError: a text of them is not UTF-8.
    """
    import pyarrow as pa

    try:
        yield
    except (UnicodeDecodeError, pa.ArrowException) as error:
        # Two of Arrow's ways to say it.
        if isinstance(error, pa.ArrowException) and not re.search("UTF8|Wrapping", str(error)):
            raise
        words = f"{name}: holds text that is not UTF-8"
        raise ConfigError(words, "write it as UTF-8, or as a binary column") from error


def load_pandera() -> Any:
    """Pandera's rules for pandas; loading it takes half a second, so only a check does.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        with _alone():
            import pandera.pandas as pandera
    except ImportError as error:
        raise ConfigError(f"checking a table needs {error.name}", "pip install 'mlops-ci[checks]'") from error
    return pandera


@contextmanager
def _alone() -> Iterator[None]:
    """Keep pandera from loading PySpark, which takes a second, talks, and sets variables for all children."""
    hidden, before = "pyspark" not in sys.modules, dict(os.environ)
    if hidden:
        sys.modules["pyspark"] = cast(ModuleType, None)
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pyspark"]
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


class Column:
    """One column of the table: its rules as pandera's checks, and what was counted."""

    def __init__(self, rules: ColumnRules, kind: Any, pandera: Any, *, newest: bool = False) -> None:
        self.rules = rules
        self.found = types.word(kind)
        self.counts = Counts()
        self._newest = newest
        self._checks = list(_checks(rules, pandera)) if self.typed else []

    @property
    def typed(self) -> bool:
        """Whether the values are of the rules' type, or would be if none were missing.

        pandas has no missing whole numbers, so it writes 1.0 and NaN: with whole values only, and some
        missing, such a column counts as whole numbers.
        """
        return types.fits(self.rules.type, self.found) or self.maybe_whole

    @property
    def maybe_whole(self) -> bool:
        """Whether these are broken numbers by type where whole ones are asked for."""
        return self.rules.type == "integer" and self.found == "number"

    def add(self, values: Any) -> None:
        """Count one batch of the column, a pyarrow array."""
        import pyarrow.compute as pc

        counts, floating = self.counts, self.found == "number"
        values = single(values)
        counts.rows += len(values)
        counts.nulls += values.null_count
        if floating:
            values = self._finite(values)
        if self.maybe_whole:
            counts.broken += pc.sum(pc.not_equal(values, pc.floor(values))).as_py() or 0
        if self._newest and len(values) > values.null_count:
            newest = pc.max(values).as_py()
            counts.newest = newest if counts.newest is None else max(counts.newest, newest)
        if self.found == "text" and self.rules.type != "text":
            counts.unreadable += _unreadable(values, self.rules.type)
        if self._checks and len(values) > values.null_count:
            self._check(values)

    def _finite(self, values: Any) -> Any:
        """The values with null for NaN, which counts as missing, and for infinities, which are counted."""
        import pyarrow as pa
        import pyarrow.compute as pc

        counts = self.counts
        if pc.all(pc.is_finite(values)).as_py() in (True, None):
            return values
        counts.nulls += pc.sum(pc.is_nan(values)).as_py() or 0
        counts.infinite += pc.sum(pc.is_inf(values)).as_py() or 0
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))

    def _check(self, values: Any) -> None:
        series, weights = _looked_at(values)
        for name, check in self._checks:
            failures = check(series).failure_cases
            if failures is None:
                continue
            rows = weights[failures.index.to_numpy()]
            failures, rows = failures[rows > 0], rows[rows > 0]
            self.counts.failing[name] += int(rows.sum())
            if name == "range" and len(failures):
                self._outside(failures, rows)
            elif name == "allowed":
                self._strange(failures, rows)

    def _outside(self, failures: pd.Series[Any], rows: npt.NDArray[np.int64]) -> None:
        """Count the values that are there most often: of a million different ones none is told."""
        import pandas as pd

        summed = pd.Series(rows, index=pd.Index(failures)).groupby(level=0).sum().nlargest(STRANGE)
        _add(self.counts.outside, ((str(value), int(count)) for value, count in summed.items()))

    def _strange(self, failures: pd.Series[Any], rows: npt.NDArray[np.int64]) -> None:
        _add(self.counts.strange, rows_of(failures.astype(str), rows))


def _add(counter: Counter[str], found: Iterable[tuple[str, int]]) -> None:
    for name, count in found:
        if name in counter or len(counter) < STRANGE:
            counter[name] += count


def rows_of(values: pd.Series[Any], rows: npt.NDArray[np.int64]) -> Iterator[tuple[str, int]]:
    """Each value once, with the sum of its rows."""
    import pandas as pd

    summed = pd.Series(rows, index=pd.Index(values)).groupby(level=0).sum()
    yield from ((str(value), int(count)) for value, count in summed.items())


def _looked_at(values: Any) -> tuple[pd.Series[Any], npt.NDArray[np.int64]]:
    """What the checks look at, and how many rows each of it has: of codes each level once."""
    import numpy as np
    from pyarrow import types as arrow

    if not arrow.is_dictionary(values.type):
        return _series(values), np.ones(len(values), np.int64)
    codes = values.indices.drop_null().to_numpy(zero_copy_only=False)
    return _series(values.dictionary), np.bincount(codes, minlength=len(values.dictionary))


def _series(values: Any) -> pd.Series[Any]:
    """A pandas Series on arrow's own values, so that whole numbers stay whole beside nulls."""
    import pandas as pd
    from pyarrow import types as arrow

    if arrow.is_dictionary(values.type):
        values = values.dictionary_decode()
    series: pd.Series[Any] = values.to_pandas(types_mapper=pd.ArrowDtype)
    return series


def _checks(rules: ColumnRules, pandera: Any) -> Iterator[tuple[str, Any]]:
    low = None if rules.min is None else shape.limit(rules.type, rules.min)
    high = None if rules.max is None else shape.limit(rules.type, rules.max)
    if low is not None and high is not None:
        yield "range", pandera.Check.in_range(low, high)
    elif low is not None:
        yield "range", pandera.Check.ge(low)
    elif high is not None:
        yield "range", pandera.Check.le(high)
    if rules.allowed is not None:
        yield "allowed", pandera.Check.isin([_of_type(rules.type, one) for one in rules.allowed])
    if rules.pattern is not None:
        pattern = rules.pattern
        yield "pattern", pandera.Check(lambda texts: texts.astype(object).str.fullmatch(pattern, na=True))


def _of_type(kind: str, value: Any) -> Any:
    if kind == "decimal":
        return Decimal(str(value))
    return shape.limit(kind, value) if kind == "date" else value


def _unreadable(values: Any, kind: str) -> int:
    """How many texts cannot be read as what they should be."""
    import pandas as pd

    texts = _series(values).dropna().astype(str).str.strip()
    if kind in types.COUNTED:
        numbers = pd.to_numeric(texts, errors="coerce")
        wrong = numbers.isna() | ((numbers % 1 != 0) if kind == "integer" else False)
    elif kind in types.TIMES:
        wrong = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True).isna()
    elif kind == "boolean":
        wrong = ~texts.str.lower().isin(["true", "false", "0", "1"])
    else:
        return len(texts)
    return int(wrong.sum())
