"""Decisions and what is known of them -> pull requests, complete before anything is touched (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from jinja2 import Environment

from mlops_ci import trailers, yaml_edit
from mlops_ci.errors import ConfigError
from mlops_ci.forge import Proposal
from mlops_ci.promotion import marker, words
from mlops_ci.promotion.context import Context, Setting, Shipped
from mlops_ci.promotion.marker import Marker
from mlops_ci.promotion.record import Edit, Record, digest
from mlops_ci.promotion.recording import record_of
from mlops_ci.promotion.summary import summary_of
from mlops_ci.promotion.view import view
from mlops_ci.promotion.world import Decision
from mlops_ci.writing import templating
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

__all__ = ["Context", "Setting", "Shipped", "branch_of", "edits_of", "proposals", "record_of", "summary_of"]

TEMPLATE = "promotion.md.j2"
LABEL = "mlops-ci"
_LONGEST_TITLE = 200
_LONGEST_LABEL = 50
# How many rows of every list a body shows: the first that fits.
_ROWS = (40, 12, 4, 1, 0)


@dataclass(frozen=True)
class Part:
    """A decision with what is known of it, its record, and that as the text of a file."""

    decision: Decision
    context: Context
    record: Record
    text: str

    @classmethod
    def of(cls, decision: Decision, context: Context, setting: Setting) -> Part:
        """A decision with its record."""
        record = record_of(decision, context, setting)
        return cls(decision, context, record, record.text())


def proposals(
    decisions: Iterable[Decision], contexts: Mapping[str, Context], setting: Setting
) -> tuple[Proposal, ...]:
    """One pull request a decision, or a group of an environment; ``contexts`` are by ``Decision.id``.

    Raises:
        ConfigError: a template of the user's is broken, or two models of a group have one manifest.
    """
    seats: dict[tuple[str, str], list[Part]] = {}
    for decision in decisions:
        context = contexts[decision.id]
        seat = (branch_of(decision), decision.group)
        seats.setdefault(seat, []).append(Part.of(decision, context, setting))
    return tuple(_proposal(parts, group, setting) for (_, group), parts in seats.items())


def branch_of(decision: Decision) -> str:
    """The branch of a decision's pull request: one a target, or one a group of an environment."""
    last = f"group-{decision.group}" if decision.group else decision.model
    return f"mlops-ci/promote/{decision.environment}/{last}"


def edits_of(path: str, before: str, after: str) -> tuple[Edit, ...]:
    """What differs between two texts of a manifest, as a record tells it.

    Raises:
        ManifestError: one of them is no YAML.
    """
    changes = yaml_edit.changes(before, after)
    return tuple(Edit(file=path, place=str(one.address), old=one.old, new=one.new) for one in changes)


def _proposal(parts: Sequence[Part], group: str, setting: Setting) -> Proposal:
    ids = tuple(part.decision.id for part in parts)
    reviewers = (name for part in parts for name in part.context.reviewers)
    first = parts[0].decision
    return Proposal(
        id=_group_id(first, ids) if group else ids[0],
        branch=branch_of(first),
        base=setting.base,
        title=_title(parts, group),
        body=_body(parts, group, setting),
        message=_message(parts, group),
        files=_files(parts),
        labels=_labels(parts),
        reviewers=tuple(dict.fromkeys(reviewers)),
        automatic=all(part.decision.automatic for part in parts),
        approvals=max(part.decision.needed for part in parts),
        anew=any(part.decision.asked for part in parts),
    )


def _group_id(first: Decision, ids: Sequence[str]) -> str:
    """What the pull request of a group is about: these decisions and no others."""
    short = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]
    return f"{first.environment}/group-{first.group}/{short}"


def _files(parts: Sequence[Part]) -> dict[str, str | None]:
    """The manifests, the newest records, the log; each model of a group edits a manifest of its own."""
    files: dict[str, str | None] = {}
    for part in parts:
        path, record = part.decision.manifest, part.record
        if part.context.text is not None:
            if path in files:
                raise ConfigError(
                    f"{path}: two models of the group {part.decision.group} have this manifest",
                    "give each a file of its own, for example `manifest: deploy/{environment}/{model}.yaml`",
                )
            files[path] = part.context.text
        files[record.current_path] = part.text
        files[record.log_path] = part.text
    return files


def _labels(parts: Sequence[Part]) -> tuple[str, ...]:
    actions = {part.decision.action for part in parts}
    kind = "rollback" if "rollback" in actions else "hold" if actions <= {"hold", "unhold"} else "promotion"
    return (LABEL, kind, parts[0].decision.environment[:_LONGEST_LABEL])


# ---- texts -----------------------------------------------------------------------------------------


def _title(parts: Sequence[Part], group: str) -> str:
    if group and len(parts) > 1:
        return f"Promote {len(parts)} models of {group} in {parts[0].decision.environment}"
    return clip(one_line(title(parts[0].decision)), _LONGEST_TITLE)


def title(decision: Decision) -> str:
    """What a decision does, in one line."""
    model, where = decision.model, decision.environment
    name = decision.release.version or decision.release.short
    if decision.action == "rollback":
        return f"Roll back {model} in {where} to {name}"
    if decision.action in ("hold", "unhold"):
        return (
            f"Hold {model} in {where}" if decision.action == "hold" else f"End the hold of {model} in {where}"
        )
    if decision.of == 1:
        return f"Promote {model} {name} to {where}"
    verb = {"ramp": "Ramp", "shadow": "Shadow"}.get(decision.action, "Promote")
    share = words.share_name(decision.after)
    return f"{verb} {model} {name} in {where}: {share} (step {decision.step} of {decision.of})"


def _message(parts: Sequence[Part], group: str) -> str:
    """The commit's message: what it does, why it was asked for, and an index of the records."""
    # Several in one line each: a line of its own could be taken for a trailer or for the end.
    sentences = [f"- {title(part.decision)}" for part in parts] if len(parts) > 1 else []
    reasons = [f"Reason: {_line(part.record.reason)}" for part in parts if part.record.reason]
    body = "\n".join(map(_line, [*sentences, *reasons]))
    pairs = [pair for part in parts for pair in _trailers(part.record)]
    return trailers.write(_title(parts, group), body, pairs)


def _line(text: str) -> str:
    return clip(one_line(text).strip(), 400)


def _trailers(record: Record) -> list[tuple[str, str]]:
    """The main facts of a record; what is empty is left out."""
    stable, source = record.before.stable, record.source
    commit = source.commit or record.release.commit
    pairs = [
        (trailers.RECORD, record.log_path),
        (trailers.ACTION, record.action),
        (trailers.ENVIRONMENT, record.environment),
        (trailers.MODEL, record.model),
        (trailers.MODEL_DIGEST, record.release.digest),
        (trailers.PREVIOUS_DIGEST, stable.digest if stable else ""),
        (trailers.SOURCE, f"{source.repository}@{commit}" if source.repository and commit else commit),
        (trailers.DVC_OUT, f"md5:{record.release.md5}" if record.release.md5 else ""),
        (trailers.EVIDENCE, record.evidence.digest),
        (trailers.VERDICT, record.evidence.verdict),
        (trailers.REVERTS, _reverted(record)),
        (trailers.REQUESTED_BY, record.requested_by),
    ]
    return [(name, _line(value)) for name, value in pairs if value.strip()]


def _reverted(record: Record) -> str:
    """The record that a rollback takes back."""
    if record.action != "rollback" or record.previous is None:
        return ""
    return f"{record.environment}/{record.model}/{record.previous.number}"


# ---- the body --------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _built_in() -> Environment:
    return templating.environment()


def _body(parts: Sequence[Part], group: str, setting: Setting) -> str:
    """The body, no longer than the setting lets it be; the hidden marker is its first line."""
    hidden = marker.written(
        Marker(
            ids=tuple(part.decision.id for part in parts),
            models=tuple(part.record.release.digest for part in parts),
            evidence=tuple(part.record.evidence.digest for part in parts),
            records=tuple(digest(part.text) for part in parts),
        )
    )
    told = [(part.decision, part.context, part.record) for part in parts]
    room = setting.limit - len(hidden) - 1
    text = _fitting(told, group, setting, room)
    if _length(text) > room and setting.overrides:
        text = _fitting(told, group, replace(setting, overrides={}), room)
    return f"{hidden}\n{_cut(text, room)}"


def _fitting(
    told: Sequence[tuple[Decision, Context, Record]], group: str, setting: Setting, room: int
) -> str:
    """The fullest text that fits, else the shortest there is."""
    made = templating.environment(setting.overrides) if setting.overrides else _built_in()
    text = ""
    for rows in _ROWS:
        text = templating.render(made, TEMPLATE, promotion=view(told, group, setting, rows))
        if _length(text) <= room:
            break
    return text


def _cut(text: str, room: int) -> str:
    """Whole lines while they fit; the shortest body has no fold that a cut could leave open."""
    kept = ""
    for line in text.splitlines(keepends=True):
        if _length(kept + line) > room:
            break
        kept += line
    return kept


def _length(text: str) -> int:
    """GitHub counts characters; in UTF-16 units no way of counting finds more."""
    return len(text.encode("utf-16-le")) // 2
