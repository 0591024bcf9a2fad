"""Commit trailers: what a commit of ours says about itself, written and read back in one place (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

LOCK = "Mlops-CI-Lock"
MEASURED = "Mlops-CI-Measured"
# The tree of the commit that says it: whoever amends the commit makes it untrue.
TREE = "Mlops-Tree"

# Of promotions: an index of the record, for people and for `git log`.
RECORD = "Mlops-Record"
ACTION = "Mlops-Action"
MODEL = "Mlops-Model"
ENVIRONMENT = "Mlops-Environment"
MODEL_DIGEST = "Mlops-Model-Digest"
PREVIOUS_DIGEST = "Mlops-Previous-Digest"
SOURCE = "Mlops-Source"
DVC_OUT = "Mlops-Dvc-Out"
EVIDENCE = "Mlops-Evidence"
VERDICT = "Mlops-Verdict"
REVERTS = "Mlops-Reverts"
REQUESTED_BY = "Mlops-Requested-By"

_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9-]*): (.*)$", re.ASCII)


def write(subject: str, body: str, trailers: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """A commit message that ends in a block of trailers; line breaks in a value become spaces.

    A trailer may stand there several times, where pairs are given.
    """
    pairs = trailers.items() if isinstance(trailers, Mapping) else trailers
    lines = [f"{name}: {' '.join(value.split())}" for name, value in pairs]
    parts = [part for part in (subject.strip(), body.strip(), "\n".join(lines)) if part]
    return "\n\n".join(parts) + "\n"


def add(message: str, name: str, value: str) -> str:
    """A message with one more trailer, in the block that it ends in or in a new one."""
    between = "\n" if read(message) else "\n\n"
    return f"{message.rstrip()}{between}{name}: {' '.join(value.split())}\n"


def read(message: str) -> dict[str, str]:
    """The trailers of a message: its last paragraph, where every line of it is one."""
    paragraphs = message.strip().split("\n\n")
    found = [_LINE.match(line) for line in paragraphs[-1].split("\n")]
    if len(paragraphs) < 2:
        return {}
    return {} if any(match is None for match in found) else {m[1]: m[2] for m in found if m}
