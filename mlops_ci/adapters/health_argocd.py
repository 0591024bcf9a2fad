"""An Argo CD application as a source of health: Synced and Healthy, since it was deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from mlops_ci.adapters.health import Asked, Source, dicts, inside, moment
from mlops_ci.adapters.http_get import Service
from mlops_ci.errors import ConfigError
from mlops_ci.promotion.plan import Health

TOKEN = "ARGOCD_TOKEN"  # noqa: S105 - the name of a variable


def source(address: str, environ: Mapping[str, str]) -> tuple[str, Source]:
    """The source for the address of an application as a browser shows it, and its name.

    Raises:
        ConfigError: it is no address of an application.
    """
    server, namespace, name = _parts(address)
    words = f"Argo CD's application {name}"
    service = Service(words, server, TOKEN, environ)
    query = {"appNamespace": namespace} if namespace else None

    def look(asked: Asked) -> Health:
        plain = service.get(f"/api/v1/applications/{quote(name, safe='')}", query)
        return judged(inside(plain, "status"), asked)

    return words, look


def judged(status: Any, asked: Asked) -> Health:
    """What the status of an application says of the release.

    It is live from the first deployment after the merge, and healthy from the last change of its health on,
    where Argo CD tells that.
    """
    sync, healthy = inside(status, "sync", "status"), inside(status, "health", "status")
    if sync != "Synced":
        return Health(problem=f"it is {sync or 'of no known state'}, not Synced")
    if healthy != "Healthy":
        return Health(problem=f"it is {healthy or 'of no known health'}, not Healthy")
    # An application of several sources has a list of them.
    several = inside(status, "sync", "revisions")
    listed = several if isinstance(several, list) and several else [inside(status, "sync", "revision")]
    revisions = [str(one) for one in listed if one]
    if revisions and all(asked.contains(one) is False for one in revisions):
        return Health(problem=f"it is at revision {revisions[0][:10]}, which does not have the promotion yet")
    deployed = min((one for one in _deployments(status) if one >= asked.merged), default=None)
    if deployed is None:
        return Health(problem="it has not deployed anything since the promotion was merged")
    changed = moment(inside(status, "health", "lastTransitionTime"))
    return Health(since=max(deployed, changed) if changed else deployed)


def _deployments(status: Any) -> Iterator[datetime]:
    for one in dicts(inside(status, "history")):
        if (at := moment(one.get("deployedAt"))) is not None:
            yield at


def _parts(address: str) -> tuple[str, str, str]:
    """Server, the application's namespace where it is told, and its name."""
    refusal = ConfigError(
        "health.argocd: is no address of an application", "write https://SERVER/applications/NAME"
    )
    try:
        parts = urlsplit(address.rstrip("/"))
    except ValueError:
        # Brackets that are no IPv6 address.
        raise refusal from None
    root, found, inner = parts.path.partition("/applications/")
    names = inner.split("/")
    if not parts.hostname or not found or len(names) > 2 or not all(names):
        raise refusal
    # With user and password it is refused before it is asked.
    return f"{parts.scheme}://{parts.netloc}{root}", names[0] if len(names) == 2 else "", names[-1]
