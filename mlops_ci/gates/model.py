"""Gate: the model loads, says what it takes, and behaves on sample and edge rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops_ci.evidence import Behaviour, CheckResult, Evidence, Finding, ModelEvidence, Status
from mlops_ci.judging import unmeasured

PER_MODEL = True


def _switch(value: object) -> object:
    """YAML reads a bare ``off`` as false and a bare ``on`` as true."""
    return "on" if value is True else "off" if value is False else value


Column = Annotated[str, Field(min_length=1)]
Switch = Annotated[Literal["on", "off"], BeforeValidator(_switch)]
OnSignature = Annotated[Literal["off", "warn", "fail"], BeforeValidator(_switch)]
Edge = Literal["nulls", "zeros", "extremes", "huge", "unseen", "one_row", "reordered"]
EDGES: tuple[Edge, ...] = ("nulls", "zeros", "extremes", "huge", "unseen", "one_row", "reordered")
# What somebody asked of this model by name; the other checks are tried of every model.
_ASKED = ("invariant", "increasing", "decreasing")
_HINTS = {
    "loads": "load the model in a clean checkout; code that the pickle needs must be committed",
    "signature": "save it with a signature (mlflow.models.infer_signature), or fit it on named columns",
    "sample": "ask the model with rows of data.test in a clean checkout",
}


_NO_PICKLE = (
    "write it with joblib.dump or pickle.dump, or name it for what it is: .onnx, or a folder with MLmodel"
)


class Options(BaseModel):
    """What is asked of the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Switch = Field(default="on", description="Whether the model is tried, where data.test is set.")
    rows: int = Field(default=200, ge=1, le=10_000, description="How many rows of data.test it is asked.")
    edges: tuple[Edge, ...] = Field(
        default=EDGES, description="The edge rows that are tried; an empty list for none."
    )
    edge_error: Literal["pass", "warn", "fail"] = Field(
        default="pass",
        description="What a clean error on nulls, zeros, huge numbers or unseen categories counts as.",
    )
    invariant: tuple[Column, ...] = Field(
        default=(), description="Columns that must not change a prediction, whatever stands in them."
    )
    increasing: tuple[Column, ...] = Field(
        default=(), description="Numbers along which the score must not fall."
    )
    decreasing: tuple[Column, ...] = Field(
        default=(), description="Numbers along which the score must not rise."
    )
    tolerance: float = Field(
        default=1e-6, ge=0, allow_inf_nan=False, description="How far a score may move and count as the same."
    )
    min_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="The share of rows that must keep to invariant, increasing and decreasing.",
    )
    signature: OnSignature = Field(
        default="warn", description="What a model counts as that does not name the columns it takes."
    )
    seconds: float = Field(
        default=60.0, gt=0, le=3600, description="How long loading or a single answer may take."
    )
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")


@unmeasured.told_first("model")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """The model loads, says what it takes, and behaves on sample and edge rows."""
    if not evidence.models:
        return [_skip("There is no model, so nothing was tried.", "", options.required)]
    return [finding for model in evidence.models for finding in _model(model, options)]


def _model(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    found = model.behaviour
    if options.run == "off":
        yield _skip("The model's trial is switched off: gates.model.run is off.", "", options.required)
    elif found is None:
        yield _skip(*_why(model), options.required)
    elif found.problem:
        yield _skip(f"The model was not tried: {found.problem}.", "", options.required)
    else:
        yield from _tried(found, options)


def _why(model: ModelEvidence) -> tuple[str, str]:
    if not model.path:
        said = "The model was not tried: it has no file that the pipeline writes."
        return said, "declare it under artifacts: in dvc.yaml, with its path"
    said = "The model was not tried: there is no table whose rows it could be asked."
    return said, "set data.test in mlops-ci.yaml to the table the model is measured on"


def _tried(found: Behaviour, options: Options) -> Iterator[Finding]:
    passed = 0
    for one in found.checks:
        status = _status(one, options)
        if status is Status.PASS:
            passed += 1
        elif status is not None:
            yield _result(one, status, options)
    if passed:
        count = "1 check" if passed == 1 else f"{passed} checks"
        flavor = f" ({found.flavor})" if found.flavor else ""
        yield _finding("model", Status.PASS, f"The model{flavor} passes {count}.")


def _status(one: CheckResult, options: Options) -> Status | None:
    """What a result counts as; None where it is not worth a word."""
    kind = one.check.partition(":")[0]
    if one.ok is None:
        # An edge that does not apply (no text column) says nothing about the model.
        return None if kind == "edge" else Status.SKIP
    if kind == "signature" and not one.ok:
        return {"off": None, "warn": Status.WARN, "fail": Status.FAIL}[options.signature]
    if kind == "edge" and one.ok and one.value is not None and one.value < 1:
        return {"pass": Status.PASS, "warn": Status.WARN, "fail": Status.FAIL}[options.edge_error]
    return Status.PASS if one.ok else Status.FAIL


def _result(one: CheckResult, status: Status, options: Options) -> Finding:
    kind, _, column = one.check.partition(":")
    asked, untried = kind in _ASKED, status is Status.SKIP
    hint = f"mend gates.model.{kind} in mlops-ci.yaml, or what it needs" if asked else ""
    detail = one.detail if one.detail.endswith("?") else f"{one.detail}."
    said = f"{_said(kind, column)}: {'not tried: ' if untried and asked else ''}{detail}"
    return _finding(one.check, status, said).model_copy(
        update={
            # Of the other checks the share of rows does not tell how bad it is: they may also crash or waver.
            "value": one.value if asked else None,
            "direction": "higher" if asked and one.value is not None else None,
            "limit": f"min_share {options.min_share:g}" if asked else "",
            "hint": hint if untried else _NO_PICKLE if "is no pickle" in detail else _HINTS.get(kind, ""),
            # Whether it answers at all is what everybody asks.
            "required": untried and (asked or kind == "sample" or options.required),
        }
    )


def _said(kind: str, column: str) -> str:
    known = {
        "loads": "Loading the model",
        "signature": "The columns the model takes",
        "sample": "Rows of the test table",
        "edge": f"Edge rows ({column.replace('_', ' ')})",
        "invariant": f"{column} must not change the prediction",
        "increasing": f"The score must not fall along {column}",
        "decreasing": f"The score must not rise along {column}",
    }
    return known.get(kind, kind)


def _finding(subject: str, status: Status, sentence: str) -> Finding:
    return Finding(gate="model", subject=subject, status=status, sentence=sentence)


def _skip(sentence: str, hint: str, required: bool) -> Finding:
    return _finding("model", Status.SKIP, sentence).model_copy(update={"hint": hint, "required": required})
