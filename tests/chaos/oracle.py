"""What the commands give, computed here: the truth that every entry of a dvc.lock is held against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.pipelines import INNER, Out, Pipeline, Step


@dataclass
class Oracle:
    """Knows every content that a correct run can meet, by its hash, and every command."""

    contents: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, dict[str, str]] = field(default_factory=dict)
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)

    def learn(self, pipeline: Pipeline) -> dict[str, dict[str, Any]]:
        """Compute a pipeline; gives the right dvc.lock entry of each stage, by its address."""
        now = {path: self._keep(pipeline.raw_bytes(path)) for path in pipeline.raw}
        entries = {}
        for step in pipeline.steps:
            self.steps[step.address, _line(step.cmd)] = step
            deps = [_dep(step.here(path), self._sum_of(path, now)) for path in sorted(step.deps)]
            params = {key: pipeline.params[key] for key in step.params}
            entry: dict[str, Any] = {"cmd": step.cmd}
            if deps:
                entry["deps"] = [self._measured(dep) for dep in deps]
            if params:
                entry["params"] = {step.here("params.yaml"): params}
            entry["outs"] = self.outs(step, [now[path] for path in step.reads], params)
            entries[step.address] = entry
            for out in entry["outs"]:
                self._place(step, out, now)
        return entries

    def outs(self, step: Step, read: Iterable[str], params: Mapping[str, int]) -> list[dict[str, Any]]:
        """The ``outs`` of a stage's entry for the hashes of the files it reads, as dvc.lock has them."""
        head = f"{step.name} {step.salt}\n" + "".join(
            f"{key}: {value}\n" for key, value in sorted(params.items())
        )
        told = cksum(head.encode() + b"".join(self.contents[value] for value in read))
        return [self._out(step, out, told) for out in sorted(step.outs, key=lambda out: step.here(out.path))]

    def complaint(self, address: str, entry: Mapping[str, Any]) -> str:
        """What is false in an entry of dvc.lock; empty where it is true."""
        step = self.steps.get((address, _line(entry["cmd"])))
        if step is None:
            return f"no stage {address} ever had the command {entry['cmd']}"
        deps = {dep["path"]: dep["md5"] for dep in entry.get("deps", ())}
        if set(deps) != {step.here(path) for path in step.deps}:
            return f"{address} is said to read {sorted(deps)}"
        read: list[str] = []
        for path in step.deps:
            value = deps[step.here(path)]
            found = [value] if value in self.contents else list(self.folders.get(value, {}).values())
            if not found:
                return f"{address} is said to have read {path} as {value}, which nothing ever computes"
            read += found
        params = entry.get("params", {}).get(step.here("params.yaml"), {})
        if set(params) != set(step.params):
            return f"{address} is said to have the parameters {sorted(params)}"
        right = self.outs(step, read, params)
        return "" if entry["outs"] == right else f"{address} gives {right}, and dvc.lock says {entry['outs']}"

    def _out(self, step: Step, out: Out, told: str) -> dict[str, Any]:
        sums = {path: self._keep(_written(step, path, told)) for path in out.files}
        value = next(iter(sums.values()))
        if out.is_folder:
            inner = {path.removeprefix(f"{out.path}/"): found for path, found in sums.items()}
            value = self._keep_folder(inner)
        return self._measured(_dep(step.here(out.path), value))

    def _measured(self, item: dict[str, Any]) -> dict[str, Any]:
        value = item["md5"]
        if value in self.folders:
            parts = self.folders[value].values()
            return {**item, "size": sum(len(self.contents[one]) for one in parts), "nfiles": len(parts)}
        return {**item, "size": len(self.contents[value])}

    def _keep(self, content: bytes) -> str:
        value = hashlib.md5(content).hexdigest()
        self.contents[value] = content
        return value

    def _keep_folder(self, inner: Mapping[str, str]) -> str:
        listing = [{"md5": inner[name], "relpath": name} for name in sorted(inner)]
        value = hashlib.md5(json.dumps(listing).encode()).hexdigest() + ".dir"
        self.folders[value] = {name: inner[name] for name in INNER}
        return value

    def _sum_of(self, path: str, now: Mapping[str, str]) -> str:
        if path in now:
            return now[path]
        return self._keep_folder({name: now[f"{path}/{name}"] for name in INNER})

    def _place(self, step: Step, out: Mapping[str, Any], now: dict[str, str]) -> None:
        path = next(one.path for one in step.outs if step.here(one.path) == out["path"])
        inner = self.folders.get(out["md5"])
        now.update(
            {f"{path}/{name}": value for name, value in inner.items()} if inner else {path: out["md5"]}
        )


def _written(step: Step, path: str, told: str) -> bytes:
    """What ``step`` writes into one file."""
    if path.endswith("/b.txt"):
        return b"the same in every folder\n"
    return f"{step.name} {path.rpartition('/')[2]} {told}\n".encode()


def _line(cmd: str | list[str]) -> str:
    return cmd if isinstance(cmd, str) else "\n".join(cmd)


def _dep(path: str, value: str) -> dict[str, Any]:
    return {"path": path, "hash": "md5", "md5": value}


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        found.append(value & 0xFFFFFFFF)
    return tuple(found)


_TABLE = _table()


def cksum(content: bytes) -> str:
    """What the POSIX tool of this name says of its standard input: a CRC and the length."""
    crc, length = 0, len(content)
    tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
    for byte in content + tail:
        crc = (crc << 8) & 0xFFFFFFFF ^ _TABLE[(crc >> 24) ^ byte]
    return f"{crc ^ 0xFFFFFFFF} {length}"
