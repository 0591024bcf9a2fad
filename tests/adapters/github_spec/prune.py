"""Cut GitHub's OpenAPI document down to what the client uses: ``prune.py api.github.com.json``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

OPERATIONS = {
    "actions": (
        "create-workflow-dispatch",
        "download-artifact",
        "list-workflow-run-artifacts",
        "list-workflow-runs",
        "re-run-workflow",
        "re-run-workflow-failed-jobs",
    ),
    "checks": ("create", "get", "list-for-ref", "update"),
    "issues": (
        "add-labels",
        "create-comment",
        "delete-comment",
        "get-comment",
        "list-comments",
        "list-labels-on-issue",
        "remove-label",
        "update-comment",
    ),
    "pulls": ("get", "list", "list-files"),
    "reactions": ("create-for-issue-comment",),
    "repos": (
        "create-commit-status",
        "get",
        "get-branch",
        "get-branch-rules",
        "get-collaborator-permission-level",
        "get-content",
        "list-pull-requests-associated-with-commit",
    ),
    "teams": ("get-by-name", "get-membership-for-user-in-org"),
    "users": ("get-authenticated",),
}
METHODS = ("get", "post", "put", "patch", "delete")
PROSE = ("description", "example", "examples", "externalDocs", "summary", "tags", "title", "x-github")


def main(source: Path, target: Path) -> None:
    """Write ``openapi.json`` (requests and good answers) and ``examples.json`` (GitHub's examples)."""
    document = json.loads(source.read_text())
    paths: dict[str, dict[str, Any]] = {}
    examples: dict[str, Any] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method, {})
            room, _, name = operation.get("operationId", "").partition("/")
            if name not in OPERATIONS.get(room, ()):
                continue
            good = {status: answer for status, answer in operation["responses"].items() if status < "400"}
            paths.setdefault(path, {})[method] = _without_prose(
                {
                    "operationId": operation["operationId"],
                    "parameters": operation.get("parameters", []),
                    "requestBody": operation.get("requestBody", {}),
                    "responses": good,
                }
            )
            examples |= _examples(good, document["components"]["examples"])
    pruned = {name: document[name] for name in ("openapi", "info")} | {"paths": paths, "components": {}}
    _add_components(pruned, document["components"])
    _write(target / "openapi.json", pruned)
    _mend(examples)
    _write(target / "examples.json", examples)


def _without_prose(plain: Any, *, names: bool = False) -> Any:
    """Everything but the words for people; below ``properties`` every key is a name and stays."""
    if isinstance(plain, dict):
        return {
            key: _without_prose(value, names=key == "properties")
            for key, value in plain.items()
            if names or key not in PROSE
        }
    return [_without_prose(value) for value in plain] if isinstance(plain, list) else plain


def _examples(answers: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The first example of each answer that has some, by GitHub's own name."""
    found = {}
    for answer in answers.values():
        for content in answer.get("content", {}).values():
            for example in list(content.get("examples", {}).values())[:1]:
                name = example.get("$ref", "").rpartition("/")[2]
                if name:
                    found[name] = known[name]["value"]
    return found


def _mend(examples: dict[str, Any]) -> None:
    """Some of GitHub's own examples lack what its description requires."""
    repository = examples["full-repository-default-response"]
    repository["language"] = repository["source"]["language"] = None
    for pull in (examples["pull-request"], *examples["pull-request-simple-items"]):
        pull["requested_teams"] = []
    team = examples["team-full"]
    team["type"], team["organization"]["archived_at"] = "organization", None
    examples["repository-collaborator-permission-response-if-user-has-admin-permissions"]["user"] = None


def _add_components(pruned: dict[str, Any], known: dict[str, Any]) -> None:
    """What the paths refer to, and what that refers to."""
    todo = [json.dumps(pruned["paths"])]
    while todo:
        for kind, name in re.findall(r'"#/components/([\w-]+)/([^"]+)"', todo.pop()):
            components = pruned["components"].setdefault(kind, {})
            if name not in components:
                components[name] = _without_prose(known[kind][name])
                todo.append(json.dumps(components[name]))


def _write(path: Path, plain: Any) -> None:
    path.write_text(json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
