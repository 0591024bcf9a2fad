"""Which sources an environment names, and what is said where one cannot be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.health import Asked
from mlops_ci.config.keys import Health as Settings
from mlops_ci.errors import ConfigError
from mlops_ci.promoting.health import has, health
from mlops_ci.promotion.plan import Health
from tests.conftest import RunGit
from tests.promotion.records import record

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ASKED = Asked("production", "iris", "sha256:" + "a" * 64, NOW, NOW)


def test_without_a_source_nothing_is_said() -> None:
    assert health(None, ASKED, {}, None) == Health()
    assert health(Settings(), ASKED, {}, None) == Health()


def test_every_source_that_is_named_is_asked() -> None:
    settings = Settings(
        deployments="{environment}",
        argocd="ftp://argo/applications/{model}",
        prometheus="ftp://prometheus",
        query="up",
    )
    found = health(settings, ASKED, {}, None)
    assert (
        found.source
        == "GitHub's deployments to production and Argo CD's application iris and the Prometheus query"
    )
    assert found.problem.startswith(
        "GitHub's deployments to production: the manifests' repository is not on GitHub; "
    )
    assert found.problem.count("its address is none") == 2


def test_a_source_that_is_named_wrongly_is_a_problem_of_the_target() -> None:
    found = health(Settings(argocd="https://argo"), ASKED, {}, None)
    assert found == Health(
        "its health",
        None,
        "health.argocd: is no address of an application (write https://SERVER/applications/NAME)",
    )


def test_a_commit_has_a_promotion_by_its_record(git_repo: Path, commit: RunGit) -> None:
    seen = has(Git.open(git_repo), record(2, "b"))
    before = commit(git_repo, "before")
    commits = {}
    for number, release in [(1, "a"), (2, "b"), (3, "c")]:
        one = record(number, release)
        (git_repo / one.current_path).parent.mkdir(parents=True, exist_ok=True)
        (git_repo / one.current_path).write_text(one.text())
        commits[number] = commit(git_repo, f"record {number}")
    assert [seen(one) for one in (before, commits[1], commits[2], commits[3])] == [False, False, True, True]
    assert seen("d" * 40) is None
    assert seen(commits[2][:10]) is True
    (git_repo / record(1, "a").current_path).write_text("x: 1\n")
    broken = commit(git_repo, "broken")
    with pytest.raises(ConfigError):
        seen(broken)
