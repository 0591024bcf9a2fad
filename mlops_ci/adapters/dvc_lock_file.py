"""dvc.lock as pieces of text, one a stage: entries are put in without a whole round trip of the file.

DVC parses and writes the whole file again, comments kept, for every stage that ends; with hundreds of stages
that is most of what it does. Here only what changed is dumped, by DVC's own dumper, and the bytes are those
that DVC would have written. Files that are not the way DVC writes them go through DVC's round trip.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_ci.adapters import files
from mlops_ci.errors import ConfigError

HEAD = "schema: '2.0'\nstages:\n"
_STAGES = "stages:\n"

_HINT = "take the version of one side and run `dvc repro`"
_NAME = re.compile(r"(?m)^  (?=[^\s#-]).*:$")
# What DVC's dumper writes as it reads it: words that are no number or constant, and plain numbers.
_LETTER = r"(?:[!-9;-~]|:(?=[!-~]))"
_WORDS = rf"{_LETTER}+(?: (?!#){_LETTER}+)*"
_LINE = re.compile(r"( {4,})((?:- )?)([A-Za-z_][\w.@/+-]*):(?: (.+))?$", re.ASCII)
_VALUE = re.compile(
    rf"(?!(?:true|false|null|yes|no|on|off|y|n)$)(?=[a-z_/]){_WORDS}"
    r"|-?(?:0|[1-9]\d{0,14})(?:\.(?:0|\d{0,12}[1-9]))?|(?=[0-9a-f]*[acdf])[0-9a-f]{32}(?:\.dir)?",
    re.ASCII | re.IGNORECASE,
)
_MORE = re.compile(rf"( +)((?!- ){_WORDS})$", re.ASCII)
_WIDTH = 80  # columns: DVC's dumper breaks a line at the first space after them
_UNEVEN = re.compile(r"(?m)(?:^|\s)#|[-:?] +[&*!]|^ *<<:|^[^ \n](?!chema: '2\.0'$|tages:$)|^\t|\r|[^\n]\Z")


@dataclass(frozen=True)
class LockFile:
    """What one dvc.lock says: a stage's entry as text, in the file's order; ``even`` if DVC wrote it all."""

    entries: Mapping[str, str]
    text: str = ""
    even: bool = True


def render(name: str, entry: Any) -> str:
    """One stage's entry as DVC's dumper writes it, its name and indentation included."""
    from dvc.utils.serialize import dumps_yaml

    return str(dumps_yaml({"stages": {name: entry}})).removeprefix(_STAGES)


def meaning(chunk: str) -> dict[str, Any]:
    """What the texts of entries say: stage name -> entry.

    Raises:
        ConfigError: that is no YAML, or no entries of a dvc.lock.
    """
    return _stages("a dvc.lock entry", HEAD + chunk)


def read(path: Path) -> LockFile:
    """The entries of a dvc.lock; none where there is no such file.

    Raises:
        ConfigError: it is not YAML (a merge conflict), or not what DVC writes.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return LockFile({})
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text (byte {error.start + 1})", _HINT) from error
    return _parsed(path, text)


def put(
    path: Path, chunks: Mapping[str, str], *, order: Collection[str] = (), added: Collection[str] = ()
) -> bool:
    """Write the texts of entries into a dvc.lock, in one step; tells whether it changed.

    Entries that are there stay in their place. New ones, and those that are told to be ``added`` by the same
    run, come after them in the ``order`` in which ``dvc repro`` visits stages.

    Raises:
        ConfigError: the file, or an entry, is not what DVC writes; ToolError: it cannot be written.
    """
    before = read(path)
    text = merged(path, before, chunks, order=order, added=added)
    if text == before.text:
        return False
    # Where it is a link it stays one, as with DVC.
    files.write(path.resolve(), text.encode())
    return True


def merged(
    path: Path,
    before: LockFile,
    chunks: Mapping[str, str],
    *,
    order: Collection[str] = (),
    added: Collection[str] = (),
) -> str:
    """The text of the file with the chunks in it; see ``put``."""
    for name, chunk in chunks.items():
        if _name_of(chunk) != name:
            raise ConfigError(f"{path}: the new entry of {name} is not one entry of that name")
    names = _sequence(before.entries, chunks, order, added)
    if names == list(before.entries) and all(before.entries[name] == chunk for name, chunk in chunks.items()):
        return before.text
    if not before.even or any(_UNEVEN.search(chunk) for chunk in chunks.values()):
        return _round_trip(before.text, chunks, names)
    return HEAD + "".join(chunks.get(name) or _normal(before.entries[name]) for name in names)


def _sequence(
    there: Iterable[str], chunks: Iterable[str], order: Collection[str], added: Collection[str]
) -> list[str]:
    """The names as they are to stand in the file."""
    kept = dict.fromkeys(name for name in there if name not in added)
    place = {name: index for index, name in enumerate(order)}
    rest = dict.fromkeys(name for name in (*there, *chunks) if name not in kept)
    return [*kept, *sorted(rest, key=lambda name: place.get(name, len(place)))]


def _parsed(path: Path, text: str) -> LockFile:
    pieces = _pieces(text.removeprefix(HEAD)) if text.startswith(HEAD) and not _UNEVEN.search(text) else None
    if pieces is not None:
        return LockFile(pieces, text)
    found = {name: render(name, entry) for name, entry in _stages(path, text).items()}
    return LockFile(found, text, even=not text.strip())


def _pieces(body: str) -> dict[str, str] | None:
    """The text of each entry, where every one can stand by itself; else None."""
    starts = [found.start() for found in _NAME.finditer(body)]
    if not starts or starts[0]:
        return None
    pieces = [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]
    names = [_name_of(piece) for piece in pieces]
    if None in names or len(set(names)) < len(names):
        return None
    return {str(name): piece for name, piece in zip(names, pieces, strict=True)}


def _name_of(chunk: str) -> str | None:
    """The stage whose one entry a text is; None where it is anything else."""
    if _is_plain(chunk):
        return chunk[2 : chunk.index("\n") - 1]
    try:
        names = list(meaning(chunk))
    except ConfigError:
        return None
    return names[0] if len(names) == 1 else None


def _stages(path: Path | str, text: str) -> dict[str, Any]:
    from dvc.exceptions import DvcException
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import parse_yaml
    from voluptuous import Invalid

    if not text.strip():
        return {}
    try:
        said = parse_yaml(text, str(path))
        COMPILED_LOCKFILE_SCHEMA(said)
    except DvcException as error:
        cause = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"{path}: not YAML: {cause}", _HINT) from error
    except Invalid as error:
        raise ConfigError(f"{path}: is not what DVC writes: {' '.join(str(error).split())}", _HINT) from error
    found: dict[str, Any] = said.get("stages") or {}
    return found


def _normal(chunk: str) -> str:
    """An entry that stays, the way it looks after DVC has read and written it."""
    return chunk if _is_plain(chunk) else _round_trip(HEAD + chunk, {}, ()).removeprefix(HEAD)


def _is_plain(chunk: str) -> bool:
    """Whether every line is one of those that DVC's dumper gives back as it read them, at its own depth."""
    depth, deeper, broken = 2, True, False
    first, _, body = chunk.partition("\n")
    if not re.fullmatch(r"  [A-Za-z_][\w@.-]{0,60}:", first, re.ASCII) or not body.startswith("    cmd:"):
        return False
    for line in body.split("\n")[:-1]:
        if len(line.rpartition(" ")[0]) > _WIDTH:
            return False
        if broken:
            more = _MORE.match(line)
            if more is None or len(more[1]) != depth + 2:
                return False
        else:
            found = _LINE.match(line)
            if found is None or (found[4] and not _VALUE.fullmatch(found[4])):
                return False
            spaces, dash = len(found[1]), len(found[2])
            if spaces % 2 or (spaces != depth + 2 - dash if deeper else spaces > depth):
                return False
            depth, deeper = spaces + dash, not found[4]
        broken = len(line) > _WIDTH
    return not deeper and not broken


def _round_trip(text: str, chunks: Mapping[str, str], names: Iterable[str]) -> str:
    """What DVC itself would write: the file parsed with its comments, changed, and dumped."""
    from dvc.utils.serialize import dumps_yaml
    from dvc.utils.serialize._yaml import parse_yaml_for_update

    data = parse_yaml_for_update(text, "dvc.lock") or {"schema": "2.0"}
    stages = data["stages"] = data.get("stages", {})
    for name, chunk in chunks.items():
        stages[name] = parse_yaml_for_update(HEAD + chunk, "dvc.lock")["stages"][name]
    for name in names:
        stages[name] = stages.pop(name)
    return str(dumps_yaml(data))
