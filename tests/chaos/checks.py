"""What must hold after every attack and at the end; each check gives complaints, none where all is well."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.ground import Ground, is_sound, loaded
from tests.chaos.oracle import Oracle
from tests.chaos.pipelines import Pipeline, Step

GOOD = ("ran", "restored", "cached")
_CHUNK = re.compile(r"(?m)^  (?=\S)")

Entry = Mapping[str, Any]


@dataclass
class State:
    """The pipeline as it is now, the right entries of its dvc.lock, and what we know of each stage's work.

    ``told``: the entry a stage had when a run of ours said that it was done. ``begun``: the entry that its
    command last started to work for.
    """

    pipeline: Pipeline
    oracle: Oracle
    right: dict[str, dict[str, Any]]
    told: dict[str, Entry] = field(default_factory=dict)
    begun: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, pipeline: Pipeline) -> State:
        oracle = Oracle()
        return cls(pipeline, oracle, oracle.learn(pipeline))

    def change(self, pipeline: Pipeline) -> None:
        """The pipeline was edited."""
        self.pipeline, self.right = pipeline, self.oracle.learn(pipeline)

    def after(self, ground: Ground) -> None:
        """Take in what one turn's log says."""
        addresses = {step.name: step.address for step in self.pipeline.steps}
        for name in ground.log("start", ground.turn):
            self.begun[addresses[name]] = self.right[addresses[name]]
        for address in ground.log("told", ground.turn):
            self.told[address] = self.right[address]


def computed(ground: Ground, state: State) -> frozenset[str]:
    """The stages whose work is done and kept: no run may start their commands again.

    That is a stage whose entry in dvc.lock is the right one, or of which a run of ours said that it was
    done, if its command did not start for other inputs since; and one of whose right entry the run cache
    has a record and the cache every object. What always changes is never done.
    """
    claimed, kept = ground.entries(), list(ground.run_cache())
    objects = ground.objects()
    found = set()
    for address, right in state.right.items():
        step = state.pipeline.by_address[address]
        undisturbed = state.begun.get(address, right) == right
        if step.always:
            continue
        told = right in (claimed.get(address), state.told.get(address))
        if (told and undisturbed) or (_can_be_kept(step) and _is_kept(right, kept, objects)):
            found.add(address)
    return frozenset(found)


def _can_be_kept(step: Step) -> bool:
    """Whether DVC's run cache takes such a stage."""
    return bool(step.deps or step.params) and not any("persist" in out.flags for out in step.outs)


def _is_kept(right: Entry, kept: Collection[Mapping[str, Any]], objects: Collection[str]) -> bool:
    return right in kept and all(out["md5"] in objects for out in right["outs"])


def lock_is_true(ground: Ground, state: State) -> Iterator[str]:
    """dvc.lock is valid, every entry is true, and the data of what is claimed is there."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    for folder, raw in ground.locks().items():
        try:
            COMPILED_LOCKFILE_SCHEMA(loaded(raw))
        except Exception as error:
            yield f"{folder or '.'}/dvc.lock is not valid: {' '.join(str(error).split())}"
            return
    objects = ground.objects()
    for address, entry in ground.entries().items():
        complaint = state.oracle.complaint(address, entry)
        if complaint:
            yield f"dvc.lock claims what is not so: {complaint}"
        elif entry == state.right.get(address):
            yield from _data_is_there(ground, state, address, objects)


def _data_is_there(ground: Ground, state: State, address: str, objects: Collection[str]) -> Iterator[str]:
    step, right = state.pipeline.by_address[address], state.right[address]
    undisturbed = state.begun.get(address, right) == right and not step.always
    for entry in right["outs"]:
        out = next(out for out in step.outs if step.here(out.path) == entry["path"])
        if out.flags.get("cache") is False:
            path = ground.top / out.path
            if undisturbed and (not path.exists() or _md5(path.read_bytes()) != entry["md5"]):
                yield f"dvc.lock claims {out.path} of {address}, and it does not lie there"
        elif entry["md5"] not in objects:
            yield f"dvc.lock claims {out.path} of {address}, and the cache does not have it"


def cache_is_sound(ground: Ground) -> Iterator[str]:
    """Every object of the cache that DVC believes is what its name says."""
    for value, path in ground.objects().items():
        if not is_sound(value, path):
            yield f"the cache's object {value} has other content"


def nothing_again(ground: Ground, state: State, done: Collection[str], times: int) -> Iterator[str]:
    """No command of what was computed has started, and none more than so many times; but what always changes."""
    always = {step.name for step in state.pipeline.steps if step.always}
    started = [name for name in ground.log("start", ground.turn) if name not in always]
    addresses = {step.name: step.address for step in state.pipeline.steps}
    again = sorted({name for name in started if addresses[name] in done})
    if again:
        yield f"what had been computed was lost: {', '.join(again)} ran again"
    often = sorted({name for name in started if started.count(name) > times})
    if often:
        yield f"{', '.join(often)} started more than {times} time(s) in one run"


def result_is_right(
    ground: Ground, state: State, result: Mapping[str, Any], failed: Collection[str] | None
) -> Iterator[str]:
    """A run that came to its end: these stages failed (None: any one), what they feed did not run, all else is done."""
    stages: Mapping[str, str] = result["stages"]
    bad = {name for name, said in stages.items() if said == "failed"}
    if bad != set(failed) if failed is not None else len(bad) > 1:
        yield f"{sorted(bad)} failed, and {sorted(failed or ())} should have: {result['errors']}"
    missing = set(state.right) - set(stages)
    if missing:
        yield f"the run says nothing of {sorted(missing)}"
    below, entries = state.pipeline.below(bad), ground.entries()
    for name, said in stages.items():
        if name not in bad and name not in below and said not in GOOD:
            yield f"{name} does not hang on what failed and is {said}"
        if said in GOOD and entries.get(name) != state.right[name]:
            yield f"{name} is told as {said}, and its entry in dvc.lock is {entries.get(name)}, not {state.right[name]}"


def same_as_serial(ground: Ground, serial: Ground, in_order: bool) -> Iterator[str]:
    """Every byte is that of DVC's own serial run, where the order of a dvc.lock's entries may differ or not."""
    ours, theirs = ground.files(), serial.files()
    for path in sorted(ours.keys() ^ theirs.keys()):
        yield f"{path} is there only {'in ours' if path in ours else 'in the serial run'}"
    for path in sorted(ours.keys() & theirs.keys()):
        if ours[path] != theirs[path]:
            yield f"{path} is {ours[path]!r}, serially {theirs[path]!r}"
    locks, right = ground.locks(), serial.locks()
    if _ordered(locks, in_order) != _ordered(right, in_order):
        yield f"dvc.lock differs: {_difference(locks, right)}"
    if ground.ignored() != serial.ignored():
        yield f".gitignore: {ground.ignored()}, serially {serial.ignored()}"


def _ordered(locks: Mapping[str, bytes], in_order: bool) -> Mapping[str, object]:
    return locks if in_order else {name: sorted(_CHUNK.split(raw.decode())) for name, raw in locks.items()}


def _difference(ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> str:
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = (_CHUNK.split(locks.get(name, b"").decode()) for locks in (ours, theirs))
        if sorted(one) == sorted(other) and one != other:
            heads = ([chunk.partition(":")[0] for chunk in chunks[1:]] for chunks in (one, other))
            return f"{name or '.'}: the entries' order is {next(heads)}, serially {next(heads)}"
        if one != other:
            return f"{name or '.'}: ours has {sorted(set(one) - set(other))}, serially {sorted(set(other) - set(one))}"
    return "nothing"


def nothing_left(ground: Ground, serial: Ground) -> Iterator[str]:
    """No temporary file and no lock is left."""
    stray = {name for name in ground.temporary() - serial.temporary() if name not in LASTING}
    if stray:
        yield f"files are left in .dvc/tmp: {sorted(stray)}"
    if ground.busy():
        yield f"paths are left as busy in DVC's rwlock: {ground.busy()}"


# Files that only ever hold an advisory lock: to remove one would let two processes hold it.
LASTING = frozenset({"mlops-ci/run.lock", "mlops-ci/checkout.lock"})


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()
