"""The card of a release: its record, what people wrote of the model, and the evidence where it is here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from mlops_ci import evidence
from mlops_ci.adapters import git_history
from mlops_ci.adapters.git import Git
from mlops_ci.audit import card as cards
from mlops_ci.audit import timeline, trails
from mlops_ci.audit.card import Material, Purpose
from mlops_ci.audit.links import Gone, Unseen
from mlops_ci.audit.origin import evidence_of
from mlops_ci.audit.trails import Trail
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Evidence
from mlops_ci.promoting import auditing
from mlops_ci.promoting.originating import Sources
from mlops_ci.promotion.record import Record


@dataclass(frozen=True)
class Card:
    """A card in Markdown, what it is of, and what it says for machines."""

    title: str
    text: str
    document: Mapping[str, Any]


def card(
    start: Path,
    environ: Mapping[str, str],
    target: tuple[str, str],
    release: str = "",
    *,
    base: str = "",
    models: Path | None = None,
) -> Card:
    """The card of the release that is live in a target, or of another one that was.

    Raises:
        ConfigError: no such target or release, several of them, or a broken template of the user's.
        ToolError: Git fails.
    """
    found = auditing.place(start, environ, base=base, models=models)
    history = git_history.read(found.git, found.head)
    known = trails.trails(history)
    record = _record(known, target, release)
    told, absent = _evidence(models or found.git.root, found.config, record)
    digest = record.release.digest
    entries = timeline.timeline(history, timeline.Query(model=record.model, release=digest)).entries
    material = Material(record, known, entries, _purpose(found.git, record), told, absent)
    text = cards.write(material, _templates(found))
    title = f"{record.model} {record.release.version or digest}"
    document = {
        "model": record.model,
        "digest": digest,
        "record": record.log_path,
        "live": [one.environment for one in cards.context(material)["places"]],
        "limits": list(cards.context(material)["limits"]),
        "card": text,
    }
    return Card(title, text, document)


def _record(known: Sequence[Trail], target: tuple[str, str], release: str) -> Record:
    """The newest record of the release that is asked for."""
    environment, model = target
    fitting = [
        one
        for one in known
        if fnmatchcase(one.target[0], environment or "*") and fnmatchcase(one.target[1], model or "*")
    ]
    asked = release.removeprefix("sha256:")
    if asked:
        records = [one for trail in fitting for one in trail.records]
        records = [one for one in records if one.release.digest.removeprefix("sha256:").startswith(asked)]
        if len({(one.model, one.release.digest) for one in records}) == 1:
            return records[-1]
        what = "no release" if not records else "several releases"
        raise ConfigError(f"{release}: there is {what} of that digest", "`mlops-ci audit log` lists them")
    if len(fitting) != 1 or fitting[0].newest is None:
        names = ", ".join("/".join(one.target) for one in known[:10]) or "none yet"
        raise ConfigError(
            "a card is of one release: name ENVIRONMENT/MODEL, or --release", f"there are: {names}"
        )
    return _live(fitting[0], fitting[0].newest)


def _live(trail: Trail, newest: Record) -> Record:
    """The record that brought what is stable now, as far as this target knows it."""
    stable = newest.after.stable or newest.release
    fitting = [one for one in trail.records if one.release.digest == stable.digest]
    return fitting[-1] if fitting else newest


def _evidence(start: Path, rules: Config, record: Record) -> tuple[Evidence | None, str]:
    """The document that the release was judged by, or why it is not told."""
    with Sources.opened(start, rules, offline=False) as sources:
        raw = sources.evidence(record)
    if isinstance(raw, Unseen | Gone):
        return None, raw.reason
    try:
        found = evidence.read(raw, evidence_of(record))
    except ConfigError as error:
        return None, error.message
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != evidence_of(record):
        return None, "what is there was rewritten"
    return found, ""


def _purpose(git: Git, record: Record) -> Purpose:
    """What dvc.yaml says of the model at its commit, as text of whoever wrote it."""
    text = (
        git.show(record.release.commit, record.source.dvcfile or "dvc.yaml")
        if record.release.commit
        else None
    )
    try:
        plain = yaml.safe_load(text or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        return Purpose()
    artifacts = plain.get("artifacts") if isinstance(plain, dict) else None
    one = artifacts.get(record.model) if isinstance(artifacts, dict) else None
    if not isinstance(one, dict):
        return Purpose()
    labels, meta = one.get("labels"), one.get("meta")
    return Purpose(
        description=str(one.get("desc") or ""),
        labels=tuple(map(str, labels)) if isinstance(labels, list) else (),
        more={str(key): str(value) for key, value in meta.items()} if isinstance(meta, dict) else {},
    )


def _templates(found: auditing.Place) -> Mapping[str, str]:
    """The user's own blocks, from the base branch."""
    folder = found.config.templates
    names = [name for name in found.git.listed(found.head, folder) if name.endswith(".j2")]
    return {name.removeprefix(f"{folder}/"): found.git.show(found.head, name) or "" for name in names}
