"""Random pipelines whose commands are pure: what a stage writes follows from its inputs alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import yaml

INNER = ("a.txt", "b.txt", "n/c.txt")  # the files of a directory output


@dataclass(frozen=True)
class Out:
    """An output: a file, or a directory with the files of INNER; DVC's flags as they are in dvc.yaml."""

    path: str
    is_folder: bool = False
    kind: str = "outs"
    flags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"{self.path}/{name}" for name in INNER) if self.is_folder else (self.path,)


@dataclass(frozen=True)
class Step:
    """A stage; paths are relative to the top. ``folder`` holds the dvc.yaml that describes it."""

    name: str
    folder: str
    deps: tuple[str, ...]
    reads: tuple[str, ...]
    outs: tuple[Out, ...]
    params: tuple[str, ...] = ()
    salt: int = 0
    always: bool = False
    in_two: bool = False

    @property
    def address(self) -> str:
        """How DVC names it from the top."""
        return f"{self.folder}/dvc.yaml:{self.name}" if self.folder else self.name

    def here(self, path: str) -> str:
        """A path as the stage's own folder sees it."""
        return os.path.relpath(path, self.folder or ".")

    @property
    def cmd(self) -> str | list[str]:
        written = [self.here(path) for out in self.outs for path in out.files]
        params = [self.here("params.yaml"), ",".join(self.params) or "-"]
        words = [
            self.name,
            str(self.salt),
            *params,
            *(self.here(path) for path in self.reads),
            "--",
            *written,
        ]
        line = f"sh $CHAOS_HOME/step {' '.join(words)}"
        return [line, "true"] if self.in_two else line

    def described(self) -> dict[str, Any]:
        """Its entry in dvc.yaml."""
        entry: dict[str, Any] = {"cmd": self.cmd}
        if self.deps:
            entry["deps"] = [self.here(path) for path in self.deps]
        if self.params:
            entry["params"] = (
                [{self.here("params.yaml"): list(self.params)}] if self.folder else list(self.params)
            )
        for out in self.outs:
            path = self.here(out.path)
            entry.setdefault(out.kind, []).append({path: dict(out.flags)} if out.flags else path)
        if self.always:
            entry["always_changed"] = True
        return entry


@dataclass(frozen=True)
class Pipeline:
    """The stages (each after what feeds it), the parameters and the raw files at one time."""

    steps: tuple[Step, ...]
    params: Mapping[str, int]
    raw: Mapping[str, int]

    @cached_property
    def by_address(self) -> dict[str, Step]:
        return {step.address: step for step in self.steps}

    def raw_bytes(self, path: str) -> bytes:
        return f"{path} of version {self.raw[path]}\n".encode()

    def write(self, top: Path) -> None:
        """Write dvc.yaml files, parameters and raw files."""
        for path in self.raw:
            (top / path).write_bytes(self.raw_bytes(path))
        (top / "params.yaml").write_text("".join(f"{key}: {value}\n" for key, value in self.params.items()))
        for folder in sorted({step.folder for step in self.steps}):
            stages = {step.name: step.described() for step in self.steps if step.folder == folder}
            (top / folder).mkdir(exist_ok=True)
            (top / folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))

    def edited(self, chance: Random) -> Pipeline:
        """With one to three changes: a parameter, a raw file, a command."""
        found = self
        for _ in range(chance.randint(1, 3)):
            found = chance.choice((_new_param, _new_raw, _new_command, _new_command))(found, chance)
        return found

    def rebuilt(self, chance: Random) -> Pipeline:
        """With one stage more, or fewer, or neither."""
        return chance.choice((_grown, _shrunk, lambda same, _: same))(self, chance)

    def below(self, addresses: Collection[str]) -> frozenset[str]:
        """The stages that read, directly or not, what these write; without these."""
        found: set[str] = set()
        written = {
            path
            for step in self.steps
            if step.address in addresses
            for out in step.outs
            for path in out.files
        }
        for step in self.steps:
            if step.address not in addresses and written & set(step.reads):
                found.add(step.address)
                written |= {path for out in step.outs for path in out.files}
        return frozenset(found)


def generated(chance: Random) -> Pipeline:
    """A pipeline of 5 to 12 stages: chains, diamonds, fans, folders, metrics, stages without inputs."""
    params = {f"p{at}": chance.randint(0, 9) for at in range(4)}
    raw = {f"raw{at}.txt": 0 for at in range(3)}
    found = Pipeline((), params, raw)
    shape = chance.choice(("mixed", "mixed", "mixed", "chain", "fan"))
    for _ in range(chance.randint(5, 12)):
        found = _grown(found, chance, shape)
    return found


def _grown(was: Pipeline, chance: Random, shape: str = "mixed") -> Pipeline:
    number = 1 + max((int(step.name.rpartition("-")[2]) for step in was.steps), default=-1)
    folder = chance.choice(("", "", "", "", "sub"))
    name = f"{chance.choice('zyxabc')}-{number}"
    deps = tuple(_deps(was, chance, shape))
    outs = tuple(_outs(f"{folder}/" if folder else "", number, chance))
    step = Step(
        name=name,
        folder=folder,
        deps=deps,
        reads=tuple(path for dep in deps for path in _files(was, dep)),
        outs=outs,
        params=tuple(sorted(chance.sample(sorted(was.params), chance.choice((0, 0, 1, 2))))),
        always=chance.random() < 0.03,
        in_two=chance.random() < 0.1,
    )
    return replace(was, steps=(*was.steps, step))


def _deps(was: Pipeline, chance: Random, shape: str) -> list[str]:
    if not was.steps or chance.random() < 0.2:
        return chance.sample(sorted(was.raw), chance.choice((0, 1, 1, 2)))
    if shape == "chain":
        return [was.steps[-1].outs[0].path]
    if shape == "fan":
        return [was.steps[0].outs[0].path, chance.choice(sorted(was.raw))]
    outs = [out for step in was.steps for out in step.outs]
    found: dict[str, None] = {}
    for out in chance.sample(outs, min(len(outs), chance.choice((1, 1, 2, 2, 3)))):
        inside = out.is_folder and chance.random() < 0.4
        found[chance.choice(out.files) if inside else out.path] = None
    if chance.random() < 0.3:
        found[chance.choice(sorted(was.raw))] = None
    return list(found)


def _files(was: Pipeline, dep: str) -> tuple[str, ...]:
    folders = {out.path: out.files for step in was.steps for out in step.outs}
    return folders.get(dep, (dep,))


def _outs(folder: str, number: int, chance: Random) -> Iterator[Out]:
    yield (
        Out(f"{folder}o{number}", is_folder=True) if chance.random() < 0.25 else Out(f"{folder}o{number}.txt")
    )
    if chance.random() < 0.25:
        cached = chance.random() < 0.2
        yield Out(f"{folder}m{number}.json", kind="metrics", flags={} if cached else {"cache": False})
    if chance.random() < 0.08:
        yield Out(f"{folder}k{number}.txt", flags={"persist": True})


def _new_param(was: Pipeline, chance: Random) -> Pipeline:
    key = chance.choice(sorted(was.params))
    return replace(was, params={**was.params, key: (was.params[key] + chance.randint(1, 9)) % 10})


def _new_raw(was: Pipeline, chance: Random) -> Pipeline:
    path = chance.choice(sorted(was.raw))
    return replace(was, raw={**was.raw, path: (was.raw[path] + 1) % 3})


def _new_command(was: Pipeline, chance: Random) -> Pipeline:
    chosen = chance.choice(was.steps)
    new = replace(chosen, salt=chosen.salt + 1)
    return replace(was, steps=tuple(new if step is chosen else step for step in was.steps))


def _shrunk(was: Pipeline, chance: Random) -> Pipeline:
    read = {path for step in was.steps for path in step.reads}
    ends = [step for step in was.steps if not any(path in read for out in step.outs for path in out.files)]
    # The file of a stage's only neighbour must not become a dvc.yaml without stages.
    if len(was.steps) < 4 or not ends:
        return was
    chosen = chance.choice(ends)
    left = tuple(step for step in was.steps if step is not chosen)
    return (
        replace(was, steps=left)
        if {step.folder for step in left} == {step.folder for step in was.steps}
        else was
    )
