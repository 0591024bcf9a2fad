"""Merges, really done by Git, and auto-merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .bare import NONE, Bare
from .calls import Answer, Call, Operation, Token, refuse
from .forge import Forge
from .protection import Protection
from .pulls import Pulls
from .pushes import Pushes

METHODS = {
    "merge": ("allow_merge_commit", "Merge commits"),
    "squash": ("allow_squash_merge", "Squash merges"),
    "rebase": ("allow_rebase_merge", "Rebase merges"),
}


@dataclass(frozen=True)
class Wish:
    """How to merge, and in whose name."""

    token: Token
    method: str = "merge"
    title: str | None = None
    message: str | None = None


class Merging:
    """Merges pull requests."""

    def __init__(self, forge: Forge, pulls: Pulls, pushes: Pushes, protection: Protection) -> None:
        self.forge = forge
        self.pulls = pulls
        self.pushes = pushes
        self.protection = protection
        self.wishes: dict[tuple[str, int], Wish] = {}

    def operations(self) -> dict[str, Operation]:
        return {"pulls/merge": self.merge}

    def merge(self, call: Call) -> Answer:
        pull = self.pulls.get(call.repository, call.number)
        wish = Wish(
            call.token,
            call.given("merge_method", "merge"),
            call.given("commit_title"),
            call.given("commit_message"),
        )
        self._refuse_state(pull, call.given("sha"))
        self._refuse_method(call.repository, wish.method)
        if missing := self.protection.unmet(call.repository, pull):
            refuse(
                405,
                missing[0] if len(missing) == 1 else f"{len(missing)} rules are not met: {' '.join(missing)}",
            )
        sha = self.perform(call.repository, pull, wish)
        return Answer(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    def _refuse_state(self, pull: dict[str, Any], sha: str | None) -> None:
        if pull["state"] != "open":
            refuse(405, "Pull Request is not mergeable")
        if pull["draft"]:
            refuse(405, "Pull Request is still a draft")
        if sha not in (None, pull["head"]["sha"]):
            refuse(409, "Head branch was modified. Review and try the merge again.")
        if not pull["mergeable"]:
            refuse(405, "Pull Request is not mergeable")

    def _refuse_method(self, repository: str, method: str) -> None:
        switch, name = METHODS[method]
        if not self.forge.repository(repository)[switch]:
            refuse(405, f"{name} are not allowed on this repository.")

    def perform(self, repository: str, pull: dict[str, Any], wish: Wish) -> str:
        """Merge one that may be merged; gives the new tip of its base."""
        sha = merged(self.forge.bare(repository), pull, wish)
        self.land(repository, pull, sha, wish.token)
        return sha

    def land(self, repository: str, pull: dict[str, Any], sha: str, token: Token) -> None:
        """Move the base of a pull request to a commit that has it, and close it as merged."""
        bare, base = self.forge.bare(repository), pull["base"]["ref"]
        self.wishes.pop((repository, pull["number"]), None)
        # The pull request is closed first: it must not follow the base that it has just moved.
        bare.move(f"refs/heads/{base}", sha, pull["base"]["sha"])
        self.forge.mirrors[repository].push(f"refs/heads/{base}", sha)
        self.pulls.close(repository, pull["number"], token, merge=sha)
        self.pushes.announce(repository, f"refs/heads/{base}", pull["base"]["sha"], sha, token)
        if self.forge.repository(repository)["delete_branch_on_merge"]:
            self.pushes.move(pull["head"]["repo"]["full_name"], pull["head"]["ref"], NONE, token)

    # ---- auto-merge

    def when_ready(self, repository: str, number: int, wish: Wish) -> dict[str, Any]:
        """Merge as soon as everything demanded is there; gives the pull request."""
        pull = self.pulls.get(repository, number)
        if not self.forge.repository(repository)["allow_auto_merge"]:
            refuse(422, "Auto merge is not allowed for this repository")
        if pull["mergeable_state"] in ("clean", "unstable"):
            refuse(422, f"Pull request Pull request is in {pull['mergeable_state']} status")
        self.wishes[repository, number] = wish
        self.pulls.automatic[repository, number] = {
            "enabled_by": self.forge.user(wish.token.login),
            "merge_method": wish.method,
            "commit_title": wish.title or "",
            "commit_message": wish.message or "",
        }
        enabled = self.pulls.get(repository, number)
        self.pulls.tell("auto_merge_enabled", repository, enabled, wish.token)
        return enabled

    def no_longer(self, repository: str, number: int, token: Token) -> dict[str, Any]:
        self.wishes.pop((repository, number), None)
        self.pulls.automatic.pop((repository, number), None)
        pull = self.pulls.get(repository, number)
        self.pulls.tell("auto_merge_disabled", repository, pull, token)
        return pull

    def settle(self) -> None:
        """Merge what has become ready."""
        for (repository, number), wish in list(self.wishes.items()):
            pull = self.pulls.get(repository, number)
            if pull["mergeable_state"] in ("clean", "unstable"):
                self.perform(repository, pull, wish)


def merged(bare: Bare, pull: dict[str, Any], wish: Wish) -> str:
    """The commit that merges a pull request into its base."""
    base, head, number = pull["base"]["sha"], pull["head"]["sha"], pull["number"]
    if wish.method == "rebase":
        return bare.rebased(base, head) or refuse(405, "This branch can't be rebased")
    tree = bare.merged_tree(base, head) or refuse(405, "Pull Request is not mergeable")
    if wish.method == "squash":
        message = _message(wish, f"{pull['title']} (#{number})", "")
        return bare.write_commit(tree, [base], message, wish.token.login)
    title = f"Merge pull request #{number} from {pull['head']['label'].replace(':', '/')}"
    return bare.write_commit(tree, [base, head], _message(wish, title, pull["title"]), wish.token.login)


def _message(wish: Wish, title: str, body: str) -> str:
    parts = (title if wish.title is None else wish.title, body if wish.message is None else wish.message)
    return "\n\n".join(part for part in parts if part)
