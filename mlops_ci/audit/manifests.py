"""Manifests change by records alone, each as its record says, and say what the newest one says (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_ci.audit.history import Change, Commit, History, Target
from mlops_ci.audit.links import Link, Status, by, numbers, says
from mlops_ci.audit.trails import Filed, Trail
from mlops_ci.errors import ManifestError
from mlops_ci.promotion.record import Edit
from mlops_ci.promotion.words import rollout_name
from mlops_ci.rollout import Rollout
from mlops_ci.yaml_edit import changes, same

NAME = "edits"


@dataclass(frozen=True)
class Manifest:
    """Where a target's manifest is, and what reads it; ``read`` raises ManifestError."""

    path: str
    read: Callable[[str], Rollout]


# ---- now -----------------------------------------------------------------------------------------


def live(history: History, trail: Trail, manifest: Manifest | None) -> Iterator[Link]:
    """Whether the manifest at the head says what the newest record says."""
    newest = trail.newest
    if newest is None:
        return
    if manifest is None:
        said = "no environment of mlops-ci.yaml says where its manifest is"
        yield says(trail.target, "manifest", "unknown")(said)
        return
    text = history.text(manifest.path)
    broken = says(trail.target, "manifest", "broken")
    if text is None:
        yield broken("the manifest is gone", where=manifest.path, commit=_last(history, manifest.path))
        return
    try:
        found = manifest.read(text)
    except ManifestError as error:
        yield says(trail.target, "manifest", "unknown")(
            f"cannot be read: {error.message}", where=manifest.path
        )
        return
    wanted = newest.after.rollout
    if found.fits(wanted):
        said = f"says what record {newest.number} says: {rollout_name(wanted)}"
        yield says(trail.target, "manifest", "ok")(said, where=manifest.path)
        return
    said = f"says {rollout_name(found)}, but record {newest.number} says {rollout_name(wanted)}"
    yield broken(said, where=manifest.path, commit=_last(history, manifest.path))


def _last(history: History, path: str) -> str:
    """The last commit that changed a file."""
    return next((commit.sha for commit in history.base if path in commit.by_path), "")


# ---- every change of it ----------------------------------------------------------------------------


def edits(history: History, trails: Sequence[Trail], manifests: Mapping[Target, Manifest]) -> Iterator[Link]:
    """Whether each record's commit changed its manifests as the record says, and nothing else ever did."""
    named = {edit.file for trail in trails for one in trail.filed for edit in one.record.edits}
    named |= {manifest.path for manifest in manifests.values()}
    broken: list[Link] = []
    for path in sorted(named):
        broken += _File.of(path, trails, manifests).check(history)
    yield from broken
    wrong = {(link.environment, link.model) for link in broken}
    for trail in trails:
        changing = [one.record.number for one in trail.filed if one.record.edits and one.brought]
        cut_off = [one.record.number for one in trail.filed if one.record.edits and not one.brought]
        if cut_off:
            said = f"{numbers(cut_off)}: the commits that brought them are not in this clone"
            yield says(trail.target, NAME, "unknown")(said, where=_where(trail, manifests))
        if changing and trail.target not in wrong:
            said = "the same commit changed the manifest as the record says, and no other did"
            yield says(trail.target, NAME, "ok")(
                f"{numbers(changing)}: {said}", where=_where(trail, manifests)
            )


def _where(trail: Trail, manifests: Mapping[Target, Manifest]) -> str:
    manifest = manifests.get(trail.target)
    return manifest.path if manifest else next(e.file for one in trail.filed for e in one.record.edits)


@dataclass(frozen=True)
class _File:
    """A manifest with the records that name it; several models may stand in one file."""

    path: str
    filed: Sequence[tuple[Target, Filed]]
    readers: Mapping[Target, Manifest]

    @classmethod
    def of(cls, path: str, trails: Iterable[Trail], manifests: Mapping[Target, Manifest]) -> _File:
        filed = [
            (trail.target, one)
            for trail in trails
            for one in trail.filed
            if any(edit.file == path for edit in one.record.edits)
        ]
        return cls(path, filed, {target: one for target, one in manifests.items() if one.path == path})

    def check(self, history: History) -> Iterator[Link]:
        """What is broken, from the first record on: what people wrote before that is where it began."""
        brought: dict[str, list[tuple[Target, Filed]]] = {}
        for target, one in self.filed:
            brought.setdefault(one.brought.sha if one.brought else "", []).append((target, one))
        begun = "" in brought
        for commit in reversed(history.seen):
            records, change = brought.get(commit.sha, []), commit.by_path.get(self.path)
            begun = begun or bool(records)
            if records:
                yield from self._promoted(history, commit, change, records)
            elif begun and change is not None:
                yield from self._by_hand(history, commit, change)

    def _promoted(
        self, history: History, commit: Commit, change: Change | None, records: Sequence[tuple[Target, Filed]]
    ) -> Iterator[Link]:
        """What a commit that brought records did otherwise than they say."""
        brought: dict[Target, list[Filed]] = {}
        for target, one in records:
            brought.setdefault(target, []).append(one)
        found = self._differences(history, change) if change else {}
        wanted = {target: _composed(self._edits(of)) for target, of in brought.items()}
        named = {place for one in wanted.values() for place in one}
        for target, of in brought.items():
            did = f"{by(commit)} brought {numbers(one.record.number for one in of)}"
            where = {"where": self.path, "commit": commit.sha}
            if isinstance(found, str):
                said = f"{did}, and what it changed cannot be told: {found}"
                yield says(target, NAME, "unknown")(said, **where)
                continue
            for sentence in (*_unlike(wanted[target], found), *_further(named, found)):
                yield says(target, NAME, "broken")(f"{did}, but {sentence}", **where)

    def _edits(self, filed: Iterable[Filed]) -> Iterator[Edit]:
        """What records say of this file, in the order of their numbers."""
        for one in sorted(filed, key=lambda one: one.record.number):
            yield from (edit for edit in one.record.edits if edit.file == self.path)

    def _by_hand(self, history: History, commit: Commit, change: Change) -> Iterator[Link]:
        """A change of what is live that no record came with."""
        found = self._differences(history, change)
        for target in sorted({target for target, _ in self.filed}):
            status: Status = "broken"
            said = ""
            if not change.new:
                said = f"{by(commit)} removed the manifest, and brought no record"
            elif isinstance(found, str):
                status, said = "unknown", f"what {by(commit)} changed cannot be told: {found}"
            elif words := self._moved(history, target, change, found):
                said = f"{by(commit)} changed the manifest by hand, without a record: {words}"
            if said:
                yield Link(*target, NAME, status, said, where=self.path, commit=commit.sha)

    def _moved(self, history: History, target: Target, change: Change, found: _Differences) -> str:
        """What of a target's live release a change moved, in words."""
        own = [one for owner, one in self.filed if owner == target]
        places = {edit.place for edit in self._edits(own)}
        moved = [
            f"{place} from {_value(old)} to {_value(new)}"
            for place, (old, new) in found.items()
            if place in places
        ]
        if moved:
            return "; ".join(moved)
        before, after = (self._rollout(history, target, name) for name in (change.old, change.new))
        if before is None or before == after:
            return ""
        now = rollout_name(after) if after else "nothing that can be read"
        return f"it said {rollout_name(before)} and says {now}"

    def _rollout(self, history: History, target: Target, name: str) -> Rollout | None:
        manifest = self.readers.get(target)
        if manifest is None or not name:
            return None
        try:
            return manifest.read(history.texts.get(name, ""))
        except ManifestError:
            return None

    def _differences(self, history: History, change: Change) -> _Differences | str:
        """Place -> (old, new) of every value that a commit changed, or why that cannot be told."""
        before, after = (history.texts.get(name, "") if name else "" for name in (change.old, change.new))
        try:
            return {str(one.address): (one.old, one.new) for one in changes(before, after)}
        except ManifestError as error:
            return error.message


_Differences = Mapping[str, tuple[Any, Any]]


def _composed(edits: Iterable[Edit]) -> _Differences:
    """What several edits one after the other do together."""
    found: dict[str, tuple[Any, Any]] = {}
    for edit in edits:
        old = found[edit.place][0] if edit.place in found else edit.old
        found[edit.place] = (old, edit.new)
    return {place: pair for place, pair in found.items() if not same(*pair)}


def _unlike(wanted: _Differences, found: _Differences) -> Iterator[str]:
    """How what was changed is not what records say, in sentences that follow a ``but``."""
    for place, (old, new) in wanted.items():
        if place not in found:
            yield f"did not change {place} to {_value(new)}, which the record says"
        elif not same(found[place][1], new):
            yield f"changed {place} to {_value(found[place][1])}, and the record says {_value(new)}"
        elif not same(found[place][0], old):
            yield f"{place} was {_value(found[place][0])} before, and the record says {_value(old)}"


def _further(named: Collection[str], found: _Differences) -> Iterator[str]:
    """What was changed and no record names, in sentences that follow a ``but``."""
    for place, (old, new) in found.items():
        if place not in named:
            yield f"also changed {place} from {_value(old)} to {_value(new)}, which no record says"


def _value(value: Any) -> str:
    return "nothing" if value is None else str(value)
