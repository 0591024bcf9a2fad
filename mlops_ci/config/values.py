"""What a value of mlops-ci.yaml may be: a duration, a path, a name, each told in one line where it is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import PurePosixPath, PureWindowsPath
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mlops_ci.config.source import printable, shown, suggestion

# Safe as a part of a path, a branch name, a label and a file name on every system.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?[smhd])+"
_LONGEST = 3650 * 86400
MAX_LABEL = 50  # characters that GitHub lets a label have


class Part(BaseModel):
    """A mapping of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def duration(value: object) -> timedelta:
    """Read ``90s``, ``30m``, ``1h30m`` or ``2d``."""
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
        raise ValueError(f"expected a duration such as 90s, 30m or 2h, but {shown(value)} stands there")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)([smhd])", value))
    if seconds > _LONGEST:
        raise ValueError(f"{shown(value)} is longer than ten years")
    return timedelta(seconds=seconds)


def _some_time(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("expected more than no time at all")
    return value


def file_path(value: str) -> str:
    """A path that stays inside the repository: relative, with ``/``, without ``..``."""
    if not value or not value.isprintable():
        raise ValueError("expected a path of printable characters")
    if "\\" in value or PureWindowsPath(value).drive or value.startswith(("/", "~", "-")):
        raise ValueError(
            f"expected a path relative to the repository, with `/`, but {shown(value)} stands there"
        )
    if ".." in PurePosixPath(value).parts:
        raise ValueError("a path may not leave the repository: `..` is not allowed in it")
    return value


def _source(value: str) -> str:
    """A file of the repository, an address such as s3://bucket/folder, or ``sql:`` and a query."""
    if value.startswith("sql:") or re.match(r"(s3|gs|gcs|abfs|abfss|hdfs)://", value):
        return value
    return file_path(value)


def name(value: str) -> str:
    """A name of a model or an environment, which becomes part of paths, branches and labels."""
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a safe name: use letters, digits, `.`, `_` and `-`, at most 100"
        )
    return value


def holds(*known: str) -> Callable[[str], str]:
    """A check that text uses no other placeholders than these."""

    def check(value: str) -> str:
        try:
            parts = list(Formatter().parse(value))
        except ValueError as error:
            raise ValueError("a `{` or `}` stands alone; write placeholders as {model}") from error
        for _, key, form, conversion in parts:
            if key is not None and (key not in known or form or conversion):
                words = suggestion(key, list(known))
                raise ValueError(f"unknown placeholder {{{printable(key)}}}; {words}")
        return value

    return check


def fill(template: str, **values: str) -> str:
    """A checked template with its placeholders filled; the values are safe names already."""
    return template.format_map(values)


def _commit(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", value):
        raise ValueError(f"expected a full commit of 40 hex digits, but {shown(value)} stands there")
    return value


def _branch(value: str) -> str:
    if (
        not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x1f\x7f-]+(?:[^\s~^:?*\[\\\x00-\x1f\x7f])*", value)
        or ".." in value
    ):
        raise ValueError(f"{shown(value)} is not a branch name")
    return value


def _repository(value: str) -> str:
    if not value.isprintable() or not value or value.startswith("-") or " " in value:
        raise ValueError(f"{shown(value)} is not a repository's URL or path")
    scheme = re.match(r"([A-Za-z0-9+.-]+)::?", value)
    if "::" in value or (
        "://" in value and (not scheme or scheme[1] not in ("https", "http", "ssh", "git", "file"))
    ):
        raise ValueError("expected https://, ssh://, git://, file://, user@host:path or a path")
    if re.match(r"https?://[^/@]*@", value):
        raise ValueError("no user and no password may stand in the URL: Git's credential helper knows them")
    return value


def when(value: object) -> object:
    """One of the words, or a mapping with a label: whatever else stands there is told all of them."""
    if not isinstance(value, dict) and value not in ("push", "ready", "command"):
        raise ValueError(f"expected push, ready, command or {{label: NAME}}, but {shown(value)} stands there")
    return value


def _label(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > MAX_LABEL:
        raise ValueError(f"{shown(value)} is no label: a name of at most {MAX_LABEL} characters")
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[^\W\d_]{1,5}|\S", value) or not value.isprintable():
        raise ValueError(f"{shown(value)} is no currency: write a code such as USD or a sign such as €")
    return value


def unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """A list in which nothing stands twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{shown(twice[0])} stands twice in the list")
    return values


def _owner(value: str) -> str:
    """A person or a team, as CODEOWNERS writes them; whose an address is GitHub does not tell."""
    if not re.fullmatch(r"@[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9_.-]{1,100})?", value):
        raise ValueError(f"expected @person or @organization/team, but {shown(value)} stands there")
    return value


def no_gate(value: object) -> object:
    """A list of patterns, where the options of the gate of the same name are easily written by mistake."""
    if isinstance(value, dict):
        words = "expected a list of patterns; the options of the gate belong below gates.metrics"
        raise ValueError(words)  # noqa: TRY004 - pydantic turns only this one into a mistake
    return tuple(value) if isinstance(value, list) else value


def named_kind(value: object, word: str = "strategy") -> dict[str, object]:
    """The name in ``canary`` and in ``{canary: {...}}``; the options are checked by its kind."""
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict) or not value:
        raise ValueError(f"expected a name, or one name with its options, but {shown(value)} stands there")
    if len(value) > 1:
        there = " and ".join(printable(str(key)) for key in sorted(value, key=str))
        raise ValueError(f"expected one {word}, but {there} stand there; null takes one of them back")
    return {"name": next(iter(value))}


def manifest_place(value: object) -> dict[str, object]:
    """``deploy/x.yaml`` and ``{path: deploy/x.yaml, KIND: {...}}`` as a path and a kind."""
    if isinstance(value, str):
        return {"path": value}
    if not isinstance(value, dict) or "path" not in value:
        raise ValueError(f"expected a path, or {{path: ..., KIND: {{...}}}}, but {shown(value)} stands there")
    kinds = {key: below for key, below in value.items() if key != "path"}
    kind = named_kind(kinds, "kind")["name"] if kinds else None
    return {"path": value["path"], "kind": kind}


def _day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"expected a day such as 2026-12-24, but {shown(value)} stands there") from error
    return value


def _hours(value: str) -> str:
    found = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", value)
    if not found or int(found[1]) > 24 or int(found[2]) > 24 or found[1] == found[2]:
        raise ValueError(f"expected hours such as 18-8, but {shown(value)} stands there")
    return value


_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZES = {**_DECIMAL, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_LARGEST = 2**60
_SIZE = r"([0-9]+(?:\.[0-9]+)?)(k|M|G|T|Ki|Mi|Gi|Ti|)B?"


def size(value: object) -> int:
    """Read ``500M``, ``8G`` or ``1.5Gi``, as Kubernetes writes them, as bytes."""
    found = re.fullmatch(_SIZE, str(value)) if isinstance(value, str | int) and value is not True else None
    if found is None:
        raise ValueError(f"expected a size such as 500M or 8G, but {shown(value)} stands there")
    read = float(found[1]) * _SIZES[found[2]]
    if read > _LARGEST:
        raise ValueError(f"{shown(value)} is more than any machine has")
    return int(read)


def _runner(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", value):
        raise ValueError(f"{shown(value)} is no runner's label: letters, digits, `.`, `_` and `-`")
    return value


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], AfterValidator(unique)]
FilePath = Annotated[str, AfterValidator(file_path)]
ModelPath = Annotated[str, AfterValidator(file_path), AfterValidator(holds("model"))]
ManifestPath = Annotated[str, AfterValidator(file_path), AfterValidator(holds("environment", "model"))]
SourcePath = Annotated[str, AfterValidator(_source), AfterValidator(holds("model"))]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(holds("model"))]
Name = Annotated[str, AfterValidator(name)]
Price = Annotated[float, Field(ge=0, le=1000)]
_AsText = WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
Duration = Annotated[timedelta, BeforeValidator(duration), _AsText]
Timeout = Annotated[timedelta, BeforeValidator(duration), AfterValidator(_some_time), _AsText]
Commit = Annotated[str, AfterValidator(_commit)]
Branch = Annotated[str, AfterValidator(_branch)]
Address = Annotated[str, AfterValidator(_repository)]
LabelName = Annotated[str, AfterValidator(_label)]
Size = Annotated[
    int, BeforeValidator(size), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]
Cpus = Annotated[float, Field(gt=0, le=1024)]
RunnerLabel = Annotated[str, AfterValidator(_runner)]
Currency = Annotated[str, AfterValidator(_currency)]
Owner = Annotated[str, AfterValidator(_owner)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Day = Annotated[str, AfterValidator(_day)]
Hours = Annotated[str, AfterValidator(_hours)]
