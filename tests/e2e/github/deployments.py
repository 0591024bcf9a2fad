"""Deployments, their statuses and the environments that they made, which emulate does not know."""

from __future__ import annotations

from typing import Any

from .calls import Answer, Call, Operation, not_found, page, refuse
from .forge import Forge
from .protection import PASSING, Protection


class Deployments:
    """Every deployment, newest first, by repository."""

    def __init__(self, forge: Forge, protection: Protection) -> None:
        self.forge = forge
        self.protection = protection
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.statuses: dict[int, list[dict[str, Any]]] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "repos/create-deployment": self.create,
            "repos/list-deployments": self.list_deployments,
            "repos/get-deployment": lambda call: Answer(200, self._one(call)),
            "repos/delete-deployment": self.delete,
            "repos/create-deployment-status": self.create_status,
            "repos/list-deployment-statuses": self.list_statuses,
            "repos/get-deployment-status": self.get_status,
            "repos/get-all-environments": self.list_environments,
            "repos/get-environment": self.get_environment,
        }

    def _one(self, call: Call) -> dict[str, Any]:
        wanted = int(call.params["deployment_id"])
        return (
            next((one for one in self.kept.get(call.repository, ()) if one["id"] == wanted), None)
            or not_found()
        )

    def create(self, call: Call) -> Answer:
        ref = call.body["ref"]
        sha = self.forge.commit(call, ref)
        self._refuse_unready(call, sha)
        number, now = self.forge.next_id(), self.forge.now()
        url = self.forge.url(call.repository, "deployments", number)
        environment = call.given("environment", "production")
        made = {
            "url": url,
            "id": number,
            "node_id": f"DE_{number}",
            "sha": sha,
            "ref": ref,
            "task": call.given("task", "deploy"),
            "payload": call.given("payload", {}),
            "original_environment": environment,
            "environment": environment,
            "description": call.given("description"),
            "creator": self.forge.user(call.token.login),
            "created_at": now,
            "updated_at": now,
            "statuses_url": f"{url}/statuses",
            "repository_url": self.forge.url(call.repository),
            "transient_environment": call.given("transient_environment", False),
            "production_environment": call.given("production_environment", environment == "production"),
        }
        self.kept.setdefault(call.repository, []).insert(0, made)
        self.forge.emit("deployment", call.repository, call.token, action="created", deployment=made)
        return Answer(201, made)

    def _refuse_unready(self, call: Call, sha: str) -> None:
        """Every check of the commit must have passed, or those that the request names."""
        found = self.protection.outcomes(call.repository, sha)
        wanted = call.given("required_contexts")
        names = found if wanted is None else wanted
        contexts = [{"context": name, "state": found.get(name, "missing")} for name in names]
        if any(one["state"] not in PASSING for one in contexts):
            refuse(
                409,
                f"Conflict: Commit status checks failed for {call.body['ref']}.",
                [
                    {
                        "contexts": contexts,
                        "resource": "Deployment",
                        "field": "required_contexts",
                        "code": "invalid",
                    }
                ],
            )

    def list_deployments(self, call: Call) -> Answer:
        filters = {key: call.query[key] for key in ("sha", "ref", "task", "environment") if key in call.query}
        found = [
            one
            for one in self.kept.get(call.repository, ())
            if all(one[key] == value for key, value in filters.items())
        ]
        return page(call, found, self.forge.address)

    def delete(self, call: Call) -> Answer:
        one = self._one(call)
        statuses = self.statuses.get(one["id"], [])
        if statuses and statuses[0]["state"] != "inactive":
            refuse(
                422,
                "We cannot delete an active deployment unless it is the only deployment in the repository.",
            )
        self.kept[call.repository].remove(one)
        return Answer(204)

    # ---- statuses

    def create_status(self, call: Call) -> Answer:
        deployment = self._one(call)
        number, now = self.forge.next_id(), self.forge.now()
        environment = call.given("environment", deployment["environment"])
        made = {
            "url": f"{deployment['statuses_url']}/{number}",
            "id": number,
            "node_id": f"DES_{number}",
            "state": call.body["state"],
            "creator": self.forge.user(call.token.login),
            "description": call.given("description", ""),
            "environment": environment,
            "target_url": call.given("target_url", ""),
            "created_at": now,
            "updated_at": now,
            "deployment_url": deployment["url"],
            "repository_url": self.forge.url(call.repository),
            "environment_url": call.given("environment_url", ""),
            "log_url": call.given("log_url", ""),
        }
        if made["state"] == "success" and call.given("auto_inactive", True):
            self._retire(call.repository, deployment, environment, made)
        self.statuses.setdefault(deployment["id"], []).insert(0, made)
        told = {"action": "created", "deployment": deployment, "deployment_status": made}
        self.forge.emit("deployment_status", call.repository, call.token, **told)
        return Answer(201, made)

    def _retire(
        self, repository: str, deployment: dict[str, Any], environment: str, made: dict[str, Any]
    ) -> None:
        """A success makes the earlier ones of its environment inactive."""
        for other in self.kept[repository]:
            passing = other["environment"] == environment and not other["transient_environment"]
            if passing and other["id"] < deployment["id"] and not other["production_environment"]:
                self.statuses.setdefault(other["id"], []).insert(0, {**made, "state": "inactive"})

    def list_statuses(self, call: Call) -> Answer:
        return page(call, self.statuses.get(self._one(call)["id"], []), self.forge.address)

    def get_status(self, call: Call) -> Answer:
        wanted = int(call.params["status_id"])
        statuses = self.statuses.get(self._one(call)["id"], ())
        return Answer(200, next((one for one in statuses if one["id"] == wanted), None) or not_found())

    # ---- environments

    def _environments(self, repository: str) -> list[dict[str, Any]]:
        oldest = {one["environment"]: one for one in self.kept.get(repository, ())}
        return [
            {
                "id": one["id"],
                "node_id": f"EN_{one['id']}",
                "name": name,
                "url": self.forge.url(repository, "environments", name),
                "html_url": self.forge.page_url(
                    repository, "deployments", f"activity_log?environments_filter={name}"
                ),
                "created_at": one["created_at"],
                "updated_at": one["created_at"],
                "protection_rules": [],
                "deployment_branch_policy": None,
            }
            for name, one in oldest.items()
        ]

    def list_environments(self, call: Call) -> Answer:
        return page(call, self._environments(call.repository), self.forge.address, wrap="environments")

    def get_environment(self, call: Call) -> Answer:
        wanted = call.params["environment_name"]
        found = (one for one in self._environments(call.repository) if one["name"] == wanted)
        return Answer(200, next(found, None) or not_found())
