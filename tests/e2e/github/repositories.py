"""Forks, collaborators and who may do what."""

from __future__ import annotations

from .calls import Answer, Call, Operation, not_found, refuse
from .forge import Forge
from .pushes import Pushes

# The four words of the API's old permission field.
COARSE = {"triage": "read", "maintain": "write"}


class Repositories:
    """Repositories and the people who work on them."""

    def __init__(self, forge: Forge, pushes: Pushes) -> None:
        self.forge = forge
        self.pushes = pushes

    def operations(self) -> dict[str, Operation]:
        return {
            "repos/get": lambda call: Answer(200, self.forge.repository_whole(self._known(call))),
            "repos/create-fork": self.fork,
            "repos/add-collaborator": self.add_collaborator,
            "repos/remove-collaborator": self.remove_collaborator,
            "repos/check-collaborator": self.check_collaborator,
            "repos/get-collaborator-permission-level": self.permission,
            "users/get-authenticated": lambda call: Answer(200, self.forge.user_whole(call.token.login)),
        }

    def _known(self, call: Call) -> str:
        return call.repository if call.repository in self.forge.bares else not_found()

    def fork(self, call: Call) -> Answer:
        parent = self._known(call)
        reply = self.forge.emulate.ask("POST", call.path, call.body, call.token.login)
        if reply.status != 202:
            return Answer(reply.status, reply.body)
        name: str = reply.body["full_name"]
        bare = self.forge.adopt(name)
        self.forge.forks[name] = parent
        bare.fetch(self.forge.bare(parent), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
        for ref, sha in bare.refs().items():
            self.forge.mirrors[name].push(ref, sha)
        self.forge.emit("fork", parent, call.token, forkee=self.forge.repository(name))
        return Answer(202, self.forge.repository_whole(name))

    def add_collaborator(self, call: Call) -> Answer:
        role = call.given("permission", "push")
        self.forge.user(call.params["username"])
        self.forge.grant(call.repository, call.params["username"], role)
        return Answer(204)

    def remove_collaborator(self, call: Call) -> Answer:
        self.forge.roles[call.repository].pop(call.params["username"], None)
        self.forge.emulate.must("DELETE", call.path)
        return Answer(204)

    def check_collaborator(self, call: Call) -> Answer:
        login = call.params["username"]
        known = (
            login in self.forge.roles[call.repository] or self.forge.role(call.repository, login) == "admin"
        )
        return Answer(204) if known else not_found()

    def permission(self, call: Call) -> Answer:
        if not self.forge.has_role(call.repository, call.token, "write"):
            refuse(403, "Must have push access to view collaborator permission.")
        login = call.params["username"]
        role = self.forge.role(call.repository, login)
        user = {**self.forge.user(login), "role_name": role}
        return Answer(200, {"permission": COARSE.get(role, role), "role_name": role, "user": user})
