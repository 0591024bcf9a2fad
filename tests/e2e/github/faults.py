"""Trouble on demand: what the network and GitHub do to a client now and then."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from .calls import Answer, refusal

REFUSALS: Mapping[str, Answer] = {
    "401": refusal(401, "Bad credentials"),
    "403": refusal(
        403,
        "Resource not accessible by integration",
        headers={"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"},
    ),
    "404": refusal(404, "Not Found"),
    "409": refusal(409, "Conflict"),
    "422": refusal(422, "Validation Failed", [{"resource": "Stand", "field": "fault", "code": "custom"}]),
    "429": refusal(
        429,
        "API rate limit exceeded for installation.",
        headers={"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "1000"},
    ),
    "secondary": refusal(
        403,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        headers={"Retry-After": "60"},
    ),
    "500": refusal(500, "Server Error"),
    "502": Answer(502, data=b"<html><head><title>502 Bad Gateway</title></head></html>"),
}
# Nothing is done; all is done but half of the answer arrives; all is done and no answer arrives.
CUTS = ("cut-before", "cut-middle", "cut-after")
KINDS = (*REFUSALS, *CUTS, "slow")


@dataclass
class Fault:
    """Trouble for the next ``times`` requests that match. A slow one tells that it has been reached and waits."""

    method: str
    pattern: re.Pattern[str]
    kind: str
    times: int
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in (method, "*") and self.pattern.search(path) is not None


class Faults:
    """What is still to go wrong."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, method: str, pattern: str, kind: str, times: int) -> Fault:
        if kind not in KINDS:
            raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
        fault = Fault(method, re.compile(pattern), kind, times)
        self.planned.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault planned for a request; it counts down."""
        with self._lock:
            for fault in self.planned:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def release_all(self) -> None:
        for fault in self.planned:
            fault.release.set()
