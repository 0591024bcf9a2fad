"""Integration: whole pages: golden, well formed, self-contained, small, and safe from what they show."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from mlops_ci import evidence as ev
from mlops_ci.evidence import Status
from mlops_ci.judging import drifting
from mlops_ci.report import html
from tests.report import checked, samples
from tests.report.checked import CHECKED
from tests.report.samples import Sample

GOLDEN = Path(__file__).parent / "golden"
SOURCE = "https://git.example/acme/census/blob/a1b2c3d4"
SAMPLES = {**samples.SAMPLES, **CHECKED}
NAMES = sorted(SAMPLES)
VOID = {"meta", "link", "path", "circle", "polyline", "br"}
OURS = (
    "html head meta link title style body a div header h1 h2 h3 h4 p span strong b ul li nav main section table caption "
    "thead tbody tr th td svg desc path circle polyline details summary figure figcaption dl dt dd code pre footer"
)


class Outline(HTMLParser):
    """The tags of a page as a tree is read: unclosed ones, attributes, headings, tables, text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.cells: list[list[int]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        if tag == "table":
            self.cells.append([])
        elif tag == "tr":
            self.cells[-1].append(0)
        elif tag in ("th", "td"):
            self.cells[-1][-1] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag]


def page(sample: Sample) -> str:
    return html.page(sample.evidence, sample.findings, sample.verdict, source_url=SOURCE, title="train")


def outline(name: str) -> Outline:
    return Outline(page(SAMPLES[name]()))


def check_golden(name: str, text: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 writes it. The style is left out, digests are masked."""
    path = GOLDEN / f"{name}.html"
    text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    text = re.sub(r"sha256:[0-9a-f]{12,64}", "sha256:0", text)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "name", ["behind_live", "checked", "nothing_changed", "spread", "stage_failed", "waived"]
)
def test_page_is_as_reviewed(name: str) -> None:
    check_golden(name, page(SAMPLES[name]()))


def test_drift_page_is_as_reviewed() -> None:
    check_golden("drift", html.drift_page(checked.drift(), tool="mlops-ci 0.1.0"))


# ---- form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_reaches_for_nothing(name: str) -> None:
    source = page(SAMPLES[name]())
    found = Outline(source)
    assert (found.open, found.wrong) == ([], [])
    assert {tag for tag, _ in found.tags} <= set(OURS.split())
    assert len(set(found.ids)) == len(found.ids)
    addresses = [value["href"] for tag, value in found.tags if "href" in value]
    assert [one for one in addresses if not one.startswith(("#", SOURCE, "data:,"))] == []
    anchors = {one[1:] for one in addresses if one.startswith("#")}
    assert anchors <= set(found.ids)
    assert not any("src" in value or "style" in value for _, value in found.tags)
    assert not [key for _, value in found.tags for key in value if key.startswith("on")]
    assert "@import" not in source
    assert "url(" not in source


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_without_seeing_it(name: str) -> None:
    found = outline(name)
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert [found.all("html")[0]["lang"], len(found.all("main"))] == ["en", 1]
    assert all(value.get("role") == "img" for value in found.all("svg"))
    assert len(found.all("svg")) == len(found.all("desc"))
    assert all("scope" in value for value in found.all("th"))
    assert len(found.all("table")) == len(found.all("caption"))
    regions = [value for value in found.all("div") if value.get("class") == "scroll"]
    assert all(value["tabindex"] == "0" and value["aria-label"] for value in regions)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_a_table_has_the_cells_of_its_head(name: str) -> None:
    assert [rows for rows in outline(name).cells if len(set(rows)) != 1] == []


def test_sections_without_evidence_are_not_there() -> None:
    source = page(samples.nothing_changed())
    for heading in (
        "Drift",
        "Fairness",
        "Serving",
        "Behaviour",
        "Reproducibility",
        "Data rules",
        "Plots",
        "Changes",
    ):
        assert f">{heading}</h" not in source


def test_what_was_not_checked_is_told_with_its_reason() -> None:
    source = page(checked.unconfigured())
    assert "<summary>Not checked (6)</summary>" in source
    assert "latency of <code>churn</code>: mlops-ci.yaml asks for no latency." in source


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert page(checked.checked()) == page(checked.checked())


# ---- size ------------------------------------------------------------------------------------------


def test_twenty_columns_are_below_two_hundred_kilobytes() -> None:
    assert len(page(checked.checked()).encode()) < 100_000
    assert len(html.drift_page(checked.drift()).encode()) < 60_000


def test_ten_thousand_columns_are_bounded_and_counted() -> None:
    source = page(checked.wide())
    assert len(source.encode()) < 2_000_000
    assert "10,000 of 10,000 columns drifted" in source
    assert "and 9,000 more" in source


# ---- foreign text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hostile", "hostile_checks"])
def test_foreign_text_is_shown_as_it_is(name: str) -> None:
    found = outline(name)
    seen = " ".join(found.text)
    assert "<img src=x onerror=alert(1)>" in seen
    assert "{{ 7 * 7 }}" in seen
    assert "\u202e" not in seen
    assert "\x1b" not in page(SAMPLES[name]())


def test_backticks_of_a_sentence_are_code_and_links_go_to_the_source() -> None:
    source = page(checked.checked())
    assert "raise <code>max_drop</code> in a pull request" in source
    assert f'<a href="{SOURCE}/params.yaml#L12"><code>params.yaml:12</code></a>' in source


# ---- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("refused", "Refused</span>: <code>churn</code>: accuracy fell by 0.031"),
        ("improved", "Passed</span>: <code>churn</code>: <code>accuracy</code> is better by +0.012"),
        ("nothing_changed", "Passed</span>: nothing that feeds a model changed"),
        ("config_edited", "Passed</span>: no model changed"),
        ("adoption", "Passed</span>: no metric is worse"),
        ("inconclusive", "Passed with warnings</span>: <code>churn</code>: too few examples"),
    ],
)
def test_the_verdict_is_the_headline(name: str, expected: str) -> None:
    assert f'<span class="verdict">{expected}' in page(SAMPLES[name]())


def test_incomplete_is_said() -> None:
    skipped = samples.finding(Status.SKIP, "drift", "no profile of the base", gate="drift", required=True)
    assert ">Incomplete</span>: <code>churn</code>: no profile of the base" in page(
        Sample(samples.document(models=(samples.better_model(),)), (skipped,))
    )


def test_a_drift_page_without_drift_and_without_a_comparison() -> None:
    calm = ev.Drift(name="a against b", reference="a", current="b", same=True)
    assert '<span class="verdict">No drift</span>: 0 of 0 columns drifted' in html.drift_page(calm)
    assert "the same bytes" in html.drift_page(calm)
    assert "Not compared: the table is empty" in html.drift_page(checked.quiet_drift())


def test_decisions_say_what_drifted() -> None:
    facts = checked.drift()
    rules = drifting.Rules(floors=drifting.Floors(ks=0.5, cramers_v=0.5, nulls=0.5, unseen=0.5))
    strict = html.drift_page(facts, drifting.judge(facts, rules))
    assert '<span class="verdict">Drifted</span>: 0 of 20 columns drifted, 1 is gone</h1>' in strict
    whole = facts.model_copy(update={"removed": ()})
    kept = html.drift_page(whole, drifting.judge(whole, rules))
    assert '<span class="verdict">No drift</span>: 0 of 20 columns drifted</h1>' in kept
    assert '<span class="verdict">Drifted</span>: 3 of 20 columns drifted' in html.drift_page(facts)
