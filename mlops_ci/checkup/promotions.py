"""Checks of promotions: manifests, a store, a workflow, its token, other repositories, GitHub's merging."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from mlops_ci import config
from mlops_ci.adapters import github_repository
from mlops_ci.adapters.github import GitHub
from mlops_ci.checkup import forge
from mlops_ci.checkup.place import Found, Place
from mlops_ci.checkup.pushing import OWN, mapping, mappings, to_workflow
from mlops_ci.errors import ManifestError, MlopsError
from mlops_ci.promoting import reading, sites
from mlops_ci.starting import without_password

NONE = Found("good", "there are no environments, so nothing is promoted")
NEEDED = "`contents: write` and `pull-requests: write`"
MOST = 5
_CALLED = re.compile(r"[\w.-]+/[\w.-]*mlops-ci[\w.-]*/\.github/workflows/promote\.yml@")


def manifests(place: Place) -> Found:
    """A manifest in this repository for every model in every environment that goes there."""
    if not place.rules.environments:
        return NONE
    targets = list(_targets(place))
    lacking = [path for _, path in targets if not (place.git.root / path).is_file()]
    if lacking:
        return Found(
            "missing",
            f"there is no {_some(lacking)}",
            "write what is live there, see docs/manifests.md; or say where it stands: `manifest:`",
        )
    for environment, path in targets:
        try:
            kind, options = reading.kind_of(place.rules, environment, text := _text(place, path))
            kind.read(text, options)
        except ManifestError as error:
            return Found("missing", f"{path}: {error.message}", error.hint)
    if not targets and not _repositories(place):
        return Found("missing", "no model goes to any environment", "name some: `models:` of an environment")
    return Found("good", f"{len(targets)} manifest{'' if len(targets) == 1 else 's'} in this repository")


def store(place: Place) -> Found:
    """Where the bytes of models are published to, and the evidence of main is found."""
    if not place.rules.environments:
        return NONE
    told = place.rules.promotion.store
    if not place.dvc.store.has_remote():
        lost = "the evidence of merged commits is in no place that a runner finds"
        where = "" if told else "there is nowhere to publish models to, and "
        return Found("missing", where + lost, "dvc remote add --default storage s3://BUCKET/PATH")
    return Found("good", f"models are published to {without_password(told) if told else 'the DVC remote'}")


def workflow(place: Place) -> Found:
    """A workflow that promotes, with a token that starts the workflows of what it opens."""
    if not place.rules.environments:
        return NONE
    calls = {
        file: job for file in sorted({file for file, _, _ in place.calls}) for job in _calls(place, file)
    }
    if not calls:
        return Found(
            "advice", "no workflow promotes, so `mlops-ci promote` is run by hand", "mlops-ci init --promote"
        )
    files = ", ".join(calls)
    if _repositories(place) and not all(map(_reaches_others, calls.values())):
        return Found(
            "missing",
            f"{files} hands over no token for the repositories that `repo` names",
            "secrets: {target-token: ${{ secrets.NAME }}}",
        )
    if any(map(_is_own, calls.values())):
        return Found(
            "advice",
            f"{files} opens pull requests with its job's own token: their workflows wait for an approval",
            "a GitHub App: `with: app-client-id` and `secrets: app-private-key`; docs/action.md says how",
        )
    return Found("good", f"{files} promotes with a token of its own")


def permission(place: Place) -> Found:
    """Whether the token may push branches and open pull requests."""
    if not place.rules.environments:
        return NONE
    return forge.writes(place.github, NEEDED) if place.token else forge.NO_TOKEN


def others(place: Place) -> Found:
    """Whether the repositories that hold manifests can be reached, and written to."""
    repositories = _repositories(place)
    if not repositories:
        return Found("good", "all manifests are in this repository") if place.rules.environments else NONE
    answers = [_other(place, address) for address in repositories]
    return next((found for found in answers if found.state != "good"), answers[0])


def _other(place: Place, address: str) -> Found:
    shown = without_password(address)
    try:
        branch = sites.reached(address, place.environ)
    except MlopsError as error:
        return Found("missing", error.message.replace(address, shown), error.hint)
    name = _on_our_server(place, address)
    if name and place.token:
        found = forge.writes(
            GitHub.of({**sites.shown_there(place.environ), "GITHUB_REPOSITORY": name}), NEEDED
        )
        if found.state != "good":
            return Found(found.state, f"{shown}: {found.words}", found.mend)
    return Found("good", f"{shown} can be reached, its branch is {branch}")


def merging(place: Place) -> Found:
    """Whether GitHub merges by itself what the rules let merge itself."""
    automatic = [
        name
        for name, one in place.rules.environments.items()
        if one.merge == "auto" or (one.ramp == "auto" and one.strategy.name != "direct")
    ]
    if not automatic:
        return Found("good", "no promotion merges itself")
    if not place.token:
        return forge.NO_TOKEN
    allowed = github_repository.facts(place.github).auto_merge
    if allowed is None:
        return Found(
            "unknown", "the token may not see whether GitHub merges by itself", "ask an administrator"
        )
    if not allowed:
        return Found(
            "advice",
            f"GitHub merges nothing by itself, so {', '.join(automatic)} waits for the next run of ours",
            "Settings, General, Pull Requests: Allow auto-merge",
        )
    return Found("good", f"GitHub merges by itself in {', '.join(automatic)}")


def _text(place: Place, path: str) -> str:
    return (place.git.root / path).read_text(encoding="utf-8", errors="replace")


def _targets(place: Place) -> Iterator[tuple[str, str]]:
    """Environments with the paths of the manifests that this repository should have."""
    graph, rules = place.dvc.graph(), place.rules
    files = sorted({stage.dvcfile for stage in graph.stages} | {one.dvcfile for one in graph.artifacts})
    name = place.repository.rpartition("/")[2] or place.git.root.name
    models = config.resolve_models(rules, graph.artifacts, files, name, absent_ok=True)
    for environment, told in rules.environments.items():
        for model in models:
            if not told.repo and any(fnmatchcase(model.name, pattern) for pattern in told.models):
                yield environment, rules.manifest(environment, model.name)


def _repositories(place: Place) -> tuple[str, ...]:
    """The addresses of other repositories with manifests, each once."""
    return tuple(dict.fromkeys(one.repo for one in place.rules.environments.values() if one.repo))


def _on_our_server(place: Place, address: str) -> str:
    """``OWNER/NAME`` of a repository on the GitHub that is asked here; else empty."""
    parts, ours = urlsplit(address), urlsplit(place.environ.get("GITHUB_SERVER_URL", "https://github.com"))
    same = (parts.scheme, parts.hostname, parts.port) == (ours.scheme, ours.hostname, ours.port)
    return parts.path.strip("/").removesuffix(".git") if same else ""


def _calls(place: Place, file: str) -> Iterator[Mapping[str, Any]]:
    for job in mappings(list(mapping(place.workflow(file).get("jobs")).values())):
        if _CALLED.match(str(job.get("uses"))):
            yield job


def _reaches_others(job: Mapping[str, Any]) -> bool:
    secrets = job.get("secrets")
    return secrets == "inherit" or bool(mapping(secrets).get("target-token"))


def _is_own(job: Mapping[str, Any]) -> bool:
    """Whether the job's own token is what opens pull requests."""
    token = str(mapping(job.get("secrets")).get("token", "")).lower()
    return to_workflow(job) == "nothing" or any(own in token for own in OWN)


def _some(paths: list[str]) -> str:
    shown = ", ".join(paths[:MOST])
    return f"{shown} and {len(paths) - MOST} more" if len(paths) > MOST else shown
