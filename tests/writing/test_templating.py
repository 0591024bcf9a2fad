"""Unit: a template cannot forget an escape; a user's template that is broken says where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_ci import report
from mlops_ci.errors import ConfigError
from mlops_ci.writing import templating
from mlops_ci.writing.markdown import Safe
from tests.report import samples

EXTENDS = '{% extends "mlops-ci/comment.md.j2" %}\n'
EVIL = "@bob *x*"
SHOWN = "@&#8203;bob &#42;x&#42;"


def rendered(source: str, **context: object) -> str:
    made = templating.environment()
    return made.from_string(source).render(
        evil=EVIL, safe=Safe("**b**"), nil=None, half=0.5, seven=7, **context
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ evil }}", SHOWN),
        ("{{ 'a: ' ~ evil }}", "a: " + SHOWN),
        ("{{ safe ~ evil }}", "**b**" + SHOWN),
        ("{{ safe + evil }}", "**b**" + SHOWN),
        ("{{ evil | upper }}", "@&#8203;BOB &#42;X&#42;"),
        ("{{ [evil, safe] | join(' ') }}", SHOWN + " **b**"),
        ("{% set made %}<b>{{ evil }}</b>{% endset %}{{ made }}", f"<b>{SHOWN}</b>"),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(evil) ~ evil }}", SHOWN + SHOWN),
        ("{% autoescape false %}{{ evil }}{% endautoescape %}", SHOWN),
        ("{{ evil | code }}", "`@bob *x*`"),
        ("{{ nil }}{{ half }} {{ half + 1 }} {{ seven % 4 }}", "0.5000 1.500 3"),
    ],
)
def test_everything_is_escaped_once(source: str, expected: str) -> None:
    assert expected == rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ evil | safe }}",
        "{{ evil | replace('x', 'y') }}",
        "{{ missing }}",
        "{{ '%s' % evil }}",
        "{{ safe.format(evil) }}",
        "{{ safe.join([evil]) }}",
        "{{ safe['join']([evil]) }}",
        "{{ evil.__class__ }}",
        "{{ document.model_dump() }}",
    ],
)
def test_ways_around_are_closed(source: str) -> None:
    with pytest.raises(Exception, match=r"filter|undefined|unsafe|text has no"):
        rendered(source, document=samples.document())


def test_a_document_shows_its_fields() -> None:
    assert rendered("{{ document.tool }}", document=samples.document()) == "mlops-ci 0.1.0"


# ---- overrides -------------------------------------------------------------------------------------


def comment(overrides: Mapping[str, str]) -> str:
    sample = samples.refused()
    return report.comment(sample.evidence, sample.findings, sample.verdict, overrides=overrides)


def test_a_block_is_replaced_and_the_marker_survives() -> None:
    text = comment(
        {"comment.md.j2": EXTENDS + "{% block models %}{{ report.head.outcome }} by us{% endblock %}"}
    )
    assert report.read_marker(text) is not None
    assert "\nrefused by us\n" in text
    assert "### ❌ `churn`" not in text


def test_a_block_may_add_to_ours() -> None:
    text = comment(
        {"comment.md.j2": EXTENDS + "{% block model %}{{ super() }}\nOwner: {{ model.name }}\n{% endblock %}"}
    )
    assert "### ❌ `churn`" in text
    assert "\nOwner: churn\n" in text


def test_the_example_of_the_docs_works() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    text = comment({"comment.md.j2": docs.partition("```jinja\n")[2].partition("```")[0]})
    assert "\nQuestions? Ask the owners of acme/census.\n" in text
    assert "\nRunbook: [runbook of churn](https://wiki.example/models)\n" in text


def test_every_filter_is_in_the_docs() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", docs.partition("### Escaping")[2]))
    assert set(templating.environment().filters) - words == set()


def test_a_part_is_replaced() -> None:
    assert "\nbye\n" in comment({"parts/footer.md.j2": "bye"})


def test_a_template_of_the_users_own_is_included() -> None:
    text = comment(
        {
            "comment.md.j2": EXTENDS + "{% block footer %}{% include 'ours.md' %}{% endblock %}",
            "ours.md": "bye",
        }
    )
    assert text.endswith("\nbye\n")


def test_the_summary_follows_the_comment() -> None:
    sample = samples.refused()
    overrides = {"comment.md.j2": EXTENDS + "{% block footer %}bye{% endblock %}"}
    assert report.summary(sample.evidence, sample.findings, sample.verdict, overrides=overrides).endswith(
        "\nbye\n"
    )


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        (
            "comment.md.j2",
            EXTENDS + "{% block head %}\n{{ nothing }}{% endblock %}",
            ".mlops-ci/comment.md.j2:3: 'nothing' is undefined",
        ),
        (
            "comment.md.j2",
            EXTENDS + "{% block head %}",
            ".mlops-ci/comment.md.j2:2: Unexpected end of template",
        ),
        ("comment.md.j2", "{{ 1 | round('x') }}", ".mlops-ci/comment.md.j2:1: "),
        ("comment.md.j2", "{{ report.tool | size }}", ".mlops-ci/comment.md.j2:1: "),
        ("comment.md.j2", "{% for i in range(10 ** 9) %}{% endfor %}", ".mlops-ci/comment.md.j2:1: "),
        ("comment.md.j2", '{% extends "gone.md.j2" %}', ".mlops-ci/comment.md.j2:1: gone.md.j2"),
        ("comment.md.j2", '{% extends "comment.md.j2" %}', ".mlops-ci/comment.md.j2:1: RecursionError"),
        (
            "parts/words.md.j2",
            "x",
            ".mlops-ci/parts/words.md.j2: 'jinja2.environment.TemplateModule object' has no",
        ),
        ("coment.md.j2", "x", ".mlops-ci/coment.md.j2: there is no template of this name"),
    ],
)
def test_a_broken_template_says_where(name: str, source: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        comment({name: source})
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_fault_of_ours_is_not_blamed_on_the_user() -> None:
    made = templating.environment()
    with pytest.raises(Exception, match="'report' is undefined"):
        templating.render(made, "comment.md.j2")


def test_a_template_that_never_fits_gives_way_to_ours() -> None:
    long = "{% for i in range(9000) %}0123456789\n{% endfor %}"
    text = comment({"comment.md.j2": long})
    assert "❌ **Refused**" in text
    assert len(text) <= report.COMMENT_LIMIT
