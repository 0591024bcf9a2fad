"""The gates: one file, one rule. Evidence in, findings out; other packages may bring more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint
from inspect import isclass
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.evidence import Evidence, Finding
from mlops_ci.gates import data, drift, fairness, latency, lock, metrics, model, reproducibility, stages
from mlops_ci.plugins import with_plugins

GROUP = "mlops_ci.gates"


class Gate(Protocol):
    """A module (or any object) with a rule; ``PER_MODEL``: it judges one model at a time."""

    @property
    def PER_MODEL(self) -> bool:  # noqa: N802 - a constant of a module
        """Whether ``check`` gets the evidence of one model alone."""
        ...

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class of a module
        """The gate's options: their declaration, validation, schema and documentation."""
        ...

    @property
    def check(self) -> Callable[[Evidence, Any], list[Finding]]:
        """The rule: it never raises for a bad model, and without evidence it says SKIP."""
        ...


GATES: dict[str, Gate] = {
    "stages": stages,
    "metrics": metrics,
    "data": data,
    "drift": drift,
    "fairness": fairness,
    "model": model,
    "latency": latency,
    "reproducibility": reproducibility,
    "lock": lock,
}


def all_gates(plugins: Iterable[EntryPoint] | None = None) -> dict[str, Gate]:
    """Our gates and those of installed packages, by the name that stands in mlops-ci.yaml.

    Raises:
        ConfigError: a package's gate cannot be loaded, takes a name of ours, or is no gate.
    """
    return with_plugins(
        GATES,
        GROUP,
        word="gate",
        short="gate",
        protocol="mlops_ci.gates.Gate",
        missing=_missing,
        plugins=plugins,
    )


def _missing(gate: object) -> str:
    """What keeps an object from being a gate, or nothing."""
    options = getattr(gate, "Options", None)
    if not isinstance(getattr(gate, "PER_MODEL", None), bool):
        return "PER_MODEL must be True or False"
    if not (isclass(options) and issubclass(options, BaseModel)):
        return "Options must be a pydantic model"
    if options.model_config.get("extra") != "forbid":
        return "Options must refuse unknown keys (extra='forbid')"
    return "" if callable(getattr(gate, "check", None)) else "check must be a function"


def judge(
    evidence: Evidence,
    options_for: Callable[[str, str | None], BaseModel],
    gates: Mapping[str, Gate] | None = None,
) -> list[Finding]:
    """What every gate says, with the options of each; a per-model gate sees one model at a time.

    A finding bears its gate's name as it stands in mlops-ci.yaml, whatever another package wrote there.
    """
    findings: list[Finding] = []
    for name, gate in (all_gates() if gates is None else gates).items():
        names = [one.name for one in evidence.models] if gate.PER_MODEL else []
        said: list[Finding] = []
        for each in names:
            found = gate.check(evidence.only(each), options_for(name, each))
            said += [one if one.model else one.model_copy(update={"model": each}) for one in found]
        if not names:
            said += gate.check(evidence, options_for(name, None))
        findings += [one if one.gate == name else one.model_copy(update={"gate": name}) for one in said]
    return findings
