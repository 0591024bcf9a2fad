"""Where a release comes from: its evidence, the lock, the bytes, the code; each told by its hash (pure)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlops_ci import evidence
from mlops_ci.audit.links import Gone, Link, Says, Unseen, says
from mlops_ci.audit.trails import Filed, Trail
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Evidence
from mlops_ci.promotion.record import Metric, Named, Record
from mlops_ci.promotion.words import release_name


@dataclass(frozen=True)
class Lock:
    """dvc.lock at a commit: its digest, and the hashes that it has by path (None: never ran).

    ``code`` are the dependencies that lie in Git: path -> (what dvc.lock says, what Git's bytes give);
    ``folders`` are those of which nobody can tell, for they may have held files that Git does not have.
    """

    digest: str
    recorded: Mapping[str, str | None]
    code: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bytes:
    """What some bytes hash to; ``place`` says where they are, such as ``the DVC remote s``."""

    sha256: str
    md5: str = ""
    place: str = ""


@dataclass(frozen=True)
class Repeated:
    """A second run from scratch: a problem, or whether all is the same, with a sentence that says it."""

    same: bool
    sentence: str


@dataclass(frozen=True)
class Origin:
    """What was found of one release, each part by itself; ``repeated`` is None where nobody asked.

    ``data`` are the inputs that are gone, or of which nobody can tell.
    """

    evidence: bytes | Unseen | Gone
    lock: Lock | Unseen | Gone
    published: Bytes | Unseen | Gone
    kept: Bytes | Unseen | Gone
    data: Mapping[str, Unseen | Gone] | Unseen
    repeated: Repeated | Unseen | None = None


def check(trail: Trail, origins: Mapping[str, Origin], *, every: bool = False) -> Iterator[Link]:
    """The links of the releases of a target that are live, or of all; the newest first, each once."""
    last = {one.record.release.digest: one for one in trail.filed}
    live = {named.digest for named in _live(trail)}
    chosen = [digest for digest in reversed(last) if digest in origins and (every or digest in live)]
    for digest in chosen:
        yield from _release(trail, last[digest], origins[digest])
    if left := len(last) - len(chosen):
        which = "1 earlier release" if left == 1 else f"{left} earlier releases"
        said = f"the bytes, evidence and code of {which} were not looked at: --all does"
        yield says(trail.target, "earlier", "unknown")(said)


def _release(trail: Trail, one: Filed, origin: Origin) -> Iterator[Link]:
    record = one.record
    for name, links in (
        ("evidence", _evidence(record, origin)),
        ("lock", _lock(record, origin)),
        ("model", _published(record, origin)),
        ("remote", _kept(record, origin)),
        ("data", _data(record, origin)),
        ("code", _code(record, origin)),
        ("reproduction", _repeated(origin)),
    ):
        for status, sentence in links:
            make: Says = says(trail.target, name, status)  # type: ignore[arg-type]
            yield make(f"{release_name(record.release)}: {sentence}", where=one.file.path)


_Said = Iterator[tuple[str, str]]


def _absent(found: Unseen | Gone) -> tuple[str, str]:
    return ("unknown" if isinstance(found, Unseen) else "broken"), found.reason


# ---- evidence ----------------------------------------------------------------------------------


def evidence_of(record: Record) -> str:
    """The digest of the document that a promotion was judged by."""
    return record.evidence.digest or record.release.evidence


def _evidence(record: Record, origin: Origin) -> _Said:
    named, raw = evidence_of(record), origin.evidence
    if not named:
        yield "unknown", "the record names no evidence"
        return
    if isinstance(raw, Unseen | Gone):
        yield _absent(raw)
        return
    if (found := f"sha256:{hashlib.sha256(raw).hexdigest()}") != named:
        yield "broken", f"the evidence was rewritten: it hashes to {found}, the record names {named}"
        return
    try:
        document = evidence.read(raw, named)
    except ConfigError as error:
        yield "broken", f"the evidence cannot be read: {error.message}"
        return
    wrong = list(_unlike(record, document))
    yield from (("broken", sentence) for sentence in wrong)
    if not wrong:
        at = document.repository.commit[:10]
        yield "ok", f"the evidence hashes to its digest and is of this model, measured at {at}"


def _unlike(record: Record, document: Evidence) -> Iterator[str]:
    """What evidence says otherwise than the record that is said to rest on it."""
    release = record.release
    model = next((one for one in document.models if one.name == record.model), None)
    if model is None:
        yield f"the evidence has no model {record.model}"
        return
    if release.md5 and model.digest:
        # The same bytes may have come out of a later dvc.lock, and been measured there.
        if model.digest != release.md5:
            yield f"the evidence is of the model {model.digest}, the record's is {release.md5}"
    elif release.lock and document.lock.digest != release.lock:
        yield f"the evidence is of the dvc.lock {document.lock.digest}, the record's is {release.lock}"
    heads = {(one.name, one.file): one.head for one in model.metrics}
    for metric in record.evidence.metrics:
        head = heads.get((metric.name, metric.file), metric.candidate)
        if not _close(head, metric):
            yield f"the evidence has {metric.name} {head}, the record says {metric.candidate}"


def _close(head: float | None, metric: Metric) -> bool:
    if head is None or metric.candidate is None:
        return head is metric.candidate
    return math.isclose(head, metric.candidate, rel_tol=1e-9)


# ---- the lock, the code, the data --------------------------------------------------------------


def _lock(record: Record, origin: Origin) -> _Said:
    lock, release = origin.lock, record.release
    if isinstance(lock, Unseen | Gone):
        yield _absent(lock)
        return
    wrong, at = [], f"dvc.lock at {release.commit[:10]}"
    if release.lock and lock.digest != release.lock:
        wrong.append(f"{at} hashes to {lock.digest}, the record names {release.lock}")
    if output := record.source.output:
        found = lock.recorded.get(output)
        if release.md5 and found != release.md5:
            wrong.append(f"{at} has {output} as {found}, the record as {release.md5}")
    for one in record.data:
        if (found := lock.recorded.get(one.path, one.md5)) != one.md5:
            wrong.append(f"{at} has {one.path} as {found}, the record as {one.md5}")
    yield from (("broken", sentence) for sentence in wrong)
    if not wrong:
        yield "ok", f"{at} has the record's digest, and names the model's md5"


def _code(record: Record, origin: Origin) -> _Said:
    lock = origin.lock
    if isinstance(lock, Unseen | Gone):
        yield "unknown", "what code made it is in dvc.lock, which could not be checked"
        return
    wrong = {path: pair for path, pair in lock.code.items() if pair[0] != pair[1]}
    at = record.release.commit[:10]
    for path, (said, found) in wrong.items():
        yield "broken", f"{path} at {at} has the md5 {found}, dvc.lock was made with {said}"
    if not wrong and lock.code:
        files = "1 file of code has" if len(lock.code) == 1 else f"{len(lock.code)} files of code have"
        yield "ok", f"at {at} {files} the md5 that dvc.lock was made with"
    if lock.folders:
        yield "unknown", f"{', '.join(lock.folders)} at {at} may have held files that Git does not have"
    if not lock.code and not lock.folders:
        yield "unknown", f"dvc.lock at {at} names no code that lies in Git"


def _data(record: Record, origin: Origin) -> _Said:
    found = origin.data
    if isinstance(found, Unseen):
        yield _absent(found)
        return
    if not record.data:
        yield "unknown", "the record names no data"
        return
    for path, why in found.items():
        status, reason = _absent(why)
        yield status, f"{path}: {reason}"
    if kept := len(record.data) - len(found):
        yield "ok", f"{kept} input{'s' if kept > 1 else ''}: the data is there by its md5"


# ---- the bytes -----------------------------------------------------------------------------------


def _published(record: Record, origin: Origin) -> _Said:
    found, wanted = origin.published, record.release.digest
    if isinstance(found, Unseen | Gone):
        yield _absent(found)
    elif found.sha256 != wanted:
        yield "broken", f"the bytes at {found.place} were swapped: they hash to {found.sha256}"
    else:
        yield "ok", f"the bytes at {found.place} hash to the sha256 of the record"


def _kept(record: Record, origin: Origin) -> _Said:
    found, release = origin.kept, record.release
    if isinstance(found, Unseen | Gone):
        yield _absent(found)
    elif release.md5 and found.md5 != release.md5:
        yield "broken", f"{found.place} has bytes of the md5 {found.md5} in place of {release.md5}"
    elif found.sha256 != release.digest:
        yield "broken", f"{found.place} has other bytes of the same md5: their sha256 is {found.sha256}"
    else:
        yield "ok", f"the bytes in {found.place} have the md5 and the sha256 of the record"


def _repeated(origin: Origin) -> _Said:
    found = origin.repeated
    if isinstance(found, Unseen):
        yield _absent(found)
    elif found is not None:
        yield ("ok" if found.same else "broken"), found.sentence


def live_releases(trails: Sequence[Trail]) -> tuple[tuple[Record, Named], ...]:
    """The releases that the newest records say are live, with a record of each."""
    found: dict[tuple[str, str], tuple[Record, Named]] = {}
    for trail in trails:
        by_digest = {record.release.digest: record for record in trail.records}
        for named in _live(trail):
            if (record := by_digest.get(named.digest)) is not None:
                found[record.model, named.digest] = (record, record.release)
    return tuple(found.values())


def _live(trail: Trail) -> tuple[Named, ...]:
    newest = trail.newest
    return tuple(filter(None, (newest.after.stable, newest.after.candidate))) if newest else ()
