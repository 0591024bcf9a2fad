"""The audit trail of the repository that is checked out: its history, and the chain with all it leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from mlops_ci import codeowners, manifests
from mlops_ci.adapters import git_history
from mlops_ci.adapters.git import Git
from mlops_ci.audit import trails, verify
from mlops_ci.audit.approvals import Asked
from mlops_ci.audit.history import Target
from mlops_ci.audit.manifests import Manifest
from mlops_ci.audit.origin import Origin, live_releases
from mlops_ci.audit.trails import Trail
from mlops_ci.audit.verify import Chain, World
from mlops_ci.collect import project
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.promoting import merging, trunk
from mlops_ci.promoting.originating import Sources
from mlops_ci.rollout import Rollout


@dataclass(frozen=True)
class Asking:
    """What is verified: targets by patterns, and how far it goes.

    ``models`` is a clone of the repository that the models come from, where that is another one.
    """

    target: tuple[str, str] = ("", "")
    every: bool = False
    deep: bool = False
    offline: bool = False
    models: Path | None = None

    def wants(self, target: Target) -> bool:
        """Whether a target is asked for."""
        return all(fnmatchcase(one, asked or "*") for one, asked in zip(target, self.target, strict=True))


@dataclass(frozen=True)
class Place:
    """The repository whose history is looked at, at the newest commit of a branch, and the rules.

    ``own``: the rules are its own, and not those of the models' repository.
    """

    git: Git
    head: str
    config: Config
    own: bool = True


def place(start: Path, environ: Mapping[str, str], *, base: str = "", models: Path | None = None) -> Place:
    """The repository around a folder at its base branch; without rules of its own it has those of ``models``.

    Raises:
        ConfigError: no repository, no commit, an unknown branch, or an mlops-ci.yaml with mistakes.
        ToolError: the remote or the policy's repository cannot be reached.
    """
    found = trunk.find(start, environ, base=base)
    rules = project.rules(found.git, found.git.show(found.head, found.rules), found.rules)
    if models is not None and not rules.configured:
        return replace(place(models, environ), git=found.git, head=found.head, own=False)
    return Place(found.git, found.head, rules)


def verified(
    start: Path,
    environ: Mapping[str, str],
    asked: Asking,
    *,
    base: str = "",
    update: Callable[[str], None] = lambda _: None,
) -> Chain:
    """The chain of every target that is asked for.

    Raises:
        ConfigError: no repository, no commit, an unknown branch, no such target, or broken rules.
        ToolError: Git fails.
    """
    found = place(start, environ, base=base, models=asked.models)
    update("records")
    records = trails.trails(git_history.read(found.git, found.head))
    if any(asked.target) and not any(asked.wants(trail.target) for trail in records):
        names = ", ".join("/".join(trail.target) for trail in records[:10]) or "none"
        raise ConfigError(
            f"{'/'.join(filter(None, asked.target))}: there is no record of such a target",
            f"there are: {names}",
        )
    placed = dict(_manifests(found, records))
    paths = {one.path for one in placed.values()}
    paths |= {edit.file for trail in records for one in trail.records for edit in one.edits}
    update("commits")
    whole = git_history.read(found.git, found.head, paths, claims=True)
    records = trails.trails(whole)
    wanted = [trail for trail in records if asked.wants(trail.target)]
    world = World(
        history=whole,
        manifests=placed,
        origins=_origins(found, asked, wanted, update),
        asked={trail.target: _asked(found, trail.target, placed.get(trail.target)) for trail in wanted},
        merges={} if asked.offline else merging.told(found.git, environ, wanted, every=asked.every),
        every=asked.every,
    )
    return verify.verify(world, records, asked.wants)


def _manifests(found: Place, records: Sequence[Trail]) -> Iterator[tuple[Target, Manifest]]:
    """Where each target's manifest is: by the rules, else the file that its newest record edited."""
    rules = found.config
    for trail in records:
        environment, model = trail.target
        known = rules.environments.get(environment)
        named = known is not None and bool(known.repo) != found.own
        edited = [edit.file for one in reversed(trail.records) for edit in one.edits]
        if named:
            yield trail.target, Manifest(rules.manifest(environment, model), _reader(rules, environment))
        elif edited:
            yield trail.target, Manifest(edited[0], _read)


def _reader(rules: Config, environment: str) -> Callable[[str], Rollout]:
    name, options = rules.manifest_kind(environment)

    def read(text: str) -> Rollout:
        kind = manifests.kind_of(name, text)
        return kind.read(text, kind.Options() if options is None else options)

    return read


def _read(text: str) -> Rollout:
    """A manifest of which nothing is configured."""
    kind = manifests.kind_of(None, text)
    return kind.read(text, kind.Options())


def _asked(found: Place, target: Target, manifest: Manifest | None) -> Asked:
    """How many approvals the rules ask for today, and of whom."""
    rules = found.config.environments.get(target[0])
    if rules is None or not rules.approvals or manifest is None:
        return Asked()
    texts = (found.git.show(found.head, one) for one in codeowners.PLACES)
    text = next((text for text in texts if text is not None), "")
    _, text = codeowners.found(lambda path: found.git.show(found.head, path))
    named = codeowners.owners(text, manifest.path)
    people = {owner[1:].lower() for owner in named if owner.startswith("@") and "/" not in owner}
    return Asked(rules.approvals, frozenset(people), teams=len(people) < len(named))


def _origins(
    found: Place, asked: Asking, wanted: Sequence[Trail], update: Callable[[str], None]
) -> Mapping[str, Origin]:
    """What the releases come from: those that are live, or all."""
    live = [record for record, _ in live_releases(wanted)]
    records = {one.release.digest: one for trail in wanted for one in trail.records} if asked.every else {}
    chosen = {**records, **{one.release.digest: one for one in live}}
    made: dict[str, Origin] = {}
    with Sources.opened(asked.models or found.git.root, found.config, offline=asked.offline) as sources:
        for digest, record in chosen.items():
            update(f"{record.model} {record.release.version}")
            try:
                deep = asked.deep and any(one.release.digest == digest for one in live)
                made[digest] = sources.origin(record, deep=deep)
            except MlopsError as error:
                raise type(error)(f"{record.id}: {error.message}", error.hint) from error
    return made
