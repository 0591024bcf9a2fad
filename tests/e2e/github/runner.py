"""Plays workflows: decides which ones an event starts, as GitHub would, and runs them with the real runner act.

    runner = Runner(gateway, act, folder, actions={"mlops-ci/mlops-ci": checkout_of_this_repository})
    for played in runner.play():        # everything that has happened since the last time
        assert played.conclusion == "success", played.log

Not emulated: ``concurrency``, containers and services, one token a job (a run has one, with all that its jobs ask for),
the time of ``schedule``. Remote actions are local folders: the stand-ins in actions/ and those that a test names.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import act_output, plans, remote_actions, reruns, triggers
from .act_output import Annotation, Job
from .calls import Token
from .events import Event
from .forge import ACTIONS_BOT
from .gateway import Gateway
from .remote_actions import Sources
from .runs import Run
from .triggers import Start, Triggers

TIMEOUT = 600
UV = Path(__file__).with_name("uv.py")
# Act does not read the terminal of a failed step to its end. More than a terminal holds is written after it, so that
# all before it has been read; act_output.py leaves it out.
BASH = """\
[ -z "$STAND_STEP" ] || exec "{bash}" "$@"
export STAND_STEP=1
"{bash}" "$@" && exit
code=$?
[ ! -t 1 ] || yes "{padding}" | head -n {lines}
exit $code
"""
# A workflow sees its runner's environment: nothing of the machine's but these.
KEPT = ("PATH", "LANG", "LC_ALL", "TZ")
# Where DVC may keep what it knows of the machine: in the tests' own home.
KEPT_OF_DVC = ("DVC_NO_ANALYTICS", "DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")


@dataclass(frozen=True)
class Played:
    """One run and what came of it."""

    run: Run
    jobs: Sequence[Job]
    errors: str

    @property
    def conclusion(self) -> str | None:
        return self.run.conclusion

    @property
    def log(self) -> str:
        """All that the steps printed, and what act itself complained about."""
        return "".join(job.log for job in self.jobs) + self.errors

    @property
    def summary(self) -> str:
        return "".join(job.summary for job in self.jobs)

    @property
    def annotations(self) -> list[Annotation]:
        return [one for job in self.jobs for one in job.annotations]

    def job(self, key: str, **matrix: Any) -> Job:
        """A job by its id or name, and by its combination of a matrix."""
        found = [
            job
            for job in self.jobs
            if key in (job.id, job.name) and matrix.items() <= dict(job.matrix).items()
        ]
        assert len(found) == 1, f"{len(found)} jobs are {key} {matrix}, of {[job.id for job in self.jobs]}"
        return found[0]


class Runner:
    """A runner of one stand."""

    def __init__(
        self,
        gateway: Gateway,
        act: str,
        folder: Path,
        *,
        actions: Mapping[str, Path] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.gateway = gateway
        self.forge = gateway.forge
        self.act = act
        self.folder = folder
        self.actions = actions or {}
        self.secrets = secrets or {}
        self.variables = variables or {}
        self.environ = environ or {}
        self.tools = _tools(folder.with_name("tools"))
        self.triggers = Triggers(gateway.forge)
        self._seen = 0
        # What came of the last attempt of every run.
        self._before: dict[int, Sequence[Job]] = {}

    # ---- what to play

    def play(self) -> list[Played]:
        """Run what was started by every event since the last time, and by the events of those runs."""
        found: list[Played] = []
        while self._seen < len(self.forge.events.delivered):
            event = self.forge.events.delivered[self._seen]
            self._seen += 1
            found += self.play_event(event)
        return found

    def skip(self) -> None:
        """Let what has happened until now start nothing."""
        self._seen = len(self.forge.events.delivered)

    def play_event(self, event: Event) -> list[Played]:
        """Run what one event starts."""
        return [self._run(event, start) for start in self.triggers.started(event, self.secrets)]

    def schedule(self, repository: str, cron: str) -> list[Played]:
        """Run what listens to a time."""
        self.forge.emit("schedule", repository, Token(ACTIONS_BOT), schedule=cron)
        event = self.forge.events.delivered[-1]
        return self.play_event(event)

    def play_again(self) -> list[Played]:
        """Run what somebody has asked to be run again, all of it or what failed."""
        again, self.gateway.runs.again = self.gateway.runs.again, []
        return [
            self._run(run.event, start, run)
            for run in again
            for start in self.triggers.started(run.event, self.secrets)
            if start.workflow.path == run.workflow.path
        ]

    # ---- playing

    def _run(self, event: Event, start: Start, again: Run | None = None) -> Played:
        head, pulls = triggers.head(event, start), triggers.pulls(event)
        run = again or self.gateway.runs.begin(event, start.workflow, head, pulls, start.token)
        run.status = "in_progress"
        secret = self.gateway.issue(f"ghs_{run.number}_{run.attempt}", start.token)
        folder = self.folder / f"run-{run.number}-{run.attempt}"
        folder.mkdir(parents=True)
        clone = self._clone(event.repository, start, folder)
        sources = Sources(self.actions, self.forge.bares.get)
        mapped = remote_actions.mapped(clone, event.repository, start.sha, sources, folder / "actions")
        planned = plans.planned(start.workflow, clone, mapped)
        kept: list[Job] = []
        if again and again.narrowed:
            kept = reruns.narrow(start.workflow, clone, mapped, planned, self._before[run.number])
        done, errors = self._act(
            event, start, run, folder, [*self._flags(mapped), *self._named(start.ref)], secret
        )
        jobs = reruns.merged(kept, act_output.jobs(done, start.workflow.label, planned), run.attempt)
        self._before[run.number] = jobs
        del self.forge.tokens[secret]
        self.gateway.runs.finish(run, [(job.name, job.result) for job in jobs] or [("act", "failure")])
        self.gateway.merging.settle()
        self.gateway.queue.settle()
        shutil.rmtree(folder)
        return Played(run, jobs, errors)

    def _clone(self, repository: str, start: Start, folder: Path) -> Path:
        """A clone at the run's commit: act takes GITHUB_SHA from it, the workflow's file and local reusable ones."""
        clone = folder / "clone"
        self.forge.bare(repository).git("clone", "--quiet", "--no-checkout", ".", str(clone))
        bare = self.forge.bare(repository)
        for command in (
            ["fetch", "--quiet", str(bare.path), start.sha],
            ["checkout", "--quiet", "--detach", start.sha],
            ["remote", "set-url", "origin", f"{self.gateway.address}/{repository}.git"],
        ):
            subprocess.run(["git", *command], cwd=clone, check=True, capture_output=True)
        return clone

    def _flags(self, mapped: Mapping[str, Path]) -> list[str]:
        flags = ["-P", "ubuntu-latest=-self-hosted", "-P", "self-hosted=-self-hosted"]
        # Both servers would listen on the machine's outward address.
        flags += ["--no-cache-server", "--no-skip-checkout", "--json"]
        # Files that act reads from the work tree if they are there, which is no business of a pull request.
        flags += ["--env-file", os.devnull, "--input-file", os.devnull]
        return flags + [f"--local-repository={key}={path}" for key, path in mapped.items()]

    def _named(self, ref: str) -> list[str]:
        kind = "tag" if ref.startswith("refs/tags/") else "branch"
        name = ref.removeprefix("refs/").partition("/")[2]
        facts = {"GITHUB_REF": ref, "GITHUB_REF_NAME": name, "GITHUB_REF_TYPE": kind}
        return [flag for key, value in facts.items() for flag in ("--env", f"{key}={value}")]

    def _act(
        self, event: Event, start: Start, run: Run, folder: Path, flags: list[str], secret: str
    ) -> tuple[list[str], str]:
        told = folder / "event.json"
        told.write_text(json.dumps(event.payload))
        command = [
            self.act,
            event.name,
            "-e",
            str(told),
            "-W",
            start.workflow.path,
            "--actor",
            event.actor,
            *flags,
        ]
        for key, value in {**self._facts(event, run), **self.environ}.items():
            command += ["--env", f"{key}={value}"]
        files = {
            "--secret-file": {**start.secrets, "GITHUB_TOKEN": secret},
            "--var-file": self.variables,
        }
        for flag, values in files.items():
            path = folder / f"{flag.strip('-')}.yml"
            path.write_text(json.dumps(dict(values)))
            command += [flag, str(path)]
        return _finished(command, folder, self.tools)

    def _facts(self, event: Event, run: Run) -> dict[str, str]:
        """What GitHub tells a run by its environment, where act does not know it."""
        address = self.gateway.address
        return {
            "GITHUB_API_URL": address,
            "GITHUB_SERVER_URL": address,
            "GITHUB_GRAPHQL_URL": f"{address}/graphql",
            "GITHUB_REPOSITORY": event.repository,
            "GITHUB_REPOSITORY_OWNER": event.repository.partition("/")[0],
            "GITHUB_RUN_ID": str(run.number),
            "GITHUB_RUN_NUMBER": str(run.number),
            "GITHUB_RUN_ATTEMPT": str(run.attempt),
            "GITHUB_TRIGGERING_ACTOR": event.actor,
            "ACTIONS_RUNTIME_TOKEN": run.runtime_secret,
            "STAND_CACHE": str(self.folder / "cache"),
            # Nothing is installed into the tests' own environment.
            "PIP_NO_INDEX": "1",
            # Act gives steps a terminal, GitHub does not.
            "TERM": "dumb",
            "PAGER": "cat",
            "GIT_PAGER": "cat",
        }


def _tools(folder: Path) -> Path:
    """A folder for PATH: its uv installs without a package registry, its bash waits until act has read what was printed."""
    folder.mkdir(parents=True)
    bash = BASH.format(bash=shutil.which("bash"), lines=64, padding=act_output.PADDING)
    for name, text in {"uv": f'exec "{sys.executable}" -I "{UV}" "$@"\n', "bash": bash}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}")
        (folder / name).chmod(0o755)
    return folder


def _finished(command: list[str], folder: Path, tools: Path) -> tuple[list[str], str]:
    """The lines that act wrote, and its complaints."""
    home = folder / "home"
    home.mkdir()
    environ = {name: os.environ[name] for name in (*KEPT, *KEPT_OF_DVC) if name in os.environ}
    environ |= {"HOME": str(home), "XDG_CACHE_HOME": str(folder / "cache"), "GIT_TERMINAL_PROMPT": "0"}
    environ["PATH"] = f"{tools}{os.pathsep}{environ['PATH']}"
    process = subprocess.Popen(
        command,
        cwd=folder / "clone",
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        # Whatever a step has left running ends with its run.
        with _gone():
            os.killpg(process.pid, signal.SIGKILL)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    return lines, "\n".join(line for line in err.splitlines() if "docker" not in line)


def _gone() -> Any:
    from contextlib import suppress

    return suppress(ProcessLookupError)
