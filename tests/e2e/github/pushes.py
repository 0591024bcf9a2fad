"""What follows when a ref moves: emulate learns of it, pull requests move along, events are told."""

from __future__ import annotations

from typing import Any

from .bare import NONE, Bare
from .calls import Answer, Call, Operation, Token, refuse
from .forge import Forge
from .pulls import Pulls


class Pushes:
    """Moved refs, whoever moved them: Git, REST or a merge."""

    def __init__(self, forge: Forge, pulls: Pulls) -> None:
        self.forge = forge
        self.pulls = pulls

    def operations(self) -> dict[str, Operation]:
        return {
            "git/create-blob": self.create_object,
            "git/create-tree": self.create_object,
            "git/create-commit": self.create_object,
            "git/create-ref": self.move_ref,
            "git/update-ref": self.move_ref,
            "git/delete-ref": self.move_ref,
            "repos/create-or-update-file-contents": self.write_contents,
            "repos/delete-file": self.write_contents,
            "pulls/update-branch": self.update_branch,
            "repos/create-release": self.release,
        }

    # ---- by Git

    def from_git(self, repository: str, before: dict[str, str], token: Token) -> None:
        """After a push: ``before`` are the refs as they were."""
        now = self.forge.bare(repository).refs()
        for ref in sorted(before.keys() | now.keys()):
            old, new = before.get(ref, NONE), now.get(ref, NONE)
            if old != new:
                self.forge.mirrors[repository].push(ref, new)
                self.announce(repository, ref, old, new, token)

    def move(self, repository: str, branch: str, new: str, token: Token) -> None:
        """Move a branch as the forge itself does, on a merge."""
        ref, bare = f"refs/heads/{branch}", self.forge.bare(repository)
        old = bare.branch(branch) or NONE
        bare.git("update-ref", "-d", ref) if new == NONE else bare.move(ref, new, old)
        self.forge.mirrors[repository].push(ref, new)
        self.announce(repository, ref, old, new, token)

    # ---- by REST

    def create_object(self, call: Call) -> Answer:
        reply = self.forge.emulate.ask(call.method, call.target, call.body, call.token.login)
        if reply.status == 201:
            mirror = self.forge.mirrors[call.repository]
            take = {"blob": mirror.take_blob, "tree": mirror.take_tree, "commit": mirror.take_commit}
            take[call.operation.rpartition("-")[2]](reply.body["sha"])
        return Answer(reply.status, self.forge.clean(reply.body))

    def move_ref(self, call: Call) -> Answer:
        ref = call.given("ref") if call.operation == "git/create-ref" else f"refs/{call.params['ref']}"
        return self._written(call, ref)

    def write_contents(self, call: Call) -> Answer:
        branch = call.given("branch") or self.forge.repository(call.repository)["default_branch"]
        return self._written(call, f"refs/heads/{branch}")

    def _written(self, call: Call, ref: str) -> Answer:
        bare = self.forge.bare(call.repository)
        if ref.removeprefix("refs/heads/") in self.pulls.protection.closed(call.repository, call.token):
            refuse(409 if "contents/" in call.path else 422, "Changes must be made through a pull request.")
        old = bare.refs().get(ref, NONE)
        reply = self.forge.emulate.ask(call.method, call.target, call.body, call.token.login)
        if reply.status < 300:
            new = self.forge.mirrors[call.repository].pull(ref)
            if new != old:
                self.announce(call.repository, ref, old, new, call.token)
        return Answer(reply.status, self.forge.clean(reply.body))

    def update_branch(self, call: Call) -> Answer:
        """Merge the base into a pull request's branch."""
        pull = self.pulls.get(call.repository, call.number)
        bare, head = self.forge.bare(pull["head"]["repo"]["full_name"]), pull["head"]["sha"]
        message = {"message": "Updating pull request branch.", "url": pull["html_url"]}
        bare.fetch(self.forge.bare(call.repository), pull["base"]["sha"])
        tree = bare.merged_tree(head, pull["base"]["sha"])
        if tree is None or call.given("expected_head_sha", head) != head:
            return Answer(422, {"message": "expected head sha didn’t match current head ref."})
        text = f"Merge branch '{pull['base']['ref']}' into {pull['head']['ref']}"
        made = bare.write_commit(tree, [head, pull["base"]["sha"]], text, call.token.login)
        self.move(pull["head"]["repo"]["full_name"], pull["head"]["ref"], made, call.token)
        return Answer(202, message)

    def release(self, call: Call) -> Answer:
        """A release makes its tag where there is none."""
        ref = f"refs/tags/{call.body['tag_name']}"
        bare = self.forge.bare(call.repository)
        if not call.given("draft", False) and ref not in bare.refs():
            default = self.forge.repository(call.repository)["default_branch"]
            target = self.forge.commit(call, call.given("target_commitish", default))
            bare.move(ref, target)
            self.forge.mirrors[call.repository].push(ref, target)
            self.announce(call.repository, ref, NONE, target, call.token)
        reply = self.forge.emulate.ask(call.method, call.path, call.body, call.token.login)
        found = self.forge.clean(reply.body)
        if reply.status == 201 and not found["draft"]:
            self.forge.emit("release", call.repository, call.token, action="published", release=found)
        return Answer(reply.status, found)

    # ---- telling

    def announce(self, repository: str, ref: str, old: str, new: str, token: Token) -> None:
        bare = self.forge.bare(repository)
        payload = {
            "ref": ref,
            "before": old,
            "after": new,
            "created": old == NONE,
            "deleted": new == NONE,
            "forced": NONE not in (old, new) and not bare.contains(new, old),
            "base_ref": None,
            "compare": self.forge.page_url(repository, "compare", f"{old}...{new}"),
            "commits": _commits(bare, old, new),
            "head_commit": None if new == NONE else _commit(bare, bare.commit(new) or new),
            "pusher": {"name": token.login},
        }
        self.forge.emit("push", repository, token, **payload)
        if ref.startswith("refs/heads/"):
            self._follow(repository, ref.removeprefix("refs/heads/"), old, new, token)

    def _follow(self, repository: str, branch: str, old: str, new: str, token: Token) -> None:
        """Move the open pull requests from this branch, in this repository and those it was forked from."""
        for target in [repository, *filter(None, [self.forge.forks.get(repository)])]:
            for raw in self.forge.open_pulls(target):
                if (raw["head"]["repo"]["full_name"], raw["head"]["ref"]) != (repository, branch):
                    self.pulls.refresh(target, raw)
                elif new == NONE:
                    self.pulls.close(target, raw["number"], token)
                else:
                    pull = self.pulls.seen(target, raw)
                    self.pulls.tell("synchronize", target, pull, token, before=old, after=new)


def _commits(bare: Bare, old: str, new: str) -> list[dict[str, Any]]:
    """The pushed commits; a new branch lists its tip alone, as nobody compares it with all others here."""
    if new == NONE:
        return []
    tip = bare.commit(new) or new
    return [_commit(bare, sha) for sha in (bare.between(old, tip) if old != NONE else [tip])]


def _commit(bare: Bare, sha: str) -> dict[str, Any]:
    tree, name, email, date = bare.git("log", "-1", "--format=%T%n%an%n%ae%n%cI", sha).split("\n")
    return {
        "id": sha,
        "tree_id": tree,
        "message": bare.message(sha).rstrip("\n"),
        "timestamp": date,
        "author": {"name": name, "email": email},
        **_touched(bare, sha),
    }


def _touched(bare: Bare, sha: str) -> dict[str, list[str]]:
    """The files that a commit added, removed and modified."""
    fields = bare.git(
        "diff-tree",
        "--root",
        "-m",
        "--first-parent",
        "-r",
        "--no-commit-id",
        "--name-status",
        "--no-renames",
        "-z",
        sha,
    )
    pairs = list(zip(*[iter(fields.split("\0")[:-1])] * 2, strict=True))
    kinds = {"added": "A", "removed": "D", "modified": "MT"}
    return {kind: [name for state, name in pairs if state in letters] for kind, letters in kinds.items()}
