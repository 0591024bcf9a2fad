"""CSV and TSV files as sources: types are settled over the whole file before the first row is given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import Source, reading
from mlops_ci.adapters.source_files import File, selected, sliced
from mlops_ci.adapters.source_text import refuse_other_text
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

# Bytes that Arrow parses at a time; types are guessed from the first block.
_BLOCK = 1 << 22
_SNIFF = 1 << 16
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_WHAT = "table of delimited text"
# What Arrow says of a row that has no end within a block.
_ENDLESS = "straddl"
_CONVERSION = re.compile(r"In CSV column #(\d+): .*?CSV conversion error to ([^:]+)")


class CsvSource(Source):
    """One file of delimited text with a header line, in UTF-8.

    Empty cells and the usual words (NA, null, NaN) are missing values, also in columns of text.
    """

    def __init__(self, file: File, delimiter: str) -> None:
        self.name, self.text, self._file = file.name, file.text, file
        self._delimiter = delimiter
        self._types: dict[str, Any] = {}
        self._schema: pa.Schema | None = None
        self._notes: list[str] = []
        self._sniff(file.head(_SNIFF))

    def _sniff(self, head: bytes) -> None:
        """Refuse what is no text, or text with another delimiter."""
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            refuse_other_text(self._file)
        if b"\0" in head:
            raise ConfigError(f"{self.name}: is binary, no text", "name a file of delimited text")
        line = head.decode("utf-8", errors="replace").lstrip("\ufeff").partition("\n")[0]
        if self._delimiter in line:
            return
        found = [mark for mark in _DELIMITERS if mark != self._delimiter and mark in line]
        if found:
            raise ConfigError(
                f"{self.name}: the header has {_DELIMITERS[found[0]]} and no"
                f" {_DELIMITERS[self._delimiter]}: the wrong delimiter?",
                "write the table with the delimiter of its suffix (.csv commas, .tsv tabs), or as Parquet",
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns whose type changes on the way through the file."""
        return tuple(self._notes)

    def schema(self) -> pa.Schema:
        """The columns, with types that hold for the whole file."""
        if self._schema is None:
            with self._reading():
                self._schema = self._settle()
        return self._schema

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell what is wrong with the text, and in which row: Arrow's own words say neither."""
        import pyarrow as pa

        with reading(self.name, _WHAT, remote=self._file.remote):
            try:
                yield
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                refuse_other_text(self._file)
                if _ENDLESS in str(error):
                    raise ConfigError(
                        f"{self.name}: a row has more than {_BLOCK:,} bytes",
                        "is a quotation mark not closed, or is it no delimited text?",
                    ) from error
                if "Expected" in str(error):
                    self._refuse_row()
                raise

    def _refuse_row(self) -> None:
        """Read once more on one thread, which counts the rows, up to the one with too many or few columns."""
        import pyarrow as pa

        found: list[Any] = []

        def seen(row: Any) -> str:
            found.append(row)
            return "error"

        try:
            with self._file.open() as handle:
                for _ in self._open(handle, seen):
                    pass
        except pa.ArrowInvalid as error:
            if found and found[0].number is not None:
                row = found[0]
                raise ConfigError(
                    f"{self.name}: row {row.number:,}: expected {row.expected_columns:,} columns, got"
                    f" {row.actual_columns:,} (the header is row 1, empty lines are not counted)",
                    "is a value with the delimiter in it without quotation marks, or is the file cut off?",
                ) from error

    def _settle(self) -> pa.Schema:
        """Read until no column breaks the type that its first block suggests; one block needs no proof."""
        import pyarrow.types as at

        while True:
            with self._file.open() as handle:
                reader = self._open(handle)
                # A name that is no UTF-8 is none before somebody asks for it.
                if reader.schema.names and any(map(at.is_binary, reader.schema.types)):
                    refuse_other_text(self._file)
                if self._file.size <= _BLOCK:
                    return reader.schema
                trouble = self._through(reader)
                if not trouble:
                    return reader.schema
                self._widen(reader.schema, trouble)

    def _through(self, reader: Any) -> str:
        """Read to the end; gives the complaint about a value that does not fit its column's type."""
        import pyarrow as pa

        try:
            for _ in reader:
                pass
        except pa.ArrowInvalid as error:
            if not _CONVERSION.search(str(error)):
                raise
            return str(error)
        return ""

    def _widen(self, schema: pa.Schema, trouble: str) -> None:
        """Give the column the next wider type: whole numbers, numbers, text."""
        import pyarrow as pa
        import pyarrow.types as at

        match = _CONVERSION.search(trouble)
        field = schema.field(int(match[1]) if match else 0)
        if Counter(schema.names)[field.name] > 1:
            raise ConfigError(
                f"{self.name}: column {field.name!r} stands twice and changes its type",
                "give every column a name of its own",
            )
        if at.is_integer(field.type) or at.is_null(field.type):
            self._types[field.name] = pa.float64()
        else:
            if at.is_string(field.type):
                refuse_other_text(self._file)
            self._types[field.name] = pa.string()
            self._notes.append(f"column {field.name!r} begins with other values than text; read as text")

    def _open(self, handle: Any, invalid: Callable[[Any], str] | None = None) -> Any:
        import pyarrow as pa
        import pyarrow.csv as pc

        try:
            return pc.open_csv(
                handle,
                read_options=pc.ReadOptions(block_size=_BLOCK, use_threads=invalid is None),
                parse_options=pc.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=invalid
                ),
                convert_options=pc.ConvertOptions(
                    column_types=self._types, strings_can_be_null=True, quoted_strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                raise ConfigError(f"{self.name}: is empty", "give it a header line") from error
            raise

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        decode_strings: bool = True,  # noqa: ARG002 - text is never stored as codes here
    ) -> Iterator[pa.RecordBatch]:
        """The rows, in blocks."""
        self.schema()
        with self._reading(), self._file.open() as handle:
            for batch in self._open(handle):
                yield from sliced(selected(batch, columns))
        self._need_whole_quotes()

    def _need_whole_quotes(self) -> None:
        """A quotation mark that nothing closes makes one value of all rows behind it."""
        marks = 0
        with self._file.open() as handle:
            while block := handle.read(_BLOCK):
                marks += block.count(b'"')
        if marks % 2:
            raise ConfigError(
                f"{self.name}: a quotation mark is not closed, so rows behind it would be lost",
                'close it, or double it within text: ""',
            )
