"""The registry brought to what Git says: by its own verb, and after every promotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_ci.adapters import gto_tags
from mlops_ci.adapters.databases import expand
from mlops_ci.adapters.mlflow_registry import Registry
from mlops_ci.collect.project import Project
from mlops_ci.config import values
from mlops_ci.errors import ConfigError
from mlops_ci.promoting import registering
from mlops_ci.promotion import registry as mirror
from mlops_ci.promotion.registry import Arrived, Changes


@dataclass(frozen=True)
class Mirrored:
    """What changed in the registry, by registered model, and the Git tags that were made."""

    models: tuple[tuple[str, Changes], ...] = ()
    tags: tuple[str, ...] = ()


def sync(
    project: Project,
    environ: Mapping[str, str],
    head: str,
    *,
    say: Callable[[str], None] = lambda _: None,
    dry_run: bool = False,
) -> Mirrored:
    """Register what the records at a commit name, and point the aliases where they say.

    Raises:
        ConfigError: no registry is configured, or MLflow is not installed.
        ToolError: the registry cannot be reached or refuses.
    """
    settings = project.policy.promotion.registry
    if settings is None:
        raise ConfigError(
            "there is no registry to sync: promotion.registry is not set",
            "set promotion.registry: {uri: ...} in mlops-ci.yaml; {} is the SQLite file mlflow.db",
        )
    arrived = registering.arrived(project.git, head)
    proposed = registering.proposed(project.git, head)
    wanted = mirror.wanted(arrived, registering.targets(project.policy), proposed)
    done: tuple[tuple[str, Changes], ...] = ()
    if wanted:
        held = Registry(expand(settings.uri, environ, "promotion.registry.uri"), project.dvc.top)
        done = held.sync(wanted, lambda model: values.fill(settings.name, model=model), dry_run=dry_run)
    return Mirrored(done, _tags(project, arrived, say, dry_run=dry_run) if settings.tags else ())


def _tags(
    project: Project, arrived: tuple[Arrived, ...], say: Callable[[str], None], *, dry_run: bool
) -> tuple[str, ...]:
    made, notes = gto_tags.sync(project.git, mirror.git_tags(arrived), dry_run=dry_run)
    for note in notes:
        say(f"note: {note}")
    return made
