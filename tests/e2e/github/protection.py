"""What a branch demands before something is merged into it: classic protection and rulesets.

Held here and not in emulate, which would also refuse what the stand itself replays into it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import changes
from .calls import Answer, Call, Operation, Token, not_found, page, refuse
from .forge import Forge
from .statuses import Statuses

CLOSING = ("pull_request", "required_status_checks")
CLOSING_KEYS = ("required_pull_request_reviews", "required_status_checks")
OUT_OF_DATE = "Head branch is out of date. Review and try the merge again."
PASSING = {"success", "neutral", "skipped"}


@dataclass(frozen=True)
class Demands:
    """What must be there."""

    checks: tuple[str, ...] = ()
    approvals: int = 0
    up_to_date: bool = False


class Protection:
    """Branch protection, rulesets, and whether a pull request meets them."""

    def __init__(self, forge: Forge, statuses: Statuses) -> None:
        self.forge = forge
        self.statuses = statuses
        self.classic: dict[tuple[str, str], dict[str, Any]] = {}
        self.rulesets: dict[str, dict[int, dict[str, Any]]] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "repos/get-branch-protection": self.get_classic,
            "repos/get-status-checks-protection": self.get_classic_checks,
            "repos/update-branch-protection": self.put_classic,
            "repos/delete-branch-protection": self.delete_classic,
            "repos/get-repo-rulesets": self.list_rulesets,
            "repos/get-repo-ruleset": lambda call: Answer(200, self._ruleset(call)),
            "repos/create-repo-ruleset": self.create_ruleset,
            "repos/update-repo-ruleset": self.update_ruleset,
            "repos/delete-repo-ruleset": self.delete_ruleset,
            "repos/get-branch-rules": self.branch_rules,
            "repos/get-branch": self.get_branch,
            "repos/list-branches": self.list_branches,
        }

    # ---- what is demanded, and met

    def demands(self, repository: str, branch: str) -> Demands:
        rules = [*self._rules(repository, branch), *self._classic_rules(repository, branch)]
        checks = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
        reviews = [rule["parameters"] for rule in rules if rule["type"] == "pull_request"]
        contexts = (one["context"] for found in checks for one in found["required_status_checks"])
        return Demands(
            checks=tuple(dict.fromkeys(contexts)),
            approvals=max((one["required_approving_review_count"] for one in reviews), default=0),
            up_to_date=any(one["strict_required_status_checks_policy"] for one in checks),
        )

    def _classic_rules(self, repository: str, branch: str) -> Iterator[dict[str, Any]]:
        """Classic protection said as rules."""
        found = self.classic.get((repository, branch), {})
        if checks := found.get("required_status_checks"):
            named = [*checks.get("contexts", ()), *(one["context"] for one in checks.get("checks", ()))]
            contexts = [{"context": name} for name in dict.fromkeys(named)]
            strict = {
                "strict_required_status_checks_policy": checks["strict"],
                "required_status_checks": contexts,
            }
            yield {"type": "required_status_checks", "parameters": strict}
        if reviews := found.get("required_pull_request_reviews"):
            count = reviews.get("required_approving_review_count", 1)
            yield {"type": "pull_request", "parameters": {"required_approving_review_count": count}}

    def unmet(self, repository: str, pull: dict[str, Any]) -> list[str]:
        """What is missing, in GitHub's words."""
        wanted, head = self.demands(repository, pull["base"]["ref"]), pull["head"]["sha"]
        found = self.outcomes(repository, head) if wanted.checks else {}
        missing = [
            f'Required status check "{name}" is {"failing" if found.get(name) else "expected"}.'
            for name in wanted.checks
            if found.get(name) not in PASSING
        ]
        if wanted.up_to_date and not self.forge.bare(repository).contains(head, pull["base"]["sha"]):
            missing.append(OUT_OF_DATE)
        if wanted.approvals > self._approvals(repository, pull):
            count = wanted.approvals
            plural = "s are" if count > 1 else " is"
            missing.append(
                f"At least {count} approving review{plural} required by reviewers with write access."
            )
        return missing

    def closed(self, repository: str, token: Token) -> list[str]:
        """The branches that a token may not write to but through a pull request; classic protection lets admins."""
        refs = self.forge.bare(repository).refs()
        names = [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]
        admin = not token.bot and self.forge.has_role(repository, token, "admin")
        return [name for name in names if self._closed(repository, name, admin)]

    def _closed(self, repository: str, branch: str, admin: bool) -> bool:
        if any(rule["type"] in CLOSING for rule in self._rules(repository, branch)):
            return True
        found = self.classic.get((repository, branch), {})
        strict = found.get("enforce_admins", {}).get("enabled", False)
        return any(found.get(rule) for rule in CLOSING_KEYS) and (strict or not admin)

    def failing(self, repository: str, sha: str) -> bool:
        return any(outcome not in PASSING for outcome in self.outcomes(repository, sha).values())

    def outcomes(self, repository: str, sha: str) -> dict[str, str]:
        """What every check and status of a commit came to, by name."""
        runs = self.forge.emulate.get(f"/repos/{repository}/commits/{sha}/check-runs?per_page=100")[
            "check_runs"
        ]
        found = {run["name"]: run["conclusion"] or "pending" for run in runs}
        return found | {
            context: one["state"] for context, one in self.statuses.latest(repository, sha).items()
        }

    def _approvals(self, repository: str, pull: dict[str, Any]) -> int:
        if self.demands(repository, pull["base"]["ref"]).approvals == 0:
            return 0
        reviews = self.forge.emulate.pages(f"/repos/{repository}/pulls/{pull['number']}/reviews")
        last = {one["user"]["login"]: one["state"] for one in reviews if one["state"] != "COMMENTED"}
        return sum(
            state == "APPROVED"
            and login != pull["user"]["login"]
            and self.forge.role(repository, login) in ("write", "maintain", "admin")
            for login, state in last.items()
        )

    # ---- classic protection

    def get_classic(self, call: Call) -> Answer:
        found = self.classic.get((call.repository, call.params["branch"]))
        return Answer(200, found) if found else refuse(404, "Branch not protected")

    def get_classic_checks(self, call: Call) -> Answer:
        found = self.classic.get((call.repository, call.params["branch"]), {}).get("required_status_checks")
        return Answer(200, found) if found else refuse(404, "Required status checks not enabled")

    def put_classic(self, call: Call) -> Answer:
        branch = call.params["branch"]
        if not self.forge.bare(call.repository).branch(branch):
            refuse(404, "Branch not found")
        url = self.forge.url(call.repository, "branches", branch, "protection")
        found: dict[str, Any] = {
            "url": url,
            "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": bool(call.given("enforce_admins"))},
        }
        if checks := call.given("required_status_checks"):
            found["required_status_checks"] = _checks(f"{url}/required_status_checks", checks)
        if reviews := call.given("required_pull_request_reviews"):
            found["required_pull_request_reviews"] = {
                "url": f"{url}/required_pull_request_reviews",
                "dismiss_stale_reviews": reviews.get("dismiss_stale_reviews", False),
                "require_code_owner_reviews": reviews.get("require_code_owner_reviews", False),
                "required_approving_review_count": reviews.get("required_approving_review_count", 1),
            }
        self.classic[call.repository, branch] = found
        return Answer(200, found)

    def delete_classic(self, call: Call) -> Answer:
        key = (call.repository, call.params["branch"])
        return Answer(204) if self.classic.pop(key, None) else refuse(404, "Branch not protected")

    # ---- rulesets

    def _rules(self, repository: str, branch: str) -> Iterator[dict[str, Any]]:
        for number, ruleset in self.rulesets.get(repository, {}).items():
            if (
                ruleset["target"] == "branch"
                and ruleset["enforcement"] == "active"
                and _covers(ruleset, branch)
            ):
                origin = {
                    "ruleset_source_type": "Repository",
                    "ruleset_source": repository,
                    "ruleset_id": number,
                }
                yield from ({**rule, **origin} for rule in ruleset["rules"])

    def _ruleset(self, call: Call) -> dict[str, Any]:
        found = self.rulesets.get(call.repository, {}).get(int(call.params["ruleset_id"]))
        return found if found else not_found()

    def list_rulesets(self, call: Call) -> Answer:
        found = self.rulesets.get(call.repository, {}).values()
        short = [
            {key: value for key, value in one.items() if key not in ("rules", "conditions")} for one in found
        ]
        return page(call, short, self.forge.address)

    def create_ruleset(self, call: Call) -> Answer:
        number = self.forge.next_id()
        made = self._made(
            call, number, {"target": "branch", "bypass_actors": [], "rules": [], "conditions": {}}
        )
        return Answer(201, made)

    def update_ruleset(self, call: Call) -> Answer:
        before = self._ruleset(call)
        return Answer(200, self._made(call, before["id"], before))

    def _made(self, call: Call, number: int, before: dict[str, Any]) -> dict[str, Any]:
        made = {
            **before,
            **call.body,
            "id": number,
            "node_id": f"RRS_{number}",
            "source_type": "Repository",
            "source": call.repository,
            "created_at": before.get("created_at", self.forge.now()),
            "updated_at": self.forge.now(),
            "current_user_can_bypass": "never",
        }
        self.rulesets.setdefault(call.repository, {})[number] = made
        return made

    def delete_ruleset(self, call: Call) -> Answer:
        self.rulesets[call.repository].pop(self._ruleset(call)["id"])
        return Answer(204)

    def branch_rules(self, call: Call) -> Answer:
        return page(call, list(self._rules(call.repository, call.params["branch"])), self.forge.address)

    # ---- branches, which say whether they are protected

    def _protected(self, repository: str, branch: str) -> bool:
        return (repository, branch) in self.classic or any(self._rules(repository, branch))

    def get_branch(self, call: Call) -> Answer:
        name = call.params["branch"]
        sha = self.forge.bare(call.repository).branch(name) or refuse(404, "Branch not found")
        url = self.forge.url(call.repository, "branches", name)
        found = {
            "name": name,
            "commit": changes.commit(self.forge, call.repository, sha),
            "_links": {"self": url, "html": self.forge.page_url(call.repository, "tree", name)},
            "protected": self._protected(call.repository, name),
            "protection": {"enabled": self._protected(call.repository, name)},
            "protection_url": f"{url}/protection",
        }
        return Answer(200, found)

    def list_branches(self, call: Call) -> Answer:
        names = sorted(
            ref for ref in self.forge.bare(call.repository).refs() if ref.startswith("refs/heads/")
        )
        refs = self.forge.bare(call.repository).refs()
        found = [
            {
                "name": ref.removeprefix("refs/heads/"),
                "commit": {"sha": refs[ref], "url": self.forge.url(call.repository, "commits", refs[ref])},
                "protected": self._protected(call.repository, ref.removeprefix("refs/heads/")),
            }
            for ref in names
        ]
        wanted = call.query.get("protected")
        return page(
            call,
            [one for one in found if wanted in (None, str(one["protected"]).lower())],
            self.forge.address,
        )


def _checks(url: str, checks: dict[str, Any]) -> dict[str, Any]:
    named = [*checks.get("contexts", ()), *(one["context"] for one in checks.get("checks", ()))]
    names = list(dict.fromkeys(named))
    return {
        "url": url,
        "contexts_url": f"{url}/contexts",
        "strict": checks["strict"],
        "contexts": names,
        "checks": [{"context": name, "app_id": None} for name in names],
    }


def _covers(ruleset: dict[str, Any], branch: str) -> bool:
    names = ruleset["conditions"].get("ref_name", {"include": ["~ALL"], "exclude": []})

    def among(patterns: list[str]) -> bool:
        special = {"~ALL": "*", "~DEFAULT_BRANCH": "refs/heads/main"}
        return any(fnmatch.fnmatchcase(f"refs/heads/{branch}", special.get(one, one)) for one in patterns)

    return among(names["include"]) and not among(names["exclude"])
