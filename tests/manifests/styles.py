"""The ways one manifest may be written: indents, brackets, quotes, comments, order, line ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml
from hypothesis import strategies as some


@dataclass(frozen=True)
class Style:
    """How a manifest is written."""

    indent: int
    flow: bool | None
    quotes: str | None
    ending: str
    shuffled: int | None
    comments: bool
    indented: bool
    opened: bool

    def write(self, text: str) -> str:
        """A manifest in this style, with the same meaning."""
        dumped = [self._dump(one) for one in yaml.safe_load_all(text)]
        whole = "---\n".join(dumped)
        return ("---\n" * self.opened + whole).replace("\n", self.ending)

    def _dump(self, data: Any) -> str:
        shuffled = data if self.shuffled is None else _shuffled(data, Random(self.shuffled))
        found: str = yaml.dump(
            shuffled,
            Dumper=_dumper(self.quotes, _Indented if self.indented else yaml.SafeDumper),
            indent=self.indent,
            default_flow_style=self.flow,
            sort_keys=False,
            width=10_000,
        )
        return "".join(self._commented(found)) if self.comments else found

    def _commented(self, text: str) -> Iterator[str]:
        for number, line in enumerate(text.splitlines()):
            if number % 3 == 0:
                yield f"# line {number}\n"
            yield f"{line}  # {{{{ it's: 'so' }}}}\n" if number % 4 == 1 else f"{line}\n"


class _Indented(yaml.SafeDumper):
    """Writes lists deeper than their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _dumper(quotes: str | None, base: type[yaml.SafeDumper]) -> type[yaml.SafeDumper]:
    """A writer that puts all text in quotes, and nothing else."""

    class Quoting(base):  # type: ignore[valid-type, misc]
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=quotes)

    Quoting.add_representer(str, text)
    return Quoting


def _shuffled(data: Any, random: Random) -> Any:
    """The same mappings in another order; the order of lists means something."""
    if isinstance(data, dict):
        keys = random.sample(sorted(data), len(data))
        return {key: _shuffled(data[key], random) for key in keys}
    return [_shuffled(one, random) for one in data] if isinstance(data, list) else data


def styles() -> some.SearchStrategy[Style]:
    """Styles that people and tools write in."""
    return some.builds(
        Style,
        indent=some.sampled_from([2, 4]),
        flow=some.sampled_from([False, False, None, True]),
        quotes=some.sampled_from([None, None, "'", '"']),
        ending=some.sampled_from(["\n", "\r\n"]),
        shuffled=some.none() | some.integers(0, 99),
        comments=some.booleans(),
        indented=some.booleans(),
        opened=some.booleans(),
    )
