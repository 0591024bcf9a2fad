"""How a broken rule of a table is said in one plain sentence (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_ci.evidence import DataRule, TableCheck
from mlops_ci.writing.figures import count

# Where so many columns break one rule, they are told in one sentence that names the first.
NAMED = 5
# Rules that no schema says.
BETWEEN = frozenset({"duplicates", "leakage", "labels", "moved", "read"})

_SCHEMA = (
    "mend the data; if the rule is wrong, change it in a pull request of its own: the base branch's judges"
)
_HINTS = {
    "duplicates": "take these rows out of one of the tables, or split by what identifies an example",
    "leakage": "take the column out of the features, or show that it is known before the target is",
    "labels": "take the rows without a label out of the training table",
    "missing": "write the column again; if it was renamed, rename it in the schema first",
    "added": "name the column in the schema, or allow `further_columns: true` there",
    "fresh": "bring the table up to date, or check the clock of what writes it",
    "rows": "check that the whole table was written",
    "moved": "see that it is the same table; the path counts for the base branch once this is merged",
    "read": "name the table that the model is made of, or declare it under deps in dvc.yaml",
}


def title(rule: str) -> str:
    """A rule as a sentence names it; a function of the user's own keeps its name."""
    return rule if ":" in rule else f"the rule {rule}"


def reading(rule: DataRule) -> str:
    """How a type is mended that a file of text does not tell; empty where the type is another matter."""
    found = rule.found.partition(";")[0]
    if rule.rule != "type":
        return ""
    if rule.expected == "text" and found in ("integer", "number"):
        return (
            "a file of text does not say that digits are codes: write the table as Parquet, or say"
            f" `type: {found}` of {rule.column} in the schema (and `--categorical {rule.column}` to infer,"
            " profile and drift)"
        )
    if {rule.expected, found} <= {"boolean", "integer"} and rule.expected != found:
        one, other = ("0 and 1", "true and false") if found == "integer" else ("true and false", "0 and 1")
        kept = "type: integer, allowed: [0, 1]" if found == "integer" else "type: boolean"
        return f"{one} are no {other}: write them so, or say `{kept}` of {rule.column} in the schema"
    return ""


def hint(rule: DataRule) -> str:
    """How a broken rule is mended."""
    if how := reading(rule):
        return how
    return _HINTS.get(rule.rule, _SCHEMA)


def sentence(table: TableCheck, rule: DataRule) -> str:
    """What is broken: table, column, rule, how many rows, what was expected and what was found."""
    place = f"{table.table}: {rule.column}" if rule.column else table.table
    if rule.rule == "missing":
        meant = "" if rule.found in ("", "none") else f"; did you mean {rule.found}, which is there?"
        return f"{place} is missing{meant or '.'}"
    if rule.rule == "added":
        meant = "" if rule.found in ("", "a column") else f"; did you mean {rule.found}?"
        return f"{place} is not in the schema, which allows no further columns{meant or '.'}"
    if rule.rule == "moved":
        own, before = f"data.{place} is {rule.found}", f"{rule.expected} at the base"
        return f"{own} in this pull request and {before}; it is compared with the base's table all the same."
    if rule.rule == "leakage":
        return f"{place} tells the target by itself ({rule.found}); expected {rule.expected}."
    rows = ""
    if rule.failing is not None and rule.rule not in ("duplicates", "labels"):
        rows = f" in {count(rule.failing)} of {count(table.rows)} rows"
    return f"{place} breaks {title(rule.rule)}{rows}: expected {rule.expected}, found {rule.found}."


def many(table: TableCheck, name: str, rules: Sequence[DataRule]) -> str:
    """One rule that many columns break."""
    columns = some([rule.column for rule in rules], NAMED)
    less = table.broken > len(table.rules) > 0
    number = f"{'at least ' if less else ''}{count(len(rules))} columns"
    return f"{table.table}: {number} break the rule {name}: {columns}."


def some(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {count(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
