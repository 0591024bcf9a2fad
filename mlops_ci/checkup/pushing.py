"""Check of `lock: commit`: each workflow that calls mlops-ci hands over a token that starts workflows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mlops_ci.checkup.place import Found, Place

Handed = Literal["token", "own", "nothing"]
_CALLED = re.compile(r"[\w.-]+/[\w.-]*mlops-ci[\w.-]*/(?:\.github/workflows/pull-request\.yml|action)@")
# A job's own token, however it is written.
OWN = ("github.token", "secrets.github_token")


def pushing(place: Place) -> Found:
    """A token to push with where dvc.lock is committed; what a job's own token pushes starts no workflow."""
    mode = place.rules.lock
    if mode != "commit":
        return Found("good", f"`lock: {mode}` pushes nothing")
    found = {
        file: handed for file in sorted({file for file, _, _ in place.calls}) for handed in _of(place, file)
    }
    if not found:
        return Found("unknown", "no workflow calls mlops-ci for a pull request")
    for kind, words, mend in (
        (
            "nothing",
            "hands over no token to push with, so `lock: commit` only proposes a patch",
            "a GitHub App with `contents: write`: `with: app-client-id` and `secrets: app-private-key`; "
            "docs/action.md says how",
        ),
        (
            "own",
            "pushes with its job's own token, which starts no workflow: the new commit has our checks alone",
            "require the check `mlops-ci`, not the job; or give `push-token` the token of a GitHub App",
        ),
    ):
        if files := [file for file, handed in found.items() if handed == kind]:
            return Found("advice", f"{', '.join(files)} {words}", mend)
    return Found("good", f"{', '.join(found)} hands over a token to push with")


def _of(place: Place, file: str) -> Iterator[Handed]:
    """What each call of a workflow file that runs a pull request hands over."""
    for job in mappings(list(mapping(place.workflow(file).get("jobs")).values())):
        if _CALLED.match(str(job.get("uses"))):
            yield to_workflow(job)
        for step in mappings(job.get("steps")):
            verb = mapping(step.get("with")).get("verb", "pr")
            if _CALLED.match(str(step.get("uses"))) and verb in ("pr", "run"):
                yield _to_action(job, step)


def to_workflow(job: Mapping[str, Any]) -> Handed:
    """What a job that calls a reusable workflow hands over to act on the repository with."""
    secrets, inputs = job.get("secrets"), mapping(job.get("with"))
    if secrets == "inherit":
        return "token"
    names = mapping(secrets)
    made = inputs.get("app-client-id") and names.get("app-private-key")
    return "token" if made or names.get("token") else "nothing"


def _to_action(job: Mapping[str, Any], step: Mapping[str, Any]) -> Handed:
    inputs = mapping(step.get("with"))
    token = str(inputs.get("push-token") or inputs.get("token") or "github.token")
    if not any(own in token.lower() for own in OWN):
        return "token"
    granted = job.get("permissions")
    writes = granted == "write-all" or mapping(granted).get("contents") == "write"
    return "own" if writes else "nothing"


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping of a workflow file; empty where something else stands there."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list of a workflow file."""
    yield from (one for one in (value if isinstance(value, list) else []) if isinstance(one, dict))
