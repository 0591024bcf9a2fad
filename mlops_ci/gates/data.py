"""Gate: the tables keep their schema, and the test rows are not the training rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.evidence import (
    DataRule,
    Evidence,
    Finding,
    ModelEvidence,
    StageRun,
    Status,
    TableCheck,
    Where,
)
from mlops_ci.judging import data as words
from mlops_ci.judging import unmeasured
from mlops_ci.writing.figures import count

PER_MODEL = True
# Which key names the column that a rule is about.
_KEYS = {"duplicates": "data.id in mlops-ci.yaml", "labels": "data.target in mlops-ci.yaml"}


class LeakageLimit(BaseModel):
    """From where one column alone tells the target so well that it must be the target in disguise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auc: float = Field(
        default=0.999, gt=0.5, le=1, strict=True, description="Of classes: the ROC AUC of the column alone."
    )
    correlation: float = Field(
        default=0.9999, gt=0, le=1, strict=True, description="Of a number: the correlation, without its sign."
    )


class Options(BaseModel):
    """What becomes of a broken rule, and the limits of the rules between tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    warn: tuple[str, ...] = Field(
        default=(),
        description="Rules that only warn, for example added, fresh or leakage; any other broken rule fails.",
    )
    off: tuple[str, ...] = Field(default=(), description="Rules that are not judged.")
    max_duplicates: float = Field(
        default=0.0,
        ge=0,
        le=1,
        strict=True,
        description="The share of test rows that may equal a training row, beyond what chance explains.",
    )
    leakage: LeakageLimit = Field(
        default=LeakageLimit(), description="From where a column is taken for the target in disguise."
    )
    min_rows: int = Field(default=0, ge=0, strict=True, description="How many training rows there must be.")
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")


@unmeasured.told_first("data")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """The tables keep their schema, and the test rows are not the training rows."""
    if not evidence.models:
        return [_finding("data", Status.SKIP, "There is no model, so no table was checked.")]
    return [
        one.model_copy(update={"model": model.name})
        for model in evidence.models
        for one in _model(model, options, evidence.stages)
    ]


def _model(model: ModelEvidence, options: Options, stages: Sequence[StageRun]) -> Iterator[Finding]:
    if not model.tables:
        yield _skipped(options)
        return
    kept = 0
    for table in model.tables:
        broken, unknown = _broken(table, options), _unknown(table, options)
        yield from _unread(table, options, stages)
        yield from _short(table, options)
        yield from _unplaced(table, options)
        yield from _failures(table, broken, options)
        yield from _unjudged(table, unknown)
        # Rules that were left out of the evidence are kept ones, or stand behind the broken ones.
        lost = max(0, table.checked - len(table.rules))
        kept += sum(rule.ok for rule in table.rules) + max(0, lost - max(0, table.broken - MOST))
    if kept:
        tables = ", ".join(table.table for table in model.tables if table.rules)
        plural = "rule is" if kept == 1 else "rules are"
        yield _finding("rules", Status.PASS, f"{count(kept)} {plural} kept ({tables}).")
    if not any(table.schema_path for table in model.tables):
        yield _no_schema(options)


# As many rules of a table the evidence holds one by one.
MOST = 300


def _finding(subject: str, status: Status, sentence: str, *, hint: str = "", schema: str = "") -> Finding:
    return Finding(
        gate="data",
        subject=subject,
        status=status,
        sentence=sentence,
        hint=hint,
        where=Where(file=schema) if schema else None,
    )


def _skipped(options: Options) -> Finding:
    said = "No table was checked: mlops-ci.yaml names none for this model."
    hint = "name the training table under defaults.data.train, and its schema under defaults.data.schema"
    found = _finding("data", Status.SKIP, said, hint=hint)
    return found.model_copy(update={"required": options.required})


def _no_schema(options: Options) -> Finding:
    said = "The tables have no schema, so types, ranges and missing values were not checked."
    hint = "run `mlops-ci data infer` on the training table and name the file under defaults.data.schema"
    found = _finding("schema", Status.SKIP, said, hint=hint)
    return found.model_copy(update={"required": options.required})


# ---- what could not be judged ------------------------------------------------------------------


def _unread(table: TableCheck, options: Options, stages: Sequence[StageRun]) -> Iterator[Finding]:
    """A table that could not be read: stale after a failed stage, away in production, else a failure."""
    if not table.problem:
        return
    said = f"{table.table} ({table.path}) was not checked: {table.problem.rstrip('.')}."
    if any(run.status in ("failed", "blocked") and f"stage {run.name} " in table.problem for run in stages):
        found = _finding(table.table, Status.SKIP, said, hint="mend the stage that failed")
        yield found.model_copy(update={"required": options.required})
    elif table.table == "production":
        hint = "check the address under data.production, and that it can be reached from here"
        yield _finding(table.table, Status.INCONCLUSIVE, said, hint=hint)
    else:
        hint = f"mend the table, or its path under data.{table.table} in mlops-ci.yaml"
        yield _finding(table.table, Status.FAIL, said, hint=hint)


def _unknown(table: TableCheck, options: Options) -> list[DataRule]:
    return [
        rule for rule in table.rules if rule.problem and rule.rule not in options.off and rule.rule != "read"
    ]


def _unplaced(table: TableCheck, options: Options) -> Iterator[Finding]:
    """A table that the model has nothing to do with: what is judged says nothing of the model."""
    for rule in table.rules:
        if rule.rule == "read" and rule.rule not in options.off:
            said = f"{rule.problem}, so what is said of the table says nothing of the model."
            found = _finding(f"{table.table} read", Status.SKIP, said, hint=words.hint(rule))
            yield found.model_copy(update={"required": True})


def _unjudged(table: TableCheck, rules: Sequence[DataRule]) -> Iterator[Finding]:
    """Rules nobody knows about, folded by their reason."""
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for rule in rules:
        grouped[rule.rule, rule.problem].append(rule.column)
    for (name, problem), columns in grouped.items():
        about = words.some([column for column in columns if column], words.NAMED)
        place = f"{table.table}: {about}: " if about else f"{table.table}: "
        end = "" if problem.endswith("?") else "."
        said = f"{place}{words.title(name)} could not be checked: {problem.rstrip('.')}{end}"
        if name in _KEYS and any(columns):
            # A name of the configuration that is no column would switch the rule off.
            found = _finding(f"{table.table} {name}", Status.SKIP, said, hint=f"mend {_KEYS[name]}")
            yield found.model_copy(update={"required": True})
            continue
        # A schema or a function that cannot be used is a mistake of the repository, not of the rows.
        status = Status.FAIL if name == "schema" or ":" in name else Status.INCONCLUSIVE
        yield _finding(f"{table.table} {name}", status, said, schema=table.schema_path)


# ---- what is broken ----------------------------------------------------------------------------


def _broken(table: TableCheck, options: Options) -> list[DataRule]:
    return [
        rule
        for rule in table.rules
        if not rule.problem and rule.rule not in options.off and not _is_kept(rule, options)
    ]


def _is_kept(rule: DataRule, options: Options) -> bool:
    if rule.rule == "duplicates" and not rule.column and rule.value is not None:
        return rule.value <= options.max_duplicates
    return rule.ok


def _short(table: TableCheck, options: Options) -> Iterator[Finding]:
    if table.table == "train" and not table.problem and table.rows < options.min_rows:
        said = f"train has {count(table.rows)} rows, fewer than {count(options.min_rows)}."
        yield _finding("train rows", Status.FAIL, said).model_copy(
            update={
                "value": float(table.rows),
                "limit": f"at least {count(options.min_rows)}",
                "direction": "higher",
            }
        )


def _failures(table: TableCheck, broken: Sequence[DataRule], options: Options) -> Iterator[Finding]:
    """One finding a broken rule; a rule that many columns break is one finding that names some."""
    grouped: dict[str, list[DataRule]] = defaultdict(list)
    for rule in broken:
        grouped[rule.rule].append(rule)
    for name, rules in grouped.items():
        status = Status.WARN if name in (*options.warn, "moved") else Status.FAIL
        if len(rules) > words.NAMED:
            yield _many(table, name, rules, status)
        else:
            yield from (_one(table, rule, status) for rule in rules)


def _one(table: TableCheck, rule: DataRule, status: Status) -> Finding:
    subject = " ".join(part for part in (table.table, rule.column, rule.rule) if part)
    found = _finding(
        subject,
        status,
        words.sentence(table, rule),
        hint=words.hint(rule),
        schema="" if rule.rule in words.BETWEEN else table.schema_path,
    )
    # What a rule between tables measures is a share or how much a column gives away.
    way = "lower" if rule.value is not None and rule.rule in words.BETWEEN else None
    return found.model_copy(update={"value": rule.value, "limit": rule.expected, "direction": way})


def _many(table: TableCheck, name: str, rules: Sequence[DataRule], status: Status) -> Finding:
    said = words.many(table, name, rules)
    return _finding(
        f"{table.table} {name}", status, said, hint=words.hint(rules[0]), schema=table.schema_path
    )
