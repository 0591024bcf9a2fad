"""The contract of the fields that promotions touch, as data; every edit is held to it offline (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_ci.errors import ManifestError
from mlops_ci.manifests.documents import Problem, is_kind, label, look
from mlops_ci.yaml_edit import Document, documents

Type = Literal["whole number", "text", "true or false", "list", "mapping"]
MODE = "serving.kserve.io/deploymentMode"
KNATIVE, STANDARD = ("Knative", "Serverless"), ("Standard", "RawDeployment")


@dataclass(frozen=True)
class Rule:
    """What one field must keep to where it stands.

    ``path``: dotted, ``[]`` each entry of a list, ``*`` each key of a mapping. ``needs`` and ``never`` are
    keys beside it. ``modes``: the deployment modes of KServe that know the field. ``total``: the sum of a key
    over the entries of a list, and its bounds. ``unique``: a path whose values differ from entry to entry.
    ``differs``: a path of the document that has another value.
    """

    path: str
    type: Type
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    needs: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    total: tuple[str, int, int] | None = None
    unique: str = ""
    differs: str = ""


@dataclass(frozen=True)
class Contract:
    """The rules of a kind of document; an empty group is the core API, ``*`` any document at all."""

    kind: str
    group: str = ""
    rules: tuple[Rule, ...] = field(default=())


_PODS = (
    Rule("spec.template.spec.containers[].image", "text", pattern=r"\S+"),
    Rule("spec.template.spec.containers[].env[].name", "text", pattern=r"\S+"),
    Rule("spec.template.spec.containers[].env[].value", "text", never=("valueFrom",)),
    Rule("spec.template.spec.initContainers[].env[].value", "text", never=("valueFrom",)),
    Rule("spec.template.metadata.annotations.*", "text"),
    Rule("spec.template.metadata.labels.*", "text"),
    Rule("spec.replicas", "whole number", least=0),
)
_NOT_IN_A_CANARY = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling", "workerSpec")

CONTRACTS = (
    Contract(
        "*",
        rules=(Rule("metadata.annotations.*", "text"), Rule("metadata.labels.*", "text")),
    ),
    Contract(
        "InferenceService",
        "serving.kserve.io",
        (
            Rule("spec.predictor", "mapping"),
            Rule("spec.predictor.canaryTrafficPercent", "whole number", 0, 100, modes=KNATIVE),
            Rule("spec.predictor.model.storageUri", "text", pattern=r"\S*", needs=("modelFormat",)),
            Rule("spec.predictor.storageUris[].uri", "text", pattern=r"\S*"),
            Rule("spec.predictor.containers[].env[].value", "text", never=("valueFrom",)),
            Rule(
                "spec.canary",
                "list",
                modes=STANDARD,
                total=("trafficPercent", 0, 100),
                unique="predictor.name",
            ),
            Rule("spec.canary[].trafficPercent", "whole number", 0, 100, needs=("predictor",)),
            Rule("spec.canary[].predictor", "mapping", needs=("trafficPercent",)),
            Rule(
                "spec.canary[].predictor.name",
                "text",
                pattern=r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
                differs="spec.predictor.name",
            ),
            Rule("spec.canary[].predictor.model", "mapping", needs=("name",), never=_NOT_IN_A_CANARY),
            Rule("spec.canary[].predictor.containers", "list", needs=("name",), never=_NOT_IN_A_CANARY),
            Rule(
                "spec.canary[].predictor.model.storageUri",
                "text",
                pattern=r"\S+",
                needs=("name", "modelFormat"),
            ),
        ),
    ),
    Contract(
        "Rollout",
        "argoproj.io",
        (
            *_PODS,
            Rule("spec.strategy.canary", "mapping", never=("blueGreen",)),
            Rule("spec.strategy.canary.steps[].setWeight", "whole number", 0, 100),
            Rule("spec.strategy.blueGreen", "mapping", never=("canary",)),
            Rule("spec.strategy.blueGreen.autoPromotionEnabled", "true or false", needs=("activeService",)),
            Rule("spec.strategy.blueGreen.activeService", "text", pattern=r"\S+"),
        ),
    ),
    Contract("Deployment", "apps", _PODS),
    Contract("Service", "", (Rule("spec.selector.*", "text", pattern=r"[-._A-Za-z0-9]*"),)),
    Contract(
        "HTTPRoute",
        "gateway.networking.k8s.io",
        (
            Rule("spec.rules[].backendRefs", "list", total=("weight", 1, 16_000_000)),
            Rule("spec.rules[].backendRefs[].weight", "whole number", 0, 1_000_000, needs=("name",)),
            Rule("spec.rules[].filters[].requestMirror", "mapping", needs=("type",)),
            Rule(
                "spec.rules[].filters[].requestMirror.percent",
                "whole number",
                0,
                100,
                needs=("backendRef",),
                never=("fraction",),
            ),
        ),
    ),
    Contract(
        "Kustomization",
        "kustomize.config.k8s.io",
        (
            Rule("images[].newTag", "text", pattern=r"[\w][\w.-]{0,127}", needs=("name",)),
            Rule("images[].newName", "text", pattern=r"\S+", needs=("name",)),
            Rule("images[].digest", "text", pattern=r"sha256:[0-9a-f]{64}", needs=("name",)),
            Rule("configMapGenerator[].literals[]", "text", pattern=r"(?s)[^=]+=.*"),
        ),
    ),
)


def problems(text: str) -> tuple[Problem, ...]:
    """Everything in a manifest that is against the contract."""
    return tuple(problem for one in documents(text) for problem in _of_document(one))


def check(before: str, after: str) -> None:
    """Hold an edit to the contract; what was wrong before it is not the edit's doing.

    Raises:
        ManifestError: the edit brings something that is against it.
    """
    known = set(problems(before))
    for problem in problems(after):
        if problem not in known:
            raise ManifestError(
                f"{problem.place}: {problem.message}", "the cluster would refuse it or read something else"
            )


def _of_document(document: Document) -> Iterator[Problem]:
    for contract in CONTRACTS:
        if contract.kind == "*" or is_kind(document.data, contract.group, contract.kind):
            for rule in contract.rules:
                yield from _of_rule(document, rule)


def _of_rule(document: Document, rule: Rule) -> Iterator[Problem]:
    mode = look(document.data, "metadata", "annotations", MODE)
    for place, value, beside in _places(document.data, rule.path.split("."), ""):
        where = f"{label(document)}:{place}"
        if rule.modes and mode is not None and mode not in rule.modes:
            yield Problem(where, f"is only for the mode {rule.modes[0]}, and the mode is {mode}")
        if rule.differs and look(document.data, *rule.differs.split(".")) == value:
            yield Problem(where, f"must differ from {rule.differs}")
        if said := _wrong(rule, value):
            yield Problem(where, said)
        else:
            yield from (Problem(where, said) for said in _wrong_beside(rule, value, beside))


def _places(data: Any, parts: list[str], at: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Every place that a path names: as text, what stands there, and the mapping it stands in."""
    if not isinstance(data, Mapping):
        return
    name, *rest = parts
    listed = name.endswith("[]")
    name = name.removesuffix("[]")
    for key in data if name == "*" else [name] if name in data else []:
        place = f"{at}.{key}" if at else str(key)
        found = [(place, data[key])]
        if listed:
            whole = data[key] if isinstance(data[key], list) else []
            found = [(f"{place}[{index}]", one) for index, one in enumerate(whole)]
        for where, value in found:
            if rest:
                yield from _places(value, rest, where)
            else:
                yield where, value, data


def _wrong(rule: Rule, value: Any) -> str:
    """What is wrong with the value itself."""
    if not _is(rule.type, value):
        return f"must be a {rule.type}, and {value!r} stands there"
    if (rule.least is not None and value < rule.least) or (rule.most is not None and value > rule.most):
        bounds = f"{rule.least} to {rule.most}" if rule.most is not None else f"{rule.least} or more"
        return f"must be {bounds}, and {value!r} stands there"
    if rule.pattern and not re.fullmatch(rule.pattern, value):
        return f"must have the form {rule.pattern}, and {value!r} stands there"
    return ""


def _is(wanted: Type, value: Any) -> bool:
    if wanted == "whole number":
        return isinstance(value, int) and not isinstance(value, bool)
    types = {"text": str, "true or false": bool, "list": list, "mapping": Mapping}
    return isinstance(value, types[wanted])


def _wrong_beside(rule: Rule, value: Any, beside: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between the value and others."""
    for key in rule.needs:
        if key not in beside:
            yield f"needs {key} beside it"
    for key in rule.never:
        if key in beside:
            yield f"must not stand beside {key}"
    if rule.total:
        key, least, most = rule.total
        shares = [one.get(key, 1) for one in value if isinstance(one, Mapping)]
        total = sum(one for one in shares if _is("whole number", one))
        if shares and not least <= total <= most:
            yield f"the sum of {key} must be {least} to {most}, and is {total}"
    if rule.unique:
        names = [look(one, *rule.unique.split(".")) for one in value]
        if len(names) != len(set(map(str, names))):
            yield f"{rule.unique} must differ from entry to entry"
