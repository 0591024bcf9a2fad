"""A policy of another repository: what extends it, how the two merge, what stays locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlops_ci.config import mistakes as checking
from mlops_ci.config import reading, source
from mlops_ci.config.keys import Extends, Policy
from mlops_ci.config.source import ABSENT, Document, Mistake, Path, dotted
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import PolicyEdit, Scalar, Where

Fetch = Callable[[Extends], str]

# What a policy may not lock: it is about the file it stands in.
_OF_THE_FILE = ("extends", "policy", "version")


def canonical(document: Document, per_model: frozenset[str]) -> Document:
    """The document with the model gates of ``gates`` moved to ``defaults.gates``.

    What ``defaults.gates`` says itself goes over it. Named models without a word become ``{}``.
    """
    data = {key: value for key, value in document.data.items() if not key.startswith("x-")}
    for key in ("models", "environments"):
        if isinstance(data.get(key), dict):
            data[key] = {name: {} if entry is None else entry for name, entry in data[key].items()}
    gates = data.get("gates")
    if not isinstance(gates, dict):
        return Document(document.source, data, document.places)
    moved = {name: options for name, options in gates.items() if name in per_model}
    rest = {name: options for name, options in gates.items() if name not in per_model}
    places = {
        ("defaults", *path): place
        for path, place in document.places.items()
        if path[:1] == ("gates",) and len(path) > 1 and path[1] in per_model
    }
    low = Document(document.source, {"defaults": {"gates": moved}} if moved else {}, places)
    return source.merge(low, Document(document.source, {**data, "gates": rest}, document.places))


def read(own: Document, fetch: Fetch | None) -> tuple[Document | None, Extends | None, tuple[Mistake, ...]]:
    """The policy that ``own`` extends, and what is wrong with the reference or the text."""
    if not isinstance(own.data.get("extends"), dict):
        return None, None, ()
    extends, wrong = checking.check(Extends, own.below("extends"))
    if extends is None:
        return None, None, wrong
    if fetch is None:
        return (
            None,
            extends,
            (own.mistake(("extends",), "a policy of another repository cannot be read here"),),
        )
    try:
        text = fetch(extends)
    except ConfigError as error:
        return None, extends, (own.mistake(("extends",), error.message),)
    policy = reading.read(text, label(extends))
    mistakes = [*policy.mistakes]
    if "policy" in own.data:
        mistakes.append(own.mistake(("policy",), "only a policy file may lock keys; this file extends one"))
    if policy.data.get("extends") is not None:
        mistakes.append(policy.mistake(("extends",), "a policy file may not extend another one"))
    return policy, extends, tuple(mistakes)


def label(extends: Extends) -> str:
    """How messages name a policy file: repository, short commit and path."""
    return f"{source.printable(extends.repository)}@{extends.commit[:12]}:{extends.path}"


def over(policy: Document, own: Document) -> Document:
    """The repository's file over its policy; what the policy says about itself stays behind."""
    data = {key: value for key, value in policy.data.items() if key not in _OF_THE_FILE}
    return source.merge(Document(policy.source, data, policy.places), own)


def unknown_locks(policy: Document, schema: Mapping[str, Any]) -> tuple[Mistake, ...]:
    """Locked keys that do not exist: a lock with a typing error would lock nothing."""
    checked, wrong = checking.check(Policy, policy.below("policy"))
    if checked is None:
        return wrong
    mistakes = []
    for position, key in enumerate(checked.locked):
        path: Path = ("policy", "locked", position)
        first = key.partition(".")[0]
        if first in _OF_THE_FILE:
            mistakes.append(policy.mistake(path, f'"{first}" cannot be locked'))
            continue
        unknown, known = _unknown(schema, key.split("."))
        if unknown:
            words = source.suggestion(unknown, known)
            printable = source.printable(key)
            mistakes.append(policy.mistake(path, f'there is no key "{printable}" to lock; {words}'))
    return tuple(mistakes)


def _unknown(schema: Mapping[str, Any], parts: list[str]) -> tuple[str, list[str]]:
    """The first part of a dotted key that the schema does not know, and what it knows there."""
    path: Path = ()
    for part in parts:
        nodes = checking.nodes_at(schema, path)
        if any(isinstance(node.get("additionalProperties"), dict) for node in nodes):
            return "", []  # a name of the user's own, which may hold dots: anything may follow
        known = checking.keys_at(schema, path)
        if part not in known:
            return part, sorted(known)
        path = (*path, part)
    return "", []


def broken_locks(policy: Document, own: Document, per_model: frozenset[str]) -> tuple[Mistake, ...]:
    """Every key of the repository's file that would change what the policy locks.

    Both documents are canonical. A key of a single model counts as the same key of ``defaults``.
    """
    locked = locked_keys(policy)
    mistakes = []
    for path, value in source.leaves(own.data):
        if value == {} or path[0] in _OF_THE_FILE:
            continue
        said = _said(path, policy)
        for position, lock in enumerate(locked):
            if _touches(said, _canonical_keys(lock, per_model)) and value != _policy_value(policy, path):
                where = policy.place(("policy", "locked", position))
                mistakes.append(
                    own.mistake(path, f'the policy locks "{lock}" ({where.source}, line {where.line})')
                )
                break
    return tuple(mistakes)


def locked_keys(policy: Document) -> tuple[str, ...]:
    """The keys a policy locks; none where it says so in a way that is a mistake."""
    checked, _ = checking.check(Policy, policy.below("policy"))
    return checked.locked if checked else ()


def _canonical_keys(lock: str, per_model: frozenset[str]) -> tuple[str, ...]:
    """A locked key as canonical documents spell it; ``gates`` means those of the models too."""
    parts = lock.split(".")
    if parts[0] != "gates" or (parts[1:] and parts[1] not in per_model):
        return (lock,)
    return (lock, f"defaults.{lock}")


def _said(path: Path, policy: Document) -> list[str]:
    """The keys a value says something about; a model's key counts as that of all models.

    Names in place of the policy's models would drop what the policy says in each of them.
    """
    keys = [dotted(path)]
    if path[0] == "models" and (len(path) > 2 or isinstance(policy.data.get("models"), dict)):
        keys.append(dotted(("defaults", *path[2:])))
    return keys


def _touches(keys: list[str], locks: tuple[str, ...]) -> bool:
    """Whether one of the keys is a locked one, or stands below or above it."""
    return any(
        f"{key}.".startswith(f"{lock}.") or lock.startswith(f"{key}.") for key in keys for lock in locks
    )


def _policy_value(policy: Document, path: Path) -> Any:
    """What the policy says at a path; for a model's own key also what it says for all models."""
    value = source.value_at(policy.data, path)
    if value is ABSENT and path[:1] == ("models",):
        value = source.value_at(policy.data, ("defaults", *path[2:]))
    return None if value is ABSENT else value


# ---- what a pull request edits ---------------------------------------------------------------------

FILE = "mlops-ci.yaml"
_MOST_EDITS = 1000
_LONGEST_TEXT = 200


def edits(old_text: str | None, new_text: str | None, source: str = FILE) -> tuple[PolicyEdit, ...]:
    """Every value that differs between two texts, with its line in the new one.

    Of a removed key the line is the last one of what is left around it. Nothing where one of the
    texts is not YAML: whoever loads it reports that.
    """
    old, new = reading.read(old_text, source), reading.read(new_text, source)
    if any(document.mistakes and not document.data for document in (old, new)):
        return ()
    before, after = _rules(old), _rules(new)
    changed = [path for path in {**after, **before} if not _same(before, after, path, old, new)]
    changed.sort(key=lambda path: (_line(new, path, path in after), dotted(path)))
    found = [
        PolicyEdit(
            where=Where(file=source, line=None if new.empty else _line(new, path, path in after)),
            key=_short(dotted(path)),
            old=_scalar(before.get(path, ABSENT)),
            new=_scalar(after.get(path, ABSENT)),
        )
        for path in changed[:_MOST_EDITS]
    ]
    if len(changed) > _MOST_EDITS:
        more = f"{len(changed) - _MOST_EDITS:,} more edits"
        found.append(PolicyEdit(where=Where(file=source), key="…", new=more))
    return tuple(found)


def _rules(document: Document) -> dict[Path, Any]:
    """The values of a document by their path; keys that start with x- are no rules."""
    pairs = source.leaves(document.data)
    return {path: value for path, value in pairs if path and not str(path[0]).startswith("x-")}


def _same(before: dict[Path, Any], after: dict[Path, Any], path: Path, old: Document, new: Document) -> bool:
    """Whether nothing changed at a path; ``{}`` is no value beside a mapping with keys."""
    if path in before and path in after:
        return repr(before[path]) == repr(after[path]) or _equal_numbers(before[path], after[path])
    other = source.value_at(new.data if path in before else old.data, path)
    return {**before, **after}[path] == {} and isinstance(other, dict)


def _equal_numbers(one: Any, other: Any) -> bool:
    numbers = (int, float)
    plain = not isinstance(one, bool) and not isinstance(other, bool)
    return plain and isinstance(one, numbers) and isinstance(other, numbers) and one == other


def _line(document: Document, path: Path, there: bool) -> int:
    """The line of a key, or the last line of what is left around it."""
    place = document.place(path)
    return place.line if there else place.last


def _scalar(value: Any) -> Scalar:
    """A value as evidence holds it: lists and mappings as text, a written null as ``null``."""
    if value is ABSENT:
        return None
    if isinstance(value, list):
        return _short(f"[{', '.join(str(_scalar(item)) for item in value[:_LONGEST_TEXT])}]")
    if isinstance(value, dict):
        return "{}" if not value else "{…}"
    if value is None:
        return "null"
    return (
        _short(value) if isinstance(value, str) else value if isinstance(value, bool | int | float) else None
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
