"""Where a change would change more than it says, or cannot be found, it is refused: what, where, how to mend."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Delete, Set, edit, nodes, proving, value
from mlops_ci.yaml_edit.splicing import Effect, Splice

HOW_ALIAS = "write out what the alias stands for"
TWO = """\
kind: Service
metadata: {name: iris, namespace: a}
---
kind: Service
metadata: {name: iris, namespace: b}
"""


@pytest.mark.parametrize(
    ("text", "address", "message", "hint"),
    [
        (
            "a: &t v1\nb: *t\n",
            ":b",
            ":b: is an alias of what stands at line 1, so that a change here would change other places too",
            HOW_ALIAS,
        ),
        (
            "a: &t v1\nb: *t\n",
            ":a",
            ":a: is referred to by an alias; its anchor is at line 1, so that a change here would change other places too",
            HOW_ALIAS,
        ),
        (
            "l:\n- &t {k: v}\n- *t\n",
            ":l[1].k",
            ":l[1].k: is referred to by an alias; its anchor is at line 2, so that a change here would change other places too",
            HOW_ALIAS,
        ),
        (
            "d: &d {k: v}\na:\n  <<: *d\n  t: v1\n",
            ":a.t",
            ":a.t: line 3 merges other keys in (<<)",
            "edit the mapping that is merged, or write its keys out",
        ),
        ("a:\n  k: 1\n  k: 2\n", ":a.k", ":a.k: is there twice, at lines 2 and 3", "take one out"),
        ("a: |\n  text\n", ":a", ":a (line 1): is a block of text (|)", "edit the block by hand"),
        ("a: >-\n  text\n", ":a", ":a (line 1): is a block of text (>)", "edit the block by hand"),
        (
            "a:\n  ? {x: y}\n  : 1\n  k: 2\n",
            ":a.k",
            ":a.k: line 2 has a key that is a mapping or a list",
            "is this a template? change the values that it is filled from",
        ),
        (
            "a: {{ .Values.tag }}\n",
            ":a.b",
            ":a.b: line 1 has a key that is a mapping or a list",
            "is this a template? change the values that it is filled from",
        ),
        (
            "a: {{ .Values.tag }}\n",
            ":a",
            "line 1: a key is a mapping or a list",
            "give it a plain key; is this a template?",
        ),
        (
            "a: '{{ .Values.tag }}'\n",
            ":a",
            ":a (line 1): is a template ({{ .Values.tag }})",
            "change the value that it is filled from",
        ),
        (
            "a: !!str 5\n",
            ":a",
            ":a (line 1): has a type of its own (!!str)",
            "take the tag out, or edit it by hand",
        ),
        (
            "a: &x\nb: 1\n",
            ":a",
            ":a (line 1): is empty but for an anchor or a tag",
            "edit it by hand",
        ),
        (
            "l:\n- {name: a}\n- {name: a}\n",
            ":l[name=a].v",
            ":l[name=a]: fits 2 entries, at lines 2 and 3",
            "name the entry by a key that tells it apart",
        ),
        (
            "l: [A=1, A=2, A=3]\n",
            ":l[A=*]",
            ":l[A=*]: fits 3 entries, at lines 1, 1 and 1",
            "name the entry by a key that tells it apart",
        ),
        (
            "l: [1, 2]\n",
            ":l.k",
            ":l (line 1): is a list, it has no key 'k'",
            "name an entry as [name=...], or by its place, as [0]",
        ),
        ("m: {a: 1}\n", ":m[0]", ":m (line 1): is a mapping, it has no entry [0]", "name a key, as .key"),
        ("a: 1\n", ":a.b", ":a (line 1): is a single value, nothing stands below it", "shorten the path"),
        ("a: ~\n", ":a.b", ":a (line 1): is a single value, nothing stands below it", "shorten the path"),
        (
            "m: {a: 1}\n",
            ":m",
            ':m (line 1): is a mapping or a list, and "v2" cannot take its place',
            "name a single value in it, or delete it first",
        ),
        ("a: 1\n", ":", ":: is the whole document", "name a key in it"),
        ("l: [1]\n", ":l[2]", ":l[2]: there is no entry [2], the list has 1", "[1] appends one"),
        (
            "l: []\n",
            ":l[A=*]",
            ":l[A=*]: there is no entry [A=*], and 'v2' would be none",
            "give a value that the brackets fit",
        ),
        (
            "l: []\n",
            ":l[A=1]",
            ":l[A=1]: there is no entry [A=1], and 'v2' would be none",
            "give a value that the brackets fit",
        ),
        ("l:\n-\n- 1\n", ":l[0].k", ":l[0].k (line 2): is an empty entry of a list", "delete it first"),
        (
            TWO,
            "Service/iris:spec",
            "Service/iris fits 2 documents, at lines 1 and 4",
            "say which one, as Kind/name: or Kind/namespace/name:; there is: Service/a/iris, Service/b/iris",
        ),
        (
            TWO,
            ":spec",
            "the address fits 2 documents, at lines 1 and 4",
            "say which one, as Kind/name: or Kind/namespace/name:; there is: Service/a/iris, Service/b/iris",
        ),
        (
            TWO,
            "Deployment/iris:spec",
            "there is no Deployment/iris",
            "there is: Service/a/iris, Service/b/iris",
        ),
        (
            "a: 1\n",
            "Deployment/iris:spec",
            "there is no Deployment/iris",
            "there is: one without kind at line 1",
        ),
        ("# nothing\n", ":spec", "there is no document", "the file is empty"),
    ],
)
def test_a_value_is_not_set(text: str, address: str, message: str, hint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        edit(text, Set(Address.parse(address), "v2"))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_many_documents_are_named_in_part() -> None:
    text = "---\n".join(f"kind: K{at}\n" for at in range(11))
    with pytest.raises(ManifestError) as caught:
        edit(text, Set(Address.parse("X:a"), 1))
    assert caught.value.hint == "there is: K0, K1, K2, K3, K4, K5, K6, K7 and 3 more"


def test_a_mapping_takes_no_place_of_a_value_and_no_entry_that_it_does_not_fit() -> None:
    with pytest.raises(ManifestError) as caught:
        edit("a: 1\n", Set(Address.parse(":a"), {"b": 1}))
    assert caught.value.message == ':a (line 1): is a single value, and {"b": 1} cannot take its place'
    with pytest.raises(ManifestError) as caught:
        edit("l: []\n", Set(Address.parse(":l[name=x]"), {"name": "y"}))
    assert caught.value.message == ":l[name=x]: there is no entry [name=x], and {'name': 'y'} would be none"
    with pytest.raises(ManifestError, match=r"there is no entry \[name=\*\]"):
        edit("l: []\n", Set(Address.parse(":l[name=*]"), {"value": "y"}))


ALONE = "without it nothing would be left but an empty key"


@pytest.mark.parametrize(
    ("text", "address", "message", "hint"),
    [
        ("a:\n  b: 1\n", ":a.b", f":a.b: is the only entry there, {ALONE}", "delete the key above it"),
        ("a:\n- b\n", ":a[0]", f":a[0]: is the only entry there, {ALONE}", "delete the key above it"),
        (
            "a:\n- b: 1\n  c: 2\n",
            ":a[0].b",
            ":a[0].b: does not stand on lines of its own",
            "delete it by hand, or the entry as a whole",
        ),
        (
            "a:\n- - 1\n  - 2\n",
            ":a[0][0]",
            ":a[0][0]: does not stand on lines of its own",
            "delete it by hand, or the entry as a whole",
        ),
        (
            "a: {b: 1, # why\n  c: 2}\n",
            ":a.c",
            ":a.c: a comment stands beside it in braces",
            "delete it by hand",
        ),
        (
            "a: {b: 1, # why\n  c: 2}\n",
            ":a.b",
            ":a.b: a comment stands beside it in braces",
            "delete it by hand",
        ),
        ("a: {t: &t v1}\nb: *t\n", ":a", ":a: holds an anchor or alias, at line 1", HOW_ALIAS),
        ("a: 1\n", ":b", ":b: is not there", "nothing is deleted"),
        ("a: 1\n", ":", ":: is not there", "nothing is deleted"),
    ],
)
def test_a_place_is_not_taken_out(text: str, address: str, message: str, hint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        edit(text, Delete(Address.parse(address)))
    assert (caught.value.message, caught.value.hint) == (message, hint)


# ---- what is no YAML ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a: [1\n", "line 2: no YAML (did not find expected ',' or ']')", "mend the file first"),
        (
            "a: b: c\n",
            "line 1: no YAML (mapping values are not allowed in this context)",
            "mend the file first",
        ),
        (
            "{{- if .Values.x }}\na: 1\n{{- end }}\n",
            "line 1: no YAML (did not find expected node content)",
            "templates cannot be edited; change the values they are filled from",
        ),
        ("a: \x07\n", "no YAML (control characters are not allowed)", "mend the file first"),
        ("a: *x\n", "line 1: no YAML (found undefined alias)", "mend the file first"),
        ("a: '\ud800'\n", "no YAML (surrogates not allowed)", "mend the file first"),
        ("[" * 300 + "]" * 300, "line 1: nests more than 200 deep", "is this a manifest?"),
        ("- " * 300 + "a\n", "line 1: nests more than 200 deep", "is this a manifest?"),
        (
            "".join(f"{' ' * at}a:\n" for at in range(202)),
            "line 201: nests more than 200 deep",
            "is this a manifest?",
        ),
        (
            "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
            + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefg")),
            "line 1: its aliases stand for more than 200,000 values",
            "is this a manifest?",
        ),
        ("a: &a\n  <<: *a\n", "nests too deep, or merges itself", "is this a manifest?"),
        ("a: &a\n  b: *a\n", "line 1: contains itself by an alias", "mend the file first"),
        ("a: &a 1\nb:\n  <<: *a\n", "line 1: merges what is no mapping", "mend the file first"),
        (
            "a:\n  ? [1]\n  : 2\n",
            "line 2: a key is a mapping or a list",
            "give it a plain key; is this a template?",
        ),
    ],
)
def test_what_cannot_be_read_is_said(text: str, message: str, hint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        value(text, Address.parse(":"))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_many_entries_are_not_deep() -> None:
    for entry in ("- [{a: 1}]\n", "- a\n"):
        assert len(value("l:\n" + entry * 300, Address.parse(":l"))) == 300


# ---- the proof ----------------------------------------------------------------------------------

BY_HAND = "nothing was changed; edit this place by hand"


def test_a_block_of_text_at_the_end_of_a_file_would_get_a_line_break() -> None:
    """Without a last newline the text ends with its last letter; a line after it would change that."""
    with pytest.raises(ManifestError) as caught:
        edit("a: |\n  text", Set(Address.parse(":b"), {"c": 1}))
    assert caught.value.message == ":b: the change would reach further than this place"
    assert caught.value.hint == BY_HAND


@pytest.mark.parametrize(
    ("splice", "why"),
    [
        (
            {"text": "[", "wanted": "["},
            "the changed text would be line 3: no YAML (did not find expected node content)",
        ),
        ({"text": "v2\nc: 3", "wanted": "v2"}, "the change would reach further than this place"),
        ({"text": "v3", "wanted": "v2"}, "the change would reach further than this place"),
        ({"text": "5", "wanted": "5"}, "the change would reach further than this place"),
        (
            {
                "start": 6,
                "end": 6,
                "effect": Effect.INSERT,
                "path": (1,),
                "text": "c: 1\n",
                "wanted": 1,
                "key": "d",
            },
            "the change would reach further than this place",
        ),
        (
            {"effect": Effect.INSERT, "path": (7,), "text": "v2", "wanted": "v2"},
            "the change would reach further than this place",
        ),
        (
            {"start": 0, "end": 0, "effect": Effect.INSERT, "path": (7,), "text": ""},
            "the change would reach further than this place",
        ),
        (
            {"start": 3, "end": 5, "text": "[v1]", "wanted": "v1"},
            "the change would reach further than this place",
        ),
        ({"text": "v2\n---\nx: 1", "wanted": "v2"}, "the change would reach further than this place"),
        (
            {"start": 3, "end": 5, "text": "v9", "wanted": "v9"},
            "the change would reach further than this place",
        ),
    ],
)
def test_a_splice_that_does_more_or_other_than_it_says_is_not_proved(
    splice: dict[str, Any], why: str
) -> None:
    text = "a: v1\nb: v1\n"
    whole = Splice(**{"start": 9, "end": 11, "effect": Effect.REPLACE, "document": 0, "path": (1,), **splice})
    with pytest.raises(ManifestError) as caught:
        proving.proved(nodes.compose(text), whole.apply(text), whole, Address.parse(":b"))
    assert caught.value.message == f":b: {why}"
    assert caught.value.hint == BY_HAND


def test_shared_places_stay_shared() -> None:
    text = "a: &t {k: v1}\nb: *t\nc: v1\n"
    before = nodes.compose(text)
    splice = Splice(17, 19, "{k: v1}", Effect.REPLACE, 0, (2,), "v1")
    with pytest.raises(ManifestError, match="would reach further"):
        proving.proved(before, splice.apply(text), splice, Address.parse(":c"))
    assert edit(text, Set(Address.parse(":c"), "v2")) == "a: &t {k: v1}\nb: *t\nc: v2\n"
    assert edit(text, Delete(Address.parse(":c"))) == "a: &t {k: v1}\nb: *t\n"
