"""Parquet, Arrow and Feather files as sources, read in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import ROWS, Source, reading
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

# Without it Arrow fetches whole row groups ahead, which grows with the file.
_BUFFER = 1 << 20


@dataclass(frozen=True)
class File:
    """A file wherever it lies. ``open`` gives a new handle at its beginning.

    ``name`` is what a person is told; ``path``, whose suffix says the format, may be another.
    """

    name: str
    size: int
    open: Callable[[], Any]
    remote: bool = False
    text: str = ""
    path: str = ""

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with reading(self.name, "file", remote=self.remote), self.open() as handle:
            return bytes(handle.read(count))


class ParquetSource(Source):
    """One Parquet file; text is read as the codes it is stored in."""

    def __init__(self, file: File) -> None:
        self.name, self.text, self._file = file.name, file.text, file
        head = file.head(4)
        if head != b"PAR1":
            words = "is encrypted" if head == b"PARE" else "is no Parquet file, it does not begin like one"
            raise ConfigError(f"{file.name}: {words}", "is it cut off, or of another format?")
        self._schema: pa.Schema | None = None
        self._metadata: Any = None

    def schema(self) -> pa.Schema:
        """The columns of the file."""
        import pyarrow.parquet as pq

        if self._schema is None:
            with self._reading(), self._file.open() as handle, pq.ParquetFile(handle) as file:
                self._schema, self._metadata = file.schema_arrow, file.metadata
        return self._schema

    def _reading(self) -> Any:
        return reading(self.name, "Parquet file", remote=self._file.remote)

    def batches(
        self, columns: Sequence[str] | None = None, *, decode_strings: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """The rows, one row group after the other."""
        import pyarrow.parquet as pq

        codes = [] if decode_strings else _texts(self.schema())
        self.schema()
        with (
            self._reading(),
            self._file.open() as handle,
            pq.ParquetFile(
                handle,
                metadata=self._metadata,
                read_dictionary=codes,
                pre_buffer=False,
                buffer_size=_BUFFER,
            ) as file,
        ):
            wanted = list(columns) if columns is not None else None
            yield from file.iter_batches(batch_size=ROWS, columns=wanted, use_threads=True)

    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """From the statistics of the row groups, where every group has them."""
        import pyarrow.types as at

        schema, metadata = self.schema(), self._metadata
        # A nested column is several leaves: positions no longer agree.
        if metadata.num_columns != len(schema) or len(schema) > _MANY_COLUMNS:
            return {}
        found = {}
        for position, field in enumerate(schema):
            if at.is_integer(field.type) or at.is_float32(field.type) or at.is_float64(field.type):
                bounds = _bounds(metadata, position)
                if bounds:
                    found[field.name] = bounds
        return found


# Beyond it, asking for the statistics of every column costs more than it saves.
_MANY_COLUMNS = 1_000


def _texts(schema: pa.Schema) -> list[str]:
    from mlops_ci.profiles.kinds import is_text

    return [field.name for field in schema if is_text(field.type)]


def _bounds(metadata: Any, position: int) -> tuple[float, float] | None:
    lows, highs = [], []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            return None
        lows.append(float(statistics.min))
        highs.append(float(statistics.max))
    return (min(lows), max(highs)) if lows else None


class ArrowSource(Source):
    """One Arrow IPC file or stream, which is what Feather (version 2) is."""

    def __init__(self, file: File) -> None:
        self.name, self.text, self._file = file.name, file.text, file
        head = file.head(6)
        if head[:4] == b"FEA1":
            raise ConfigError(f"{file.name}: is a Feather file of version 1", "write it anew as version 2")
        self._stream = head != b"ARROW1"

    def _open(self, handle: Any) -> Any:
        import pyarrow as pa

        return pa.ipc.open_stream(handle) if self._stream else pa.ipc.open_file(handle)

    def schema(self) -> pa.Schema:
        """The columns of the file."""
        with reading(self.name, "Arrow file", remote=self._file.remote), self._file.open() as handle:
            return self._open(handle).schema

    def batches(
        self, columns: Sequence[str] | None = None, *, decode_strings: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """The rows, as the file's own batches cut to a bounded size."""
        with reading(self.name, "Arrow file", remote=self._file.remote), self._file.open() as handle:
            reader = self._open(handle)
            stored = reader if self._stream else map(reader.get_batch, range(reader.num_record_batches))
            for batch in stored:
                yield from sliced(decoded(selected(batch, columns), decode_strings=decode_strings))


def sliced(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch as batches of bounded size, without a copy."""
    for start in range(0, batch.num_rows, ROWS):
        yield batch.slice(start, ROWS)


def selected(batch: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    """The wanted columns, in the table's order; a name that stands twice gives both."""
    if columns is None:
        return batch
    wanted = set(columns)
    return batch.select([at for at, name in enumerate(batch.schema.names) if name in wanted])


def decoded(batch: pa.RecordBatch, *, decode_strings: bool) -> pa.RecordBatch:
    """Text as text instead of codes, where it is asked for."""
    import pyarrow as pa
    import pyarrow.types as at

    if not decode_strings or not any(at.is_dictionary(type_) for type_ in batch.schema.types):
        return batch
    arrays = [one.dictionary_decode() if at.is_dictionary(one.type) else one for one in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
