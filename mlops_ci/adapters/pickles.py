"""Whether a file that is called like a pickle begins like one; nothing is unpickled here."""

from __future__ import annotations

import pickletools
from pathlib import Path

from mlops_ci.adapters.serving_worker import PICKLES

# How protocol 2 or later begins, and what joblib compresses with: zlib, gzip, bz2, xz, lzma, lz4, and
# its own older format.
_BEGINNINGS = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18", b"ZF")
_CODES = frozenset(one.code for one in pickletools.opcodes)


def why_none(path: Path) -> str:
    """Why a file cannot be the pickle that its name promises; nothing where it may be, or promises none."""
    if path.suffix.lower() not in PICKLES or not path.is_file():
        return ""
    with path.open("rb") as file:
        begins = file.read(8)
        file.seek(max(0, path.stat().st_size - 1))
        ends = file.read(1)
    # Protocols 0 and 1 begin with any code, and end as every pickle does.
    if begins.startswith(_BEGINNINGS) or (begins[:1].decode("latin-1") in _CODES and ends == b"."):
        return ""
    return f"{path.name} is no pickle: it does not begin like one"
