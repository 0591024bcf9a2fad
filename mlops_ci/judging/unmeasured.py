"""What every gate says of a check that broke off before it measured anything (pure)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from mlops_ci.evidence import Evidence, Finding, Status

Options = TypeVar("Options")
Check = Callable[[Evidence, Options], list[Finding]]


def told_first(gate: str) -> Callable[[Check[Options]], Check[Options]]:
    """A gate that does not judge a model whose check broke off: a required SKIP says why instead."""

    def wrapped(check: Check[Options]) -> Check[Options]:
        @wraps(check)
        def told(evidence: Evidence, options: Options) -> list[Finding]:
            lost = [model for model in evidence.models if gate in model.unmeasured]
            if not lost:
                return check(evidence, options)
            found = [finding(gate, model.name, model.unmeasured[gate]) for model in lost]
            rest = tuple(model for model in evidence.models if gate not in model.unmeasured)
            return [*found, *(check(evidence.model_copy(update={"models": rest}), options) if rest else [])]

        return told

    return wrapped


def finding(gate: str, model: str, reason: str) -> Finding:
    """The verdict is incomplete without this check, whatever its options say."""
    return Finding(
        gate=gate,
        subject=gate,
        status=Status.SKIP,
        sentence=f"The check {gate} could not be measured: {reason.rstrip('.')}.",
        model=model,
        required=True,
        hint="the problems of the report say where it broke off; nothing is known of this check",
    )
