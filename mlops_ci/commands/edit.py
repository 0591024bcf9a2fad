"""`mlops-ci edit`: values of a YAML file are changed, and not a byte else."""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_ci import yaml_edit
from mlops_ci.adapters import files
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ManifestError
from mlops_ci.writing import visible

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file: a manifest, Helm values, ...")]
_Orders = Annotated[
    list[str],
    typer.Argument(metavar="ADDRESS=VALUE...", help="What to set where; ADDRESS- takes a key or entry out."),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the difference and write nothing.")]
_LONGEST = 100


def edit(file: _File, orders: _Orders, dry_run: _DryRun = False, json: Json = False) -> int:
    """Change values of a YAML file by their addresses, and not a byte else.

    For example: mlops-ci edit deploy/iris.yaml 'InferenceService/iris:spec.predictor.minReplicas=2'. An
    address is Kind/name:path, or :path in a file with one document; a key with dots stands in quotes, and an
    entry of a list is named by one of its keys in brackets. A value is read as YAML: 5 is a number, '"5"' is
    text. Either all is changed or nothing. docs/edit.md says more.
    """
    terminal = Terminal(json_output=json)
    asked = [yaml_edit.order(one) for one in orders]
    before = files.text(file, "name a YAML file")
    try:
        after = yaml_edit.edit(before, *asked)
        found = yaml_edit.changes(before, after)
    except ManifestError as error:
        raise ManifestError(f"{file}: {error.message}", error.hint) from error
    for one in found:
        if isinstance(one.old, str) and isinstance(one.new, int | float):
            terminal.say(f"note: {one.address} was text; '\"...\"' sets text, not {_shown(one.new)}")
    is_written = after != before and not dry_run
    if is_written:
        # A link stays one, and what it leads to is changed.
        files.write(file.resolve(), after.encode())
    difference = _difference(before, after, file)
    document = {
        "file": str(file),
        "written": is_written,
        "changes": [
            {"address": str(one.address), "old": _finite(one.old), "new": _finite(one.new)} for one in found
        ],
        "difference": difference,
    }
    words = difference if dry_run and difference else _words(file, found, is_changed=after != before)
    terminal.result(visible.lines(words), document)
    return 0


def _difference(before: str, after: str, file: Path) -> str:
    """A unified diff, empty where nothing differs."""
    old, new = before.split("\n"), after.split("\n")
    name = file.as_posix().lstrip("/")
    return "\n".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""))


def _words(file: Path, found: tuple[yaml_edit.Change, ...], *, is_changed: bool) -> str:
    if not is_changed:
        return f"{file}: says so already"
    if not found:
        return f"{file}: changed, but no value is another"
    lines = [f"  {one.address}: {_shown(one.old)} → {_shown(one.new)}" for one in found]
    number = "1 value" if len(found) == 1 else f"{len(found):,} values"
    return "\n".join([f"{file}: {number} changed", *lines])


def _shown(value: Any) -> str:
    return "nothing" if value is None else visible.one_line(yaml_edit.shown(value, _LONGEST))


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
