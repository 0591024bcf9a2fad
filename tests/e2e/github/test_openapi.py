"""GitHub's description, cut down: which operation a request is, and what is found wrong."""

from __future__ import annotations

from typing import Any

import pytest

from . import openapi
from .openapi_subset import as_json_schema, subset, wanted


@pytest.mark.parametrize(
    ("method", "path", "name", "params"),
    [
        ("GET", "/repos/a/b", "repos/get", {}),
        ("GET", "/repos/a/b/git/ref/heads/x/y", "git/get-ref", {"ref": "heads/x/y"}),
        (
            "GET",
            "/repos/a/b/commits/heads/main/status",
            "repos/get-combined-status-for-ref",
            {"ref": "heads/main"},
        ),
        ("GET", "/repos/a/b/commits/x/y", "repos/get-commit", {"ref": "x/y"}),
        ("GET", "/repos/a/b/branches/x/y/protection", "repos/get-branch-protection", {"branch": "x/y"}),
        ("GET", "/repos/a/b/contents/x/%C3%BC.txt", "repos/get-content", {"path": "x/ü.txt"}),
        ("GET", "/repos/a/b/contents", "repos/get-content", {"path": ""}),
        ("DELETE", "/repos/a/b/issues/comments/7", "issues/delete-comment", {"comment_id": "7"}),
        ("GET", "/repos/a/b/actions/artifacts/7/zip", "actions/download-artifact", {"archive_format": "zip"}),
    ],
)
def test_which_operation_a_request_is(method: str, path: str, name: str, params: dict[str, str]) -> None:
    found = openapi.find(method, path)
    assert found is not None
    assert found[0].name == name
    assert params.items() <= found[1].items()


def test_what_is_no_operation() -> None:
    assert openapi.find("GET", "/repos/a/b/nothing") is None
    assert openapi.find("DELETE", "/repos/a/b/pulls") is None


def test_every_wanted_operation_is_there_and_no_other() -> None:
    assert {operation.name for operation, _ in openapi.operations()} == wanted()


def test_what_is_wrong_with_a_request() -> None:
    found = openapi.find("GET", "/repos/a/b/pulls")
    assert found is not None
    assert found[0].request_problems({"state": "closed", "per_page": "100"}, None) == []
    assert found[0].request_problems({"state": "shut", "per_page": "all"}, {"a": 1}) == [
        "query parameter state: 'shut' is none of open, closed, all",
        "query parameter per_page: 'all' is no number",
        "a body where none is known",
    ]


def test_what_is_wrong_with_an_answer() -> None:
    found = openapi.find("PUT", "/repos/a/b/pulls/1/merge")
    assert found is not None
    assert found[0].answer_problems(200, {"sha": "x", "merged": True, "message": "m"}) == []
    assert found[0].answer_problems(200, {"sha": 1, "merged": True}) == [
        "sha: 1 is not of type 'string'",
        "body: 'message' is a required property",
    ]
    assert found[0].answer_problems(418, {}) == [
        "status 418 is not described, only 200, 403, 404, 405, 409, 422"
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"enum": ["a"], "type": "string", "nullable": True},
            {"enum": ["a", None], "type": ["string", "null"]},
        ),
        ({"$ref": "#/x", "nullable": True}, {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]}),
        ({"type": "integer", "nullable": False}, {"type": "integer"}),
        ({"minimum": 0, "exclusiveMinimum": True}, {"minimum": 0}),
    ],
)
def test_old_words_become_json_schema(said: dict[str, Any], meant: dict[str, Any]) -> None:
    assert as_json_schema(said) == meant


def test_a_subset_keeps_what_is_pointed_to() -> None:
    operation = {
        "operationId": "meta/get-zen",
        "description": "prose",
        "responses": {"200": {"$ref": "#/components/responses/zen"}},
    }
    whole = {
        "info": {"version": "1"},
        "paths": {"/zen": {"get": operation}, "/other": {"get": {"operationId": "other"}}},
        "components": {
            "responses": {
                "zen": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/zen"}}}}
            },
            "schemas": {"zen": {"properties": {"description": {"type": "string"}}}, "other": {}},
        },
    }
    cut = subset(whole)
    assert cut["paths"] == {
        "/zen": {"get": {"operationId": "meta/get-zen", "responses": operation["responses"]}}
    }
    assert cut["components"]["schemas"] == {"zen": {"properties": {"description": {"type": "string"}}}}
