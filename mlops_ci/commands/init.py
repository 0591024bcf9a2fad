"""`mlops-ci init`: the workflow and the configuration that a repository starts with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from mlops_ci import __version__, starting
from mlops_ci.adapters import files, installed, revisions
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect import project, values
from mlops_ci.commands.options import DryRun, Json
from mlops_ci.config import Config, Label
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.pipeline import Graph
from mlops_ci.starting import Facts, Release

CONFIG = "mlops-ci.yaml"
PROMOTE = f"{starting.WORKFLOWS}/mlops-ci-promote.yml"
REQUIREMENTS = ("requirements.txt", "requirements-ci.txt", "requirements/requirements.txt")

_Forks = Annotated[
    bool, typer.Option("--forks", help="Also write the second phase for pull requests of forks.")
]
_Commands = Annotated[
    bool, typer.Option("--commands", help="Also write the workflow of commands in comments.")
]
_Promote = Annotated[
    bool,
    typer.Option("--promote", help="Also write the workflow of promotions, as where there are environments."),
]
_Pin = Annotated[
    str, typer.Option(help="The commit of mlops-ci that workflows call; default: this installation's.")
]
_Source = Annotated[str, typer.Option(help="Where mlops-ci is on your server, as OWNER/NAME.")]


@dataclass(frozen=True)
class Draft:
    """The files to write, and those of the same name that stay as they are."""

    new: dict[str, str]
    kept: tuple[str, ...]


def init(
    forks: _Forks = False,
    commands: _Commands = False,
    promote: _Promote = False,
    pin: _Pin = "",
    source: _Source = installed.HOME,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Write the workflow and a configuration for this repository; nothing is overwritten.

    The workflows call those of mlops-ci, pinned by commit. mlops-ci.yaml is drawn from dvc.yaml: its
    metrics with the way that is good, its models, its remote; all commented out, so nothing changes yet.
    """
    terminal = Terminal(json_output=json)
    git = Git.open(Path.cwd())
    rules = _rules(git)
    facts = _facts(git, rules)
    release = _release(pin, source)
    texts = {f"{starting.WORKFLOWS}/mlops-ci.yml": starting.pull_request(release, facts)}
    if forks:
        texts[f"{starting.WORKFLOWS}/mlops-ci-forks.yml"] = starting.forks(release)
    if commands:
        texts[f"{starting.WORKFLOWS}/mlops-ci-commands.yml"] = starting.commands(release)
    if promote or rules.environments:
        texts[PROMOTE] = starting.promote(release, facts)
    texts[CONFIG] = starting.configuration(facts)
    draft = _draft(git.root, texts)
    if not dry_run:
        for path, text in draft.new.items():
            files.write(git.root / path, text.encode())
    steps = _next(draft, facts)
    document = {"written": [] if dry_run else list(draft.new), "kept": list(draft.kept), "next": steps}
    terminal.result(
        _words(draft, steps, dry_run=dry_run), {**document, "files": draft.new} if dry_run else document
    )
    return 0


def _draft(root: Path, texts: dict[str, str]) -> Draft:
    """What is there already stays, a link that leads nowhere too."""
    kept = tuple(path for path in texts if (root / path).exists() or (root / path).is_symlink())
    return Draft({path: text for path, text in texts.items() if path not in kept}, kept)


def _release(pin: str, source: str) -> Release:
    """What workflows are pinned to.

    Raises:
        ConfigError: the commit is no full one, or cannot be known.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+", source):
        raise ConfigError(f"--source {source}: is no repository", "write OWNER/NAME")
    commit = pin or installed.commit(source)
    if not installed.is_commit(commit):
        said = f"--pin {pin}: is no full commit" if pin else "the commit of this mlops-ci cannot be told"
        raise ConfigError(said, "name the commit of a release with --pin, all 40 hex digits")
    return Release(source, commit, __version__)


# ---- what the repository says --------------------------------------------------------------------


def _facts(git: Git, rules: Config) -> Facts:
    dvc = Dvc.open(Path.cwd())
    try:
        graph = dvc.graph()
        return Facts(
            metrics=_metrics(dvc, graph),
            models={
                artifact.name: artifact.path for artifact in graph.artifacts if artifact.type in ("", "model")
            },
            predictions=next(
                (out.path for stage in graph.stages for out in stage.outs if "prediction" in out.path), ""
            ),
            remotes=dvc.store.addresses(),
            requirements=next((name for name in REQUIREMENTS if (git.root / name).is_file()), ""),
            when="label" if isinstance(rules.when, Label) else rules.when,
            branch=rules.base or revisions.default_branch(git) or git.branch() or "main",
        )
    finally:
        dvc.close()


def _rules(git: Git) -> Config:
    """What an mlops-ci.yaml that is there already says; else the defaults."""
    path = git.root / CONFIG
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    return project.rules(git, text)


def _metrics(dvc: Dvc, graph: Graph) -> dict[str, tuple[str, float]]:
    """Metric -> its file and its value now; a file that cannot be read has none to tell."""
    found: dict[str, tuple[str, float]] = {}
    for path in graph.metrics:
        try:
            numbers = values.parse(dvc.read(path, limit=values.MAX_BYTES), path).numbers
        except (MlopsError, values.UnreadableError):
            continue
        for name, value in numbers.items():
            found.setdefault(name, (path, value))
    return found


# ---- what to do next -----------------------------------------------------------------------------


def _next(draft: Draft, facts: Facts) -> list[str]:
    steps = []
    if not facts.remotes:
        steps.append(
            "Add a DVC remote that the runner can reach: dvc remote add --default storage s3://..., dvc push"
        )
    for name, address in facts.remotes[:1]:
        steps += _access(name, address, facts)
    if not facts.requirements:
        steps.append(
            f"Say what your stages need: `with: {{requirements: FILE}}` in {starting.WORKFLOWS}/mlops-ci.yml"
        )
    if draft.new:
        steps.append(f"git add {' '.join(draft.new)} && git commit -m 'Add mlops-ci' && git push")
    if PROMOTE in draft.new:
        steps.append(
            "Let the workflow open pull requests: by a GitHub App (docs/action.md), or Settings, Actions, "
            "General, Allow GitHub Actions to create and approve pull requests"
        )
    return [
        *steps,
        "Open a pull request: the comment comes by itself",
        f"Require the check `{starting.CHECK}` before a merge: Settings, Rules, Rulesets",
        "`mlops-ci doctor` says what is still missing",
    ]


def _access(name: str, address: str, facts: Facts) -> list[str]:
    """What a runner needs to reach the remote."""
    kind = starting.scheme(address)
    if not kind:
        return [
            f"The DVC remote {name} is a folder of this machine: GitHub's runners cannot reach it, yours may"
        ]
    steps = []
    if plugin := starting.PLUGINS.get(kind):
        steps.append(
            f"List {plugin} in {facts.requirements or 'the requirements'}: DVC needs it for {kind}://"
        )
    if secrets := starting.SECRETS.get(kind):
        called = ", ".join(secret.upper().replace("-", "_") for secret in secrets)
        steps.append(f"Store the repository's secrets {called}; or log in by OIDC, see docs/action.md")
    return steps


def _words(draft: Draft, steps: list[str], *, dry_run: bool) -> str:
    if dry_run:
        shown = [f"--- {path}\n{text}" for path, text in draft.new.items()]
        return "\n".join([*shown, *(f"--- {path}: is there and would stay as it is" for path in draft.kept)])
    lines = [f"wrote {path}" for path in draft.new]
    lines += [f"kept  {path}, which was there" for path in draft.kept]
    return "\n".join([*lines, "", "Next:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])
