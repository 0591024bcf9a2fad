"""The health of a target, asked of what its environment names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from mlops_ci.adapters import health_argocd, health_deployments, health_prometheus
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.health import Asked, Source, filled, together
from mlops_ci.config.keys import Health as Settings
from mlops_ci.errors import MlopsError
from mlops_ci.promotion import record
from mlops_ci.promotion.plan import Health
from mlops_ci.promotion.record import Record


def health(
    settings: Settings | None, asked: Asked, environ: Mapping[str, str], github: GitHub | None
) -> Health:
    """What the sources of an environment say of a release; without one a soak counts from the merge.

    Nothing is raised: a source that cannot be asked, or is named wrongly, is a problem of this target alone.
    ``github`` is the repository of the manifests, None where that is not on GitHub.
    """
    if settings is None:
        return Health()
    try:
        sources = dict(_sources(settings, asked, environ, github))
    except MlopsError as error:
        return Health("its health", None, f"{error.message} ({error.hint})")
    return together(sources, asked)


def has(git: Git, newest: Record) -> Callable[[str], bool | None]:
    """Whether a commit of the manifests' repository has a record, or a later one of the same target.

    None where this clone does not have the commit. By the record and not by ancestry, so that it does not
    matter how the promotion was merged.
    """
    return partial(_has, git, newest)


def _has(git: Git, newest: Record, commit: str) -> bool | None:
    known = git.resolve(commit)
    if known is None:
        return None
    text = git.show(known, newest.current_path)
    return text is not None and record.read(text, newest.current_path).number >= newest.number


def _sources(
    settings: Settings, asked: Asked, environ: Mapping[str, str], github: GitHub | None
) -> Iterator[tuple[str, Source]]:
    if settings.deployments:
        environment = filled(settings.deployments, asked)
        if github is None:
            yield f"GitHub's deployments to {environment}", _nowhere
        else:
            yield health_deployments.source(github, environment)
    if settings.argocd:
        yield health_argocd.source(filled(settings.argocd, asked), environ)
    if settings.prometheus:
        yield health_prometheus.source(settings.prometheus, settings.query or "", environ)


def _nowhere(_: Asked) -> Health:
    return Health(problem="the manifests' repository is not on GitHub")
