"""The `cml` command: a comment posted or updated by CML, with its habits kept away from the machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlops_ci.adapters import process
from mlops_ci.errors import ToolError

TIMEOUT = 120.0


@dataclass(frozen=True)
class Cml:
    """CML's command for one repository; ``url`` is the repository's address on its forge."""

    command: str
    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str], *, token: str) -> Cml | None:
        """The command on PATH for the repository that the runner works for, None where there is none.

        CML derives the API's address from the host, always by https: where the runner says another one,
        the command would ask the wrong place and is not offered.
        """
        command = shutil.which("cml", path=environ.get("PATH"))
        server = environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
        host = urlsplit(server).netloc
        usual = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
        api = environ.get("GITHUB_API_URL", usual).rstrip("/")
        repository = environ.get("GITHUB_REPOSITORY", "")
        if not command or not repository or not token or api != usual:
            return None
        return cls(command, f"{server}/{repository}", token)

    def update(self, pull_request: int, text: str, *, commit: str, title: str) -> str:
        """Post ``text`` with CML's watermark, or replace the comment that carries it; gives its address.

        CML uploads whatever file a report links to unless ``--publish=false``, comments on a commit unless
        the target is named, sends telemetry, and writes to the global Git configuration: each is turned off
        or turned away here.

        Raises:
            ToolError: CML failed or gave no address.
        """
        with tempfile.TemporaryDirectory(prefix="mlops-ci-cml-") as scratch:
            report = Path(scratch) / "report.md"
            report.write_text(text, encoding="utf-8")
            arguments = ["--target", f"pr/{pull_request}", "--watermark-title", title, "--publish=false"]
            arguments += ["--repo", self.url, str(report)]
            done = process.run(
                [self.command, "comment", "update", *arguments],
                cwd=scratch,
                env=self._environment(scratch, commit),
                timeout=TIMEOUT,
                check=False,
            )
        address = done.stdout.strip().rpartition("\n")[2]
        if done.code or not address.startswith("http"):
            said = " | ".join(process.clean(done.stderr or done.stdout)[-2:]).replace(self.token, "***")
            raise ToolError(f"cml could not post the comment (exit code {done.code}): {said}")
        return address

    def _environment(self, scratch: str, commit: str) -> dict[str, str]:
        """What CML reads: the token, the commit of its watermark, and a home of its own."""
        return {
            "CML_TOKEN": self.token,
            "REPO_TOKEN": self.token,
            # By any event but a pull request's CML takes the commit from here; of those it reads the event.
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_SHA": commit,
            "HOME": scratch,
            "XDG_CONFIG_HOME": scratch,
            # Where this is set, Git takes it for the global configuration whatever the home is.
            "GIT_CONFIG_GLOBAL": f"{scratch}/.gitconfig",
            "ITERATIVE_DO_NOT_TRACK": "1",
        }
