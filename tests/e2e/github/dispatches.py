"""Workflows started by hand: workflow_dispatch and repository_dispatch."""

from __future__ import annotations

from .calls import Answer, Call, Operation, refuse
from .forge import Forge
from .runs import Runs


class Dispatches:
    """Turns requests into events."""

    def __init__(self, forge: Forge, runs: Runs) -> None:
        self.forge = forge
        self.runs = runs

    def operations(self) -> dict[str, Operation]:
        return {
            "actions/create-workflow-dispatch": self.dispatch_workflow,
            "repos/create-dispatch-event": self.dispatch_repository,
        }

    def dispatch_workflow(self, call: Call) -> Answer:
        workflow, ref = self.runs.named(call), call.body["ref"]
        self.forge.commit(call, ref)
        if "workflow_dispatch" not in workflow.triggers:
            refuse(422, "Workflow does not have 'workflow_dispatch' trigger")
        known = workflow.triggers["workflow_dispatch"].get("inputs") or {}
        given = call.given("inputs", {})
        if unknown := sorted(given.keys() - known.keys()):
            refuse(422, f"Unexpected inputs provided: {unknown}")
        for name, facts in known.items():
            if (facts or {}).get("required") and name not in given and "default" not in facts:
                refuse(422, f"Required input '{name}' not provided")
        defaults = {
            name: str(facts["default"]) for name, facts in known.items() if "default" in (facts or {})
        }
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        told = {"inputs": {**defaults, **given}, "ref": full, "workflow": workflow.path}
        self.forge.emit("workflow_dispatch", call.repository, call.token, **told)
        return Answer(204)

    def dispatch_repository(self, call: Call) -> Answer:
        told = {"action": call.body["event_type"], "client_payload": call.given("client_payload", {})}
        branch, _ = self.runs.default(call.repository)
        self.forge.emit("repository_dispatch", call.repository, call.token, branch=branch, **told)
        return Answer(204)
