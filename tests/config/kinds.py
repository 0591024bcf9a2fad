"""Three small gates for the tests of the configuration, so that these do not depend on the real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops_ci import config
from mlops_ci.config import Config, Gate
from mlops_ci.config.keys import Extends
from mlops_ci.errors import ConfigError


class Limit(BaseModel):
    """A limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float | None = Field(default=None, description="The least.")
    max: float | None = Field(default=None, description="The most.")
    max_drop: float | str | None = Field(default=None, description="The drop.")
    words: list[str] = Field(default_factory=list, min_length=0, max_length=2, description="Some words.")

    @model_validator(mode="after")
    def _order(self) -> Limit:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is more than max")
        return self


class MetricsOptions(BaseModel):
    """Options of a gate that judges models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: dict[str, Limit] = Field(default_factory=dict, description="The limits.")
    alpha: float = Field(default=0.05, gt=0, lt=1, description="The error.")
    floor: Literal["fail", "warn"] = Field(default="warn", description="The floor.")
    one: Literal["only"] = Field(default="only", description="One word.")
    tag: str = Field(default="a", pattern="^[a-z]$", min_length=1, description="A letter.")


class LockOptions(BaseModel):
    """Options of a gate that judges the repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: bool = Field(default=False, description="Whether it must be there.")


@dataclass(frozen=True)
class Kind:
    """A gate."""

    PER_MODEL: bool
    Options: type[BaseModel]


KINDS: dict[str, Gate] = {"metrics": Kind(True, MetricsOptions), "lock": Kind(False, LockOptions)}


def load(text: str | None, fetch: Callable[[Extends], str] | None = None) -> Config:
    """A configuration with these gates."""
    return config.load(text, fetch=fetch, kinds=KINDS)


def mistakes(text: str, fetch: Callable[[Extends], str] | None = None) -> list[str]:
    """The lines of the one error that a text gives, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        load(text, fetch)
    return [line.removeprefix("mlops-ci.yaml:") for line in caught.value.message.split("\n")]
