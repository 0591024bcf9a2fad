"""Unit tests of turning pydantic's errors into plain words, also where a plug-in goes further."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.config import mistakes as config_mistakes
from mlops_ci.config import reading


class Step(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")

    weight: int = Field(default=1, multiple_of=5, description="A weight.")


class Options(BaseModel):
    """Options with a list of parts, as a plug-in's gate may have."""

    model_config = ConfigDict(extra="forbid")

    steps: list[Step] = Field(default_factory=list, description="Steps.")
    either: int | Step | None = Field(default=None, description="A number or a step.")


def wrong(text: str) -> list[str]:
    found, mistakes = config_mistakes.check(Options, reading.read(text, "c"))
    assert found is None
    return [str(mistake) for mistake in mistakes]


def test_mistakes_inside_a_list_name_the_position() -> None:
    assert wrong("steps:\n- weight: 5\n- {wieght: 5}\n- 7\n") == [
        'c:3: steps[1].wieght: unknown key; did you mean "weight"?',
        "c:4: steps[2]: expected a mapping of keys to values, but 7 stands there",
    ]


def test_of_a_union_only_what_tells_most_is_told() -> None:
    assert wrong("either: {weight: x}") == [
        'c:1: either.weight: expected a whole number, but "x" stands there'
    ]
    expected = 'c:1: either: expected a whole number or a mapping of keys to values, but "x" stands there'
    assert wrong("either: x") == [expected]


def test_other_messages_are_passed_on() -> None:
    assert wrong("steps: [{weight: 7}]") == ["c:1: steps[0].weight: input should be a multiple of 5"]


def test_a_schema_knows_nothing_where_nothing_may_stand() -> None:
    schema = Options.model_json_schema()
    assert sorted(config_mistakes.keys_at(schema, ("steps", 0))) == ["weight"]
    assert config_mistakes.keys_at(schema, ("either", 0)) == {}
    assert config_mistakes.nodes_at(schema, ("steps", 0, "weight", "deeper")) == []
