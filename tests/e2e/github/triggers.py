"""What an event starts, and as what: the workflow's file, the commit and ref of its run, its token and secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import workflows
from .calls import Token
from .events import Event
from .forge import ACTIONS_BOT, Forge
from .workflows import Happening, Workflow


@dataclass(frozen=True)
class Start:
    """What a run is about: commit, ref, branch, and what its token may do."""

    workflow: Workflow
    sha: str
    ref: str
    token: Token
    secrets: Mapping[str, str]


class Triggers:
    """Knows what starts what."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge

    def started(self, event: Event, secrets: Mapping[str, str]) -> Iterator[Start]:
        """The workflows that an event starts."""
        if event.quiet:
            return
        place = self._place(event)
        if place is None:
            return
        bare = self.forge.bare(event.repository)
        happening = self._happening(event)
        for workflow in workflows.read(bare, place[0]):
            if event.name == "workflow_dispatch" and workflow.path != event.payload["workflow"]:
                continue
            if workflows.starts(workflow, happening):
                yield self._start(event, workflow, place, secrets)

    def _place(self, event: Event) -> tuple[str, str] | None:
        """Commit and ref of the workflow's file and of its run."""
        payload, bare = event.payload, self.forge.bare(event.repository)
        if event.name == "push":
            return None if payload["deleted"] else (bare.commit(payload["after"]) or "", payload["ref"])
        if event.name in ("pull_request", "pull_request_review"):
            pull = payload["pull_request"]
            merged = pull.get("merged")
            ref = f"refs/heads/{pull['base']['ref']}" if merged else f"refs/pull/{pull['number']}/merge"
            # A pull request that conflicts starts nothing.
            return (pull["merge_commit_sha"], ref) if pull["merge_commit_sha"] else None
        if event.name == "merge_group":
            return payload["merge_group"]["head_sha"], payload["merge_group"]["head_ref"]
        if event.name == "workflow_dispatch":
            return bare.commit(payload["ref"]) or "", payload["ref"]
        branch = payload["repository"]["default_branch"]
        if event.name == "pull_request_target":
            branch = payload["pull_request"]["base"]["ref"]
        tip = bare.branch(branch)
        return (tip, f"refs/heads/{branch}") if tip else None

    def _happening(self, event: Event) -> Happening:
        payload = event.payload
        pull = payload.get("pull_request") or {}
        run = payload.get("workflow_run") or {}
        return Happening(
            event.name,
            event.action if event.name != "repository_dispatch" else None,
            ref=payload.get("ref") or "",
            base=pull.get("base", {}).get("ref", ""),
            files=self._files(event),
            workflow=run.get("name", ""),
            branch=run.get("head_branch", ""),
            dispatch=payload["action"] if event.name == "repository_dispatch" else "",
        )

    def _files(self, event: Event) -> list[str]:
        payload, bare = event.payload, self.forge.bare(event.repository)
        if event.name == "push" and not payload["created"] and not payload["deleted"]:
            return bare.git("diff", "--name-only", payload["before"], payload["after"]).splitlines()
        if event.name == "push":
            return [
                name
                for one in payload["commits"]
                for key in ("added", "modified", "removed")
                for name in one[key]
            ]
        if event.name in ("pull_request", "pull_request_target"):
            pull = payload["pull_request"]
            return bare.git(
                "diff", "--name-only", f"{pull['base']['sha']}...{pull['head']['sha']}"
            ).splitlines()
        return []

    def _start(
        self, event: Event, workflow: Workflow, place: tuple[str, str], secrets: Mapping[str, str]
    ) -> Start:
        permissions = workflow.permissions
        if event.name in ("pull_request", "pull_request_review") and from_fork(event):
            # What a stranger has written gets neither secrets nor a token that writes.
            permissions = {name: "read" for name, level in permissions.items() if level != "none"}
            secrets = {}
        token = Token(ACTIONS_BOT, permissions, bot=True, workflow=True, repositories=(event.repository,))
        return Start(workflow, *place, token, secrets)


def from_fork(event: Event) -> bool:
    """Whether a pull request comes from another repository."""
    return bool(event.payload["pull_request"]["head"]["repo"]["full_name"] != event.repository)


def head(event: Event, start: Start) -> tuple[str, str]:
    """The commit and branch that GitHub lists a run under: of a pull request its head, not its merge."""
    if event.name in ("pull_request", "pull_request_review", "pull_request_target"):
        found = event.payload["pull_request"]["head"]
        return found["sha"], found["ref"]
    return start.sha, start.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def pulls(event: Event) -> list[dict[str, Any]]:
    """The pull requests of a run; for those of forks GitHub leaves the list empty."""
    pull = event.payload.get("pull_request")
    if not event.name.startswith("pull_request") or pull is None or from_fork(event):
        return []
    sides = {
        side: {
            "ref": pull[side]["ref"],
            "sha": pull[side]["sha"],
            "repo": {key: pull[side]["repo"][key] for key in ("id", "url", "name")},
        }
        for side in ("head", "base")
    }
    return [{"id": pull["id"], "number": pull["number"], "url": pull["url"], **sides}]
