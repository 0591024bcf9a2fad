"""`mlops-ci schema add` and `mlops-ci schema check`: a cluster's kinds, and manifests held to them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters import files
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests import contract, crds
from mlops_ci.manifests.documents import Problem

FOLDER = Path(crds.FOLDER)
_SUFFIXES = frozenset((".yaml", ".yml", ".json"))


class Action(StrEnum):
    """What is done with the files."""

    ADD = "add"
    CHECK = "check"


_Action = Annotated[Action, typer.Argument(help="add compiles definitions, check holds manifests to them.")]
_Files = Annotated[
    list[Path], typer.Argument(help="add: files with CRDs, or folders of them; check: manifests, likewise.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="add: write nothing, only say what would be.")]


def schema(action: _Action, paths: _Files, dry_run: _DryRun = False, json: Json = False) -> int:
    """Compile the CRDs of a cluster into schemas (add), or hold manifests to them (check).

    The schemas go to .mlops-ci/schemas, one file a kind and version, to be committed. They are strict: a key
    that the definition does not name is a mistake, as is a value of another type. From then on every
    promotion's edit is held to them. Get a definition with `kubectl get crd NAME -o yaml`.
    """
    terminal = Terminal(json_output=json)
    found = [one for path in paths for one in _found(path)]
    if action is Action.ADD:
        return _add(terminal, found, dry_run=dry_run)
    if dry_run:
        raise ConfigError("--dry-run says nothing to `schema check`", "leave it out: a check writes nothing")
    return _check(terminal, found)


def _found(path: Path) -> Iterator[Path]:
    """A file, or all files in YAML and JSON below a folder."""
    if not path.is_dir():
        yield path
        return
    below = [one for one in sorted(path.rglob("*")) if one.suffix in _SUFFIXES and one.is_file()]
    if not below:
        raise ConfigError(f"{path}: there is no YAML or JSON file below it", "name a file")
    yield from below


def _text(path: Path) -> str:
    return files.text(path, "name a file or a folder")


def _add(terminal: Terminal, paths: list[Path], *, dry_run: bool) -> int:
    compiled = {one.file: one for path in paths for one in _compiled(path)}
    lines, document = [], []
    for name, one in sorted(compiled.items()):
        target, text = FOLDER / name, one.to_json().encode()
        old = target.read_bytes() if target.is_file() else None
        state = "new" if old is None else "unchanged" if old == text else "changed"
        if state != "unchanged" and not dry_run:
            files.write(target, text)
        lines.append(f"{target}: {one.kind} {one.api_version}, {state}")
        document.append({"file": str(target), "kind": one.kind, "version": one.api_version, "state": state})
    end = "Nothing was written." if dry_run else f"Commit {FOLDER}: from now on manifests are held to it."
    terminal.result("\n".join([*lines, end]), {"schemas": document, "written": not dry_run})
    return 0


def _compiled(path: Path) -> tuple[crds.Schema, ...]:
    text = _text(path)
    try:
        return crds.compiled(text)
    except ConfigError as error:
        raise type(error)(f"{path}: {error.message}", error.hint) from error


def _check(terminal: Terminal, paths: list[Path]) -> int:
    schemas = crds.loaded({one.name: _text(one) for one in sorted(FOLDER.glob("*.json"))})
    if not schemas:
        terminal.say(
            f"note: {FOLDER} holds no schema, so only the fields that promotions touch are checked; "
            "add your cluster's with `mlops-ci schema add`"
        )
    problems = [(path, one) for path in paths for one in _problems(path, schemas)]
    lines = [": ".join(filter(None, (str(path), one.place, one.message))) for path, one in problems]
    count = f"{len(paths)} file" + ("" if len(paths) == 1 else "s")
    end = f"{count}: {len(problems)} to mend" if problems else f"{count}: all is well"
    document = [{"file": str(path), "place": one.place, "message": one.message} for path, one in problems]
    terminal.result("\n".join([*lines, end]), {"files": len(paths), "problems": document})
    return 1 if problems else 0


def _problems(path: Path, schemas: tuple[crds.Schema, ...]) -> tuple[Problem, ...]:
    """What the contract and the schemas say of a file; one that is no YAML has one problem."""
    text = _text(path)
    try:
        return tuple(dict.fromkeys((*contract.problems(text), *crds.problems(text, schemas))))
    except ManifestError as error:
        return (Problem("", error.message),)
