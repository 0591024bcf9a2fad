"""Checks of what is installed beside the core: packages of the extras, and CML's command."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

from mlops_ci.checkup.place import Found, Place

STATS = ("pandas", "pyarrow", "scipy", "sklearn")
CHECKS = (*STATS, "fairlearn", "pandera")


def intervals(_place: Place) -> Found:
    """What differences of metrics are judged with."""
    return _installed("stats", STATS, "differences of metrics have no interval")


def checks(_place: Place) -> Found:
    """What the gates data, drift and fairness need."""
    return _installed("checks", CHECKS, "the gates data, drift and fairness do not judge")


def cml(place: Place) -> Found:
    """CML's command; without it the API posts the same comment."""
    found = shutil.which("cml", path=place.environ.get("PATH"))
    if found is None:
        return Found(
            "advice", "cml is not on PATH: the API posts the comment", "iterative/setup-cml sets it up"
        )
    return Found("good", "cml is on PATH")


def _installed(extra: str, packages: tuple[str, ...], without: str) -> Found:
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking:
        return Found("advice", f"without {', '.join(lacking)} {without}", f"pip install 'mlops-ci[{extra}]'")
    return Found("good", f"mlops-ci[{extra}] is installed")
