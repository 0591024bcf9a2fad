"""The smallest pieces of Evidence, which every other piece is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Scalar = bool | int | float | str | None
Direction = Literal["higher", "lower"]


class Document(BaseModel):
    """A frozen piece of Evidence; unknown keys are refused, so a typo or a forgery cannot hide."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, defer_build=True
    )


class Where(Document):
    """A place in the repository, for links and annotations; lines count from 1."""

    file: str
    line: int | None = None


class Waiver(Document):
    """A named owner's acceptance of one finding and its value; it never hides the finding.

    ``finding`` is the handle of what is accepted, ``given`` and ``until`` are days in UTC, the last one
    included. ``url`` is where it was given. ``problem`` says why it does not count, where it does not.
    """

    owner: str
    reason: str
    until: str
    finding: str = ""
    given: str = ""
    url: str = ""
    problem: str = ""


class Interval(Document):
    """A two-sided confidence interval; ``level`` is a share, 0.95 unless said."""

    low: float
    high: float
    level: float = 0.95
