"""What Git says is live: manifests and records at the base branch's head, many at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from pydantic import BaseModel

from mlops_ci import codeowners, manifests
from mlops_ci.adapters import git_arrivals, git_batch
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion import record
from mlops_ci.promotion.record import FOLDER, Action, Record
from mlops_ci.promotion.world import Live

Target = tuple[str, str]
_LOG = re.compile(
    rf"{FOLDER}/log/(?P<environment>[^/]+)/(?P<model>[^/]+)/(?P<number>\d{{1,18}})-(?P<action>[a-z]+)-(?P<short>\w+)\.yaml"
)
_ABSENT = (
    "there is no manifest {place}: commit one that says what is live, or correct `manifest` or `models` of "
    "environments.{environment}"
)
# They change nothing of what is live.
_STILL = ("hold", "unhold")


@dataclass(frozen=True)
class Logged:
    """A record of the log as its name tells it, and when it came to the base branch."""

    number: int
    action: Action
    short: str
    arrived: datetime


@dataclass(frozen=True)
class Standing:
    """The targets of one site as its head says them; ``texts`` are the manifests and records by path."""

    site: Site
    live: Mapping[Target, Live]
    texts: Mapping[str, str | None]

    @cached_property
    def owners(self) -> str:
        """The text of CODEOWNERS at the site's head, empty where there is none."""
        return codeowners.found(lambda path: self.site.git.show(self.site.head, path))[1]


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
    logs = _logs(git_arrivals.arrivals(site.git, site.head, FOLDER))
    found = {target: _live(target, config, places[target], texts, logs.get(target, ())) for target in wanted}
    return Standing(site, found, texts)


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


def _logs(arrived: Mapping[str, datetime]) -> dict[Target, list[Logged]]:
    """Every target's log by the names of its files, newest first."""
    found: dict[Target, list[Logged]] = {}
    for path, moment in arrived.items():
        if told := _LOG.fullmatch(path):
            one = Logged(int(told["number"]), told["action"], told["short"], moment)  # type: ignore[arg-type]
            found.setdefault((told["environment"], told["model"]), []).append(one)
    for entries in found.values():
        entries.sort(key=lambda one: -one.number)
    return found


def _live(
    target: Target, config: Config, place: str, texts: Mapping[str, str | None], logged: Iterable[Logged]
) -> Live:
    environment, model = target
    found = Live(environment, model, place)
    text = texts.get(place)
    try:
        found = _recorded(found, _record(target, texts), tuple(logged))
        if text is None:
            return replace(found, problem=_ABSENT.format(place=place, environment=environment))
        kind, options = kind_of(config, environment, text)
        return replace(found, rollout=kind.read(text, options))
    except ManifestError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return replace(found, problem=f"{place}: {error.message}{hint}")
    except ConfigError as error:
        return replace(found, problem=error.message)


def _recorded(live: Live, newest: Record | None, logged: tuple[Logged, ...]) -> Live:
    """The target with its newest record, and when and how what is live came."""
    if newest is None:
        return live
    of = [one for one in logged if one.number <= newest.number]
    changes = [one for one in of if one.action not in _STILL]
    stable = newest.after.stable
    short = stable.digest.removeprefix("sha256:")[:12] if stable else ""
    return replace(
        live,
        record=newest,
        merged=changes[0].arrived if changes else None,
        stable_since=next((one.arrived for one in changes if one.short == short), None),
        arrived=changes[0].action if changes else None,
    )


def _record(target: Target, texts: Mapping[str, str | None]) -> Record | None:
    path = record.current_path(*target)
    text = texts.get(path)
    if text is None:
        return None
    found = record.read(text, path)
    if (found.environment, found.model) != target:
        raise ConfigError(f"{path}: is the record of {found.environment}/{found.model}")
    return found
