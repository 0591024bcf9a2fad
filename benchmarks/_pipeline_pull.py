"""The bytes that come out of a DVC remote for one change in a clone without data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _pipeline_shapes
from benchmarks._pipeline_shapes import tool

SIZE = 300_000  # bytes of every file
TABLES = 8
PARTS = ("a.bin", "b.bin", "c.bin", "d.bin")


@dataclass(frozen=True)
class Pulled:
    """Bytes that have to come, and that came for us, `dvc pull`, and `dvc repro --pull --allow-missing`."""

    least: int
    ours: int
    whole: int
    repro: int

    @property
    def kept(self) -> bool:
        """Whether ours are the least there can be."""
        return self.ours == self.least

    def text(self) -> str:
        """One line."""
        return (
            f"pull: dvc pull {self.whole:,} bytes, dvc repro --pull --allow-missing {self.repro:,}, "
            f"ours {self.ours:,} (x{self.ours / self.whole:.2f} of dvc pull), "
            f"at least {self.least:,}: {'kept' if self.kept else 'MISSED'}"
        )


def stages() -> dict[str, dict[str, Any]]:
    """Tables cleaned one by one, a fit over all, a look at one part of a folder, a branch nothing touches."""
    clean = {
        f"clean{at}": {
            "cmd": f"cat params{at}.yaml raw{at}.bin > clean{at}.bin",
            "deps": [f"raw{at}.bin"],
            "params": [{f"params{at}.yaml": ["keep"]}],
            "outs": [f"clean{at}.bin"],
        }
        for at in range(TABLES)
    }
    names = [f"clean{at}.bin" for at in range(TABLES - 1)]
    return {
        **clean,
        "fit": {"cmd": f"cat {' '.join(names)} > model.bin", "deps": names, "outs": ["model.bin"]},
        "look": {
            "cmd": "cat look.yaml parts/a.bin > look.bin",
            "deps": ["parts/a.bin"],
            "params": [{"look.yaml": ["keep"]}],
            "outs": ["look.bin"],
        },
        "aside": {"cmd": "cat clean7.bin > aside.bin", "deps": ["clean7.bin"], "outs": ["aside.bin"]},
    }


def measure(folder: Path, command: Sequence[str]) -> Pulled:
    """Run the pipeline, push its data to a folder, change two parameters, and run clones of that."""
    source, remote = _source(folder), folder / "remote"
    cleaned = [source / f"clean{at}.bin" for at in range(1, TABLES - 1)]
    read = [source / "raw0.bin", *cleaned, source / "parts" / "a.bin", *_listings(remote)]
    least = sum(path.stat().st_size for path in read)
    came = []
    for name, args in {
        "ours": command,
        "whole": ("dvc", "pull", "--quiet"),
        "repro": ("dvc", "repro", "--quiet", "--pull", "--allow-missing"),
    }.items():
        clone = folder / name
        tool(folder, "git", "clone", "--quiet", str(source), str(clone))
        tool(clone, *args)
        came.append(_came(clone, remote))
    return Pulled(least, *came)


def _source(folder: Path) -> Path:
    chance = random.Random(1)
    tables = {f"raw{at}.bin": chance.randbytes(SIZE) for at in range(TABLES)}
    params = dict.fromkeys(("look.yaml", *(f"params{at}.yaml" for at in range(TABLES))), b"keep: 1\n")
    source = _pipeline_shapes.build(folder / "source", stages(), {**tables, **params})
    tool(source, "git", "rm", "--quiet", "--cached", *tables)
    (source / "parts").mkdir()
    for name in PARTS:
        (source / "parts" / name).write_bytes(chance.randbytes(SIZE))
    tool(source, "dvc", "add", "--quiet", *tables, "parts")
    tool(source, "dvc", "remote", "add", "--quiet", "--default", "store", str(folder / "remote"))
    tool(source, "dvc", "repro", "--quiet")
    tool(source, "dvc", "push", "--quiet")
    for name in ("look.yaml", "params0.yaml"):
        (source / name).write_bytes(b"keep: 2\n")
    tool(source, "git", "add", "--all")
    tool(source, "git", "commit", "--quiet", "--message", "Data, and two changes")
    return source


def _listings(remote: Path) -> list[Path]:
    """What a folder holds is an object too, and the part that is read cannot be found without it."""
    return list(remote.rglob("*.dir"))


def _came(clone: Path, remote: Path) -> int:
    """The bytes in a clone's cache that can only be from the remote: the clone began without a cache."""
    kept = {path.relative_to(remote / "files") for path in (remote / "files").rglob("*") if path.is_file()}
    cache = clone / ".dvc" / "cache" / "files"
    return sum((cache / path).stat().st_size for path in kept if (cache / path).is_file())
