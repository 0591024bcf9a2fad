"""Folders of tables as one source: plain, or partitioned as ``year=2024/part-0.parquet`` (Hive's way)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlops_ci.adapters.source import Source
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

# So many columns are told by name.
_NAMED = 5
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class FolderSource(Source):
    """All tables below a folder, in the order of their names.

    A column that a file does not have is null there. Types are widened to hold all files.
    """

    def __init__(self, name: str, files: Sequence[str], open_file: Callable[[str], Source]) -> None:
        self.name = name
        self._files = sorted(files)
        self._open = open_file
        self._keys = {file: _keys(file) for file in self._files}
        self._sources: dict[str, Source] = {}
        self._schema: pa.Schema | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to read the files."""
        return (*self._lacking(), *(note for source in self._sources.values() for note in source.notes))

    def _lacking(self) -> Iterator[str]:
        """Columns that are not in every file, folded by how many files lack them."""
        if self._schema is None:
            return
        times = Counter(name for file in self._files for name in set(self._source(file).schema().names))
        folded: dict[int, list[str]] = {}
        for name in self._schema.names:
            if 0 < times[name] < len(self._files):
                folded.setdefault(len(self._files) - times[name], []).append(name)
        for files, names in sorted(folded.items()):
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            columns = f"column{'' if len(names) == 1 else 's'} {', '.join(map(repr, names[:_NAMED]))}{more}"
            yield f"{files:,} of {len(self._files):,} files lack {columns}; read as missing values there"

    def _source(self, file: str) -> Source:
        return (
            self._sources.setdefault(file, self._open(file))
            if file not in self._sources
            else self._sources[file]
        )

    def schema(self) -> pa.Schema:
        """The columns of all files and of the partitions.

        Raises:
            ConfigError: a file cannot be read, or the files do not fit together.
        """
        import pyarrow as pa

        if self._schema is not None:
            return self._schema
        schemas = [self._single(file) for file in self._files]
        try:
            found = pa.unify_schemas(schemas, promote_options="permissive")
        except pa.ArrowException as error:
            raise ConfigError(
                f"{self.name}: its files are no single table: {self._clash(schemas)}",
                "write all files with the same types",
            ) from error
        keys = {key: None for file in self._files for key in self._keys[file]}
        for key in keys:
            if key in found.names:
                raise ConfigError(
                    f"{self.name}: column {key!r} stands in the files and in the folders' names",
                    "rename one of them",
                )
            found = found.append(pa.field(key, self._key_type(key)))
        self._schema = found
        return found

    def _single(self, file: str) -> Any:
        schema = self._source(file).schema()
        for name, times in Counter(schema.names).items():
            if times > 1 and len(self._files) > 1:
                raise ConfigError(
                    f"{file}: column {name!r} stands twice", "give every column a name of its own"
                )
        return schema.remove_metadata()

    def _clash(self, schemas: Sequence[Any]) -> str:
        """Which column has which types where."""
        first: dict[str, tuple[Any, str]] = {}
        for schema, file in zip(schemas, self._files, strict=True):
            for field in schema:
                type_, other = first.setdefault(field.name, (field.type, file))
                if not _together(type_, field.type):
                    return f"column {field.name!r} is {type_} in {other} and {field.type} in {file}"
        return "their columns have types that do not go together"

    def _key_type(self, key: str) -> Any:
        import pyarrow as pa

        values = [keys[key] for keys in self._keys.values() if key in keys and keys[key] != _NO_VALUE]
        whole = all(value.lstrip("-").isdecimal() and str(int(value)) == value for value in values)
        return pa.int64() if whole and values else pa.string()

    def batches(
        self, columns: Sequence[str] | None = None, *, decode_strings: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one file after the other."""
        schema = self.schema()
        wanted = [field for field in schema if columns is None or field.name in set(columns)]
        for file in self._files:
            source = self._source(file)
            here = [field.name for field in wanted if field.name in set(source.schema().names)]
            # Without any column of the file its rows still count.
            read = here if columns is not None and here else None
            for batch in source.batches(read, decode_strings=decode_strings):
                yield self._fitted(batch, wanted, self._keys[file], whole=columns is None)

    def _fitted(
        self, batch: pa.RecordBatch, wanted: Sequence[Any], keys: Mapping[str, str], *, whole: bool
    ) -> pa.RecordBatch:
        import pyarrow as pa

        if whole and not keys and batch.schema.types == [field.type for field in wanted]:
            return batch
        arrays = [_array(batch, field, keys) for field in wanted]
        return pa.RecordBatch.from_arrays(arrays, names=[field.name for field in wanted])


def _together(one: Any, other: Any) -> bool:
    import pyarrow as pa

    try:
        pa.unify_schemas([pa.schema([("x", one)]), pa.schema([("x", other)])], promote_options="permissive")
    except pa.ArrowException:
        return False
    return True


def _array(batch: pa.RecordBatch, field: Any, keys: Mapping[str, str]) -> Any:
    """One column of a file: its own, a partition's value, or nulls."""
    import pyarrow as pa

    if field.name in keys:
        text = keys[field.name]
        value = None if text == _NO_VALUE else (int(text) if pa.types.is_integer(field.type) else text)
        return pa.repeat(pa.scalar(value, field.type), batch.num_rows)
    at = batch.schema.get_field_index(field.name)
    if at < 0:
        return pa.nulls(batch.num_rows, field.type)
    array = batch.column(at)
    # Codes stay codes: they are text in the schema.
    if array.type.equals(field.type) or pa.types.is_dictionary(array.type):
        return array
    return array.cast(field.type)


def _keys(file: str) -> dict[str, str]:
    """The partition keys in the names of a file's folders."""
    pairs = (part.partition("=") for part in PurePosixPath(file).parts[:-1])
    return {unquote(key): unquote(value) for key, equals, value in pairs if equals and key}
