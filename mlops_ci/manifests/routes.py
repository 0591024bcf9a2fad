"""What an HTTPRoute of the Gateway API says of two backends: weights and mirrors (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_ci.errors import ManifestError
from mlops_ci.manifests.documents import Path, address, entries, has, label, look, percent
from mlops_ci.yaml_edit import Delete, Document, Match, Set

GROUP, KIND = "gateway.networking.k8s.io", "HTTPRoute"
_MIRROR = "RequestMirror"


@dataclass(frozen=True)
class Rule:
    """One rule that splits: its path, the weights' sum is 100 or not, the percents of the second backend."""

    path: Path
    stable: Mapping[str, Any]
    candidate: Mapping[str, Any]
    traffic: int
    mirror: int
    filter: Path | None


def rules(route: Document) -> tuple[Rule, ...]:
    """The rules of a route that have two backends; the first is stable, the second the candidate.

    Raises:
        ManifestError: there is none, they differ, or one has more than two.
    """
    found = [
        _rule(route, ("spec", "rules", Match("", str(index))))
        for index, rule in enumerate(entries(route.data, "spec", "rules"))
        if len(entries(rule, "backendRefs")) > 1
    ]
    if not found:
        raise ManifestError(
            f"{label(route)}: no rule has two backendRefs",
            "list the stable backend first and the candidate second, with weight: 0",
        )
    said = {
        (rule.stable.get("name"), rule.candidate.get("name"), rule.traffic, rule.mirror) for rule in found
    }
    if len(said) > 1:
        raise ManifestError(
            f"{label(route)}: its rules split the requests in {len(said)} ways",
            "give all of them the same backends, weights and mirror",
        )
    return tuple(found)


def _rule(route: Document, path: Path) -> Rule:
    refs = entries(route.data, *path, "backendRefs")
    place = address(route, *path, "backendRefs")
    if len(refs) > 2:
        raise ManifestError(
            f"{place}: {len(refs)} backends share the requests", "keep the stable and the candidate"
        )
    for ref in refs:
        if not isinstance(ref.get("name"), str):
            raise ManifestError(f"{place}: a backend has no name", "name the workload's Service")
    stable, candidate = refs
    mirror, where = _mirrored(route, path, str(candidate["name"]))
    return Rule(path, stable, candidate, _traffic(place, stable, candidate), mirror, where)


def _traffic(place: Any, stable: Mapping[str, Any], candidate: Mapping[str, Any]) -> int:
    """The candidate's percent of the requests; a weight that is not said is 1."""
    weights: list[Any] = [ref.get("weight", 1) for ref in (stable, candidate)]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in weights):
        raise ManifestError(f"{place}: the weights are {weights}", "write whole numbers such as 100 and 0")
    total: int = sum(weights)
    if not total or 100 * weights[1] % total:
        raise ManifestError(
            f"{place}: the weights {weights[0]} and {weights[1]} are no whole percents",
            "let their sum be 100",
        )
    return int(100 * weights[1]) // total


def _mirrored(route: Document, path: Path, candidate: str) -> tuple[int, Path | None]:
    """The percent of requests that a filter copies to the candidate, and where the filter stands."""
    filters = look(route.data, *path, "filters")
    found = [
        (*path, "filters", Match("", str(index)))
        for index, one in enumerate(filters if isinstance(filters, list) else ())
        if look(one, "requestMirror", "backendRef", "name") == candidate
    ]
    if not found:
        return 0, None
    if len(found) > 1:
        raise ManifestError(f"{address(route, *path)}: two filters mirror to {candidate}", "keep one of them")
    where: Path = (*found[0], "requestMirror")
    if has(route.data, *where, "percent"):
        return percent(look(route.data, *where, "percent"), address(route, *where, "percent")), found[0]
    return _fraction(route, where), found[0]


def _fraction(route: Document, where: Path) -> int:
    """A mirror's fraction as percent; without one everything is copied."""
    fraction = look(route.data, *where, "fraction")
    if fraction is None:
        return 100
    top, bottom = look(fraction, "numerator"), look(fraction, "denominator") or 100
    if not isinstance(top, int) or not isinstance(bottom, int) or 100 * top % bottom:
        raise ManifestError(
            f"{address(route, *where, 'fraction')}: no whole percent",
            "write `percent:` instead of `fraction:`",
        )
    return percent(100 * top // bottom, address(route, *where, "fraction"))


def changes(route: Document, rule: Rule, traffic: int, mirror: int) -> Iterator[Set | Delete]:
    """What makes a rule send and copy that much to the candidate."""
    if traffic != rule.traffic:
        for index, share in ((0, 100 - traffic), (1, traffic)):
            place: Path = (*rule.path, "backendRefs", Match("", str(index)), "weight")
            if look(route.data, *place) != share:
                yield Set(address(route, *place), share)
    if mirror != rule.mirror:
        yield from _mirror_changes(route, rule, mirror)


def _mirror_changes(route: Document, rule: Rule, mirror: int) -> Iterator[Set | Delete]:
    filters: Path = (*rule.path, "filters")
    if rule.filter is None:
        ref = {
            key: rule.candidate[key]
            for key in ("group", "kind", "name", "namespace", "port")
            if key in rule.candidate
        }
        entry = {"type": _MIRROR, "requestMirror": {"backendRef": ref, "percent": mirror}}
        listed = look(route.data, *filters)
        if listed:
            yield Set(address(route, *filters, Match("", str(len(listed)))), entry)
        else:
            yield Set(address(route, *filters), [entry])
    elif mirror == 0:
        only = len(look(route.data, *filters)) == 1
        yield Delete(address(route, *(filters if only else rule.filter)))
    else:
        where: Path = (*rule.filter, "requestMirror")
        if has(route.data, *where, "fraction"):
            yield Delete(address(route, *where, "fraction"))
        yield Set(address(route, *where, "percent"), mirror)
