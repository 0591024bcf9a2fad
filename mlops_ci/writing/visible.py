"""Foreign text as it can be seen: nothing in it steers a terminal, turns the line around or hides."""

from __future__ import annotations

import re
import unicodedata

GONE = "\ufffd"

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_BLANKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
# Arabic, Indic letters and emoji need them between two of their own.
_JOINERS = "\u200c\u200d"
_LOOSE_JOINER = re.compile(rf"(?<![^\x00-\xff])[{_JOINERS}]|[{_JOINERS}](?![^\x00-\xff])")
# Letters and marks for Unicode, and yet nothing to see: fillers, the grapheme joiner, selectors of variants.
_BLANK_LETTERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]")


def one_line(value: object) -> str:
    """The value on one line; control, bidirectional and other hidden characters become U+FFFD.

    A blank at either end stays: it may be a template's own, as in a separator.
    """
    return _seen(_BLANKS.sub(" ", _ANSI.sub("", str(value))))


def lines(value: str) -> str:
    """The value with its lines and tabs as they are; other hidden characters become U+FFFD."""
    plain = _ANSI.sub("", value).replace("\r\n", "\n")
    return "\n".join("\t".join(map(_seen, line.split("\t"))) for line in plain.split("\n"))


def last_state(line: str) -> str:
    """What a terminal shows of a line in the end: a progress bar is drawn over and over."""
    last = _ANSI.sub("", line).rstrip("\r").rpartition("\r")[2]
    return "\t".join(map(_seen, last.split("\t")))


def _seen(text: str) -> str:
    shown = "".join(map(_visible, text))
    return _BLANK_LETTERS.sub(GONE, _LOOSE_JOINER.sub(GONE, shown))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    hidden = category in ("Cc", "Cs") or (category == "Cf" and character not in _JOINERS)
    return GONE if hidden else character
