"""Plain text for a terminal: the words stand in templates, foreign text cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mlops_ci.writing import figures, markdown

# A name longer than this would push everything else off the screen.
WIDEST = 40


class Block(str):
    """Lines that were made here: they keep their blanks and line ends."""

    __slots__ = ()


def cell(value: object) -> str:
    """Foreign text on one line, without control characters, at most 40 characters."""
    return markdown.clip(markdown.one_line(value).strip(), WIDEST)


def aligned(rows: Iterable[Sequence[object]], indent: int = 0) -> Block:
    """Rows as columns of equal width, two blanks apart; the last one may be of any length."""
    lines = [[*map(cell, row[:-1]), markdown.one_line(row[-1]).strip()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*(line[:-1] for line in lines), strict=True)]
    padded = (
        "  ".join([*(text.ljust(width) for text, width in zip(line[:-1], widths, strict=True)), line[-1]])
        for line in lines
    )
    return Block("\n".join(" " * indent + line.rstrip() for line in padded))


def shares(bins: Sequence[float], steps: int = 12) -> tuple[float, ...]:
    """A histogram brought to ``steps`` bins; a bin that falls into two is divided by its width."""
    if len(bins) <= steps:
        return tuple(bins)
    width = len(bins) / steps
    return tuple(_between(bins, step * width, (step + 1) * width) for step in range(steps))


def _between(bins: Sequence[float], low: float, high: float) -> float:
    overlaps = (max(0.0, min(high, index + 1) - max(low, index)) for index in range(len(bins)))
    return sum(share * part for share, part in zip(bins, overlaps, strict=True))


def named(values: Iterable[object], most: int = 8) -> str:
    """Names in a row; of many the first, and how many more there are."""
    listed = [cell(value) for value in values]
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _shown(value: object) -> str:
    if isinstance(value, Block):
        return value
    return markdown.one_line(figures.number(value) if isinstance(value, float) else value)


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "aligned": aligned,
    "names": named,
    "number": figures.number,
    "percent": figures.percent,
    "thousands": figures.count,
}


def render(template: str, **context: Any) -> str:
    """A built-in template with these values."""
    made = ImmutableSandboxedEnvironment(
        loader=PackageLoader("mlops_ci", "templates"),
        autoescape=False,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(_FILTERS)
    return made.get_template(template).render(**context).strip("\n") + "\n"
