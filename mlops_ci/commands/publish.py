"""`mlops-ci publish`: the bytes of models to where a deployment finds them."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters.model_store import ModelStore, Published
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.project import Project, find
from mlops_ci.commands.options import Json
from mlops_ci.config import Model
from mlops_ci.errors import ConfigError

_Model = Annotated[str, typer.Argument(help="The model; default: all of the repository.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Hash and show, and write nothing.")]


def publish(model: _Model = "", dry_run: _DryRun = False, json: Json = False) -> int:
    """Copy the models of dvc.lock to the model store, by the sha256 of their bytes.

    The bytes come from the DVC cache or its remote and are read back after they were written. What is there
    already costs nothing. A manifest names the address that is printed. docs/releases.md says more.
    """
    terminal = Terminal(json_output=json)
    project = find(Path.cwd(), os.environ)
    store = ModelStore.of(project.policy.promotion.store or "", project.dvc)
    done: list[Published] = []
    for one in _chosen(project, model, terminal):
        value = _hash(project, one)
        with terminal.step(f"{'Hashing' if dry_run else 'Publishing'} {one.name}"):
            done.append((store.would_publish if dry_run else store.publish)(one.name, one.path, value))
    terminal.result(
        "\n".join(_line(one, dry_run=dry_run) for one in done), {"models": [asdict(one) for one in done]}
    )
    return 0


def _chosen(project: Project, name: str, terminal: Terminal) -> list[Model]:
    """The models that are files, which those are that dvc.yaml declares as artifacts."""
    models = project.models(project.dvc.graph(), None)
    wanted = [one for one in models if name in ("", one.name)]
    if not wanted:
        known = ", ".join(one.name for one in models) or "none"
        raise ConfigError(f"there is no model {name!r}", f"there are: {known}")
    found = [one for one in wanted if one.path]
    if not found:
        raise ConfigError(
            f"{wanted[0].dvcfile}: declares no artifact for {wanted[0].name}, so it has no bytes",
            "add it under artifacts: NAME: {path: ..., type: model}",
        )
    for one in wanted:
        if not one.path:
            terminal.say(f"note: {one.name} is not published: {one.dvcfile} declares no artifact for it")
    return found


def _hash(project: Project, model: Model) -> str:
    value = project.dvc.tracked(model.path)
    if value is None:
        raise ConfigError(
            f"{model.path}: dvc.lock has no hash of the model {model.name}",
            "make it with `dvc repro` or `mlops-ci run`, and commit dvc.lock",
        )
    return value


def _line(one: Published, *, dry_run: bool) -> str:
    did = ("would be published" if dry_run else "published") if one.new else "is there already"
    files = "1 file" if one.files == 1 else f"{one.files:,} files"
    return f"{one.model} {did}: {files}, {one.size:,} bytes\n  {one.digest}\n  {one.uri}"
