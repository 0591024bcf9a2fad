"""Record batches in, a profile out: one pass, and no string is ever made of a dictionary's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mlops_ci.profiles.columns import Column, Numbers, column
from mlops_ci.profiles.numbers import START_BINS, Scratch
from mlops_ci.profiles.shape import BINS, Profile

if TYPE_CHECKING:
    import pyarrow as pa

_MANY_COLUMNS = 1_000
TWICE = "the name stands more than once in the table"


class Builder:
    """Builds the profile of one table.

    ``add`` every batch, then ask ``wanted``: columns that an outlier squeezes must be read once more
    (``again`` with their arrays), until none is wanted. Then ``finish``.

    Args:
        schema: the table's columns; batches have the same, in the same order.
        categorical: columns of any other type that are to be counted by value.
        like: a profile to be compared with: its grids are used, so that the comparison is exact.
        extremes: smallest and largest value of columns, where the file says them; speed alone.
    """

    def __init__(
        self,
        schema: pa.Schema,
        *,
        categorical: Collection[str] = (),
        like: Profile | None = None,
        extremes: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self.rows = 0
        scratch = Scratch()
        # Many columns count on fewer bins each; a squeezed one is then read once more the sooner.
        bins = START_BINS if len(schema) <= _MANY_COLUMNS else 2 * BINS
        times = Counter(schema.names)
        other = {one.name: one for one in like.columns} if like else {}
        self._columns: list[Column] = []
        for field in schema:
            name = str(field.name)
            made = column(
                name,
                field.type,
                categorical=name in categorical,
                like=other.get(name) if times[name] == 1 else None,
                scratch=scratch,
                bins=bins,
            )
            if times[name] > 1:
                made.problem = TWICE
            elif extremes and name in extremes and isinstance(made.tally, Numbers):
                made.tally.counts.expect(*extremes[name])
            self._columns.append(made)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take one batch of rows."""
        self.rows += batch.num_rows
        for one, array in zip(self._columns, batch.columns, strict=True):
            one.add(array)

    def wanted(self) -> dict[int, str]:
        """Position and name of the columns that must be read once more; empty once all is settled."""
        found: dict[int, str] = {}
        for at, one in enumerate(self._columns):
            if isinstance(one.tally, Numbers) and one.tally.counts.settle():
                found[at] = one.name
        return found

    def again(self, position: int, array: pa.Array) -> None:
        """Take one array of a wanted column once more."""
        tally = self._columns[position].tally
        if isinstance(tally, Numbers):
            tally.again(array)

    def finish(self) -> Profile:
        """The profile of all rows that were added."""
        columns = tuple(one.finish(self.rows) for one in self._columns)
        return Profile.model_construct(schema_version=1, rows=self.rows, columns=columns)
