"""End to end: the page in a real Chromium: quiet, narrow enough, readable, reachable by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.report import html
from tests.report import checked, samples
from tests.report.samples import Sample
from tests.tools import without

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGES = {
    "checked": checked.checked,
    "hostile": checked.hostile_checks,
    "quiet": samples.nothing_changed,
    "failed": samples.stage_failed,
}

# The contrast (WCAG 2.2, 1.4.3) of every text that is painted; gives those below 4.5.
CONTRAST = r"""
() => {
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (css) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = css;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest("svg, .hidden, .skip-link") || !element.getClientRects().length) continue;
    seen += 1;
    const [one, two] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) low.push([text.slice(0, 60), Math.round(ratio * 100) / 100]);
  }
  return {seen, low};
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser of this machine, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        without("chromium", f"no browser: none of {', '.join(BROWSERS)} is on PATH")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


def written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


def rendered(sample: Sample) -> str:
    return html.page(
        sample.evidence, sample.findings, sample.verdict, source_url="https://git.example/blob/1"
    )


def opened(browser: Any, address: str, width: int, scheme: str) -> tuple[Any, list[str]]:
    """The page, and everything that it said or asked for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(address)
    return page, heard


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_quiet_fits_and_can_be_read(
    browser: Any, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    address = written(tmp_path, name, rendered(PAGES[name]()))
    page, heard = opened(browser, address, width, scheme)
    page.screenshot(path=str(tmp_path / f"{name}-{width}-{scheme}.png"), full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    found = page.evaluate(CONTRAST)
    page.screenshot(path=str(tmp_path / f"{name}-{width}-{scheme}-open.png"), full_page=True)
    page.context.close()
    assert heard == [address]
    assert wide <= room
    assert found["low"] == []
    assert found["seen"] > 15


@pytest.mark.slow
def test_every_fold_and_every_wide_table_is_reached_by_keyboard(browser: Any, tmp_path: Path) -> None:
    page, _ = opened(browser, written(tmp_path, "keys", rendered(checked.checked())), 1280, "light")
    wanted = page.evaluate("document.querySelectorAll('summary, .scroll, a').length")
    shown = page.evaluate(
        "[...document.querySelectorAll('summary, .scroll, a')].filter((one) => one.checkVisibility()).length"
    )
    reached, outlined = 0, 0
    for _ in range(wanted):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "document.activeElement === document.body ? '' : getComputedStyle(document.activeElement).outlineStyle"
        )
        reached += style != ""
        outlined += style == "solid"
        if reached == shown:
            break
    page.context.close()
    assert reached == shown
    assert outlined == shown


@pytest.mark.slow
def test_a_fold_opens_by_keyboard(browser: Any, tmp_path: Path) -> None:
    page, _ = opened(browser, written(tmp_path, "fold", rendered(checked.checked())), 1280, "light")
    page.focus("summary")
    page.keyboard.press("Enter")
    state = page.evaluate("document.querySelector('details').open")
    page.context.close()
    assert state is True


@pytest.mark.slow
def test_on_paper_every_fold_is_open_and_the_colours_are_light(browser: Any, tmp_path: Path) -> None:
    page, _ = opened(browser, written(tmp_path, "paper", rendered(checked.checked())), 1280, "dark")
    page.emulate_media(media="print")
    # The browser lays the opened folds out in a frame of their own; a fold that stays shut ends the wait.
    page.wait_for_function(
        "[...document.querySelectorAll('details > :not(summary)')].every((one) => one.checkVisibility("
        "{contentVisibilityAuto: true}))",
        timeout=10_000,
    )
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    found = page.evaluate(CONTRAST)
    page.pdf(path=str(tmp_path / "paper.pdf"))
    page.context.close()
    assert back == "rgb(255, 255, 255)"
    assert found["low"] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_of_two_tables(browser: Any, tmp_path: Path, width: int) -> None:
    address = written(tmp_path, "drift", html.drift_page(checked.drift()))
    page, heard = opened(browser, address, width, "light")
    page.screenshot(path=str(tmp_path / f"drift-{width}.png"), full_page=True)
    found = page.evaluate(CONTRAST)
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    page.context.close()
    assert heard == [address]
    assert wide <= room
    assert found["low"] == []
