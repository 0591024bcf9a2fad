"""Where the checks look: the repository, its pipeline and GitHub, each opened once, when asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_settings import TOKENS
from mlops_ci.collect import project
from mlops_ci.collect.project import CONFIG
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, MlopsError

WORKFLOWS = Path(".github", "workflows")
# good; missing: a verb cannot work; advice: it works, but less well; unknown: it cannot be seen from here.
State = Literal["good", "missing", "advice", "unknown"]
_ADDRESS = re.compile(
    r"(?:https?://(?:[^@/]*@)?|ssh://git@|git@)([^/:]+)(?::\d+/|[/:])([\w-]+/[\w.-]+?)(?:\.git)?/?"
)


@dataclass(frozen=True)
class Found:
    """What a check saw, in a line, and how to mend it."""

    state: State
    words: str
    mend: str = ""


@dataclass(frozen=True)
class Place:
    """A folder and an environment; whatever cannot be opened raises the error that a verb would."""

    folder: Path
    environ: Mapping[str, str]

    @cached_property
    def git(self) -> Git:
        """The repository."""
        return Git.open(self.folder)

    @cached_property
    def dvc(self) -> Dvc:
        """The pipeline."""
        return Dvc.open(self.folder)

    @cached_property
    def rules(self) -> Config:
        """What mlops-ci.yaml says, the defaults where there is none.

        Raises:
            ConfigError: it has mistakes.
        """
        path = self.git.root / CONFIG
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        return project.rules(self.git, text)

    @property
    def token(self) -> str:
        """The name of the variable that holds a token; empty where none does."""
        return next((name for name in TOKENS if self.environ.get(name, "").strip()), "")

    @cached_property
    def repository(self) -> str:
        """``OWNER/NAME`` on GitHub, by the environment or the address of the remote; else empty."""
        if told := self.environ.get("GITHUB_REPOSITORY", ""):
            return told
        try:
            found = _ADDRESS.fullmatch(self.git.remote_url())
        except MlopsError:
            return ""
        server = self.environ.get("GITHUB_SERVER_URL", "https://github.com").rpartition("/")[2]
        return found[2] if found and found[1] == server else ""

    @cached_property
    def github(self) -> GitHub:
        """GitHub, asked with the token of the environment.

        Raises:
            ConfigError: there is no token, or no repository on GitHub.
        """
        if not self.repository:
            raise ConfigError("the remote is no repository on GitHub", "git remote add origin ADDRESS")
        return GitHub.of({**self.environ, "GITHUB_REPOSITORY": self.repository})

    def workflow(self, file: str) -> Mapping[str, Any]:
        """A workflow file as it is written; empty where it is no YAML: GitHub says so where it matters."""
        path = self.git.root / WORKFLOWS / file
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        except yaml.YAMLError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def calls(self) -> tuple[tuple[str, str, str], ...]:
        """The workflow files that call mlops-ci: file, what is called, at which version."""
        found = []
        for path in sorted((self.git.root / WORKFLOWS).glob("*.y*ml")):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [
                (path.name, name, rest.strip())
                for name, rest in re.findall(
                    r"(?m)^[\s-]*uses:\s*['\"]?([\w.-]+/[\w.-]*mlops-ci[\w.-]*/[\w./-]+)@([^\n'\"]+)", text
                )
            ]
        return tuple(found)
