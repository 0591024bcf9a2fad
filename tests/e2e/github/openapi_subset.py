"""Cuts GitHub's OpenAPI description down to what the stand needs: ``python -m tests.e2e.github.openapi_subset FILE``.

FILE is ``generated/api.github.com.json`` of the npm package @octokit/openapi. The result, openapi.json.gz, is
JSON Schema: OpenAPI 3.0's own words (nullable, boolean exclusive limits) are rewritten, so any validator reads it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("openapi.json.gz")
METHODS = ("get", "post", "put", "patch", "delete")
PROSE = {
    "example",
    "examples",
    "description",
    "x-github",
    "externalDocs",
    "summary",
    "tags",
    "format",
    "default",
}

OPERATIONS = """
actions: cancel-workflow-run create-workflow-dispatch delete-artifact download-artifact
    download-workflow-run-logs get-artifact get-repo-variable get-workflow get-workflow-run
    list-artifacts-for-repo list-jobs-for-workflow-run list-repo-variables list-repo-workflows
    list-workflow-run-artifacts list-workflow-runs list-workflow-runs-for-repo
    re-run-workflow re-run-workflow-failed-jobs
checks: create get list-annotations list-for-ref list-suites-for-ref update
git: create-blob create-commit create-ref create-tag create-tree delete-ref get-blob get-commit get-ref get-tag
    get-tree list-matching-refs update-ref
issues: add-assignees add-labels create create-comment create-label delete-comment delete-label get get-comment
    get-label list-comments list-comments-for-repo list-events-for-timeline list-for-repo list-labels-for-repo
    list-labels-on-issue lock remove-label set-labels unlock update update-comment update-label
meta: get get-zen
orgs: check-membership-for-user get get-membership-for-user list-members set-membership-for-user
pulls: check-if-merged create create-review create-review-comment get list list-commits list-files
    list-requested-reviewers list-review-comments list-reviews merge remove-requested-reviewers request-reviewers
    update update-branch
rate-limit: get
reactions: create-for-issue create-for-issue-comment delete-for-issue-comment list-for-issue
    list-for-issue-comment
repos: add-collaborator check-collaborator compare-commits-with-basehead create-commit-status create-deployment
    create-deployment-status create-dispatch-event create-fork create-or-update-file-contents create-release
    create-repo-ruleset delete-branch-protection delete-deployment delete-file delete-repo-ruleset get
    get-all-environments get-branch get-branch-protection get-branch-rules get-collaborator-permission-level
    get-combined-status-for-ref get-commit get-content get-deployment get-deployment-status get-environment
    get-latest-release get-readme get-release-by-tag get-repo-ruleset get-repo-rulesets
    get-status-checks-protection list-branches list-collaborators list-commit-statuses-for-ref list-commits
    list-deployment-statuses list-deployments list-forks list-pull-requests-associated-with-commit list-releases
    list-tags remove-collaborator update update-branch-protection update-repo-ruleset
search: issues-and-pull-requests
teams: add-or-update-membership-for-user-in-org add-or-update-repo-permissions-in-org create get-by-name
    get-membership-for-user-in-org list list-members-in-org list-repos-in-org
users: get-authenticated get-by-username
"""


def wanted() -> set[str]:
    """The operations' ids, ``area/name``."""
    areas = (part.split(":") for part in re.split(r"\n(?=\S)", OPERATIONS.strip()))
    return {f"{area}/{name}" for area, names in areas for name in names.split()}


def without_prose(part: Any, named: bool = False) -> Any:
    """Only what decides validity; under ``properties`` every key is a name and stays."""
    if isinstance(part, list):
        return [without_prose(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: without_prose(value, named=key == "properties" and not named)
        for key, value in part.items()
        if named or key not in PROSE
    }


def as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's nullable and boolean exclusive limits said as JSON Schema says them."""
    if isinstance(part, list):
        return [as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: as_json_schema(value) for key, value in part.items()}
    for key in ("exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(found.get(key), bool):
            del found[key]
    return or_null(found) if found.pop("nullable", False) is True else found


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema, which also takes null."""
    if not isinstance(schema.get("type"), str):
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema and None not in schema["enum"]:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def references(part: Any) -> Iterator[tuple[str, str]]:
    """What a part points to: (kind, name)."""
    yield from re.findall(r'"#/components/([\w-]+)/([^"]+)"', json.dumps(part))


def kept(operation: Any) -> bool:
    return isinstance(operation, dict) and operation.get("operationId") in wanted()


def subset(whole: dict[str, Any]) -> dict[str, Any]:
    """The wanted operations and everything that they point to."""
    paths = {
        path: {method: item[method] for method in METHODS if kept(item.get(method))}
        for path, item in whole["paths"].items()
    }
    paths = as_json_schema(without_prose({path: item for path, item in paths.items() if item}))
    components: dict[str, dict[str, Any]] = {}
    pending = list(references(paths))
    while pending:
        kind, name = pending.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = as_json_schema(without_prose(whole["components"][kind][name]))
            pending.extend(references(components[kind][name]))
    return {"version": whole["info"]["version"], "paths": paths, "components": components}


def main(source: Path) -> None:
    """Write the subset; the same source gives the same bytes."""
    found = subset(json.loads(source.read_text()))
    known = {operation["operationId"] for item in found["paths"].values() for operation in item.values()}
    if missing := sorted(wanted() - known):
        raise SystemExit(f"not in {source}: {', '.join(missing)}")
    text = json.dumps(found, separators=(",", ":"), sort_keys=True).encode()
    TARGET.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
