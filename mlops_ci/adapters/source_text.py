"""Text that is none: where a file's first byte stands that is no UTF-8, looked for once reading failed."""

from __future__ import annotations

import shlex
from typing import NoReturn

from mlops_ci.adapters.source_files import File
from mlops_ci.errors import ConfigError

_BLOCK = 1 << 22
# A character has at most so many bytes, so a block's end may cut one.
_LONGEST = 4
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def refuse_other_text(file: File) -> None:
    """Look through the whole file.

    Raises:
        ConfigError: a byte of it is NUL or no UTF-8; the message says where, and quotes nothing but the byte.
    """
    lines, begin, rest = 0, 0, b""
    with file.open() as handle:
        while chunk := bytes(handle.read(_BLOCK)):
            block = rest + chunk
            nul, other = block.find(b"\0"), _undecodable(block, last=len(chunk) < _BLOCK)
            if other >= 0 and not 0 <= nul < other:
                _refuse_byte(file, begin + other, lines + block.count(b"\n", 0, other), block[other])
            if nul >= 0:
                line = lines + block.count(b"\n", 0, nul) + 1
                raise ConfigError(
                    f"{file.name}: line {line:,}, byte {begin + nul + 1:,} is NUL, which text does not have",
                    "write it anew: a copy that broke off leaves such bytes",
                )
            kept = len(block) if len(block) < _LONGEST else len(block) - _LONGEST + 1
            lines, begin, rest = lines + block.count(b"\n", 0, kept), begin + kept, block[kept:]


def refuse_bytes(file: File, block: bytes, before: int, lines: int) -> None:
    """The same for whole lines that were read already, behind so many bytes and lines."""
    at = _undecodable(block, last=True)
    if at >= 0:
        _refuse_byte(file, before + at, lines + block.count(b"\n", 0, at), block[at])


def _undecodable(block: bytes, *, last: bool) -> int:
    """The place of the first byte that is no UTF-8, -1 without; a cut character at the end is none yet."""
    try:
        block.decode()
    except UnicodeDecodeError as error:
        cut = not last and error.reason == "unexpected end of data"
        return -1 if cut else error.start
    return -1


def _refuse_byte(file: File, at: int, lines: int, byte: int) -> NoReturn:
    wide = at == 0 and file.head(2) in _UTF16
    where = f"line {lines + 1:,}, byte {at + 1:,} is 0x{byte:02x}"
    name = shlex.quote((file.path or file.name).rpartition("/")[2])
    raise ConfigError(
        f"{file.name}: is not UTF-8: {where}",
        f"write it as UTF-8: `iconv -f {'utf16' if wide else 'latin1'} -t utf8 {name}`"
        f"{'' if wide else ', or name in place of latin1 the encoding it has'}",
    )
