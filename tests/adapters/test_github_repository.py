"""The repository's facts, its files, what protects a branch, and the merge queue's refs."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from mlops_ci.adapters import github_repository as repository
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_repository import Protection, Repository
from mlops_ci.errors import ConfigError, ToolError
from tests.adapters.github_double import ROOT, Double, Reply
from tests.adapters.github_spec.contract import example

OWNERS = f"{ROOT}/contents/.github/CODEOWNERS"
BRANCH = f"{ROOT}/branches/release/1"
RULES = f"{ROOT}/rules/branches/release/1"
GONE = Reply(404, {"message": "Not Found"})
FORBIDDEN = Reply(403, {"message": "Resource not accessible by integration"})


def file(**changes: Any) -> Any:
    return example("content-file-response-if-content-is-a-file", **changes)


def test_the_facts(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, Reply(body=example("full-repository-default-response", private=True)))
    assert repository.facts(github) == Repository(
        "octocat/Hello-World",
        "master",
        private=True,
        url="https://github.com/octocat/Hello-World",
        auto_merge=False,
    )


def test_a_file_at_a_ref(double: Double, github: GitHub) -> None:
    lines = b64encode("* @acme/ml-leads é\n".encode() * 9).decode()
    wrapped = "\n".join(lines[i : i + 60] for i in range(0, len(lines), 60)) + "\n"
    double.on("GET", OWNERS, Reply(body=file(content=wrapped)))
    assert repository.content(github, ".github/CODEOWNERS", "main") == "* @acme/ml-leads é\n".encode() * 9
    assert double.requests[0].query == {"ref": "main"}


def test_a_large_file_is_read_as_it_is(double: Double, github: GitHub) -> None:
    double.on(
        "GET", OWNERS, Reply(body=file(content="", encoding="none")), Reply(raw=b"\x00large", true=False)
    )
    assert repository.content(github, ".github/CODEOWNERS", "main") == b"\x00large"
    assert double.requests[1].headers["accept"] == "application/vnd.github.raw+json"


def test_a_file_that_is_not_there(double: Double, github: GitHub) -> None:
    double.on("GET", OWNERS, GONE)
    assert repository.content(github, ".github/CODEOWNERS", "main") is None


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        ([], r".github/CODEOWNERS: is a folder at main, not a file"),
        (file(type="symlink"), r".github/CODEOWNERS: is a symlink at main, not a file"),
        (file(content="a"), rf"GET {OWNERS}: GitHub's answer holds no base64"),
    ],
)
def test_what_is_no_file(double: Double, github: GitHub, plain: Any, problem: str) -> None:
    double.on("GET", OWNERS, Reply(body=plain, true=False))
    with pytest.raises(ToolError) as caught:
        repository.content(github, ".github/CODEOWNERS", "main")
    assert caught.value.message == problem


def test_a_file_that_may_not_be_read_is_an_error(double: Double, github: GitHub) -> None:
    double.on("GET", OWNERS, FORBIDDEN)
    with pytest.raises(ToolError) as caught:
        repository.content(github, ".github/CODEOWNERS", "main")
    assert "contents: read" in caught.value.hint


def test_a_path_stays_in_the_repository(github: GitHub) -> None:
    with pytest.raises(ConfigError, match="is no name that GitHub has"):
        repository.content(github, "../../other/contents/secret", "main")


def branch(protected: bool, *contexts: str) -> Reply:
    found = example("branch-get", protected=protected)
    found["protection"]["required_status_checks"]["contexts"] = list(contexts)
    return Reply(body=found)


def rule(kind: str, **parameters: Any) -> Any:
    source = {"ruleset_source_type": "Repository", "ruleset_source": "octocat/Hello-World", "ruleset_id": 42}
    return {"type": kind, **source, **({"parameters": parameters} if parameters else {})}


QUEUE = rule(
    "merge_queue",
    check_response_timeout_minutes=60, grouping_strategy="ALLGREEN", max_entries_to_build=5, max_entries_to_merge=5,
    merge_method="SQUASH", min_entries_to_merge=1, min_entries_to_merge_wait_minutes=5,
)  # fmt: skip
REQUIRED = rule(
    "required_status_checks",
    required_status_checks=[{"context": "mlops-ci"}, {"context": "test", "integration_id": 15368}],
    strict_required_status_checks_policy=True,
)
OTHER = rule("non_fast_forward")


@pytest.mark.parametrize(
    ("classic", "rules", "expected"),
    [
        (branch(False), [], Protection(known=True)),
        (branch(True, "test", "lint"), [], Protection(known=True, protected=True, checks=("lint", "test"))),
        (branch(True), [OTHER], Protection(known=True, protected=True)),
        (
            branch(True, "test"),
            [QUEUE, REQUIRED, OTHER],
            Protection(known=True, protected=True, checks=("mlops-ci", "test"), merge_queue=True),
        ),
    ],
)
def test_what_protects_a_branch(
    double: Double, github: GitHub, classic: Reply, rules: list[Any], expected: Protection
) -> None:
    double.on("GET", BRANCH, classic)
    double.on("GET", RULES, Reply(body=rules))
    assert repository.protection(github, "release/1") == expected


@pytest.mark.parametrize(
    ("classic", "rules", "expected"),
    [
        (GONE, GONE, Protection(known=False)),
        (FORBIDDEN, Reply(body=[REQUIRED]), Protection(known=False, protected=True, checks=("mlops-ci", "test"))),
        (branch(True, "test"), GONE, Protection(known=False, protected=True, checks=("test",))),
    ],
)  # fmt: skip
def test_what_may_not_be_seen_is_unknown_and_the_rest_is_told(
    double: Double, github: GitHub, classic: Reply, rules: Reply, expected: Protection
) -> None:
    double.on("GET", BRANCH, classic)
    double.on("GET", RULES, rules)
    assert repository.protection(github, "release/1") == expected


def test_other_trouble_with_a_branch_is_an_error(double: Double, github: GitHub) -> None:
    double.on("GET", BRANCH, Reply(401))
    with pytest.raises(ToolError, match="401"):
        repository.protection(github, "release/1")
