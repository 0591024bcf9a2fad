"""Custom resource definitions as strict JSON schemas, and manifests held to them (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests.documents import Problem, address, entries, label, look
from mlops_ci.yaml_edit import Document, Match, Part, documents

FOLDER = ".mlops-ci/schemas"
_IDENTITY = "x-kubernetes-group-version-kind"
_GROUP = "apiextensions.k8s.io"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
# Words of OpenAPI that say nothing to a check.
_KEPT = frozenset(
    (
        *("type", "enum", "pattern", "required", "minimum", "maximum", "multipleOf", "uniqueItems"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    )
)
_ROOT = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
_MISSING = 'install it with `pip install "mlops-ci[promotion]"`'


@dataclass(frozen=True)
class Schema:
    """One version of one kind; ``file`` is its name below FOLDER."""

    group: str
    kind: str
    version: str
    body: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.group}_{self.kind}_{self.version}.json"

    @property
    def api_version(self) -> str:
        """What documents of this kind say as apiVersion."""
        return f"{self.group}/{self.version}"

    def to_json(self) -> str:
        """The file's text: the same for the same definition."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


# ---- definitions become schemas ----------------------------------------------------------------------


def compiled(text: str) -> tuple[Schema, ...]:
    """A strict schema for each version of each definition in a YAML text; other documents are passed over.

    Raises:
        ManifestError: it is no YAML.
        ConfigError: there is no definition in it, or one lacks what a definition has.
    """
    found = [schema for one in documents(text) for each in _unlisted(one.data) for schema in _versions(each)]
    if not found:
        raise ConfigError(
            "there is no CustomResourceDefinition with a schema in it",
            "name a file such as `kubectl get crd inferenceservices.serving.kserve.io -o yaml` writes",
        )
    return tuple(found)


def _unlisted(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A document, or each of a List's."""
    yield from entries(data, "items") if data.get("kind") == "List" else [data]


def _versions(data: Mapping[str, Any]) -> Iterator[Schema]:
    api = str(data.get("apiVersion", ""))
    if data.get("kind") != "CustomResourceDefinition" or not api.startswith(f"{_GROUP}/"):
        return
    name = look(data, "metadata", "name")
    if api != f"{_GROUP}/v1":
        raise ConfigError(
            f"{name}: is in the old form {api}", "export it from a cluster of Kubernetes 1.16 or newer"
        )
    group, kind = look(data, "spec", "group"), look(data, "spec", "names", "kind")
    versions = look(data, "spec", "versions")
    if not isinstance(group, str) or not isinstance(kind, str) or not isinstance(versions, list):
        raise ConfigError(
            f"{name}: lacks spec.group, spec.names.kind or spec.versions", "is the file complete?"
        )
    for each in versions:
        schema, version = look(each, "schema", "openAPIV3Schema"), look(each, "name")
        if isinstance(schema, Mapping) and isinstance(version, str):
            yield Schema(_safe(group), _safe(kind), _safe(version), _body(schema, group, kind, version))


def _safe(name: str) -> str:
    """A name that becomes part of a file's."""
    if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", name):
        return name
    raise ConfigError(f"a definition has the name {name!r}", "names have letters, digits, dots and dashes")


def _body(schema: Mapping[str, Any], group: str, kind: str, version: str) -> dict[str, Any]:
    strict = _strict(schema)
    strict["properties"] = {**strict.get("properties", {}), **_ROOT}
    identity = {"group": group, "version": version, "kind": kind}
    return {"$schema": _DRAFT, _IDENTITY: identity, **strict}


def _strict(node: Any, *, structural: bool = True) -> dict[str, Any]:
    """A node of OpenAPI as JSON schema that refuses what the cluster would drop in silence."""
    if not isinstance(node, Mapping):
        raise ConfigError(f"a definition has {node!r} where a schema should be", "is the file complete?")
    found: dict[str, Any] = {key: node[key] for key in node if key in _KEPT}
    _say_bounds(node, found)
    if "pattern" in found and not _compiles(found["pattern"]):
        del found["pattern"]
    if isinstance(node.get("properties"), Mapping):
        found["properties"] = {
            key: _strict(below, structural=structural) for key, below in node["properties"].items()
        }
    if isinstance(node.get("items"), Mapping):
        found["items"] = _strict(node["items"], structural=structural)
    for word in ("allOf", "anyOf", "oneOf"):
        if isinstance(node.get(word), list):
            found[word] = [_strict(below, structural=False) for below in node[word]]
    if isinstance(node.get("not"), Mapping):
        found["not"] = _strict(node["not"], structural=False)
    _say_more(node, found, structural=structural)
    if node.get("x-kubernetes-embedded-resource") is True and "properties" in found:
        found["properties"] = {**_ROOT, **found["properties"]}
    _say_either(node, found)
    return found


def _say_bounds(node: Mapping[str, Any], found: dict[str, Any]) -> None:
    """In OpenAPI a bound is exclusive by a flag beside it."""
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if node.get(flag) is True and bound in found:
            found[flag] = found.pop(bound)


def _compiles(pattern: Any) -> bool:
    """Go knows patterns that Python does not; the cluster checks them."""
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    return True


def _say_more(node: Mapping[str, Any], found: dict[str, Any], *, structural: bool) -> None:
    """Whether keys may stand there that are not named."""
    more = node.get("additionalProperties")
    if isinstance(more, Mapping):
        found["additionalProperties"] = _strict(more, structural=structural)
    elif isinstance(more, bool):
        found["additionalProperties"] = more
    elif structural and "properties" in found and not node.get("x-kubernetes-preserve-unknown-fields"):
        found["additionalProperties"] = False


def _say_either(node: Mapping[str, Any], found: dict[str, Any]) -> None:
    """A whole number or a text; and null, where that may stand there."""
    if node.get("x-kubernetes-int-or-string") is True:
        found.pop("type", None)
        found.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if node.get("nullable") is True and "type" in found:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]


# ---- manifests are held to schemas -------------------------------------------------------------------


def loaded(texts: Mapping[str, str]) -> tuple[Schema, ...]:
    """The schemas of files, by their names; files of other formats are passed over.

    Raises:
        ConfigError: a file is none that ``Schema.to_json`` wrote.
    """
    return tuple(_loaded(name, text) for name, text in sorted(texts.items()) if name.endswith(".json"))


def _loaded(name: str, text: str) -> Schema:
    hint = f"make it anew with `mlops-ci schema add`, or remove {name}"
    try:
        body = json.loads(text)
        identity = body[_IDENTITY]
        return Schema(identity["group"], identity["kind"], identity["version"], body)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{name}: is no schema of a kind", hint) from error


def problems(text: str, schemas: Sequence[Schema]) -> tuple[Problem, ...]:
    """Everything in a manifest that its kinds' schemas refuse; kinds without one are passed over.

    Raises:
        ConfigError: there is a schema for a document, and the library jsonschema is not installed.
    """
    known = {(one.api_version, one.kind): one for one in schemas}
    found = [
        (document, schema)
        for document in documents(text)
        if (schema := known.get((document.api_version, document.kind))) is not None
    ]
    return tuple(problem for document, schema in found for problem in _of_document(document, schema))


def check(text: str, schemas: Sequence[Schema]) -> None:
    """Hold a manifest to the schemas.

    Raises:
        ManifestError: one refuses it.
        ConfigError: the library jsonschema is not installed.
    """
    found = problems(text, schemas)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise ManifestError(
            f"{found[0].place}: {found[0].message}{more}",
            "mend it; `mlops-ci schema check FILE` shows everything",
        )


def _of_document(document: Document, schema: Schema) -> Iterator[Problem]:
    try:
        from jsonschema import Draft202012Validator
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise ConfigError(
            f"{label(document)}: there is a schema for it ({schema.file}), but jsonschema is not installed",
            _MISSING,
        ) from error
    # By default a reference to an address is fetched; a file of the repository must not have that done.
    checker = Draft202012Validator(schema.body, registry=Registry())
    try:
        errors = list(checker.iter_errors(document.data))
    except Unresolvable as error:
        raise ConfigError(
            f"{schema.file}: refers to what is not in it ({error.ref})",
            f"make it anew with `mlops-ci schema add`, or remove {schema.file}",
        ) from error
    for one in sorted(errors, key=lambda each: [str(part) for part in each.absolute_path]):
        yield Problem(str(address(document, *_path(one.absolute_path))), _worded(one))


def _path(parts: Sequence[str | int]) -> tuple[Part, ...]:
    return tuple(Match("", str(part)) if isinstance(part, int) else part for part in parts)


def _worded(error: Any) -> str:
    """A problem in words, with the key that may have been meant."""
    if error.validator != "additionalProperties":
        return str(error.message)[:300]
    known = error.schema.get("properties", {})
    said = []
    for key in sorted(set(error.instance) - set(known)):
        near = get_close_matches(key, known, n=1)
        said.append(f"{key} (did you mean {near[0]}?)" if near else key)
    return f"there is no {' and no '.join(said)} here"
