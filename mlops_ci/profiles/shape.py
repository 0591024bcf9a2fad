"""What a profile is: counts, moments, a histogram on a dyadic grid, value counts with a bounded tail."""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Document

SCHEMA_VERSION = 1
MAX_BYTES = 64_000_000
# A grid has at most so many bins; two grids are brought to the coarser of both without loss.
BINS = 2048
# So many levels are kept by name; the rest is counted as a tail.
LEVELS = 1000

# Counts and indices that a double holds exactly, and the exponents that a double has.
Count = Annotated[int, Field(ge=0, le=2**53)]
Index = Annotated[int, Field(ge=-(2**53), le=2**53)]
Exponent = Annotated[int, Field(ge=-1074, le=1023)]

_NUMBER = re.compile(r"u?int|float|double|halffloat|decimal")

Kind = Literal["number", "category", "time", "other"]


class Grid(Document):
    """A histogram whose bins are aligned multiples of a power of two.

    Bin ``i`` holds the finite values of ``[(first + i) * 2**exponent, (first + i + 1) * 2**exponent)``.
    Because every grid is aligned, two neighbours (starting at an even index) make one bin of the next
    coarser grid, so grids of different widths are merged and compared exactly. ``below`` and ``above``
    count finite values outside.
    """

    exponent: Exponent
    first: Index
    counts: Annotated[tuple[Count, ...], Field(min_length=1)]
    below: Count = 0
    above: Count = 0


class Moments(Document):
    """Count, extremes, mean and sum of squared differences from the mean of the finite values."""

    count: Annotated[int, Field(ge=1, le=2**53)]
    low: float
    high: float
    mean: float
    m2: Annotated[float, Field(ge=0)]


class Levels(Document):
    """Value counts, most common first and ties by value; the tail is counted, not named."""

    counts: Annotated[tuple[tuple[str, Count], ...], Field(max_length=LEVELS)] = ()
    tail_levels: Count = 0
    tail_rows: Count = 0

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({value for value, _ in self.counts}) < len(self.counts):
            raise ValueError("a level stands twice")
        if self.tail_rows < self.tail_levels or (self.tail_rows and not self.tail_levels):
            raise ValueError("the tail has fewer rows than levels, or rows without levels")
        return self


class ColumnProfile(Document):
    """One column. ``nulls``, ``nans`` and ``infs`` are counts; ``type`` is the source's own word.

    ``kind``: number has ``moments`` and ``grid``, category has ``levels``, time has ``moments`` in
    seconds since 1970 (UTC), other has counts alone. ``problem`` says why a column has less than its
    kind promises: nested values, or more distinct values than can be counted.
    """

    name: str
    type: str
    kind: Kind
    rows: Count
    nulls: Count = 0
    nans: Count = 0
    infs: Count = 0
    moments: Moments | None = None
    grid: Grid | None = None
    levels: Levels | None = None
    problem: str = ""

    @property
    def is_code(self) -> bool:
        """Whether numbers are counted as categories: then a table that is compared has codes there too."""
        return self.kind == "category" and _NUMBER.match(self.type) is not None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        there = self.rows - self.nulls - self.nans - self.infs
        if there < 0:
            raise ValueError("more values are missing than there are rows")
        grid, levels = self.grid, self.levels
        if grid and len(grid.counts) > BINS:
            raise ValueError(f"the grid has more than {BINS:,} bins")
        counted = {
            "moments": self.moments.count if self.moments else None,
            "grid": grid.below + sum(grid.counts) + grid.above if grid else None,
            "levels": sum(count for _, count in levels.counts) + levels.tail_rows if levels else None,
        }
        for name, count in counted.items():
            if count is not None and count != there:
                raise ValueError(f"{name} count {count} values, and {there} are there")
        return self


class Profile(Document):
    """A table: its rows and its columns in the table's order."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    rows: Count
    columns: tuple[ColumnProfile, ...] = ()

    def to_json(self) -> bytes:
        """Canonical JSON: equal profiles give equal bytes."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=False)
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
            errors="replace"
        )


def read(raw: bytes, source: str) -> Profile:
    """Read a stored profile, as untrusted data.

    Raises:
        ConfigError: it is no profile, too large, or of a newer version.
    """
    hint = "write it anew with `mlops-ci profile`"
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{source}: {len(raw):,} bytes is more than a profile may have", hint)
    try:
        return Profile.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise ConfigError(f"{source}: is no profile: {place}: {first['msg']}", hint) from error
