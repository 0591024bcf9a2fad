"""Waivers out of the comments of a pull request on GitHub: what they say, and whether their author may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from mlops_ci import config
from mlops_ci.adapters import github_people
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_repository import content
from mlops_ci.config import Waivers
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Waiver
from mlops_ci.forge import Comment
from mlops_ci.waiving import orders, owners
from mlops_ci.waiving.owners import Rules

# Every author is asked after; a pull request with more waivers than this is nobody's work.
MOST = 100
UNSEEN = "this token cannot see whether"
SEE = "give the job the token of a GitHub App with `members: read`, or name the people in waivers.owners"


@dataclass(frozen=True)
class Registrar:
    """Who may waive in a repository, by the rules of a base branch; everybody is asked after once."""

    github: GitHub
    rules: Rules
    known: dict[str, str] = field(default_factory=dict)

    def read(self, number: int) -> tuple[Waiver, ...]:
        """The waivers in the comments of a pull request, oldest first; what does not count has a problem.

        Raises:
            ToolError: GitHub refuses or cannot be reached.
        """
        found = [one for one in self.github.comments(number) if orders.is_waiver(one.body)]
        return tuple(map(self.judged, found[-MOST:]))

    def judged(self, comment: Comment) -> Waiver:
        """The waiver of one comment.

        Raises:
            ToolError: GitHub refuses or cannot be reached.
        """
        found = orders.waiver(comment, self.rules.max_days)
        problem = self.rules.closed or found.problem or self._unfit(comment.author)
        told = {"reason": "", "until": "", "problem": problem}
        return found.model_copy(update=told) if problem else found

    def _unfit(self, login: str) -> str:
        """Why somebody may not waive, if so."""
        key = login.lower()
        if key not in self.known:
            self.known[key] = self._no_owner(login) or self._no_writer(login)
        return self.known[key]

    def _no_owner(self, login: str) -> str:
        if login and login.lower() in self.rules.logins:
            return ""
        asked = {team: github_people.in_team(self.github, *team, login) for team in self.rules.teams if login}
        if any(asked.values()):
            return ""
        unseen = ["/".join(team) for team, found in asked.items() if found is None]
        if unseen:
            return f"{UNSEEN} {login} is a member of {', '.join(unseen)}"
        addresses = " (whose an e-mail address is cannot be known)" if self.rules.addresses else ""
        return f"{login or 'nobody'} is no owner by {self.rules.source}{addresses}"

    def _no_writer(self, login: str) -> str:
        allowed = github_people.permission(self.github, login).writes
        return "" if allowed else f"{login} may not push to this repository"


def rules_of(waivers: Waivers, path: str, read: Callable[[str], str | None]) -> Rules:
    """The rules of a base branch: what its configuration at ``path`` says, and its CODEOWNERS by ``read``."""
    return owners.rules(waivers.owners, waivers.max_days, path, read)


def said_now(github: GitHub, base: str, comment: int, path: str) -> Waiver:
    """The waiver of one comment as it stands, by the rules of a branch as GitHub has them.

    Where these extend a policy of another repository they are not known here: the next run judges.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    found = github.comment(comment)
    read = partial(_text, github, base)
    try:
        settings = config.load(read(path), source=path).waivers
    except ConfigError:
        return orders.waiver(found, Waivers().max_days)
    return Registrar(github, rules_of(settings, path, read)).judged(found)


def _text(github: GitHub, ref: str, path: str) -> str | None:
    found = content(github, path, ref)
    return None if found is None else found.decode(errors="replace")
