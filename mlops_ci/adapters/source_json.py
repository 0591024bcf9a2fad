"""JSON Lines (one object a line) and JSON files with a list of objects, as sources."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import Source, reading
from mlops_ci.adapters.source_files import File, selected, sliced
from mlops_ci.adapters.source_text import refuse_bytes, refuse_other_text
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 23
# A list of objects is parsed as a whole; lines are not.
_MOST_BYTES = 1 << 28
_MIXED = "changed from"


class JsonLinesSource(Source):
    """One object a line. A column whose values are of several kinds is read as text."""

    def __init__(self, file: File) -> None:
        self.name, self.text, self._file = file.name, file.text, file
        self._schema: pa.Schema | None = None
        self._mixed: set[str] = set()
        if b"\0" in file.head(_BLOCK >> 7):
            raise ConfigError(f"{self.name}: is binary, no text", "name a file of JSON lines")

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns with values of several kinds."""
        return tuple(
            f"column {name!r} holds values of several kinds; read as text" for name in sorted(self._mixed)
        )

    def schema(self) -> pa.Schema:
        """The fields of all objects, in the order they first appear, with types that hold for all."""
        if self._schema is None:
            import pyarrow as pa

            fields: dict[str, Any] = {}
            for table in self._tables():
                for field in table.schema:
                    old = fields.get(field.name, pa.null())
                    fields[field.name] = self._wider(field.name, old, field.type)
            if not fields:
                raise ConfigError(f"{self.name}: is empty", "give it one JSON object a line")
            self._schema = pa.schema(list(fields.items()))
        return self._schema

    def _wider(self, name: str, one: pa.DataType, other: pa.DataType) -> pa.DataType:
        """The type that holds both; text where none does."""
        import pyarrow as pa

        if one.equals(other):
            return one
        try:
            both = [pa.schema([(name, one)]), pa.schema([(name, other)])]
            return pa.unify_schemas(both, promote_options="permissive").field(0).type
        except pa.ArrowException:
            self._mixed.add(name)
            return pa.string()

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        decode_strings: bool = True,  # noqa: ARG002 - text is never stored as codes here
    ) -> Iterator[pa.RecordBatch]:
        """The rows, in blocks."""
        schema = self.schema()
        for table in self._tables():
            for batch in fitted(table, schema).to_batches():
                yield from sliced(selected(batch, columns))

    def _tables(self) -> Iterator[pa.Table]:
        with reading(self.name, "file of JSON lines", remote=self._file.remote):
            before = lines = 0
            for block in self._blocks():
                refuse_bytes(self._file, block, before, lines)
                yield self._table(block, lines)
                # Each is given without the newline at its end.
                before, lines = before + len(block) + 1, lines + block.count(b"\n") + 1

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines, some megabytes at a time."""
        with self._file.open() as handle:
            rest = b""
            while chunk := handle.read(_BLOCK):
                whole, newline, after = chunk.rpartition(b"\n")
                if newline:
                    yield rest + whole
                    rest = after
                else:
                    rest += after
                if len(rest) > 8 * _BLOCK:
                    raise ConfigError(
                        f"{self.name}: a line has more than {len(rest):,} bytes", "one object a line"
                    )
            if rest.strip():
                yield rest

    def _table(self, block: bytes, lines: int) -> pa.Table:
        """One block, behind so many lines."""
        import pyarrow as pa
        import pyarrow.json as pj

        if not block.strip():
            return pa.table({})
        try:
            options = pj.ReadOptions(block_size=len(block) + 1)
            return pj.read_json(io.BytesIO(block), read_options=options)
        except pa.ArrowInvalid as error:
            rows = self._rows(block, lines)
            if _MIXED not in str(error):
                raise
        return table_of(rows, self.name, self._mixed)

    def _rows(self, block: bytes, lines: int) -> list[dict[str, Any]]:
        """Line by line, which is slow but tells the line that is no object."""
        rows = []
        for number, line in enumerate(block.split(b"\n"), start=lines + 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                # Of the words only those that quote nothing.
                what = error.msg if isinstance(error, json.JSONDecodeError) else "no JSON"
                raise ConfigError(
                    f"{self.name}: line {number:,} is no JSON object: {what}",
                    "write one object a line; is it cut off?",
                ) from error
            if not isinstance(row, dict):
                raise ConfigError(
                    f"{self.name}: line {number:,} is no JSON object", "write one object a line"
                )
            rows.append(row)
        return rows


class JsonSource(Source):
    """A JSON file that holds one list of objects."""

    def __init__(self, file: File) -> None:
        self.name, self.text, self._file = file.name, "", file
        self._mixed: set[str] = set()
        if file.size > _MOST_BYTES:
            raise ConfigError(
                f"{file.name}: {file.size:,} bytes is too large for one JSON list",
                "write JSON lines or Parquet",
            )
        with reading(file.name, "JSON file", remote=file.remote), file.open() as handle:
            raw = handle.read()
        with reading(file.name, "JSON file"):
            try:
                plain = json.loads(raw)
            except UnicodeDecodeError:
                refuse_other_text(file)
                raise
        if not isinstance(plain, list):
            raise ConfigError(
                f"{file.name}: is neither a list of objects nor a stored profile", "write JSON lines"
            )
        with reading(file.name, "JSON table"):
            self._table = table_of(plain, file.name, self._mixed)

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns with values of several kinds."""
        return tuple(
            f"column {name!r} holds values of several kinds; read as text" for name in sorted(self._mixed)
        )

    def schema(self) -> pa.Schema:
        """The fields of all objects."""
        return self._table.schema

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        decode_strings: bool = True,  # noqa: ARG002 - text is never stored as codes here
    ) -> Iterator[pa.RecordBatch]:
        """The rows."""
        for batch in self._table.to_batches():
            yield from sliced(selected(batch, columns))


def table_of(rows: Sequence[Any], name: str, mixed: set[str]) -> pa.Table:
    """A table of objects; a column of several kinds of values becomes text, and is added to ``mixed``.

    Raises:
        ConfigError: a row is no object.
    """
    import pyarrow as pa

    names: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise ConfigError(f"{name}: row {number} is no JSON object", "write one object a row")
        names.update(dict.fromkeys(row))
    columns = {}
    for one in names:
        values = [row.get(one) for row in rows]
        try:
            columns[one] = pa.array(values)
        except (pa.ArrowException, OverflowError):
            mixed.add(one)
            columns[one] = pa.array([_text(value) for value in values], type=pa.string())
    return pa.table(columns)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly these columns: missing ones null, others cast."""
    import pyarrow as pa

    arrays = []
    for field in schema:
        at = table.schema.get_field_index(field.name)
        if at < 0:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(at)
        if column.type.equals(field.type):
            arrays.append(column)
        elif pa.types.is_string(field.type) and (
            pa.types.is_nested(column.type) or pa.types.is_boolean(column.type)
        ):
            arrays.append(pa.array([_text(value) for value in column.to_pylist()], type=pa.string()))
        else:
            arrays.append(column.cast(field.type))
    return pa.table(arrays, schema=schema)
