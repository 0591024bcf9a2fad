"""The job's own variables, which nothing that a pull request's code starts has any business with."""

from __future__ import annotations

import os
from collections.abc import Mapping

# What pushes is given to one process alone, by name.
PUSHING = "MLOPS_CI_PUSH_TOKEN"
# What writes to the repositories that hold the manifests of environments.
TARGETS = "MLOPS_CI_TARGET_TOKEN"
# Tokens that speak to GitHub, by the names under which we, CML and GitHub's command take them.
_TOKENS = frozenset(
    {
        "MLOPS_CI_TOKEN",
        PUSHING,
        TARGETS,
        "ARGOCD_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "CML_TOKEN",
        "REPO_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
    }
)
# Files by which a step sets what later steps and the job's page see.
_FILES = frozenset({"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"})
# With these anybody is the job in the eyes of every cloud that trusts it (OIDC).
_IDENTITY = "ACTIONS_ID_TOKEN_REQUEST_"


def is_withheld(name: str) -> bool:
    """Whether a variable is the job's own."""
    return name in _TOKENS or name in _FILES or name.startswith(_IDENTITY)


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for the pull request's code; DVC's credentials of the data's remote stay in it."""
    return {name: value for name, value in environ.items() if not is_withheld(name)}


def inherited(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a tool: this process's without the tokens that push, and what it is given."""
    return {
        **{name: value for name, value in os.environ.items() if name not in (PUSHING, TARGETS)},
        **given,
    }
