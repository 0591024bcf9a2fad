"""Over generated manifests: an edit changes its place and no byte else, and can be taken back."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Delete, Match, Set, changes, documents, edit, order, value
from tests.yaml_edit.corpus import changed, loaded, span, without

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_names = st.text("abcxyz019./-_ é", min_size=1, max_size=6).filter(lambda name: name.strip() == name)
_single = st.one_of(
    st.text("ab01:#'\"{}[],&*! -\n\\é", max_size=8),
    st.sampled_from(["yes", "null", "1e3", "0o7", "12:30:45", "2024-01-01", "y"]),
    st.integers(-99, 99),
    st.booleans(),
    st.none(),
    st.floats(-10, 10),
)
_values = st.recursive(
    _single,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=10,
)


@st.composite
def manifests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A text in one of many spellings, and what it says; comments and blank lines stand between keys."""
    data = draw(st.dictionaries(_names, _values, min_size=1, max_size=4))
    blocks = []
    for key, inner in data.items():
        flow = draw(st.sampled_from([None, True, False]))
        style = draw(st.sampled_from([None, "'", '"']))
        indent, width = draw(st.integers(2, 5)), draw(st.sampled_from([20, 1000]))
        text = yaml.dump(
            {key: inner},
            Dumper=_Dumper,
            default_flow_style=flow,
            default_style=style,
            indent=indent,
            width=width,
            allow_unicode=True,
        )
        # PyYAML writes what it reads as text in 1.1 without quotes; Kubernetes reads `y` and `0o7` otherwise.
        assume(not text.startswith(("{", "?")))
        blocks.append(draw(st.sampled_from(["", "# a: comment\n", "\n"])) + text)
    text = "".join(blocks)
    if draw(st.booleans()):
        text = "# above\n---\n" + text
    if draw(st.booleans()):
        text = text.rstrip("\n")
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + text.replace("\n", ends), data


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys of every value below."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [found for key, inner in entries for found in ((*path, key), *places(inner, (*path, key)))]


def at(keys: tuple[Any, ...]) -> Address:
    return Address(tuple(one if isinstance(one, str) else Match("", str(one)) for one in keys))


def attempt(text: str, asked: Set | Delete) -> str | ManifestError:
    """The edited text, or why it was refused."""
    try:
        return edit(text, asked)
    except ManifestError as error:
        return error


MANY = settings(max_examples=80, derandomize=True, deadline=None)


@given(manifests(), st.data(), _single)
@MANY
def test_a_value_is_set_or_refused_and_nothing_else_changes(
    manifest: tuple[str, dict[str, Any]], data: st.DataObject, new: Any
) -> None:
    text, _ = manifest
    before = loaded(text)
    keys = data.draw(st.sampled_from(places(before[0])))
    address = at(keys)
    after = attempt(text, Set(address, new))
    if isinstance(after, ManifestError):
        assert after.hint
        return
    told = value(after, address)
    # A number in place of text in quotes stays text.
    assert told == new or (isinstance(told, str) and order(f":a={told}") == Set(Address(("a",)), new))
    assert loaded(after) == changed(before, (0, *keys), told)
    old, put = span(text, after)
    assert old in text
    assert "\n" not in put
    assert len(changes(text, after)) <= 2
    assert edit(after, Set(address, told)) == after


@given(manifests(), st.data(), _values, _names)
@MANY
def test_what_is_inserted_is_taken_out_again_to_the_byte(
    manifest: tuple[str, dict[str, Any]], data: st.DataObject, new: Any, key: str
) -> None:
    text, _ = manifest
    before = loaded(text)
    holders = [keys for keys in ((), *places(before[0])) if isinstance(find(before[0], keys), dict | list)]
    keys = data.draw(st.sampled_from(holders))
    holder = find(before[0], keys)
    assume(key not in holder)
    last = key if isinstance(holder, dict) else len(holder)
    address = at((*keys, last))
    after = attempt(text, Set(address, new))
    if isinstance(after, ManifestError):
        # A block of text at the end of a file without a last line break would get one.
        assert "would reach further than this place" in after.message
        assert not text.endswith("\n")
        return
    wanted = changed(before, (0, *keys, last), new) if isinstance(holder, dict) else None
    assert loaded(after) == (wanted or changed(before, (0, *keys), [*holder, new]))
    assert span(text, after)[0] == ""
    assert edit(after, Delete(address)) == text


@given(manifests(), st.data())
@MANY
def test_what_is_taken_out_is_gone_alone_or_refused(
    manifest: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    text, _ = manifest
    before = loaded(text)
    keys = data.draw(st.sampled_from(places(before[0])))
    after = attempt(text, Delete(at(keys)))
    if isinstance(after, ManifestError):
        assert after.hint
        return
    assert loaded(after) == without(before, (0, *keys))
    assert span(text, after)[1] == ""


@given(manifests())
@MANY
def test_documents_say_what_the_text_says(manifest: tuple[str, dict[str, Any]]) -> None:
    text, _ = manifest
    (one,) = documents(text)
    (read,) = loaded(text)
    for keys in places(read):
        inner = find(read, keys)
        if isinstance(inner, str) and inner not in ("y", "0o7", "1e3"):
            assert value(text, at(keys)) == find(one.data, keys) == inner


def find(data: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        data = data[key]
    return data
