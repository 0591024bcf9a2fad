"""What every gate says of a model that its check did not measure: nothing differs, or it broke off (pure)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from mlops_ci.evidence import Evidence, Finding, ModelEvidence, Status

Options = TypeVar("Options")
Check = Callable[[Evidence, Options], list[Finding]]


def told_first(gate: str) -> Callable[[Check[Options]], Check[Options]]:
    """A gate that is only asked of models that were measured.

    Of a model whose check broke off a required SKIP says why; of one that nothing of the change feeds, a
    SKIP says that.
    """

    def wrapped(check: Check[Options]) -> Check[Options]:
        @wraps(check)
        def told(evidence: Evidence, options: Options) -> list[Finding]:
            found = {model.name: one for model in evidence.models if (one := _told(gate, model))}
            if not found:
                return check(evidence, options)
            rest = tuple(model for model in evidence.models if model.name not in found)
            judged = check(evidence.model_copy(update={"models": rest}), options) if rest else []
            return [*found.values(), *judged]

        return told

    return wrapped


def _told(gate: str, model: ModelEvidence) -> Finding | None:
    if gate in model.unmeasured:
        # The verdict is incomplete without this check, whatever its options say.
        return _skip(
            gate,
            model,
            f"The check {gate} could not be measured: {model.unmeasured[gate].rstrip('.')}.",
            hint="the problems of the report say where it broke off; nothing is known of this check",
            required=True,
        )
    if not model.changed:
        return _skip(
            gate, model, "Nothing that feeds the model differs from the base, so it was not measured again."
        )
    return None


def _skip(
    gate: str, model: ModelEvidence, sentence: str, *, hint: str = "", required: bool = False
) -> Finding:
    return Finding(
        gate=gate,
        subject=gate,
        status=Status.SKIP,
        sentence=sentence,
        model=model.name,
        required=required,
        hint=hint,
    )
