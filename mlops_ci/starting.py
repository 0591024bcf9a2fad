"""What a repository starts with: its workflows, and a configuration drawn from its pipeline (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

from mlops_ci.comparing import names

WORKFLOWS = ".github/workflows"
# The check that GitHub makes of the workflow's job: red where the verdict refuses.
CHECK = "mlops-ci / verdict"
# What DVC needs beyond its core for a remote, by the scheme of its address.
PLUGINS = {
    "abfs": "dvc-azure",
    "azure": "dvc-azure",
    "gdrive": "dvc-gdrive",
    "gs": "dvc-gs",
    "hdfs": "dvc-hdfs",
    "oss": "dvc-oss",
    "s3": "dvc-s3",
    "ssh": "dvc-ssh",
    "webdav": "dvc-webdav",
    "webdavs": "dvc-webdav",
}
# A remote's scheme -> the secrets of pull-request.yml that open it.
SECRETS = {
    "azure": ("azure-storage-connection-string",),
    "gdrive": ("gdrive-credentials-data",),
    "s3": ("aws-access-key-id", "aws-secret-access-key"),
}
# What mlops-ci.yaml's key `when` waits for -> the event of a pull request that starts the workflow then.
EVENTS = {"label": "labeled", "ready": "ready_for_review"}
USUAL_EVENTS = ("opened", "synchronize", "reopened")
MOST_METRICS = 30
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
# What mlops-ci.yaml takes for the name of a model.
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_WORDS_OF_YAML = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class Release:
    """The mlops-ci that workflows are pinned to: repository, commit and the version that it is."""

    source: str
    commit: str
    version: str


@dataclass(frozen=True)
class Facts:
    """What the repository's own files say: metrics with their values now, models, remotes by name."""

    metrics: Mapping[str, tuple[str, float]]
    models: Mapping[str, str]
    predictions: str = ""
    remotes: tuple[tuple[str, str], ...] = ()
    requirements: str = ""
    when: str = "push"
    branch: str = "main"


# ---- workflows -----------------------------------------------------------------------------------


def pull_request(release: Release, facts: Facts) -> str:
    """The workflow of pull requests: the reusable one, with the requirements and the remote's secrets.

    It starts at the events of a pull request that ``facts.when`` needs.
    """
    text = _template("mlops-ci.yml", release)
    if event := EVENTS.get(facts.when):
        types = ", ".join((*USUAL_EVENTS, event))
        triggers = f"on: {{pull_request: {{types: [{types}]}}, merge_group: {{}}}}"
        text = text.replace("on: [pull_request, merge_group]", triggers)
    if facts.requirements:
        text += f"    with:\n      requirements: {facts.requirements}\n"
    return text + _secrets(facts)


def forks(release: Release) -> str:
    """The second phase for forks."""
    return _template("mlops-ci-forks.yml", release)


def commands(release: Release) -> str:
    """Commands in comments."""
    return _template("mlops-ci-commands.yml", release)


def promote(release: Release, facts: Facts) -> str:
    """Promotions: after every push to the default branch, every hour, and by hand."""
    text = _template("mlops-ci-promote.yml", release).replace("@BRANCH@", _yaml(facts.branch))
    if facts.requirements:
        text += f"    with:\n      requirements: {facts.requirements}\n"
    return text + _secrets(facts)


def _secrets(facts: Facts) -> str:
    """The lines that hand over what opens the remote."""
    names = [secret for scheme in schemes(facts) for secret in SECRETS.get(scheme, ())]
    lines = [f"      {name}: ${{{{ secrets.{name.upper().replace('-', '_')} }}}}\n" for name in names]
    return "".join(["    secrets:\n", *lines]) if lines else ""


def schemes(facts: Facts) -> tuple[str, ...]:
    """How the default remote is reached: s3, gs, ...; empty for a folder or no remote."""
    return tuple(filter(None, (scheme(address) for _, address in facts.remotes[:1])))


def scheme(address: str) -> str:
    """The scheme of a remote's address; empty for a folder."""
    return urlsplit(address).scheme.lower() if "://" in address else ""


def without_password(address: str) -> str:
    """An address that may be shown: a password in it is nobody's business."""
    head, marked, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{head}{marked}{host.rpartition('@')[2]}{slash}{path}" if marked else address


def _template(name: str, release: Release) -> str:
    text = (resources.files("mlops_ci") / "templates" / "init" / name).read_text(encoding="utf-8")
    told = {"@SOURCE@": release.source, "@COMMIT@": release.commit, "@VERSION@": f"v{release.version}"}
    for mark, value in told.items():
        text = text.replace(mark, value)
    return text


# ---- mlops-ci.yaml -------------------------------------------------------------------------------


def configuration(facts: Facts) -> str:
    """A commented mlops-ci.yaml: it changes nothing until a setting is switched on."""
    parts = [_head(), _lock(facts), _models(facts), _defaults(facts), _limits(facts)]
    return "\n".join(parts)


def _head() -> str:
    return """\
## How pull requests on this repository are judged. Drawn from dvc.yaml by `mlops-ci init`; none of it is
## needed. Lines with one `#` are settings: take it away to switch them on. The rules are read from the tip
## of the base branch. Every key is explained in docs/configuration.md of mlops-ci.
version: 1
"""


def _lock(facts: Facts) -> str:
    lines = [
        "## When dvc.lock is behind: report proposes a patch, commit updates the branch, verify refuses.",
        "lock: report",
        "## When pull requests are run: push, ready (no drafts), command (/mlops-ci run), {label: run-ml}.",
        "# when: push",
    ]
    for name, address in facts.remotes[:1]:
        lines.insert(
            0, f"## Data comes from the DVC remote {_said(name)}: {_said(without_password(address))}"
        )
    return "\n".join(lines) + "\n"


def _models(facts: Facts) -> str:
    if not facts.models:
        return """\
## No `artifacts:` in dvc.yaml, so the whole pipeline counts as one model, named after its folder.
"""
    lines = ["## Found through `artifacts:` in dvc.yaml. Without this key all of them are judged."]
    lines += [f"##   {_said(name)}: {_said(path)}" for name, path in facts.models.items()]
    if safe := [name for name in facts.models if _SAFE.fullmatch(name)]:
        lines.append(f"# models: [{', '.join(map(_yaml, safe))}]")
    return "\n".join(lines) + "\n"


def _defaults(facts: Facts) -> str:
    found = facts.predictions or "reports/predictions.parquet"
    return f"""\
## One row an example: y_true, y_pred, y_score. With it a difference gets an interval, without only a number.
# defaults:
#   predictions: {_yaml(found)}
"""


def _limits(facts: Facts) -> str:
    lines = [
        "## What may not get worse. Without a limit a worse metric only warns. min and max are absolute.",
        "# gates:",
        "#   metrics:",
        "#     limits:",
    ]
    shown = list(_limit_lines(facts))
    if not shown:
        shown = ["#       accuracy: {max_drop: 2%} # an example: no metrics file could be read"]
    return "\n".join([*lines, *shown]) + "\n"


def _limit_lines(facts: Facts) -> Iterator[str]:
    told = [name for name in facts.metrics if names.phrase(name) != "neutral"]
    for name in told[:MOST_METRICS]:
        file, value = facts.metrics[name]
        good = names.direction(name)
        limit = "{max_drop: 2%}" if good else "{max_drop: 2%, direction: higher}"
        word = f"{good} is better, by its name" if good else "higher or lower? its name does not say"
        yield f"#       {_yaml(name)}: {limit} # {value:.6g} in {_said(file)}; {word}"
    if len(told) > MOST_METRICS:
        yield f"##      and {len(told) - MOST_METRICS} more"


def _yaml(text: str) -> str:
    """A text as YAML reads it back, in one line."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if plain else json.dumps(text)


def _said(text: str) -> str:
    """A foreign text inside of a comment: it may not end the line."""
    return "".join(c if c.isprintable() else "�" for c in text)[:200]
