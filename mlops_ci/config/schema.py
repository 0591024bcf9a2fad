"""The JSON schema of mlops-ci.yaml and the table of its keys, made from the declarations.

``python -m mlops_ci.config.schema FILE`` writes the schema, with the gates of installed plug-ins;
``--reference docs/configuration.md`` brings the table there up to date.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model

from mlops_ci.config import mistakes
from mlops_ci.config.check import Gate
from mlops_ci.config.chosen import Choices, Optioned
from mlops_ci.config.environments import DIRECT, MANIFEST, Environment
from mlops_ci.config.keys import ModelEntry, ModelSettings, Settings
from mlops_ci.config.values import ManifestPath, Name, Part, Text
from mlops_ci.strategies import Strategy

BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->"
_TITLE = "mlops-ci.yaml"
_ABOUT = "What mlops-ci runs, measures and judges in this repository."


def schema(kinds: Mapping[str, Gate], choices: Choices = Choices()) -> dict[str, Any]:  # noqa: B008 - frozen
    """The JSON schema of the whole file for these gates, strategies and kinds of manifests."""
    plain: dict[str, Any] = _configuration(kinds, choices).model_json_schema()
    for name, definition in plain["$defs"].items():
        if name != "Extends":
            definition.pop("required", None)  # the rest may stand in the defaults or in the policy
    for node in _nodes(plain):
        if isinstance(node.get("additionalProperties"), dict):
            node["additionalProperties"] = {"anyOf": [node["additionalProperties"], {"type": "null"}]}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": _TITLE, "description": _ABOUT}
    return {**plain, **head, "patternProperties": {"^x-": {"description": "Yours, for anchors; not read."}}}


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a schema."""
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(below)


def _configuration(kinds: Mapping[str, Gate], choices: Choices) -> type[BaseModel]:
    """One pydantic model of the whole file."""
    of_models = {name: kind for name, kind in kinds.items() if kind.PER_MODEL}
    model_gates = _gates("ModelGates", "The gates that judge a model.", of_models)
    all_gates = _gates("Gates", "The gates; those that judge a model mean all models here.", kinds)
    defaults = _with_gates("Defaults", "What every model inherits.", ModelSettings, model_gates)
    entry = _with_gates(
        "Model", "One model; what it does not say comes from defaults.", ModelEntry, model_gates
    )
    names = Annotated[tuple[str, ...], Field(description="Names of artifacts, or patterns such as churn-*.")]
    fields: dict[str, Any] = {
        "defaults": (defaults, Field(default=None, description="What every model inherits and may change.")),
        "models": (
            dict[str, entry] | names | None,  # type: ignore[valid-type]
            Field(
                default=None,
                description="The models by name, or a list of names; a name with * is a pattern. "
                "Default: every artifact of the type model, else every artifact, else every dvc.yaml.",
            ),
        ),
        "environments": (
            dict[Name, _environment(choices)],  # type: ignore[misc]
            Field(default_factory=dict, description=Settings.model_fields["environments"].description),
        ),
        "gates": (
            all_gates,
            Field(
                default=None,
                description="Options of the gates; those of models mean all models, as in defaults.gates.",
            ),
        ),
    }
    return create_model("Configuration", __base__=Settings, **fields)


def _environment(choices: Choices) -> type[BaseModel]:
    """An environment as people write it: a strategy and a manifest in short, or one of them with options."""
    strategies = _one_of("Strategy", "A strategy with its options.", choices.strategies(), {})
    path = (ManifestPath, Field(description="The file; {environment} and {model} are filled in."))
    about = "A manifest by its path, and what cannot be read from it."
    manifests = _one_of("Manifest", about, choices.manifests(), {"path": path})
    known = Environment.model_fields
    fields: dict[str, Any] = {
        "strategy": (Text | strategies, Field(default=DIRECT, description=known["strategy"].description)),
        "manifest": (
            ManifestPath | manifests,
            Field(default=MANIFEST, description=known["manifest"].description),
        ),
    }
    return create_model("Environment", __base__=Environment, __doc__=Environment.__doc__, **fields)


def _one_of(
    name: str, about: str, kinds: Mapping[str, Optioned | Strategy], fields: dict[str, Any]
) -> type[BaseModel]:
    """A mapping with one key a kind, of which one may stand there."""
    made = create_model(name, __base__=Part, __doc__=about, **fields, **_optioned(kinds))
    made.model_config = {**made.model_config, "json_schema_extra": {"maxProperties": len(fields) + 1}}
    made.model_rebuild(force=True)
    return made


def _with_gates(name: str, about: str, base: type[BaseModel], gates: type[BaseModel]) -> type[BaseModel]:
    words = "The options of the gates that judge a model."
    fields: dict[str, Any] = {"gates": (gates, Field(default=None, description=words))}
    return create_model(name, __base__=base, __doc__=about, **fields)


def _gates(name: str, about: str, kinds: Mapping[str, Gate]) -> type[BaseModel]:
    """A model with one key a gate."""
    return create_model(name, __base__=Part, __doc__=about, **_optioned(kinds))


def _optioned(kinds: Mapping[str, Gate | Optioned | Strategy]) -> dict[str, Any]:
    """One key a kind, described by the first line of its module or class."""
    return {
        name: (kind.Options, Field(default=None, description=(kind.__doc__ or name).strip().split("\n")[0]))
        for name, kind in kinds.items()
    }


# ---- texts -----------------------------------------------------------------------------------------


def written(kinds: Mapping[str, Gate]) -> str:
    """The schema as the text of a file."""
    return json.dumps(schema(kinds), indent=2, ensure_ascii=False) + "\n"


def reference(kinds: Mapping[str, Gate]) -> str:
    """Every key with its type, default and meaning, as a Markdown table."""
    whole = schema(kinds)
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, node in _keys(whole):
        cells = (f"`{key}`", _type(whole, node), _default(node), str(node.get("description", "")))
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def with_table(page: str, table: str) -> str:
    """The page with the table between its two markers replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + begin + table + end + after if begin and end else page


def _keys(whole: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key of the schema in its order; a name of the user's own is written NAME.

    What a model's entry shares with ``defaults`` is not told twice, nor a model gate's options.
    """
    for node in mistakes.nodes_at(whole, path):
        for key, below in node.get("properties", {}).items():
            if path == ("models", "NAME") and key != "artifact":
                continue
            yield ".".join((*path, key)), below
            if path != ("gates",) or key not in mistakes.keys_at(whole, ("defaults", "gates")):
                yield from _keys(whole, (*path, key))
        if isinstance(node.get("additionalProperties"), dict):
            yield from _keys(whole, (*path, "NAME"))


def _type(whole: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """What may stand at a key, in words."""
    words = [_word(whole, one) for one in mistakes.alternatives(whole, node)]
    return " or ".join(dict.fromkeys(word for word in words if word))


def _word(whole: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    if "enum" in node or "const" in node:
        return ", ".join(str(value) for value in node.get("enum", [node.get("const")]))
    if node.get("type") == "array":
        return f"list of {_type(whole, node.get('items', {})) or 'values'}"
    if node.get("pattern", "").endswith("[smhd])+$"):
        return "duration"
    words = {"object": "mapping", "string": "text", "boolean": "true, false", "integer": "whole number"}
    return words.get(node.get("type", ""), "" if node.get("type") == "null" else node.get("type", ""))


def _default(node: Mapping[str, Any]) -> str:
    default = node.get("default")
    return "" if default in (None, {}) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the schema, for every gate that is installed, to a file."""
    from mlops_ci.gates import all_gates

    parser = argparse.ArgumentParser(prog="python -m mlops_ci.config.schema", description=main.__doc__)
    parser.add_argument("file", type=Path, help="for example .mlops-ci/schema.json")
    parser.add_argument("--reference", type=Path, help="a page whose table of keys is written anew")
    chosen = parser.parse_args(arguments)
    chosen.file.write_text(written(all_gates()), encoding="utf-8")
    if chosen.reference:
        page = chosen.reference.read_text(encoding="utf-8")
        chosen.reference.write_text(with_table(page, reference(all_gates())), encoding="utf-8")


if __name__ == "__main__":
    main()
