"""Run one verb in place of this process: the inputs are data here, and no shell sees them."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

# A secret that a repository does not have arrives as an empty text, which some libraries take for a password.
SECRETS = ("AWS_", "AZURE_", "GDRIVE_", "GOOGLE_")
# What the steps of action.yml say to this file; the verb and its stages need none of it.
OURS = frozenset({"MLOPS_CI_ARGS", "MLOPS_CI_PYTHON_FIRST", "MLOPS_CI_VENV", "MLOPS_CI_VERB"})


def command(environ: Mapping[str, str]) -> list[str]:
    """The command line that the inputs ask for.

    Raises:
        ValueError: an input cannot be read.
    """
    verb = environ.get("MLOPS_CI_VERB", "pr")
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", verb):
        raise ValueError(f"verb: {verb!r} is no verb; see `mlops-ci --help`")
    try:
        arguments = shlex.split(environ.get("MLOPS_CI_ARGS", ""))
    except ValueError as error:
        raise ValueError(f"args: {str(error).lower()}") from error
    return [str(Path(environ["MLOPS_CI_VENV"]) / "bin" / "mlops-ci"), verb, *arguments]


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the verb and of the stages it runs.

    With the pipeline's requirements in our environment its `python` comes first, else the runner's own.
    """
    own = str(Path(environ["MLOPS_CI_VENV"]) / "bin")
    path = [environ.get("PATH", os.defpath)]
    path.insert(0 if environ.get("MLOPS_CI_PYTHON_FIRST") == "true" else 1, own)
    kept = {
        name: value
        for name, value in environ.items()
        if name not in OURS and (value or not name.startswith(SECRETS))
    }
    return {**kept, "PATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def main() -> int:
    """Become the verb; what is left to say is why that was not possible."""
    try:
        words = command(os.environ)
        os.execve(words[0], words, surroundings(os.environ))  # noqa: S606 - no shell is wanted
    except (KeyError, OSError, ValueError) as error:
        sys.stdout.write(f"::error title=mlops-ci was not run::{' '.join(str(error).split())}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
