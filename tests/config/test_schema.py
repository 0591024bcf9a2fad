"""Unit tests of the JSON schema and the reference: up to date, described, and true."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci import config
from mlops_ci.config import schema as schemas
from mlops_ci.errors import ConfigError
from mlops_ci.gates import GATES
from tests.config.kinds import KINDS

jsonschema: Any = import_module("jsonschema")  # it has no types of its own
ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "mlops_ci" / "mlops-ci.schema.json"
DOCS = ROOT / "docs" / "configuration.md"


def test_the_published_schema_is_up_to_date(tmp_path: Path) -> None:
    schemas.main([str(tmp_path / "schema.json")])
    assert PUBLISHED.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8")


def test_the_module_writes_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["schema", str(tmp_path / "schema.json")])
    monkeypatch.delitem(sys.modules, "mlops_ci.config.schema")
    runpy.run_module("mlops_ci.config.schema", run_name="__main__")
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))["title"] == "mlops-ci.yaml"


def test_the_reference_is_up_to_date() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert page == schemas.with_table(page, schemas.reference(GATES))
    assert "| `defaults.gates.metrics.limits.NAME.min` |" in page


def test_the_module_brings_the_reference_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "page.md"
    old.write_text(f"# Page\n{schemas.BEGIN}old\n{schemas.END}\nrest\n", encoding="utf-8")
    schemas.main([str(tmp_path / "schema.json"), "--reference", str(old)])
    table = schemas.reference(GATES)
    page = f"# Page\n{schemas.BEGIN}{table}{schemas.END}\nrest\n"
    assert old.read_text(encoding="utf-8") == page
    assert schemas.with_table("no markers", table) == "no markers"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text(encoding="utf-8")))


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    nodes: list[Any] = [schema]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            yield from node.get("properties", {}).items()
        nodes.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())


def test_every_key_says_what_it_means() -> None:
    schema = schemas.schema(GATES)

    def text(node: dict[str, Any]) -> str:
        target = schema["$defs"].get(node.get("$ref", "").rpartition("/")[2], {})
        return str(node.get("description") or target.get("description") or "")

    assert [key for key, node in _properties(schema) if not text(node)] == []
    empty = [row for row in schemas.reference(GATES).splitlines() if row.endswith("|  |")]
    assert empty == []


EXAMPLES = sorted({ROOT / "mlops-ci.yaml"} & set(ROOT.glob("*.yaml")))
DOCUMENTED = [block.partition("```")[0] for block in DOCS.read_text(encoding="utf-8").split("```yaml\n")[1:]]


@pytest.mark.parametrize("text", [*(path.read_text(encoding="utf-8") for path in EXAMPLES), *DOCUMENTED])
def test_the_example_and_what_the_docs_show_fit_the_schema(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), schemas.schema(GATES))
    policy = config.load(text, fetch=lambda extends: f"# {extends.path}", kinds=GATES)
    assert policy.configured


OURS = {"version", "lock", "defaults", "gates", "models", "environments", "promotion"}


def _shown() -> Iterator[tuple[str, str]]:
    """Every piece of mlops-ci.yaml in the README and the pages of docs/."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in page.read_text(encoding="utf-8").split("```yaml\n")[1:]:
            text = block.partition("```")[0]
            for keys in yaml.safe_load_all(text):
                if isinstance(keys, dict) and keys.keys() <= OURS:
                    yield page.name, text


@pytest.mark.parametrize(("page", "text"), list(_shown()))
def test_what_any_page_shows_is_read(page: str, text: str) -> None:
    assert config.load(text, source=page, kinds=GATES).configured


def test_the_pages_show_something_to_read() -> None:
    assert {
        "README.md",
        "data.md",
        "drift.md",
        "engines.md",
        "fairness.md",
        "latency.md",
        "manifests.md",
    } <= {page for page, _ in _shown()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"versoin": 1},
        {"timeout": "2:30"},
        {"lock": "comit"},
        {"gates": {"metrcs": {}}},
        {"defaults": {"gates": {"lock": {}}}},
        {"models": {"churn": {"gates": {"metrics": {"limits": {"a": {"mim": 1}}}}}}},
        {"extends": {"repository": "x"}},
        {"extends": {"repository": "x", "commit": "main"}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schemas.schema(GATES))
    with pytest.raises(ConfigError):
        config.load(json.dumps(wrong), fetch=lambda extends: extends.path, kinds=GATES)


def test_the_schema_accepts_null_where_a_name_takes_something_back() -> None:
    right = {"x-mine": 1, "models": {"churn": None}, "gates": {"metrics": {"limits": {"a": None}}}}
    jsonschema.validate(right, schemas.schema(GATES))


def test_a_plug_in_gate_is_part_of_the_schema() -> None:
    table = schemas.reference(KINDS)
    assert "| `gates.lock.required` | true, false | `false` | Whether it must be there. |" in table
    assert '| `defaults.gates.metrics.one` | only | `"only"` | One word. |' in table
    assert "| `defaults.gates.metrics.limits.NAME.words` | list of text |  | Some words. |" in table
