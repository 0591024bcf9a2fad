"""Unit: what a run cost, by the price of its runner, and where the report names it."""

from __future__ import annotations

import pytest

from mlops_ci import report
from mlops_ci.report import Price, html, priced
from mlops_ci.report.price import Money, money
from tests.report import samples

PRICES = {"ubuntu-latest": 0.006, "gpu-large": 0.07}


@pytest.mark.parametrize(
    ("per_minute", "labels", "expected"),
    [
        (PRICES, ("gpu-large",), Price(0.07, "USD", "gpu-large")),
        (PRICES, ("self-hosted", "gpu-large"), Price(0.07, "USD", "gpu-large")),
        (PRICES, ("self-hosted",), None),
        (PRICES, (), None),
        (0.5, (), Price(0.5, "USD")),
        (0.5, ("self-hosted", "gpu"), Price(0.5, "USD")),
        (0.5, ("gpu",), Price(0.5, "USD", "gpu")),
    ],
)
def test_the_price_of_a_runner(per_minute: object, labels: tuple[str, ...], expected: Price | None) -> None:
    assert priced(per_minute, "USD", labels) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0.2, 1), (59.0, 1), (60.0, 1), (60.1, 2), (720.0, 12), (3601.0, 61)]
)
def test_a_minute_that_was_begun_counts_whole(seconds: float, minutes: int) -> None:
    assert money(Price(2.0, "EUR", "gpu"), seconds) == Money(2.0 * minutes, "EUR", "gpu")


def test_without_a_price_or_a_time_there_is_no_amount() -> None:
    assert money(None, 60.0) is None
    assert money(Price(1.0, "USD"), 0.0) is None


@pytest.mark.parametrize(
    ("price", "told"),
    [
        (Price(0.07, "USD", "gpu-large"), "took 12 min on `gpu-large`, about 0.84 USD"),
        (Price(0.07, "USD"), "took 12 min, about 0.84 USD"),
        (Price(0.0001, "€", "a|b"), "took 12 min on <code>a&#124;b</code>, about 0.0012 €"),
        (None, "took 12 min"),
    ],
)
def test_the_report_s_foot_names_time_and_money(price: Price | None, told: str) -> None:
    found = samples.refused()
    document = found.evidence.model_copy(update={"timings": {"run": 700.0, "compare": 20.0}})
    facts = document, found.findings, found.verdict
    for text in (report.comment(*facts, price=price), report.summary(*facts, price=price)):
        foot = text[text.rindex("<sub>") :]
        assert f"mlops-ci 0.1.0 · {told}</sub>" in foot


def test_the_page_names_the_money() -> None:
    found = samples.refused()
    facts = found.evidence, found.findings, found.verdict
    assert "<dt>Cost</dt><dd>about 0.07 USD on <code>gpu</code></dd>" in html.page(
        *facts, price=Price(0.07, "USD", "gpu")
    )
    assert "<dt>Cost</dt><dd>about 3.00 EUR</dd>" in html.page(*facts, price=Price(3, "EUR"))
    assert "Cost" not in html.page(*facts)


@pytest.mark.parametrize(
    ("sample", "untold"),
    [
        (samples.nothing_changed, True),
        (samples.only_comments, False),
        (samples.unchanged, False),
        (samples.config_edited, False),
        (samples.refused, False),
    ],
)
def test_what_is_not_worth_a_new_comment(sample: object, untold: bool) -> None:
    found = sample()  # type: ignore[operator]
    assert report.untold(found.evidence, found.findings, found.verdict) is untold
