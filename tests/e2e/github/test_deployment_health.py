"""GitHub's deployments tell whether a promotion is live and healthy, asked as any program asks GitHub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mlops_ci.adapters import health_deployments
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.health import Asked, together
from mlops_ci.promotion.plan import Health

from .stand import Stand


@pytest.fixture
def deploy(stand: Stand) -> Callable[..., None]:
    """Deploy main to production, and tell what became of it."""
    ada = stand.clone()
    ada.commit("Begin", **{"a.txt": "1\n"})
    stand.push(ada, "main")

    def run(*states: str, environment: str = "production") -> None:
        made = stand.must(
            "POST", "deployments", {"ref": "main", "environment": environment, "required_contexts": []}
        )
        for state in states:
            stand.must("POST", f"deployments/{made['id']}/statuses", {"state": state, "description": "why"})

    return run


def test_a_promotion_is_live_since_its_first_success(stand: Stand, deploy: Callable[..., None]) -> None:
    github = GitHub.of(
        {
            "GITHUB_REPOSITORY": stand.repository,
            "GITHUB_TOKEN": "ada-token",
            "GITHUB_API_URL": stand.gateway.address,
        }
    )
    name, source = health_deployments.source(github, "production")
    long_ago = datetime.now(UTC) - timedelta(days=1)
    asked = Asked("production", "iris", "sha256:" + "a" * 64, long_ago, datetime.now(UTC))

    def look(**more: object) -> Health:
        return together({name: source}, replace(asked, **more))  # type: ignore[arg-type]

    assert look().problem == "GitHub's deployments to production: none that has the promotion was made yet"
    deploy("in_progress", "success")
    first = look()
    assert (first.source, first.problem) == ("GitHub's deployments to production", "")
    assert first.since is not None
    assert first.since > long_ago
    deploy("in_progress")
    deploy("failure", environment="staging")
    assert look() == first
    assert look(contains=lambda _: False).since is None
    assert look(merged=datetime.now(UTC) + timedelta(days=1)).since is None
    assert look(merged=datetime.now(UTC) + timedelta(days=1), contains=lambda _: True) == first
    deploy("failure")
    assert look().problem == "GitHub's deployments to production: the last one is a failure: why"
    deploy("success")
    assert look().problem == ""
