"""What is asked for on a command line: ADDRESS=VALUE and ADDRESS-."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.yaml_edit import Address, Delete, Set, order


@pytest.mark.parametrize(
    ("text", "address", "value"),
    [
        (":a=5", ":a", 5),
        (':a="5"', ":a", "5"),
        (":a='5'", ":a", "5"),
        (":a=true", ":a", True),
        (":a=null", ":a", None),
        (':a=""', ":a", ""),
        (":a=s3://b/c?d=e#f", ":a", "s3://b/c?d=e#f"),
        (":a=text: with # signs", ":a", "text: with # signs"),
        (":a=two\nlines", ":a", "two\nlines"),
        (":a=12:30:45", ":a", "12:30:45"),
        (":a=-", ":a", "-"),
        (":a={b: [1, x]}", ":a", {"b": [1, "x"]}),
        (":a=[x, 1.5]", ":a", ["x", 1.5]),
        (":l[MODEL_URI=*]=MODEL_URI=s3://x", ":l[MODEL_URI=*]", "MODEL_URI=s3://x"),
        (':l[k="a]="].b=c', ':l[k="a]="].b', "c"),
        (':"a=b"."c-"=d', ':"a=b"."c-"', "d"),
        ("Deployment/iris:spec.replicas=3", "Deployment/iris:spec.replicas", 3),
    ],
)
def test_a_value_is_read_as_yaml(text: str, address: str, value: Any) -> None:
    found = order(text)
    assert found == Set(Address.parse(address), value)
    assert isinstance(found, Set)
    assert type(found.value) is type(value)


@pytest.mark.parametrize("address", [":a", ":l[name=x]", ':"a-"', ":a-b", ":l[0]"])
def test_a_minus_at_the_end_takes_out(address: str) -> None:
    assert order(f"{address}-") == Delete(Address.parse(address))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (":a", "':a' neither sets nor deletes anything", "ADDRESS=VALUE sets, ADDRESS- deletes; "),
        (':"a-"', "':\"a-\"' neither sets nor deletes anything", "ADDRESS=VALUE sets, ADDRESS- deletes; "),
        (":a=", "':a=' has no value", "write '=\"\"' for empty text, =null for nothing"),
        (":a=[b", "':a=[b': the value cannot be read as YAML", "put text that begins so in quotes: '\"...\"'"),
        (':a="b" c', "':a=\"b\" c': the value cannot be read as YAML", "put text that begins so in quotes"),
        (':a="b" # c', "':a=\"b\" # c': the value cannot be read as YAML", "put text that begins so in quotes"),
        (":a={b: *c}", "':a={b: *c}': the value cannot be read as YAML", "put text that begins so in quotes"),
        (":a=[b]\n---\nc", "':a=[b]\\n---\\nc': the value cannot be read as YAML", "put text that begins so in quotes"),
        (":a=1.10", "':a=1.10': YAML reads 1.10 as 1.1", "write 1.1 if that is meant, and '\"1.10\"' for text"),
        (":a=12e5678", "':a=12e5678': YAML reads 12e5678 as .inf", "write .inf if that is meant, and "),
        (":a=0755", "':a=0755': YAML reads 0755 as 493", "write 493 if that is meant, and "),
        (":a=no", "':a=no': YAML reads no as false", "write false if that is meant, and '\"no\"' for text"),
        (":a=~", "':a=~': YAML reads ~ as null", "write null if that is meant, and "),
        ("a=b", "the address 'a' has no colon between the document and the path", "write Kind/name:path"),
        ("a-", "the address 'a' has no colon between the document and the path", "write Kind/name:path"),
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        order(text)
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
