"""Zip what the patterns name, from their least common folder on, and put it into the gateway's store."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import sys
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path


def files(patterns: list[str], hidden: bool) -> list[Path]:
    """Files in the order of their names."""
    found: set[Path] = set()
    for pattern in patterns:
        names = glob.glob(pattern.removeprefix("!"), recursive=True, include_hidden=hidden)  # noqa: PTH207
        these = {file for name in names for file in _below(Path(name))}
        found = found - these if pattern.startswith("!") else found | these
    shown = (file for file in found if hidden or not any(part.startswith(".") for part in file.parts[1:]))
    return sorted(path.absolute() for path in shown)


def _below(path: Path) -> list[Path]:
    return [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]


def root(patterns: list[str], found: list[Path]) -> Path:
    """What names in the archive begin after: the folder itself where one folder was named."""
    plain = [Path(pattern) for pattern in patterns if not pattern.startswith("!")]
    if len(plain) == 1 and plain[0].is_dir():
        return plain[0].absolute()
    return Path(os.path.commonpath([file.parent for file in found]))


def packed(patterns: list[str], found: list[Path]) -> bytes:
    start, data = root(patterns, found), BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found:
            archive.write(file, file.relative_to(start))
    return data.getvalue()


def stored(name: str, data: bytes) -> int:
    """The id that the store gave it."""
    request = urllib.request.Request(
        f"{os.environ['GITHUB_SERVER_URL']}/_stand/artifacts/{os.environ['GITHUB_RUN_ID']}/{name}",
        data,
        {"Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}", "Content-Type": "application/zip"},
        # As the real one: the artifact of that name goes first.
        method="POST" if os.environ["OVERWRITE"] == "true" else "PUT",
    )
    with urllib.request.urlopen(request) as answer:
        return int(json.load(answer)["id"])


def main() -> int:
    patterns = [line.strip() for line in os.environ["PATTERNS"].splitlines() if line.strip()]
    found = files(patterns, os.environ["HIDDEN"] == "true")
    if not found:
        kind = {"error": "error", "warn": "warning"}.get(os.environ["NOTHING"], "debug")
        sys.stdout.write(f"::{kind}::No files were found with the provided path: {' '.join(patterns)}\n")
        return int(kind == "error")
    data = packed(patterns, found)
    number = stored(os.environ["NAME"], data)
    page = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{os.environ['GITHUB_RUN_ID']}"
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as out:
        out.write(f"artifact-id={number}\nartifact-url={page}/artifacts/{number}\n")
        out.write(f"artifact-digest={hashlib.sha256(data).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
