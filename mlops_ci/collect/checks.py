"""The checks of one changed model, in the order that the report tells them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from mlops_ci.collect.context import Context
from mlops_ci.evidence import ModelEvidence

Phase = Callable[[str], AbstractContextManager[None]]


def measure(context: Context, phase: Phase) -> ModelEvidence:
    """The model's evidence with what every check measured; ``phase`` counts the time of each."""
    found = context.found
    del phase
    return found
