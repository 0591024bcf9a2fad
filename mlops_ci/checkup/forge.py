"""Checks of GitHub: the token and what it may, the checks that a merge requires, the workflow and its pin."""

from __future__ import annotations

from mlops_ci import __version__
from mlops_ci.adapters import github_people, github_repository, installed
from mlops_ci.adapters.github import GitHub
from mlops_ci.checkup.place import Found, Place
from mlops_ci.starting import CHECK

NO_TOKEN = Found(
    "unknown", "there is no token, so GitHub was not asked", "GITHUB_TOKEN=$(gh auth token) mlops-ci doctor"
)


def token(place: Place) -> Found:
    """A token that GitHub knows."""
    if not place.token:
        return NO_TOKEN
    return Found("good", f"{place.token} is {place.github.account()}'s")


def permission(place: Place) -> Found:
    """Whether the token's account may write; what a workflow's own token may, only the workflow says."""
    if not place.token:
        return NO_TOKEN
    return writes(place.github, "`pull-requests: write` and `checks: write`")


def writes(github: GitHub, needed: str) -> Found:
    """Whether an account may write to a repository; a job's own token needs its permissions by name."""
    account = github.account()
    if account.endswith("[bot]"):
        return Found("unknown", f"what {account} may is not told by GitHub", f"the job needs {needed}")
    found = github_people.permission(github, account)
    if not found.writes:
        return Found(
            "missing", f"{account} may only {found.level} here", "take the token of somebody who may push"
        )
    return Found("good", f"{account} may {found.level}")


def required(place: Place) -> Found:
    """Whether the default branch lets nothing in without our checks."""
    if not place.token:
        return NO_TOKEN
    branch = github_repository.facts(place.github).default_branch
    found = github_repository.protection(place.github, branch)
    ours = [name for name in found.checks if name.startswith("mlops-ci")]
    if ours:
        return Found("good", f"{branch} requires {', '.join(ours)}")
    if not found.known:
        return Found("unknown", f"the token may not see what protects {branch}", "ask an administrator")
    return Found(
        "advice",
        f"{branch} takes a merge that mlops-ci refuses",
        f"Settings, Rules, Rulesets: require the check `{CHECK}`",
    )


def workflow(place: Place) -> Found:
    """A workflow that calls mlops-ci."""
    if not place.calls:
        return Found("advice", "no workflow calls mlops-ci", "mlops-ci init")
    return Found("good", ", ".join(sorted({file for file, _, _ in place.calls})))


def pinned(place: Place) -> Found:
    """Whether every call names a commit; a tag or branch can be moved to other code."""
    if not place.calls:
        return Found("unknown", "no workflow calls mlops-ci")
    loose = [f"{file} calls {name}@{_pin(rest)}" for file, name, rest in place.calls if not _is_pinned(rest)]
    if loose:
        return Found("missing", "; ".join(loose), "name the commit of a release, all 40 hex digits")
    return Found("good", "by commit")


def current(place: Place) -> Found:
    """Whether the workflow calls the mlops-ci that is installed here."""
    pins = {_pin(rest) for _, _, rest in place.calls if _is_pinned(rest)}
    if not pins:
        return Found("unknown", "no workflow names a commit of mlops-ci")
    ours = installed.commit()
    if not ours:
        return Found("unknown", "the commit of this mlops-ci cannot be told")
    if pins == {ours}:
        return Found("good", f"the workflow calls this version, {__version__}")
    named = ", ".join(sorted(pin[:10] for pin in pins))
    return Found(
        "advice",
        f"the workflow calls {named}, and {ours[:10]} ({__version__}) is installed here",
        f"name {ours} in the workflow if it is the newer one",
    )


def _pin(rest: str) -> str:
    return rest.partition(" ")[0]


def _is_pinned(rest: str) -> bool:
    return installed.is_commit(_pin(rest))
