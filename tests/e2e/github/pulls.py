"""Pull requests: emulate keeps title, body, labels and state, the repository says what they hold and whether they merge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import changes
from .calls import Answer, Call, Operation, Token, not_found, page, refuse
from .forge import Forge
from .protection import OUT_OF_DATE, Protection

ONLY_WHOLE = [
    "merged",
    "mergeable",
    "rebaseable",
    "mergeable_state",
    "merged_by",
    "comments",
    "review_comments",
    "maintainer_can_modify",
    "commits",
    "additions",
    "deletions",
    "changed_files",
]


@dataclass(frozen=True)
class Standing:
    """Where a pull request stands in Git."""

    head: str
    base: str
    merge: str | None = None
    merged: dict[str, Any] = field(default_factory=dict)


class Pulls:
    """Pull requests as the API shows them."""

    def __init__(self, forge: Forge, protection: Protection) -> None:
        self.forge = forge
        self.protection = protection
        self.standing: dict[tuple[str, int], Standing] = {}
        self.automatic: dict[tuple[str, int], dict[str, Any]] = {}
        self.assigned: dict[tuple[str, int], list[str]] = {}
        self.bots_may_open = True

    def operations(self) -> dict[str, Operation]:
        return {
            "pulls/create": self.create,
            "pulls/get": lambda call: Answer(200, self.get(call.repository, call.number)),
            "pulls/list": self.list_pulls,
            "pulls/update": self.update,
            "pulls/list-files": self.list_files,
            "pulls/list-commits": self.list_commits,
            "pulls/check-if-merged": self.check_if_merged,
            "repos/list-pull-requests-associated-with-commit": self.of_commit,
        }

    # ---- looking

    def get(self, repository: str, number: int) -> dict[str, Any]:
        reply = self.forge.emulate.ask("GET", f"/repos/{repository}/pulls/{number}")
        return self.seen(repository, reply.body) if reply.status == 200 else not_found()

    def open(self, repository: str) -> Iterator[dict[str, Any]]:
        for pull in self.forge.open_pulls(repository):
            yield self.seen(repository, pull)

    def seen(self, repository: str, raw: dict[str, Any], *, whole: bool = True) -> dict[str, Any]:
        """A pull request of emulate as it stands in Git; in part where it is one of a list."""
        pull: dict[str, Any] = self.forge.clean(raw)
        now = self.refresh(repository, pull)
        pull["head"]["sha"], pull["base"]["sha"] = now.head, now.base
        pull["merge_commit_sha"] = now.merge
        pull["auto_merge"] = self.automatic.get((repository, pull["number"]))
        pull["assignees"] = [
            self.forge.user(one) for one in self.assigned.get((repository, pull["number"]), ())
        ]
        pull["assignee"] = pull["assignees"][0] if pull["assignees"] else None
        # GitHub's description has no label of a pull request without words.
        pull["labels"] = [
            {**label, "description": label.get("description") or ""} for label in pull["labels"]
        ]
        pull["statuses_url"] = self.forge.url(repository, "statuses", now.head)
        if whole:
            pull |= self._mergeable(repository, pull, now) | self._sizes(repository, now)
        pull |= now.merged
        return pull

    def refresh(self, repository: str, pull: dict[str, Any]) -> Standing:
        """Where it stands now; a closed one stays where it was."""
        key = (repository, pull["number"])
        known = self.standing.get(key)
        source = pull["head"]["repo"]["full_name"]
        head = self.forge.bare(source).branch(pull["head"]["ref"])
        base = self.forge.bare(repository).branch(pull["base"]["ref"])
        if known and (
            pull["state"] != "open" or not head or not base or (known.head, known.base) == (head, base)
        ):
            return known
        assert head is not None, f"{key} has no head"
        assert base is not None, f"{key} has no base"
        self.standing[key] = Standing(head, base, self._write_refs(repository, source, pull, head, base))
        return self.standing[key]

    def _write_refs(
        self, repository: str, source: str, pull: dict[str, Any], head: str, base: str
    ) -> str | None:
        """Make refs/pull/N/head and, where it merges, refs/pull/N/merge; gives the latter."""
        bare, ref = self.forge.bare(repository), f"refs/pull/{pull['number']}"
        if source != repository:
            bare.fetch(self.forge.bare(source), f"+refs/heads/{pull['head']['ref']}:{ref}/head")
        bare.move(f"{ref}/head", head)
        tree = bare.merged_tree(base, head)
        if tree is None:
            bare.git("update-ref", "-d", f"{ref}/merge")
            self.forge.mirrors[repository].replay(head)
            return None
        merge = bare.write_commit(tree, [base, head], f"Merge {head} into {base}")
        bare.move(f"{ref}/merge", merge)
        self.forge.mirrors[repository].replay(merge)
        return merge

    def _mergeable(self, repository: str, pull: dict[str, Any], now: Standing) -> dict[str, Any]:
        if pull["state"] != "open":
            return {"mergeable": None, "mergeable_state": "unknown"}
        clean = now.merge is not None
        if not clean:
            state = "dirty"
        elif pull["draft"]:
            state = "draft"
        elif missing := self.protection.unmet(repository, pull):
            state = "behind" if missing == [OUT_OF_DATE] else "blocked"
        else:
            state = "unstable" if self.protection.failing(repository, now.head) else "clean"
        return {"mergeable": clean, "rebaseable": clean, "mergeable_state": state}

    def _sizes(self, repository: str, now: Standing) -> dict[str, int]:
        bare = self.forge.bare(repository)
        lines = bare.git("diff", "--numstat", f"{now.base}...{now.head}").splitlines()
        numbers = [[int(one) if one.isdigit() else 0 for one in line.split("\t")[:2]] for line in lines]
        return {
            "commits": len(bare.between(now.base, now.head)),
            "changed_files": len(numbers),
            "additions": sum(added for added, _ in numbers),
            "deletions": sum(removed for _, removed in numbers),
        }

    # ---- operations

    def list_pulls(self, call: Call) -> Answer:
        reply = self.forge.emulate.ask("GET", call.target)
        seen = (self.seen(call.repository, pull, whole=False) for pull in reply.body or ())
        pulls = [self._short(pull) for pull in seen]
        return Answer(reply.status, pulls, {"Link": reply.headers["link"]} if reply.headers["link"] else {})

    def _short(self, pull: dict[str, Any]) -> dict[str, Any]:
        """Lists leave out what GitHub works out for one alone."""
        return {key: value for key, value in pull.items() if key not in ONLY_WHOLE}

    def create(self, call: Call) -> Answer:
        if call.token.workflow and not self.bots_may_open:
            refuse(403, "GitHub Actions is not permitted to create or approve pull requests.")
        source, branch = self._source(call)
        head = self.forge.bare(source).branch(branch) or _invalid("head")
        base = self.forge.bare(call.repository).branch(call.given("base", "")) or _invalid("base")
        self._refuse_twin(call, source, branch)
        if self._nothing_new(call.repository, source, base, head):
            between = f"No commits between {call.given('base')} and {call.given('head')}"
            _validation({"resource": "PullRequest", "code": "custom", "message": between})
        path = f"/repos/{call.repository}/pulls"
        reply = self.forge.emulate.ask("POST", path, call.body, call.token.login)
        if reply.status != 201:
            return Answer(reply.status, reply.body)
        pull = self.seen(call.repository, reply.body)
        self.tell("opened", call.repository, pull, call.token)
        return Answer(201, pull)

    def _source(self, call: Call) -> tuple[str, str]:
        """The repository and branch that a head names, ``branch`` or ``owner:branch``."""
        owner, _, branch = call.given("head", "").rpartition(":")
        if owner in ("", call.params["owner"]):
            return call.repository, branch
        forks = [name for name in self.forge.bares if name.startswith(f"{owner}/")]
        found = [name for name in forks if self.forge.forks.get(name) == call.repository]
        return (found[0], branch) if found else _invalid("head")

    def _refuse_twin(self, call: Call, source: str, branch: str) -> None:
        for pull in self.forge.open_pulls(call.repository):
            same = (pull["head"]["repo"]["full_name"], pull["head"]["ref"], pull["base"]["ref"])
            if same == (source, branch, call.given("base")):
                label = f"{source.partition('/')[0]}:{branch}"
                message = f"A pull request already exists for {label}."
                _validation({"resource": "PullRequest", "code": "custom", "message": message})

    def _nothing_new(self, repository: str, source: str, base: str, head: str) -> bool:
        bare = self.forge.bare(repository)
        if source != repository:
            bare.fetch(self.forge.bare(source), head)
        return bare.contains(base, head)

    def update(self, call: Call) -> Answer:
        before = self.get(call.repository, call.number)
        if call.given("state") == "open" and before["merged"]:
            _validation({"resource": "PullRequest", "code": "invalid", "field": "state"})
        if "base" in (call.body or {}) and not self.forge.bare(call.repository).branch(call.body["base"]):
            _invalid("base")
        reply = self.forge.emulate.ask("PATCH", call.path, call.body, call.token.login)
        if reply.status != 200:
            return Answer(reply.status, reply.body)
        after = self.seen(call.repository, reply.body)
        action = {"closed": "closed", "open": "reopened"}[after["state"]]
        self.tell(
            "edited" if before["state"] == after["state"] else action, call.repository, after, call.token
        )
        return Answer(200, after)

    def list_files(self, call: Call) -> Answer:
        pull = self.get(call.repository, call.number)
        found = changes.files(self.forge, call.repository, pull["base"]["sha"], pull["head"]["sha"])
        return page(call, found, self.forge.address)

    def list_commits(self, call: Call) -> Answer:
        pull = self.get(call.repository, call.number)
        shas = self.forge.bare(call.repository).between(pull["base"]["sha"], pull["head"]["sha"])
        return page(
            call, [changes.commit(self.forge, call.repository, sha) for sha in shas], self.forge.address
        )

    def check_if_merged(self, call: Call) -> Answer:
        return Answer(204) if self.get(call.repository, call.number)["merged"] else not_found()

    def of_commit(self, call: Call) -> Answer:
        """Pull requests that hold a commit: by their own commits or as what they were merged as."""
        sha = self.forge.commit(call, call.params["commit_sha"])
        every = self.forge.emulate.pages(f"/repos/{call.repository}/pulls?state=all")
        held = [pull for pull in every if self._holds(call.repository, pull, sha)]
        pulls = [self._short(self.seen(call.repository, pull)) for pull in held]
        return page(call, pulls, self.forge.address)

    def _holds(self, repository: str, pull: dict[str, Any], sha: str) -> bool:
        now = self.refresh(repository, pull)
        if now.merged and now.merge == sha:
            return True
        return sha in self.forge.bare(repository).between(now.base, now.head)

    # ---- changing

    def tell(self, action: str, repository: str, pull: dict[str, Any], token: Token, **more: Any) -> None:
        self.forge.emit(
            "pull_request", repository, token, action=action, number=pull["number"], pull_request=pull, **more
        )

    def close(self, repository: str, number: int, token: Token, merge: str | None = None) -> dict[str, Any]:
        """Close one, as merged where a merge commit is given."""
        key = (repository, number)
        if merge is not None:
            merged = {
                "merged": True,
                "merged_at": self.forge.now(),
                "merged_by": self.forge.user(token.login),
            }
            self.standing[key] = replace(self.standing[key], merge=merge, merged=merged)
        self.automatic.pop(key, None)
        raw = self.forge.emulate.must(
            "PATCH", f"/repos/{repository}/pulls/{number}", {"state": "closed"}, token.login
        )
        pull = self.seen(repository, raw)
        self.tell("closed", repository, pull, token)
        return pull


def _validation(error: dict[str, str]) -> Any:
    refuse(422, "Validation Failed", [error])


def _invalid(name: str) -> Any:
    _validation({"resource": "PullRequest", "field": name, "code": "invalid"})
