"""What happened, as GitHub would tell its webhooks and start workflows for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One delivery. ``quiet`` events were caused by a workflow's own token and start no workflow."""

    delivery: int
    name: str
    repository: str
    actor: str
    quiet: bool
    text: str

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def action(self) -> str | None:
        found: str | None = self.payload.get("action")
        return found

    @property
    def label(self) -> str:
        return f"{self.name}.{self.action}" if self.action else self.name


class Events:
    """Every event, in the order of delivery; the order and the number can be disturbed on demand."""

    def __init__(self) -> None:
        self.delivered: list[Event] = []
        self._made = 0
        self._disturbed: dict[str, str] = {}
        self._held: Event | None = None

    def disturb(self, name: str, kind: str) -> None:
        """Deliver the next event of a name ``twice``, or ``late``: after the one that follows it."""
        if kind not in ("twice", "late"):
            raise ValueError(f"{kind} is neither twice nor late")
        self._disturbed[name] = kind

    def emit(
        self, name: str, repository: str, actor: str, payload: dict[str, Any], quiet: bool = False
    ) -> None:
        self._made += 1
        event = Event(self._made, name, repository, actor, quiet, json.dumps(payload))
        kind = self._disturbed.pop(event.label, None) or self._disturbed.pop(name, None)
        if kind == "late" and self._held is None:
            self._held = event
            return
        self.delivered.append(event)
        if kind == "twice":
            self.delivered.append(event)
        if self._held is not None:
            self.delivered.append(self._held)
            self._held = None

    def named(self, label: str) -> list[Event]:
        """Events by ``name`` or ``name.action``."""
        return [event for event in self.delivered if label in (event.name, event.label)]

    def last(self, label: str) -> Event:
        found = self.named(label)
        assert found, f"no event {label}, only {[event.label for event in self.delivered]}"
        return found[-1]
