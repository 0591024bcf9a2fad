"""Plain text for a terminal: the words stand in templates, foreign text cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mlops_ci.writing import figures, markdown
from mlops_ci.writing.visible import one_line

# A name longer than this would push everything else off the screen.
WIDEST = 40


class Block(str):
    """Lines that were made here: they keep their blanks and line ends."""

    __slots__ = ()


def cell(value: object) -> str:
    """Foreign text on one line, without control characters, at most 40 characters."""
    return _clipped(value, WIDEST)


def aligned(rows: Iterable[Sequence[object]], indent: int = 0, widest: int = WIDEST) -> Block:
    """Rows as columns of equal width, two blanks apart; the last one may be of any length.

    ``widest`` is how many characters the others may have.
    """
    lines = [[*(_clipped(one, widest) for one in row[:-1]), one_line(row[-1]).strip()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*(line[:-1] for line in lines), strict=True)]
    padded = (
        "  ".join([*(text.ljust(width) for text, width in zip(line[:-1], widths, strict=True)), line[-1]])
        for line in lines
    )
    return Block("\n".join(" " * indent + line.rstrip() for line in padded))


def _clipped(value: object, widest: int) -> str:
    return markdown.clip(one_line(value).strip(), widest)


def named(values: Iterable[object], most: int = 8, more: int = 0) -> str:
    """Names in a row; of many the first, and how many further ones there are (``more`` are not at hand)."""
    listed = [cell(value) for value in values]
    further = len(listed[most:]) + more
    return ", ".join(listed[:most]) + (f" and {further:,} more" if further else "")


def _shown(value: object) -> str:
    if isinstance(value, Block):
        return value
    return one_line(figures.number(value) if isinstance(value, float) else value)


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
