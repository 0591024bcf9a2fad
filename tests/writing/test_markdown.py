"""Unit: foreign text stays text, in Markdown, in HTML, in fences and in diagrams."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mlops_ci.writing import markdown, visible
from mlops_ci.writing.markdown import Safe
from tests.report.samples import HOSTILE

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
INERT = {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}
LINKED = re.compile(r"@\w|#\d|\bgh-\d|https?://|www\.", re.IGNORECASE)


def tokens(source: str) -> list[Token]:
    found = []
    for token in PARSER.parse(source):
        found += [token, *(token.children or ())]
    return found


def shown(source: str) -> str:
    """What a reader sees; the character that keeps things apart cannot be seen."""
    texts = (t.content for t in tokens(source) if t.type in ("text", "code_inline"))
    return "".join(texts).replace("\u200b", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train.lr", "train.lr"),
        ("f1_macro", "f1_macro"),
        ("__init__", "&#95;&#95;init&#95;&#95;"),
        ("a|b", "a&#124;b"),
        ("@alice", "@&#8203;alice"),
        ("acme/repo#12, GH-3", "acme/repo#&#8203;12, GH-&#8203;3"),
        ("https://a.example www.a.example", "https:&#8203;//a.example www&#8203;.a.example"),
        ("at 89abcde", "at 89abcd&#8203;e"),
        (
            "0123456789abcdef0123456789abcdef01234567",
            "&#8203;".join(["012345", "6789ab", "cdef01", "234567", "89abcd", "ef0123", "4567"]),
        ),
        ("1234567 defaced sha256:" + "0a" * 32, "1234567 defaced sha256:" + "0a" * 32),
        ("12:30:45 :tada:", "12:30:45 :&#8203;tada:"),
        ("<b>&amp;", "&lt;b>&amp;amp;"),
        ("0.1 -> 0.4", "0.1 -> 0.4"),
        ("-0.3", "-0.3"),
        ("# title", "&#35; title"),
        ("- item", "&#45; item"),
        ("1. item", "1&#46; item"),
        ("> said", "&gt; said"),
        ("---", "--&#45;"),
        ("a\r\nb\tc", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\u202eb\x00", "a\ufffdb\ufffd"),
        ("x" * 1_000, "x" * 399 + "…" + "x" * 200),
        (3, "3"),
        (Safe("**kept**"), "**kept**"),
    ],
)
def test_text(value: object, expected: str) -> None:
    assert expected == markdown.text(value)


@given(st.text())
def test_text_is_only_ever_text(value: str) -> None:
    source = str(markdown.text(value))
    assert {t.type for t in tokens(source)} <= INERT
    assert not LINKED.search("".join(t.content for t in tokens(source) if t.type == "text"))


@given(st.text(max_size=100))
def test_nothing_is_lost_but_hidden_characters(value: str) -> None:
    assert visible.one_line(value).strip().replace("\u200b", "") == shown(str(markdown.text(value))).strip()


@given(st.text())
def test_code_holds_in_a_table_cell(value: str) -> None:
    table = f"| a | b |\n|--|--|\n| {markdown.code(value)} | x |\n"
    types = [t.type for t in tokens(table)]
    assert types.count("td_open") == 2
    assert {"link_open", "image", "html_block"}.isdisjoint(types)
    assert {"<code>", "</code>"} >= {t.content for t in tokens(table) if t.type == "html_inline"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train.lr", "`train.lr`"),
        ("@alice", "`@alice`"),
        ("", '`""`'),
        ("a|b", "<code>a&#124;b</code>"),
        ("a`b", "<code>a&#96;b</code>"),
    ],
)
def test_code(value: str, expected: str) -> None:
    assert expected == markdown.code(value)


def test_prose_shows_backticks_as_code_and_escapes_the_rest() -> None:
    sentence = "run `dvc repro` and tell @bob about `a|b`"
    expected = "run `dvc repro` and tell @&#8203;bob about <code>a&#124;b</code>"
    assert expected == markdown.prose(sentence)
    assert markdown.prose("one ` only") == "one &#96; only"


@given(st.text())
def test_prose_is_only_ever_text_and_code(value: str) -> None:
    found = tokens(str(markdown.prose(value)))
    assert {t.type for t in found} <= INERT | {"html_inline"}
    assert {"<code>", "</code>"} >= {t.content for t in found if t.type == "html_inline"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/b(c) d", "[x](https://a.example/b%28c%29%20d)"),
        ("javascript:alert(1)", "x"),
        ("", "x"),
    ],
)
def test_link(url: str, expected: str) -> None:
    assert expected == markdown.link("x", url)


def test_joined_escapes_each() -> None:
    assert markdown.joined(["a|b", Safe("**c**")]) == "a&#124;b, **c**"


@given(st.lists(st.text()))
def test_a_fence_cannot_be_left(lines: list[str]) -> None:
    found = tokens(f"before{markdown.fence(lines, 'diff')}after")
    assert [t.type for t in found][:5] == ["paragraph_open", "inline", "text", "paragraph_close", "fence"]
    assert found[4].info == "diff"
    assert len(found) == 9


def test_a_fence_holds_no_marker_and_shows_the_last_state_of_a_progress_bar() -> None:
    expected = "\n\n```\n<!\u200b-- x -->\n!\u200b[](u)\n100%\n\tdone\n```\n\n"
    assert expected == markdown.fence("<!-- x -->\n![](u)\n10%\r100%\r\n\t\x1b[1mdone")
    assert "…" in markdown.fence("x" * 1_000)
    assert "…" not in markdown.fence("x" * 1_000, "diff")
    assert markdown.fence(7) == "\n\n```\n7\n```\n\n"


@pytest.mark.parametrize("value", HOSTILE)
def test_a_label_has_no_syntax(value: str) -> None:
    assert re.fullmatch(r"(\w|[ ._/()+,\-·\ufffd])+", markdown.label(value))


def test_a_label_is_never_empty() -> None:
    assert markdown.label('"#"') == "·"


def test_joining_to_safe_text_escapes() -> None:
    assert Safe("**a** ") + "b*" == "**a** b&#42;"


def test_tidy_leaves_fences_alone() -> None:
    assert markdown.tidy("\n\na  \n\n\n\nb\n```\nx  \n\n\n```\n\n") == "a\n\nb\n```\nx  \n\n\n```\n"


def test_plain_drops_folds_markers_and_diagrams() -> None:
    comment = (
        "<!-- mlops-ci:report x -->\n❌ **Refused**: <code>a&#124;b</code>\n\n"
        "<details open><summary>Stages: 2 ran</summary>\n\n```mermaid\nxychart-beta\n```\n\n"
        "~~~\n<details> in a log\n~~~\n\n</details>\n\n<sub>foot</sub>\n"
    )
    expected = "❌ **Refused**: a&#124;b\n\n**Stages: 2 ran**\n\n~~~\n<details> in a log\n~~~\n\nfoot\n"
    assert expected == markdown.plain(comment)


def test_plain_keeps_what_is_folded_folded_and_an_open_fold_open() -> None:
    comment = (
        "one\n\n<details><summary>Slices (2)</summary>\n\n```\n</details>\n```\n| a |\n\n</details>\n\n"
        "<details open><summary>Parameters</summary>\n\nshown\n\n</details>\n"
    )
    assert markdown.plain(comment) == "one\n\n▸ Slices (2)\n\n**Parameters**\n\nshown\n"
