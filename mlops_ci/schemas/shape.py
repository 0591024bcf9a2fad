"""The shape of a schema file: which rules there are for a table and for a column."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mlops_ci.config.values import Timeout
from mlops_ci.schemas import types
from mlops_ci.schemas.types import Word

Value = bool | int | float | str
Limit = int | float | str
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


class Part(BaseModel):
    """A mapping of the schema; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _function(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise ValueError(f"expected package.module:function, but {value!r} stands there")
    return value


def _no_twins(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twins = [str(one) for place, one in enumerate(values) if one in values[:place]]
    if twins:
        raise ValueError(f"{twins[0]} stands twice in the list")
    return values


Function = Annotated[str, AfterValidator(_function)]
Functions = Annotated[tuple[Function, ...], AfterValidator(_no_twins)]
Key = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class ColumnRules(Part):
    """What one column must be."""

    type: Word = Field(description="What the values are.")
    about: str = Field(default="", description="What the column means, for readers.")
    nulls: bool | Annotated[float, Field(ge=0, le=1)] = Field(
        default=False,
        description="Whether values may be missing (null or NaN), or the largest share that may be.",
    )
    optional: bool = Field(default=False, description="Whether the table may lack the column.")
    unique: bool = Field(default=False, description="Whether no value may occur twice; nulls do not count.")
    min: Limit | None = Field(default=None, description="The least value; dates as 2026-01-31.")
    max: Limit | None = Field(default=None, description="The greatest value.")
    infinite: bool = Field(default=False, description="Whether numbers may be infinite.")
    allowed: Annotated[tuple[Value, ...], Field(min_length=1), AfterValidator(_no_twins)] | None = Field(
        default=None, description="The values there may be."
    )
    pattern: str | None = Field(
        default=None, description="A regular expression that every text must match as a whole."
    )
    checks: Functions = Field(
        default=(),
        description="Functions of the repository, module:function, that get the column as a pandas Series "
        "and answer true or false for every row.",
    )

    @property
    def null_share(self) -> float:
        """The largest share of missing values."""
        return float(self.nulls)

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        for name in ("min", "max"):
            if getattr(self, name) is not None:
                limit(self.type, getattr(self, name), name)
        if self.min is not None and self.max is not None:
            least, greatest = limit(self.type, self.min, "min"), limit(self.type, self.max, "max")
            if least > greatest:
                raise ValueError(f"min {self.min} is greater than max {self.max}")
        if self.pattern is not None:
            _compiled(self.pattern, self.type)
        for value in self.allowed or ():
            _allowed(self.type, value)
        if self.type in types.NESTED and self.unique:
            raise ValueError(f"unique: a {self.type} cannot be compared")
        return self


def limit(kind: str, value: Limit, name: str = "limit") -> Any:
    """A limit as a Python value of the column's type: a number, Decimal, date or datetime.

    Raises:
        ValueError: the type has no order, or the limit is no value of it.
    """
    if kind not in types.ORDERED:
        raise ValueError(f"{name}: a column of type {kind} has no range")
    try:
        return _parsed(kind, value)
    except (TypeError, ValueError, ArithmeticError):
        raise ValueError(f"{name}: {value!r} is no {kind}") from None


def _parsed(kind: str, value: Limit) -> Any:
    if kind == "decimal":
        return Decimal(str(value))
    if isinstance(value, str) == (kind in types.COUNTED):
        raise TypeError(kind)
    if kind in types.COUNTED:
        return value
    return date.fromisoformat(str(value)) if kind == "date" else _moment(str(value), kind)


def _moment(value: str, kind: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if (moment.tzinfo is not None) != (kind == "timestamp with zone"):
        raise ValueError(kind)
    return moment


def _compiled(pattern: str, kind: str) -> None:
    if kind != "text":
        raise ValueError(f"pattern: only text has one, and the column is of type {kind}")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern: no regular expression: {error}") from None


_HOLDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "decimal": (int, float, str),
    "boolean": (bool,),
    "text": (str,),
    "date": (str,),
}


def _allowed(kind: str, value: Value) -> None:
    wanted = _HOLDS.get(kind)
    if wanted is None:
        raise ValueError(f"allowed: a column of type {kind} has no list of values")
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        advice = "; put it in quotes" if kind == "text" else ""
        raise ValueError(f"allowed: {value!r} is no {kind}{advice}")
    if kind == "date":
        limit(kind, str(value), "allowed")


class Rows(Part):
    """How many rows the table must have."""

    min: int = Field(default=1, ge=0, description="At least so many.")
    max: int | None = Field(default=None, ge=0, description="At most so many.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Fresh(Part):
    """How old the newest row may be."""

    column: str = Field(min_length=1, description="The column that says when a row was made.")
    within: Timeout = Field(description="The greatest age of the newest row, for example 7d.")


class Schema(Part):
    """What a table must look like."""

    version: Literal[1] = Field(default=1, description="The version of this file's format.")
    about: str = Field(default="", description="What the table holds, for readers.")
    rows: Rows = Field(default=Rows(), description="How many rows there must be.")
    further_columns: bool = Field(
        default=False, description="Whether the table may have columns that are not named here."
    )
    unique: Annotated[tuple[Key, ...], AfterValidator(_no_twins)] = Field(
        default=(), description="Lists of columns that together may not repeat in two rows."
    )
    fresh: Fresh | None = Field(default=None, description="How old the newest row may be.")
    checks: Functions = Field(
        default=(),
        description="Functions of the repository, module:function, that get the rows as a pandas "
        "DataFrame and answer true or false for every row.",
    )
    columns: dict[str, ColumnRules] = Field(min_length=1, description="The columns by name.")

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name in (name for key in self.unique for name in key):
            if name not in self.columns:
                raise ValueError(f"unique: there is no column {name} among columns")
        fresh = self.fresh
        if fresh and (fresh.column not in self.columns or self.columns[fresh.column].type not in types.TIMES):
            raise ValueError(f"fresh: {fresh.column} is no date or timestamp among columns")
        return self

    @property
    def functions(self) -> tuple[tuple[str, str], ...]:
        """Every check of the user's own: the column, empty for the table, and module:function."""
        own = [(name, check) for name, rules in self.columns.items() for check in rules.checks]
        return (*(("", check) for check in self.checks), *own)
