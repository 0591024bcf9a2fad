"""mlops-ci.yaml -> Config: defaults, policy and own file in one, every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel

from mlops_ci.config import check, chosen, models, reading, values
from mlops_ci.config import policy as config_policy
from mlops_ci.config.check import Gate
from mlops_ci.config.chosen import Choices
from mlops_ci.config.environments import Environment, Promotion
from mlops_ci.config.keys import (
    Columns,
    Cost,
    Data,
    Extends,
    Label,
    ModelEntry,
    Publishing,
    Seeds,
    StageSettings,
    Waivers,
    When,
)
from mlops_ci.config.models import Model, Target
from mlops_ci.config.policy import Fetch, edits
from mlops_ci.config.source import Document, Mistake
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Artifact
from mlops_ci.strategies import Strategy

__all__ = [
    "FILE",
    "Choices",
    "Columns",
    "Config",
    "Cost",
    "Data",
    "Environment",
    "Extends",
    "Fetch",
    "Gate",
    "Label",
    "Model",
    "Promotion",
    "Publishing",
    "Seeds",
    "StageSettings",
    "Waivers",
    "When",
    "edits",
    "load",
    "resolve_models",
]

FILE = config_policy.FILE
CHOICES = Choices()
HINT = "mend the lines named above; docs/configuration.md says what every key means"


@dataclass(frozen=True)
class Config:
    """What a repository wants; ``load`` makes it.

    ``configured`` is False where there is no mlops-ci.yaml. ``document`` is the merged file, from
    which a model's settings are taken by its name, so that models nobody listed have some too.
    """

    configured: bool
    source: str
    extends: Extends | None
    lock: Literal["verify", "commit", "report"]
    strict: bool
    timeout: timedelta
    stages: Mapping[str, StageSettings]
    when: When
    comment: Publishing
    cost: Cost | None
    base: str | None
    templates: str
    environments: Mapping[str, Environment]
    promotion: Promotion
    waivers: Waivers
    document: Document = field(repr=False)
    kinds: Mapping[str, Gate] = field(repr=False)
    choices: Choices = field(repr=False)

    def gate_options(self, gate: str, model: str | None) -> BaseModel:
        """A gate's options for one model, or for the repository where the gate judges that.

        Raises:
            ConfigError: the patterns that fit this name say together what cannot be.
        """
        if self.kinds[gate].PER_MODEL:
            return _settled(self, model)[1][gate]
        return check.gate_options(self.document, self.kinds, per_model=False, mistakes=[])[gate]

    def manifest(self, environment: str, model: str) -> str:
        """The path of the manifest that says what is live in an environment."""
        template = self.environments[environment].manifest.path
        return values.fill(template, environment=environment, model=model)

    def strategy(self, environment: str) -> tuple[str, Strategy, BaseModel]:
        """The name of an environment's strategy, the strategy, and its options."""
        name, options = chosen.strategy(self.document, environment, self.choices, [])
        if options is None:  # what is wrong was told when the file was read
            raise KeyError(environment)
        return name, self.choices.strategies()[name], options

    def manifest_kind(self, environment: str) -> tuple[str | None, BaseModel | None]:
        """The kind of an environment's manifests and its options; None where it is read from them."""
        return chosen.manifest(self.document, environment, self.choices, [])


def load(
    text: str | None,
    *,
    source: str = FILE,
    fetch: Fetch | None = None,
    kinds: Mapping[str, Gate] | None = None,
    choices: Choices = CHOICES,
) -> Config:
    """Read mlops-ci.yaml; None or an empty text gives the defaults.

    ``fetch`` gives the text of the policy file that ``extends`` names; ``kinds`` are the gates,
    ``choices`` the strategies and the kinds of manifests.

    Raises:
        ConfigError: with every mistake, one a line.
    """
    kinds = _gates() if kinds is None else kinds
    per_model = frozenset(name for name, kind in kinds.items() if kind.PER_MODEL)
    written = reading.read(text, source)
    own = config_policy.canonical(written, per_model)
    policy, extends, found = config_policy.read(own, fetch)
    mistakes = [*written.mistakes, *found, *_unknown_locks(policy or own, kinds)]
    whole = own
    if policy is not None:
        low = config_policy.canonical(policy, per_model)
        mistakes += config_policy.broken_locks(low, own, per_model)
        whole = config_policy.over(low, own)
    settings = check.whole(whole, kinds, choices, mistakes)
    if mistakes or settings is None:
        raise ConfigError(_listed(mistakes, source), HINT)
    return Config(
        configured=not written.empty,
        source=source,
        extends=extends,
        lock=settings.lock,
        strict=settings.strict,
        timeout=settings.timeout,
        stages=settings.stages,
        when=settings.when,
        comment=settings.comment,
        cost=settings.cost,
        base=settings.base,
        templates=settings.templates,
        environments=settings.environments,
        promotion=settings.promotion,
        waivers=settings.waivers,
        document=whole,
        kinds=kinds,
        choices=choices,
    )


def _gates() -> Mapping[str, Gate]:
    """Every gate there is; loaded late because other packages may bring some."""
    from mlops_ci.gates import all_gates

    return all_gates()


def _unknown_locks(policy: Document, kinds: Mapping[str, Gate]) -> tuple[Mistake, ...]:
    """Locked keys that do not exist; the schema that tells is only made where keys are locked."""
    if "policy" not in policy.data:
        return ()
    from mlops_ci.config.schema import schema

    return config_policy.unknown_locks(policy, schema(kinds))


def _listed(mistakes: Iterable[Mistake], source: str) -> str:
    """All mistakes once, one a line, those of the repository's own file first."""
    ordered = sorted(set(mistakes), key=lambda m: (m.source != source, m.source, m.line, m.key, m.message))
    return "\n".join(str(mistake) for mistake in ordered)


# ---- models ----------------------------------------------------------------------------------------


def resolve_models(
    config: Config,
    artifacts: Sequence[Artifact],
    dvcfiles: Sequence[str],
    repository_name: str,
    *,
    absent_ok: bool = False,
) -> tuple[Model, ...]:
    """Every model of the repository with everything filled in.

    ``absent_ok`` leaves out a model that no dvc.yaml declares, for a configuration of another commit.

    Raises:
        ConfigError: a model of the configuration is not to be found, or could be several.
    """
    known = models.targets(artifacts, dvcfiles, repository_name)
    entries = check.entries(config.document, [])
    if entries is None:
        return tuple(_model(config, target) for target in known)
    chosen: dict[str, Target] = {}
    mistakes: list[Mistake] = []
    for name, path in entries.items():
        if not models.is_pattern(name):
            reference = _settled(config, name)[0].artifact or name
            target, problem = models.named(reference, known, artifacts, dvcfiles)
            if target is None:
                mistakes.append(config.document.mistake(path, problem))
            else:
                chosen[name] = Target(name, target.dvcfile, target.artifact)
    if mistakes and not absent_ok:
        raise ConfigError(_listed(mistakes, config.source), HINT)
    taken = {(target.dvcfile, target.artifact) for target in chosen.values()}
    for pattern in filter(models.is_pattern, entries):
        for target in models.matching(pattern, known):
            if (target.dvcfile, target.artifact) not in taken:
                chosen.setdefault(target.name, target)
    return tuple(_model(config, target) for target in chosen.values())


def _settled(config: Config, model: str | None) -> tuple[ModelEntry, Mapping[str, BaseModel]]:
    """A model's settings; what no single entry had wrong may still be wrong together."""
    mistakes: list[Mistake] = []
    settings = check.model(config.document, config.kinds, model, mistakes)
    if mistakes:
        raise ConfigError(_listed(mistakes, config.source), HINT)
    return settings


def _filled(data: Data, model: str) -> Data:
    """The tables with ``{model}`` filled in; a query keeps its own braces."""
    paths = {key: getattr(data, key) for key in ("train", "test", "production")}
    filled = {key: values.fill(path, model=model) for key, path in paths.items() if path}
    return data.model_copy(update=filled)


def _model(config: Config, target: Target) -> Model:
    """One model with the placeholders of its settings filled."""
    entry, gates = _settled(config, target.name)
    seeds = Seeds(count=entry.seeds) if isinstance(entry.seeds, int) and entry.seeds > 1 else entry.seeds
    return Model(
        name=target.name,
        artifact=target.artifact.name if target.artifact else "",
        path=target.artifact.path if target.artifact else "",
        dvcfile=target.dvcfile,
        predictions=entry.predictions and values.fill(entry.predictions, model=target.name),
        columns=entry.columns,
        data=_filled(entry.data, target.name),
        seeds=seeds if isinstance(seeds, Seeds) else None,
        metrics=tuple(values.fill(pattern, model=target.name) for pattern in entry.metrics),
        floor=entry.floor,
        gates=gates,
    )
