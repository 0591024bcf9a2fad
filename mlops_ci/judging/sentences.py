"""How a measured difference is said in one plain sentence (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_ci.evidence import Comparison, Finding, Floor, Slice
from mlops_ci.judging.limits import Effect
from mlops_ci.writing.figures import change, count, number, percent


def plain(finding: Finding) -> Finding:
    """The finding with what people read of it in one printable line, whatever names it was made of."""
    lines = {name: _one_line(getattr(finding, name)) for name in ("subject", "sentence", "hint", "limit")}
    return finding.model_copy(update=lines)


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))


def amount(value: float) -> str:
    """A size or a limit, as short as it can be: 0.01, 12,345."""
    return change(value).removeprefix("+")


def enumerated(names: Sequence[str]) -> str:
    """Names in a sentence: ``staging``, ``staging and production``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def moved(name: str, delta: float) -> str:
    """The name and its movement: ``accuracy fell by 0.031``."""
    return f"{name} {'rose' if delta > 0 else 'fell'} by {amount(abs(delta))}"


def basis(comparison: Comparison) -> str:
    """What a difference rests on: its interval, the examples and the trainings."""
    interval = comparison.interval
    if comparison.interval.low == comparison.interval.high:
        return examples(comparison)
    share = f"{percent(interval.level)} % interval {change(interval.low)} to {change(interval.high)}"
    return f"{share}, {examples(comparison)}"


def of_examples(comparison: Comparison) -> bool:
    """Whether ``n`` counts examples; a comparison between trainings alone counts those."""
    return max(comparison.seeds) == 1 or comparison.n != sum(comparison.seeds)


def examples(comparison: Comparison) -> str:
    """How much stands behind a comparison: ``14,000 examples``, ``14,000 examples, 3 and 3 trainings``."""
    head, base = comparison.seeds
    trainings = f"{count(head)} and {count(base)} trainings"
    if not of_examples(comparison):
        return trainings
    counted = "1 example" if comparison.n == 1 else f"{count(comparison.n)} examples"
    return f"{counted}, {trainings}" if max(head, base) > 1 else counted


def difference(name: str, effect: Effect) -> str:
    """A movement and what it rests on: ``accuracy fell by 0.031 (95 % interval ... to ..., ...)``."""
    comparison = effect.comparison
    if comparison.delta == 0:
        return f"{name} stays the same ({basis(comparison)})"
    return f"{moved(name, comparison.delta)} ({basis(comparison)})"


def unsure(name: str, effect: Effect, tests: int) -> str:
    """Why a difference is neither kept nor broken."""
    comparison = effect.comparison
    said = change(comparison.delta)
    about = f"a change of {said} in {name} from noise"
    if effect.allowed:
        about = f"whether {name} keeps its allowed drop of {amount(effect.allowed)}: it moved by {said}"
    alone = effect.low > 0 or effect.high < -effect.allowed
    family = f"; {tests} metrics were tested, so one may differ by chance" if alone and tests > 1 else ""
    return f"Too few examples to tell {about} ({basis(comparison)}){family}."


def shown(name: str, head: float | None, base: float | None) -> str:
    """A metric that is not judged: its two values."""
    now = "nothing" if head is None else number(head)
    was = "" if base is None else f", {number(base)} at the base"
    return f"{name} is {now}{was}; it is shown, not judged."


def floor(found: Floor, *, unsure: bool) -> str:
    """A model that a trivial one equals or nearly equals."""
    claim = "may be no better than" if unsure else "is no better than"
    margin = f"margin {change(found.margin.delta)} ({basis(found.margin)})"
    return f"{found.metric} {claim} a trivial model ({found.kind}: {number(found.value)}): {margin}."


def group(found: Slice) -> str:
    """A group's name: ``sex = 2``."""
    return f"{found.column} = {found.level}"


def worse_slice(found: Slice, effect: Effect, others: int, *, asked: bool) -> str:
    """The group that lost most."""
    beyond = f"more than the allowed {amount(effect.allowed)}" if asked else "more than chance explains"
    rest = f" {count(others)} more {'group' if others == 1 else 'groups'} also lost." if others else ""
    return f"{difference(found.metric, effect)} for {group(found)}, {beyond}.{rest}"


def weakest_slice(found: Slice, *, compared: bool) -> str:
    """The group with the lowest value, where none lost for sure."""
    rows = f"{count(found.rows)} rows"
    start = "No group is surely worse than at the base; the weakest" if compared else "The weakest group"
    return f"{start} is {group(found)}: {found.metric} {number(found.head)} ({rows})."
