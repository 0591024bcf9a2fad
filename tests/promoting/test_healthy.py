"""A target's health out of its environment's configuration: which sources are asked, and for what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlops_ci.adapters import health_deployments
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_promotions import GitHubPromotions
from mlops_ci.adapters.health import Source
from mlops_ci.adapters.local import LocalForge
from mlops_ci.config.environments import Environment
from mlops_ci.errors import ConfigError
from mlops_ci.promoting import healthy
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion.world import Health, Live
from tests.conftest import RunGit
from tests.promotion.records import record

NOW = datetime(2026, 5, 2, tzinfo=UTC)
LIVE = Live(
    "production", "iris", "deploy/production/iris.yaml", record=record(2, "b"), merged=NOW - timedelta(days=1)
)


@pytest.fixture
def site(git_repo: Path, commit: RunGit) -> Site:
    head = commit(git_repo, "begin")
    git = Git.open(git_repo)
    return Site(git, LocalForge.beside(git), "main", head)


def told(site: Site, live: Live = LIVE, **health: str) -> Live:
    environment = Environment.model_validate({"health": health} if health else {})
    return healthy.told(live, environment, site, {}, NOW)


def test_without_a_source_or_a_promotion_nothing_is_asked(site: Site) -> None:
    assert told(site) is LIVE
    bare = Live("production", "iris", "deploy/production/iris.yaml")
    assert told(site, bare, argocd="https://argo.example/applications/iris") is bare


def test_the_source_is_asked_for_its_model(site: Site) -> None:
    found = told(site, argocd="ftp://argo/applications/{model}").health
    assert found.source == "Argo CD's application iris"
    assert "its address is none" in found.problem
    assert found.since is None
    found = told(site, prometheus="ftp://prometheus", query="up").health
    assert found.source == "the Prometheus query"
    assert "its address is none" in found.problem


def test_deployments_need_github(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"environments\.production\.health: deployments are GitHub's"):
        told(site, deployments="production")


def test_a_commit_has_a_promotion_by_its_record(site: Site, commit: RunGit) -> None:
    contains = healthy._contains(site.git, record(2, "b").log_path)
    commits = []
    for number, release in [(1, "a"), (2, "b"), (3, "c")]:
        path = site.git.root / record(number, release).log_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record(number, release).text())
        commits.append(commit(site.git.root, f"record {number}"))
    assert [contains(one) for one in (site.head, *commits)] == [False, False, True, True]
    assert contains("d" * 40) is None


def test_deployments_of_the_repository_of_the_manifests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "GITHUB_REPOSITORY": "acme/deploy",
        "GITHUB_TOKEN": "t",
        "GITHUB_API_URL": "http://127.0.0.1:9",
    }
    on_github = replace(site, forge=GitHubPromotions(GitHub.of(settings)))
    found: list[tuple[str, str]] = []

    def source(one: GitHub, environment: str) -> tuple[str, Source]:
        found.append((one.repository, environment))
        return "x", lambda _: Health()

    monkeypatch.setattr(health_deployments, "source", source)
    told(on_github, deployments="{environment}-eu")
    assert found == [("acme/deploy", "production-eu")]
