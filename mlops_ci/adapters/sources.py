"""Where a table may be: a file, a folder, an object store, a query, a stored profile; by one word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import Source, StoredProfile
from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_ci.adapters.source_files import File

SUFFIXES = (".parquet", ".pq", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".arrow", ".feather", ".ipc")
PROFILE_SUFFIX = ".profile.json"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")
_QUERY = "sql:"
_MEGABYTE = 1 << 20


def open_source(text: str, *, root: Path | None = None, database: str = "") -> Source:
    """A table by a path, ``s3://bucket/path``, or ``sql:SELECT ...``; nothing of its rows is read yet.

    Args:
        text: what a person wrote.
        root: what paths are relative to; default: the current folder.
        database: URL of the database that ``sql:`` asks.

    Raises:
        ConfigError: it is not there, or is no table (empty, cut off, another format).
        ToolError: the store or database does not answer.
    """
    _need_arrow(text)
    if text.startswith(_QUERY):
        return SqlSource(text.removeprefix(_QUERY).strip(), database, root or Path())
    if is_address(text):
        return _in_store(text)
    path = (root or Path()) / text
    if not path.exists():
        raise ConfigError(f"{text}: is not there", _near(path))
    if path.is_dir():
        return _folder(text, path)
    return _local(text, path)


def is_address(text: str) -> bool:
    """Whether a table lies outside of any folder here: in an object store, or as a query's answer."""
    return text.startswith(_QUERY) or _ADDRESS.match(text) is not None


def profile_names(table: str) -> tuple[str, str]:
    """What a table's profile is called: by its stem, or whole where another table has the same stem."""
    pure = PurePosixPath(table)
    return f"{pure.stem}{PROFILE_SUFFIX}", f"{pure.name}{PROFILE_SUFFIX}"


def from_bytes(raw: bytes, path: str, *, name: str = "") -> Source:
    """A table from a file's bytes; its path says the format, ``name`` what a person is told.

    Raises:
        ConfigError: the bytes are no table of that format.
    """
    _need_arrow(name or path)
    from mlops_ci.adapters.source_files import File

    def handle() -> Any:
        import pyarrow as pa

        return pa.BufferReader(raw)

    return _by_suffix(File(name or path, len(raw), handle, path=path))


def from_folder(folder: Path, name: str) -> Source:
    """All tables of a folder as one; ``name`` is what a person is told.

    Raises:
        ConfigError: it holds no table, or cannot be read.
    """
    _need_arrow(name)
    return _folder(name, folder)


class SqlSource(Source):
    """The rows that a query gives; asked anew each time they are read.

    Without a database the query is run by DuckDB, over files below ``root``.
    """

    def __init__(self, query: str, database: str, root: Path) -> None:
        self.name = f"sql:{query if len(query) <= 60 else query[:59] + '…'}"
        self.text = f"sql:{query}"
        self._query, self._database, self._root = query, database, root
        self._schema: pa.Schema | None = None
        self._begun: Iterator[pa.RecordBatch] | None = None

    def schema(self) -> pa.Schema:
        """The columns of the answer."""
        if self._schema is None:
            self._schema, self._begun = self._asked()
        return self._schema

    def _asked(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        from mlops_ci.adapters import databases

        if self._database:
            return databases.batches(self._database, self._query)
        return databases.over_files(self._query, self._root)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        decode_strings: bool = True,  # noqa: ARG002 - text is never stored as codes here
    ) -> Iterator[pa.RecordBatch]:
        """The rows, as the database gives them; the answer that the schema came from is used first."""
        from mlops_ci.adapters.source_files import selected

        rows, self._begun = self._begun, None
        if rows is None:
            self._schema, rows = self._asked()
        for batch in rows:
            yield selected(batch, columns)


def _need_arrow(text: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"{text}: reading tables needs pyarrow", "pip install 'mlops-ci[checks]'"
        ) from error


def _near(path: Path) -> str:
    """A hint with the name that may have been meant."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return "check the path"
    near = get_close_matches(path.name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else "check the path"


def _local(name: str, path: Path) -> Source:
    from mlops_ci.adapters.source_files import File

    def handle() -> Any:
        import pyarrow as pa

        # Not mapped into memory: pages of a large file would count as this process's.
        return pa.OSFile(str(path))

    try:
        size = path.stat().st_size
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}", "check the path") from error
    return _by_suffix(File(name, size, handle, text=str(path)))


def _by_suffix(file: File) -> Source:
    """The source for a file's format, which its suffix says."""
    suffix = PurePosixPath(file.path or file.name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"{file.name}: has the suffix {suffix or '(none)'}, which is no table's",
            f"known are {', '.join(SUFFIXES)}",
        )
    if not file.size:
        raise ConfigError(f"{file.name}: is empty", "write it anew")
    return _OPENERS[suffix](file)


def _parquet(file: File) -> Source:
    from mlops_ci.adapters.source_files import ParquetSource

    return ParquetSource(file)


def _csv(file: File) -> Source:
    from mlops_ci.adapters.source_csv import CsvSource

    return CsvSource(file, ",")


def _tsv(file: File) -> Source:
    from mlops_ci.adapters.source_csv import CsvSource

    return CsvSource(file, "\t")


def _json_lines(file: File) -> Source:
    from mlops_ci.adapters.source_json import JsonLinesSource

    return JsonLinesSource(file)


def _arrow(file: File) -> Source:
    from mlops_ci.adapters.source_files import ArrowSource

    return ArrowSource(file)


def _json(file: File) -> Source:
    """A stored profile, a list of objects, or, whatever the suffix says, JSON lines."""
    head = file.head(_MEGABYTE).lstrip()
    called = (file.path or file.name).endswith(PROFILE_SUFFIX)
    if head.startswith(b"{") and (called or b'"columns":[' in head[:_MEGABYTE]):
        from mlops_ci.profiles import shape

        if file.size > shape.MAX_BYTES:
            raise ConfigError(
                f"{file.name}: {file.size:,} bytes is more than a profile may have", "profile anew"
            )
        return StoredProfile(file.name, shape.read(file.head(file.size), file.name))
    if head.startswith(b"{"):
        return _json_lines(file)
    from mlops_ci.adapters.source_json import JsonSource

    return JsonSource(file)


_OPENERS: dict[str, Callable[[File], Source]] = {
    ".parquet": _parquet,
    ".pq": _parquet,
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".ipc": _arrow,
}


def _folder(name: str, path: Path) -> Source:
    try:
        files = [
            entry.relative_to(path).as_posix()
            for entry in path.rglob("*")
            if is_table(entry.relative_to(path).as_posix()) and entry.is_file()
        ]
    except OSError as error:
        raise ConfigError(
            f"{name}: the folder cannot be read: {error.strerror or error}", "name a folder of tables"
        ) from error
    return _of_folder(name, files, lambda file: _local(f"{name.rstrip('/')}/{file}", path / file))


def _of_folder(name: str, files: Sequence[str], open_file: Callable[[str], Source]) -> Source:
    from mlops_ci.adapters.source_folders import FolderSource

    if not files:
        raise ConfigError(f"{name}: is a folder without any table", f"known are {', '.join(SUFFIXES)}")
    return FolderSource(name, files, open_file)


def is_table(relative: str) -> bool:
    """Whether a file of a folder is part of its table; hidden files and _SUCCESS are not."""
    parts = PurePosixPath(relative).parts
    hidden = any(part.startswith((".", "_")) and "=" not in part for part in parts)
    return (
        not hidden
        and PurePosixPath(relative).suffix.lower() in SUFFIXES
        and not relative.endswith(PROFILE_SUFFIX)
    )


def _in_store(uri: str) -> Source:
    """A file or folder of an object store."""
    from pyarrow.fs import FileSelector, FileType

    from mlops_ci.adapters.buckets import filesystem
    from mlops_ci.adapters.source import reading

    store, path = filesystem(uri)
    with reading(uri, "object", remote=True):
        found = store.get_file_info([path])[0]
        if found.type == FileType.File:
            return _by_suffix(_object(uri, store, path, found.size))
        entries = store.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
    sizes = {
        PurePosixPath(entry.path).relative_to(path).as_posix(): entry.size
        for entry in entries
        if entry.type == FileType.File
    }
    files = [file for file in sizes if is_table(file)]

    def open_file(file: str) -> Source:
        return _by_suffix(
            _object(f"{uri.rstrip('/')}/{file}", store, f"{path.rstrip('/')}/{file}", sizes[file])
        )

    return _of_folder(uri, files, open_file)


def _object(name: str, store: Any, path: str, size: int) -> File:
    from mlops_ci.adapters.source_files import File

    return File(name, size, lambda: store.open_input_file(path), remote=True, text=name)
