"""Checks of DVC's data: the lock is current, the remote can be reached and has everything."""

from __future__ import annotations

from importlib.util import find_spec

from mlops_ci.adapters.dvc import NoRemoteError
from mlops_ci.checkup.place import Found, Place
from mlops_ci.errors import MlopsError
from mlops_ci.starting import PLUGINS, scheme, without_password

MOST = 3


def lock(place: Place) -> Found:
    """Whether dvc.lock holds what a run would give."""
    waiting = place.dvc.plan().having("run", "maybe")
    if waiting:
        return Found(
            "advice",
            f"dvc.lock is behind: {_some([step.stage for step in waiting])} would run",
            "dvc repro, dvc push, and commit dvc.lock; or let `lock: commit` do it",
        )
    return Found("good", "dvc.lock is current")


def remote(place: Place) -> Found:
    """A default DVC remote; without one a workflow's runner cannot get the data."""
    addresses = place.dvc.store.addresses()
    if not place.dvc.store.has_remote():
        return Found(
            "missing" if place.calls else "advice",
            "there is no default DVC remote, so a runner has no data",
            "dvc remote add --default storage s3://BUCKET/PATH",
        )
    name, address = addresses[0]
    if not scheme(address):
        return Found(
            "advice",
            f"{name} is a folder of this machine",
            "GitHub's own runners cannot reach it: use a remote that they can, or your own runner",
        )
    return Found("good", f"{name} at {without_password(address)}")


def plugin(place: Place) -> Found:
    """What DVC needs beyond its core to speak to the remote."""
    kinds = [scheme(address) for _, address in place.dvc.store.addresses()[:1]]
    package = PLUGINS.get(kinds[0]) if kinds else None
    if package is None:
        return Found("good", "the remote needs none")
    if find_spec(package.replace("-", "_")) is None:
        return Found(
            "missing",
            f"{package} is not installed, and DVC needs it for {kinds[0]}://",
            f"pip install {package}; for the workflow list it in your requirements",
        )
    return Found("good", f"{package} is installed")


def pushed(place: Place) -> Found:
    """Whether the remote can be reached, and has everything that dvc.lock names."""
    try:
        missing = place.dvc.missing_in_remote()
    except NoRemoteError:
        missing = None
    except MlopsError as error:
        return Found("missing", error.message, error.hint or "check the address and the credentials")
    if missing is None:
        return Found("unknown", "there is no remote to ask")
    if missing:
        return Found("missing", f"the remote lacks {_some(missing)}", "dvc push")
    return Found("good", "the remote has everything that dvc.lock names")


def _some(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST])
    return f"{shown} and {len(names) - MOST} more" if len(names) > MOST else shown
