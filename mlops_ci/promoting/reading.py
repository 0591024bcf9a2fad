"""What Git says is live: manifests and records at the base branch's head, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel

from mlops_ci import manifests
from mlops_ci.adapters import git_arrivals, git_batch
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion import record
from mlops_ci.promotion.plan import Live
from mlops_ci.promotion.record import FOLDER, Record

Target = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """The targets of one site as its head says them; ``texts`` are the manifests and records by path."""

    site: Site
    live: Mapping[Target, Live]
    texts: Mapping[str, str | None]


def standing(site: Site, config: Config, targets: Iterable[Target]) -> Standing:
    """Read every target: its manifest, its newest record, and when that came to the base branch.

    A manifest or a record that cannot be read is that target's problem, not the end of the others.

    Raises:
        ToolError: Git fails.
    """
    wanted = list(targets)
    places = {target: config.manifest(*target) for target in wanted}
    records = {target: record.current_path(*target) for target in wanted}
    texts = git_batch.texts(site.git, site.head, {*places.values(), *records.values()})
    arrived = git_arrivals.arrivals(site.git, site.head, FOLDER)
    found = {
        target: _live(target, config, places[target], texts, arrived.get(records[target]))
        for target in wanted
    }
    return Standing(site, found, texts)


def _live(
    target: Target, config: Config, place: str, texts: Mapping[str, str | None], merged: datetime | None
) -> Live:
    environment, model = target
    found = Live(environment, model, place, merged=merged)
    text = texts.get(place)
    try:
        found = replace(found, record=_record(target, texts))
        if text is None:
            return replace(found, problem=f"there is no manifest {place}")
        kind, options = kind_of(config, environment, text)
        return replace(found, rollout=kind.read(text, options))
    except ManifestError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return replace(found, problem=f"{place}: {error.message}{hint}")
    except ConfigError as error:
        return replace(found, problem=error.message)


def _record(target: Target, texts: Mapping[str, str | None]) -> Record | None:
    path = record.current_path(*target)
    text = texts.get(path)
    if text is None:
        return None
    found = record.read(text, path)
    if (found.environment, found.model) != target:
        raise ConfigError(f"{path}: is the record of {found.environment}/{found.model}")
    return found


def kind_of(config: Config, environment: str, text: str) -> tuple[manifests.ManifestKind, BaseModel]:
    """The kind of an environment's manifest with its options: what is configured, else what the text is.

    Raises:
        ManifestError: the text is of no kind, or of several.
    """
    name, options = config.manifest_kind(environment)
    kind = manifests.kind_of(name, text)
    return kind, kind.Options() if options is None else options


def log(site: Site, target: Target) -> tuple[Record, ...]:
    """The whole log of a target, oldest first.

    Raises:
        ConfigError: one of its files is no record.
    """
    environment, model = target
    paths = site.git.listed(site.head, f"{FOLDER}/log/{environment}/{model}")
    texts = git_batch.texts(site.git, site.head, paths)
    found = [record.read(text, path) for path, text in texts.items() if text is not None]
    return tuple(sorted(found, key=lambda one: one.number))
