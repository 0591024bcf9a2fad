"""What a reader, a browser and a runner would make of what a run left: each gives the complaints it has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARK = "https://cml.dev/watermark.png#"
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OUR_TAGS = re.compile(
    r"</?(?:sub|code|details(?: open)?)>|<summary>[^<]*</summary>|<!-- mlops-ci:(?:report|decisions) [^<>]*-->"
)
# What GitHub makes a link, or a mention that somebody is told of.
LIVE = re.compile(
    r"@\w|(?<![\w&])#\d|\bgh-\d|https?://|www\.\w|\bmailto:|(?<![0-9a-z_\u200b])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}(?![0-9a-z_\u200b])",
    re.IGNORECASE,
)
UNSEEN = re.compile("[\u115f\u1160\u3164\uffa0\u034f\u00ad]")
ADDRESS = re.compile(r"https?://(?!evil)|#")
# The page's own: it may load nothing at all, and has no icon to ask for.
OUR_HEAD = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">",
    '<link rel="icon" href="data:,">',
)
BANNED = {"script", "iframe", "object", "embed", "form", "base", "link", "img", "applet", "video", "audio"}


def hidden(text: str) -> list[str]:
    """Characters that steer or that nobody sees; the one that keeps things apart is ours."""
    found = []
    for character in text:
        kind = unicodedata.category(character)
        ours = character in "\n\t\u200b"
        if (kind in ("Cc", "Cf", "Cs") and not ours) or UNSEEN.match(character):
            found.append(f"U+{ord(character):04X}")
    return found


@dataclass(frozen=True)
class Wrong:
    """Something that is more than text, and the text around it."""

    what: str
    around: str


def markdown(source: str, ours: tuple[str, ...]) -> list[Wrong]:
    """Tags, pictures, links and mentions in a report that are not its own; ``ours`` begin its links."""
    found = [Wrong(what, line) for line in source.splitlines() for what in hidden(line)]
    for block in PARSER.parse(source):
        if block.type == "html_block":
            found += _tags(block.content)
        for token in block.children or ():
            found += [Wrong(what.what, block.content) for what in _inline(token, ours)]
    return found


def _inline(token: Token, ours: tuple[str, ...]) -> list[Wrong]:
    if token.type == "html_inline":
        return _tags(token.content)
    if token.type == "link_open" and not str(token.attrs["href"]).startswith(ours):
        return [Wrong(f"a link: {token.attrs['href']}", "")]
    if token.type == "image" and not str(token.attrs["src"]).startswith(MARK):
        return [Wrong(f"a picture: {token.attrs['src']}", "")]
    if token.type == "text" and (live := LIVE.search(token.content)):
        return [Wrong(f"a mention: {token.content[max(0, live.start() - 20) : live.end() + 20]!r}", "")]
    return []


def _tags(html: str) -> list[Wrong]:
    left = OUR_TAGS.sub("", html).strip()
    return [Wrong(f"a tag: {left[:80]!r}", html)] if left else []


class _Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[Wrong] = []
        self.source = source.splitlines()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.get_starttag_text() in OUR_HEAD:
            return
        around = self.source[self.getpos()[0] - 1]
        if tag in BANNED:
            self.found.append(Wrong(f"the tag {tag}", around))
        for name, value in attrs:
            if name.startswith("on") or name in ("srcdoc", "formaction", "action", "http-equiv"):
                self.found.append(Wrong(f"the attribute {name}", around))
            if name in ("href", "src", "xlink:href") and not ADDRESS.match(value or ""):
                self.found.append(Wrong(f"the address {value!r}", around))


def page(source: str) -> list[Wrong]:
    """What a browser would do with a page that is more than to show it."""
    parser = _Page(source)
    parser.feed(source)
    parser.close()
    return parser.found + [Wrong(what, line) for line in source.splitlines() for what in hidden(line)]


def commands(lines: Iterable[str]) -> Iterator[str]:
    """The lines that a runner takes for commands, as it reads them: none between a stop and its word."""
    stopped = ""
    for line in lines:
        if stopped:
            stopped = "" if line.strip() == f"::{stopped}::" else stopped
        elif found := re.match(r"\s*::stop-commands::(\S+)", line):
            stopped = found[1]
        elif re.match(r"\s*::[\w-]+", line) or "##[" in line:
            yield line
