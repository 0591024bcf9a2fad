"""What a model registry should say, out of the records of promotions: versions, tags and aliases (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from mlops_ci.promotion.record import Named, Record

CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST = "mlops-ci.digest"
# A tag of the registered model: the aliases that are ours, so that they go when Git no longer knows them.
ALIASES = "mlops-ci.aliases"
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Arrived:
    """A record, and when it came to the base branch."""

    record: Record
    when: datetime


@dataclass(frozen=True)
class Target:
    """An environment as the configuration has it: what it comes after, and which models go there."""

    name: str
    after: str = ""
    models: tuple[str, ...] = ("*",)

    def takes(self, model: str) -> bool:
        """Whether a model goes there."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


@dataclass(frozen=True)
class Version:
    """A release as a registry has it; ``tags`` say where it comes from."""

    digest: str
    source: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What the registry should say of a model: its versions by age, and alias -> digest."""

    model: str
    versions: tuple[Version, ...]
    aliases: Mapping[str, str]


@dataclass(frozen=True)
class Held:
    """A version that a registry has; ``digest`` is empty where it is not ours."""

    number: int
    digest: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a registry says of a model now; ``aliases`` are alias -> version, ``ours`` those we set before."""

    versions: tuple[Held, ...] = ()
    aliases: Mapping[str, int] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()

    def number(self, digest: str) -> int | None:
        """The version of a release: the oldest, should there be several."""
        return min((one.number for one in self.versions if one.digest == digest), default=None)


@dataclass(frozen=True)
class Changes:
    """What has to be done so that a registry says what Git says.

    ``tags`` are (version, key, value), ``aliases`` (alias, digest); ``ours`` are the aliases to remember.
    """

    create: bool = False
    register: tuple[Version, ...] = ()
    tags: tuple[tuple[int, str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    ours: frozenset[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the registry says it all already."""
        return self == Changes()


@dataclass(frozen=True)
class GitTag:
    """An annotated Git tag in GTO's format: a version of a model, or that it came to a stage."""

    name: str
    commit: str
    message: str
    when: datetime


def wanted(
    arrived: Sequence[Arrived], targets: Sequence[Target], proposed: Sequence[Record] = ()
) -> tuple[Wanted, ...]:
    """What a registry should say of every model, the same for the same history.

    ``arrived`` are the records of all environments as they came to the base branch, oldest first;
    ``proposed`` are those of open pull requests.
    """
    records, open_ones = _by_model(one.record for one in arrived), _by_model(proposed)
    return tuple(
        Wanted(
            model,
            _versions([*records.get(model, ()), *open_ones.get(model, ())]),
            _aliases(
                records.get(model, ()),
                [target for target in targets if target.takes(model)],
                open_ones.get(model, ()),
            ),
        )
        for model in sorted({*records, *open_ones})
    )


def _by_model(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for one in records:
        found.setdefault(one.model, []).append(one)
    return found


def changes(asked: Wanted, found: Found | None) -> Changes:
    """What has to be done; None: the registry has no such model. What is not ours is left as it is."""
    now = found or Found()
    known = {one.digest for one in now.versions}
    at = {
        alias: next((v.digest for v in now.versions if v.number == n), "") for alias, n in now.aliases.items()
    }
    ours = frozenset(asked.aliases)
    return Changes(
        create=found is None,
        register=tuple(one for one in asked.versions if one.digest not in known),
        tags=tuple(_tags(asked, now)),
        aliases=tuple((alias, digest) for alias, digest in asked.aliases.items() if at.get(alias) != digest),
        drop=tuple(sorted((now.ours - ours) & now.aliases.keys())),
        ours=ours if ours != now.ours else None,
    )


def git_tags(arrived: Sequence[Arrived]) -> tuple[GitTag, ...]:
    """The history as tags in GTO's format: ``iris@v0.0.1``, and ``iris#production#3`` where it came to.

    Versions count releases by age, the last number of a stage counts the assignments of a model. Releases
    without a commit have none.
    """
    found: list[GitTag] = []
    seen: set[tuple[str, str]] = set()
    stable: dict[tuple[str, str], str] = {}
    versions, assignments = Counter[str](), Counter[str]()
    for one in arrived:
        record, model = one.record, _gto(one.record.model)
        for named in _named(record):
            if named.commit and (record.model, named.digest) not in seen:
                seen.add((record.model, named.digest))
                versions[record.model] += 1
                message = f"{record.model} {named.digest}\n\n{named.uri}"
                found.append(
                    GitTag(f"{model}@v0.0.{versions[record.model]}", named.commit, message, one.when)
                )
        now, target = record.after.stable, (record.environment, record.model)
        if now is not None and now.commit and stable.get(target) != now.digest:
            stable[target] = now.digest
            assignments[record.model] += 1
            name = f"{model}#{_gto(record.environment)}#{assignments[record.model]}"
            message = (
                f"{record.model} {now.digest} in {record.environment}: {record.action}\n\n{record.log_path}"
            )
            found.append(GitTag(name, now.commit, message, one.when))
    return tuple(found)


# ---- versions ------------------------------------------------------------------------------------


def _versions(records: Sequence[Record]) -> tuple[Version, ...]:
    """Every release that the records name, once, by age, with what the record of its own promotion tells."""
    first: dict[str, Named] = {}
    pulls: dict[str, str] = {}
    for record in records:
        for named in _named(record):
            first.setdefault(named.digest, named)
        numbers = ",".join(str(number) for number in record.source.pull_requests)
        if numbers and record.action in ("promote", "shadow"):
            pulls.setdefault(record.release.digest, numbers)
    return tuple(_version(named, pulls.get(digest, "")) for digest, named in first.items())


def _named(record: Record) -> Iterator[Named]:
    places = (record.before.stable, record.before.candidate, record.release, record.after.stable)
    return (named for named in places if named is not None)


def _version(named: Named, pulls: str) -> Version:
    tags = {
        DIGEST: named.digest,
        "mlops-ci.commit": named.commit,
        "mlops-ci.dvc_lock": named.lock,
        "mlops-ci.evidence": named.evidence,
        "mlops-ci.pull_request": pulls,
        "mlops-ci.source": named.uri,
    }
    return Version(named.digest, named.uri, {key: value for key, value in tags.items() if value})


# ---- aliases -------------------------------------------------------------------------------------


def _aliases(
    records: Iterable[Record], targets: Sequence[Target], proposed: Sequence[Record]
) -> dict[str, str]:
    """One alias an environment for what is stable there; champion at the end of the chain; challenger."""
    newest: dict[str, Record] = {}
    for record in records:
        newest[record.environment] = max(
            newest.get(record.environment, record), record, key=lambda r: r.number
        )
    found = {
        _alias(target.name): stable.digest
        for target in targets
        if target.name in newest and (stable := newest[target.name].after.stable) is not None
    }
    champion = _champion(newest, targets)
    challenger = _challenger(newest, targets, proposed)
    if champion:
        found[CHAMPION] = champion
    if challenger and challenger != champion:
        found[CHALLENGER] = challenger
    return found


def _champion(newest: Mapping[str, Record], targets: Sequence[Target]) -> str:
    """What is stable in the environment that no other comes after; of several the last that has one."""
    before = {target.after for target in targets}
    for target in reversed(targets):
        stable = newest[target.name].after.stable if target.name in newest else None
        if target.name not in before and stable is not None:
            return stable.digest
    return ""


def _challenger(newest: Mapping[str, Record], targets: Sequence[Target], proposed: Sequence[Record]) -> str:
    """A candidate that is on its way in, the furthest on; else what a pull request proposes."""
    for target in reversed(targets):
        record = newest.get(target.name)
        if record and record.after.candidate and record.after.candidate.digest == record.release.digest:
            return record.release.digest
    order = {target.name: place for place, target in enumerate(targets)}
    ahead = [one for one in proposed if one.environment in order and one.action != "hold"]
    return max(ahead, key=lambda one: order[one.environment]).release.digest if ahead else ""


def _alias(environment: str) -> str:
    """An environment's name as MLflow lets an alias be called."""
    name = environment.replace(".", "-")
    return f"env-{name}" if _RESERVED.fullmatch(name) else name


def _gto(name: str) -> str:
    """A name as GTO's tags have it: letters, digits and hyphens, a letter or digit at each end."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "model"


def _tags(asked: Wanted, now: Found) -> Iterator[tuple[int, str, str]]:
    """Tags of versions that are there which say something else, or nothing."""
    for version in asked.versions:
        number = now.number(version.digest)
        held = next((one for one in now.versions if one.number == number), None)
        if held is not None:
            for key, value in version.tags.items():
                if held.tags.get(key) != value:
                    yield held.number, key, value
