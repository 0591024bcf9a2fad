"""Checks of what pull requests wait for, by the key `when`: the workflow must start when it comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_ci.checkup.place import Found, Place
from mlops_ci.collect.project import CONFIG
from mlops_ci.config import Label
from mlops_ci.starting import EVENTS, USUAL_EVENTS

_CALLED = ("/pull-request.yml", "/action")


def triggers(place: Place) -> Found:
    """Whether the workflow of pull requests starts at the event that they wait for."""
    event = EVENTS.get(_when(place))
    if event is None:
        return Found("good", "pull requests are run at GitHub's usual events")
    files = sorted({file for file, name, _ in place.calls if name.endswith(_CALLED)})
    types = {file: found for file in files if (found := _types(place.workflow(file))) is not None}
    if not types:
        return Found("unknown", "no workflow of pull requests calls mlops-ci")
    deaf = [file for file, found in types.items() if event not in found]
    if deaf:
        wanted = ", ".join((*USUAL_EVENTS, event))
        said = f"{', '.join(deaf)} does not start at the event {event}, which `when` in {CONFIG} waits for"
        return Found("missing", said, f"on: {{pull_request: {{types: [{wanted}]}}}}")
    return Found("good", f"{', '.join(types)} starts at the event {event}")


def _when(place: Place) -> str:
    found = place.rules.when
    return "label" if isinstance(found, Label) else found


def _types(workflow: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The events of a pull request at which a workflow starts; None where it starts at none or is broken."""
    # YAML 1.1 takes the key `on` for true.
    keys: Mapping[Any, Any] = workflow
    on = keys.get(True, keys.get("on"))
    if on == "pull_request" or (isinstance(on, list) and "pull_request" in on):
        return USUAL_EVENTS
    if not isinstance(on, dict) or "pull_request" not in on:
        return None
    told = on["pull_request"].get("types") if isinstance(on["pull_request"], dict) else None
    if told is None:
        return USUAL_EVENTS
    return (told,) if isinstance(told, str) else tuple(map(str, told)) if isinstance(told, list) else ()
