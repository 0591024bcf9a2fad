"""The growing shares of requests that a release takes over by."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field


def _growing(steps: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise ValueError("the steps must grow, for example [5, 25, 50]; 100 follows by itself")
    return steps


Percent = Annotated[int, Field(ge=1, le=99)]
Steps = Annotated[tuple[Percent, ...], AfterValidator(_growing)]
