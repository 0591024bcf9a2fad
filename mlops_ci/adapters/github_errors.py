"""What GitHub refused, in words that say the cause and how to mend it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from mlops_ci.adapters.github_retry import Answer, Broken, Pause
from mlops_ci.adapters.github_settings import Settings
from mlops_ci.adapters.process import clean
from mlops_ci.errors import ToolError

# What a workflow's `permissions:` can grant; the rest needs a GitHub App or a personal token.
GRANTABLE = {
    "actions",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "security-events",
    "statuses",
}
# The first pattern that an endpoint has -> its permission, for servers that do not name it themselves.
_ENDPOINTS = (
    (r"^/orgs/", "members"),
    (r"/(issues|pulls)\b|/graphql$", "pull-requests"),
    (r"/check-runs\b", "checks"),
    (r"/statuses/", "statuses"),
    (r"/actions/", "actions"),
    (r"", "contents"),
)
_SECOND_WORKFLOW = (
    "the token of a fork's pull request reads only, whatever `permissions` says: "
    "the workflow on `workflow_run` posts its report"
)
_NETWORK = "check GITHUB_API_URL and the network; is HTTPS_PROXY needed?"
_UNANSWERED = {
    "name": ("the name {host} cannot be resolved", _NETWORK),
    "connect": ("{host} cannot be reached", _NETWORK),
    "tls": (
        "{host} cannot be trusted",
        "name the PEM file of your own certificate authority in REQUESTS_CA_BUNDLE or SSL_CERT_FILE",
    ),
    "proxy": ("the proxy does not let it through", "check HTTPS_PROXY; NO_PROXY names what needs none"),
    "timeout": ("{host} did not answer in time", "run it again; is GitHub or the proxy slow?"),
    "cut": ("the connection to {host} was cut", "run it again"),
    "size": ("the answer of {host} is too large", ""),
}


class GitHubError(ToolError):
    """GitHub refused or did not answer; ``status`` is 0 where there was no answer."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """The request that an error speaks of."""

    method: str
    path: str
    settings: Settings

    @property
    def name(self) -> str:
        """The request as GitHub's documentation names it."""
        return f"{self.method} {self.path}"


# ---- answers -----------------------------------------------------------------------------------


def refusal(asked: Asked, answer: Answer) -> GitHubError:
    """The error of an answer that is none of the good ones."""
    said = _sentence(answer)
    message = f"{asked.name}: GitHub answered {answer.status}" + (f": {said}" if said else "")
    return GitHubError(message, _hint(asked, answer), status=answer.status)


def refused_query(asked: Asked, errors: dict[str, str]) -> GitHubError:
    """The error of a GraphQL answer, in the words of the REST API."""
    kind, message = next(iter(errors.items()))
    status = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404}.get(kind, 422)
    return refusal(asked, Answer(status, {}, json.dumps({"message": message}).encode()))


def limited(asked: Asked, pause: Pause, now: float) -> GitHubError:
    """The error of a rate limit that lasts longer than we wait."""
    until = datetime.fromtimestamp(now + pause.seconds, UTC).strftime("%H:%M:%S UTC")
    if pause.limited == "primary":
        return GitHubError(
            f"{asked.name}: GitHub's rate limit for this token is used up until {until}",
            "run it again then; the token of a GitHub App has a limit of its own",
            status=429,
        )
    return GitHubError(
        f"{asked.name}: GitHub asks for less haste (secondary rate limit) until {until}",
        "run it again then, and fewer jobs at once",
        status=429,
    )


def moved(asked: Asked, location: str) -> GitHubError:
    """The error of a redirect that is not followed: to another host, or of a write that would change."""
    return GitHubError(
        f"{asked.name}: GitHub points to {_place(location)}, and the token does not go there",
        "was the repository renamed or moved? set GITHUB_REPOSITORY and GITHUB_API_URL to where it is now",
        status=301,
    )


def _hint(asked: Asked, answer: Answer) -> str:
    if answer.status == 401:
        return (
            f"the token in {asked.settings.token_from} has expired, was revoked or belongs to another "
            "server; a job's own token ends with the job"
        )
    if answer.status == 403:
        return _forbidden(asked, answer)
    if answer.status in (404, 410):
        return (
            "check the name; GitHub says the same of what the token may not see: "
            f"{asked.settings.repository} may be private. {_grant(asked, answer)}"
        )
    if answer.status >= 500:
        return "GitHub has trouble: see its status page, and run the job again later"
    return ""


def _forbidden(asked: Asked, answer: Answer) -> str:
    said, token = answer.said(), f"the token in {asked.settings.token_from}"
    if sso := answer.headers.get("x-github-sso", ""):
        found = re.search(r"/orgs/([A-Za-z0-9-]+)/", sso)
        whose = f" of {found[1]}" if found else ""
        return f"authorise {token} for the single sign-on{whose}: `Configure SSO` in its settings on GitHub"
    if asked.settings.from_fork and asked.method != "GET":
        return _SECOND_WORKFLOW
    if "not accessible by personal access token" in said:
        needed = ", ".join(f"`{name}: {level}`" for name, level in _needed(asked, answer).items())
        return f"give {token} the permission {needed} in its settings on GitHub"
    if "authenticate via a github app" in said.lower():
        return f"{token} is a person's: give the job's own GITHUB_TOKEN, or a GitHub App's token"
    if "not accessible by integration" in said:
        return _grant(asked, answer) + (f"\n    ({_SECOND_WORKFLOW})" if asked.method != "GET" else "")
    return ""


def _grant(asked: Asked, answer: Answer) -> str:
    """The lines of YAML that grant what is missing, indented as a job's are."""
    needed = _needed(asked, answer)
    if beyond := sorted(needed.keys() - GRANTABLE):
        what = ", ".join(f"`{name}: {needed[name]}`" for name in beyond)
        return f"a workflow's own token cannot have {what}: give a GitHub App's token by MLOPS_CI_TOKEN"
    lines = "".join(f"\n      {name}: {level}" for name, level in needed.items())
    return f"give the job this permission (it has none that is not named):\n    permissions:{lines}"


def _needed(asked: Asked, answer: Answer) -> dict[str, str]:
    """The permissions that would do: GitHub's own word, else what the endpoint is known to need."""
    inside = re.sub(r"^/repos/[^/]+/[^/]+", "", asked.path)
    known = next(name for pattern, name in _ENDPOINTS if re.search(pattern, inside))
    choices = [
        dict(re.findall(r"([a-z-]+)=(\w+)", choice))
        for choice in answer.headers.get("x-accepted-github-permissions", "").replace("_", "-").split(";")
    ]
    possible = [choice for choice in choices if choice]
    # Several will do: the one that fits the endpoint, else one that a workflow can have.
    possible.sort(key=lambda choice: (known not in choice, not choice.keys() <= GRANTABLE))
    return possible[0] if possible else {known: "read" if asked.method == "GET" else "write"}


def _sentence(answer: Answer) -> str:
    """GitHub's message and what it says of single fields, in one line that a terminal can show."""
    plain = answer.json()
    if not isinstance(plain, dict):
        return ""
    errors = plain.get("errors")
    fields = [_field(error) for error in errors] if isinstance(errors, list) else []
    parts = [answer.said(), *fields]
    return "; ".join(line for part in parts for line in clean(part))


def _field(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    name = error.get("field") or error.get("resource") or "request"
    return f"{name}: {error.get('message') or error.get('code') or 'refused'}"


def _place(url: str) -> str:
    """A host for an error; the rest of a redirect's address may be a secret."""
    try:
        return urlsplit(url).hostname or "another address"
    except ValueError:
        return "another address"


# ---- no answer ---------------------------------------------------------------------------------


def unanswered(asked: Asked, broken: Broken, host: str) -> GitHubError:
    """The error of a request that got no answer."""
    problem, hint = _UNANSWERED[broken.kind]
    detail = f" ({broken.reason})" if broken.reason else ""
    return GitHubError(f"{asked.name}: {problem.format(host=host)}{detail}", hint)


def unknown(error: GitHubError) -> GitHubError:
    """The error of a write of which nobody knows whether GitHub carried it out."""
    return GitHubError(
        f"{error.message}; whether GitHub did it is not known",
        "look on GitHub before you run it again",
        status=error.status,
    )
