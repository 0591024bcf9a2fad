"""Unit: nothing that a page shows is read as HTML."""

from __future__ import annotations

import pytest
from jinja2 import TemplateError

from mlops_ci.writing import page, templating

EVIL = '<b> & "x" \'\u202e'


def rendered(source: str) -> str:
    return templating.page_environment().from_string(source).render(evil=EVIL, nil=None, half=0.5)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ evil }}", "&lt;b&gt; &amp; &#34;x&#34; &#39;\ufffd"),
        ("{{ evil | code }}", "<code>&lt;b&gt; &amp; &#34;x&#34; &#39;\ufffd</code>"),
        ("{{ '' | code }}", "<code>&#34;&#34;</code>"),
        ("{{ 'a `<i>` b' | prose }}", "a <code>&lt;i&gt;</code> b"),
        ("{{ 'a ` b' | prose }}", "a ` b"),
        (
            "{{ '<i>' | link('https://x.example/?a=1&b=\"') }}",
            '<a href="https://x.example/?a=1&amp;b=&#34;">&lt;i&gt;</a>',
        ),
        ("{{ '<i>' | link('javascript:alert(1)') }}", "&lt;i&gt;"),
        ("{{ ('a<', 'b') | log }}", "a&lt;\nb"),
        ("{{ 'a<' | log }}{{ none | log }}", "a&lt;"),
        ("{{ nil }}{{ half }} {{ 3 }}", "0.5000 3"),
    ],
)
def test_everything_is_escaped_once(source: str, expected: str) -> None:
    assert expected == rendered(source)


@pytest.mark.parametrize(
    "source", ["{{ missing }}", "{{ evil | safe }}", "{{ evil | fence }}", "{{ [evil] | join(',') }}"]
)
def test_no_way_around_the_escape(source: str) -> None:
    with pytest.raises(TemplateError):
        rendered(source)


def test_long_text_is_clipped() -> None:
    assert len(page.text("x" * 10_000)) == 600
