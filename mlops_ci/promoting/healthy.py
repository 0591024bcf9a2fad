"""Whether a release is live and healthy, by whoever the configuration says knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from mlops_ci.adapters import health, health_argocd, health_deployments, health_prometheus
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.health import Asked, Source
from mlops_ci.config.environments import Environment
from mlops_ci.errors import ConfigError
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion.world import Live


def told(live: Live, environment: Environment, site: Site, environ: Mapping[str, str], now: datetime) -> Live:
    """The target with what its health sources say; without one a soak counts from the merge.

    Raises:
        ConfigError: a source is configured that cannot be asked here.
    """
    settings, record = environment.health, live.record
    if settings is None or record is None or live.merged is None:
        return live
    asked = Asked(
        environment=live.environment,
        model=live.model,
        digest=record.release.digest,
        merged=live.merged,
        now=now,
        soak=max(environment.soak, environment.step_soak),
        contains=_contains(site.git, record.log_path),
    )
    sources: dict[str, Source] = {}
    if settings.deployments:
        named = health.filled(settings.deployments, asked)
        sources |= dict([health_deployments.source(_github(site, live), named)])
    if settings.argocd:
        sources |= dict([health_argocd.source(health.filled(settings.argocd, asked), environ)])
    if settings.prometheus and settings.query:
        sources |= dict([health_prometheus.source(settings.prometheus, settings.query, environ)])
    return replace(live, health=health.together(sources, asked)) if sources else live


def _github(site: Site, live: Live) -> GitHub:
    github = getattr(site.forge, "github", None)
    if not isinstance(github, GitHub):
        raise ConfigError(
            f"environments.{live.environment}.health: deployments are GitHub's, the manifests elsewhere",
            "name another source, or none",
        )
    return github


def _contains(git: Git, path: str) -> Callable[[str], bool | None]:
    """Whether a commit has the promotion; None where this clone does not know the commit."""

    def contains(commit: str) -> bool | None:
        known = git.resolve(commit)
        return None if known is None else git.kind(known, path) == "blob"

    return contains
