"""GitHub Actions' runner: the event it runs for, and the files and commands by which it is told things."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from mlops_ci.errors import ConfigError, ToolError

# A step's summary may have so many bytes; a larger one is dropped whole by the runner.
MAX_SUMMARY = 1 << 20
MAX_EVENT = 32 << 20
Level = Literal["error", "warning", "notice"]
# The word that ends the silence which is kept just now.
_silence: ContextVar[str] = ContextVar("_silence", default="")


@dataclass(frozen=True)
class Runner:
    """The runner of one job's step: ``event`` is the event's name, ``payload`` what GitHub says of it."""

    environ: Mapping[str, str]
    event: str
    payload: Mapping[str, Any]
    stdout: TextIO

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ, stdout: TextIO | None = None) -> Runner | None:
        """The runner that started this process, None outside of GitHub Actions.

        Raises:
            ConfigError: the event's file cannot be read.
        """
        if environ.get("GITHUB_ACTIONS") != "true":
            return None
        name, path = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_EVENT_PATH", "")
        return cls(environ, name, _payload(Path(path)) if path else {}, stdout or sys.stdout)

    @property
    def pull_request(self) -> int | None:
        """The pull request that the event is about: itself, or the one that was commented on."""
        issue = _part(self.payload, "issue")
        found = _part(self.payload, "pull_request") or (issue if "pull_request" in issue else {})
        number = found.get("number")
        return number if isinstance(number, int) and not isinstance(number, bool) else None

    @property
    def head_commit(self) -> str:
        """The commit that the run is about: a pull request's own tip, not the merge made for the run."""
        pull, run = _part(self.payload, "pull_request"), _part(self.payload, "workflow_run")
        told = _part(pull, "head").get("sha") or run.get("head_sha")
        return str(told or self.environ.get("GITHUB_SHA", ""))

    @property
    def from_fork(self) -> bool:
        """Whether the pull request comes from another repository: its run has no secrets, and reads only."""
        pull = _part(self.payload, "pull_request")
        head, base = (_part(_part(pull, side), "repo").get("full_name") for side in ("head", "base"))
        return bool(pull) and head != base

    @property
    def draft(self) -> bool:
        """Whether the pull request is a draft, as it was when the event came."""
        return _part(self.payload, "pull_request").get("draft") is True

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the pull request's labels, as they were when the event came."""
        found = _part(self.payload, "pull_request").get("labels")
        labels = found if isinstance(found, list) else []
        return tuple(str(one["name"]) for one in labels if isinstance(one, dict) and "name" in one)

    @property
    def machine(self) -> tuple[str, ...]:
        """The labels by which the job chose its machine, where the workflow passes them on to us."""
        told = self.environ.get("MLOPS_CI_RUNNER", "").strip()
        try:
            found = json.loads(told) if told.startswith("[") else [told]
        except ValueError:
            found = [told]
        return tuple(str(one) for one in found if one != "")

    @property
    def head_repository(self) -> str:
        """Where the commits come from: of a workflow that another one started, that one's repository."""
        run = _part(_part(self.payload, "workflow_run"), "head_repository")
        return str(run.get("full_name") or self.environ.get("GITHUB_REPOSITORY", ""))

    @property
    def run(self) -> str:
        """The run's number, the same when it is run again; empty where the runner does not say."""
        return self.environ.get("GITHUB_RUN_ID", "")

    @property
    def attempt(self) -> str:
        """How often the run was started."""
        return self.environ.get("GITHUB_RUN_ATTEMPT", "") or "1"

    @property
    def url(self) -> str:
        """Where the run is shown, empty where the runner does not say."""
        parts = [self.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
        return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""

    def output(self, name: str, value: str) -> None:
        """Give the step an output, whatever its value holds: what ends it is drawn by lot.

        Raises:
            ToolError: the runner's file cannot be written.
        """
        end = f"end-{secrets.token_hex(16)}"
        self._append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n")

    def summary(self, text: str) -> None:
        """Add to the job's summary; what would be too much for the runner is cut at a line.

        Raises:
            ToolError: the runner's file cannot be written.
        """
        raw = text.encode()
        if len(raw) > self.room:
            raw = raw[: self.room].rpartition(b"\n")[0]
        self._append("GITHUB_STEP_SUMMARY", raw.decode(errors="ignore") + "\n")

    @property
    def room(self) -> int:
        """How many bytes the job's summary still takes."""
        path = self.environ.get("GITHUB_STEP_SUMMARY", "")
        there = Path(path).stat().st_size if path and Path(path).is_file() else 0
        return max(0, MAX_SUMMARY - there - 1)

    def annotate(self, level: Level, message: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Show a line at a place of the pull request's files, or at the run where there is no place."""
        told = {"file": file, "line": str(line) if file and line else "", "title": title}
        properties = ",".join(f"{key}={_property(value)}" for key, value in told.items() if value)
        self._command(f"::{level}{' ' if properties else ''}{properties}::{_data(message)}")

    def mask(self, secret: str) -> None:
        """Have the runner blot a secret out of every log from here on."""
        for line in filter(None, secret.splitlines()):
            self._command(f"::add-mask::{_data(line)}")

    def group(self, title: str, lines: Iterable[str]) -> None:
        """Show lines folded below a title; whatever they say, none of them is a command."""
        outer, word = _silence.get(), secrets.token_hex(16)
        shown = (line.replace("##[", "# #[") for line in lines)
        begin = [f"::{outer}::"] if outer else []
        end = [f"::stop-commands::{outer}"] if outer else []
        self._print(
            *begin,
            f"::group::{_data(title)}",
            f"::stop-commands::{word}",
            *shown,
            f"::{word}::",
            "::endgroup::",
            *end,
        )

    def silence(self) -> str:
        """From here on no line of ours is a command of the runner's; gives the word that ends this.

        What stages, Git and file names print is foreign text: ``::set-env`` in it is only text then.
        """
        word = secrets.token_hex(16)
        self._print(f"::stop-commands::{word}")
        return word

    def listen(self, word: str) -> None:
        """Lines of ours are commands again."""
        self._print(f"::{word}::")

    def _command(self, text: str) -> None:
        """Tell the runner something, in a silence too: no line of others comes between these three."""
        word = _silence.get()
        self._print(*([f"::{word}::", text, f"::stop-commands::{word}"] if word else [text]))

    def _print(self, *lines: str) -> None:
        self.stdout.write("".join(f"{line}\n" for line in lines))
        self.stdout.flush()

    def _append(self, variable: str, text: str) -> None:
        path = self.environ.get(variable, "")
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise ToolError(f"{variable}: {path} cannot be written ({error.strerror or error})") from error


@contextmanager
def silent(environ: Mapping[str, str], stdout: TextIO) -> Iterator[None]:
    """Inside, only what a Runner says is a command of GitHub Actions' runner; elsewhere nothing changes."""
    if environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    runner = Runner(environ, "", {}, stdout)
    word = runner.silence()
    before = _silence.set(word)
    try:
        yield
    finally:
        _silence.reset(before)
        runner.listen(word)


def _payload(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_EVENT:
            raise ConfigError(f"GITHUB_EVENT_PATH: {path} is larger than any event of GitHub's")
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"GITHUB_EVENT_PATH: {path} cannot be read as an event ({error})") from error
    return found if isinstance(found, dict) else {}


def _part(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object inside of an object; nothing where it is not there or something else."""
    found = whole.get(key)
    return found if isinstance(found, dict) else {}


def _data(text: str) -> str:
    """A command's text in one line, as the runner reads it back."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
