"""A table as a stream of Arrow batches: what every source offers, and what goes wrong while reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_ci.errors import ConfigError, MlopsError, ToolError

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_ci.profiles.shape import Profile

# Rows a batch: a column of doubles is half a megabyte, which stays in a processor's cache.
ROWS = 1 << 16


class Source:
    """A table that can be streamed as often as needed.

    ``notes`` are sentences about what had to be done to read it, for example a column read as text.
    """

    name: str
    # Where an engine of its own may find it; empty for bytes in memory.
    text: str = ""

    def schema(self) -> pa.Schema:
        """The columns, in the table's order.

        Raises:
            ConfigError: the table cannot be read.
        """
        raise NotImplementedError

    def batches(
        self, columns: Sequence[str] | None = None, *, decode_strings: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """The rows, in the table's order.

        Args:
            columns: names; only these are read, in the table's order.
            decode_strings: False gives text as the dictionary codes it is stored in, where it is.

        Raises:
            ConfigError: the table cannot be read.
            ToolError: what holds it does not answer.
        """
        raise NotImplementedError

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how the table was read; complete once it was."""
        return ()

    @property
    def stored(self) -> Profile | None:
        """The profile, where the source is no table but one that was made of it."""
        return None

    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """The smallest and largest value of columns of numbers, where the file says them."""
        return {}

    def sample(self, rows: int, seed: int = 0) -> pa.Table:
        """So many rows drawn without replacement, each with the same chance, in the table's order.

        One pass, whatever the size: every row draws a number, and the rows with the smallest are kept
        (Vitter, Random sampling with a reservoir, 1985, by keys). The same seed gives the same rows.

        Raises:
            ConfigError: the table cannot be read.
        """
        import numpy as np
        import pyarrow as pa

        generator = np.random.default_rng(seed)
        kept, keys = self.schema().empty_table(), np.empty(0)
        for batch in self.batches():
            drawn = generator.random(batch.num_rows)
            # Once enough are kept, only a smaller key than the largest kept one can still enter.
            limit = keys.max(initial=0.0) if len(keys) == rows else 1.0
            chosen = np.flatnonzero(drawn < limit)
            added = pa.Table.from_batches([batch]).take(pa.array(chosen))
            table = pa.concat_tables([kept, added], promote_options="permissive")
            keys = np.concatenate([keys, drawn[chosen]])
            best = np.sort(np.argpartition(keys, rows - 1)[:rows]) if len(keys) > rows else slice(None)
            kept = table.take(pa.array(best)) if len(keys) > rows else table
            keys = keys[best]
        return kept


class StoredProfile(Source):
    """A profile where a table is expected: good for a comparison, but it has no rows."""

    def __init__(self, name: str, profile: Profile) -> None:
        self.name = name
        self._profile = profile

    @property
    def stored(self) -> Profile:
        """The profile itself."""
        return self._profile

    def schema(self) -> pa.Schema:
        """Refused: a profile has no rows."""
        raise self._refusal()

    def batches(
        self,
        columns: Sequence[str] | None = None,  # noqa: ARG002 - refused whatever is asked
        *,
        decode_strings: bool = True,  # noqa: ARG002
    ) -> Iterator[pa.RecordBatch]:
        """Refused: a profile has no rows."""
        raise self._refusal()

    def _refusal(self) -> ConfigError:
        return ConfigError(
            f"{self.name}: is a stored profile, and rows are needed here", "name the table it was made of"
        )


@contextmanager
def reading(name: str, what: str, *, remote: bool = False) -> Iterator[None]:
    """Tell in one line what could not be read: the file is not as it should be, or its store is away."""
    import pyarrow as pa

    try:
        yield
    except MlopsError:
        raise
    except FileNotFoundError as error:
        raise ConfigError(f"{name}: is not there", "check the path") from error
    except PermissionError as error:
        raise ConfigError(f"{name}: may not be read", "check its permissions") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
        reason = first_line(error)
        if remote and isinstance(error, OSError):
            raise ToolError(f"{name}: cannot be read: {reason}", "try again; check the store") from error
        raise ConfigError(
            f"{name}: is no readable {what}: {reason}", "is it cut off, or of another format?"
        ) from error


# Where the words of a reader end, and the table's own rows and values, an option of the reader's or the
# number of a row within a block begin.
_RAW = re.compile(
    r" \(try to .*| in row \d+$"
    r"|(?<=got \d): .*|(?<=got \d\d): .*|(?<=got \d{3}): .*|(?<= value) '.*|(?<= string) '.*"
)


def first_line(error: BaseException) -> str:
    """What an error says, in one line of bounded length and without the row or value that it quotes."""
    lines = str(error).strip().splitlines()
    line = _RAW.sub("", lines[0].strip()) if lines else type(error).__name__
    return line if len(line) <= 200 else line[:199] + "…"
