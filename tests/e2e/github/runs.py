"""Workflows and their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import workflows
from .calls import Answer, Call, Operation, Token, not_found, page, refuse
from .events import Event
from .forge import ACTIONS_BOT, Forge
from .workflows import Workflow


@dataclass
class Run:
    """One run of one workflow."""

    number: int
    repository: str
    workflow: Workflow
    event: Event
    head_sha: str
    head_branch: str
    pulls: list[dict[str, Any]]
    token: Token
    created: str
    status: str = "in_progress"
    conclusion: str | None = None
    attempt: int = 1
    # Whether only what failed is to be run again.
    narrowed: bool = False
    jobs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def runtime_secret(self) -> str:
        """What its steps upload and download artifacts with."""
        return f"runtime-{self.number}"


class Runs:
    """Every run and artifact."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.kept: dict[int, Run] = {}
        self.again: list[Run] = []
        self._workflow_ids: dict[tuple[str, str], int] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "actions/list-workflow-runs-for-repo": self.list_runs,
            "actions/list-workflow-runs": self.list_runs,
            "actions/get-workflow-run": lambda call: Answer(200, self.seen(self._run(call))),
            "actions/list-jobs-for-workflow-run": self.list_jobs,
            "actions/re-run-workflow": self.run_again,
            "actions/re-run-workflow-failed-jobs": lambda call: self.run_again(call, narrowed=True),
            "actions/cancel-workflow-run": self.cancel,
            "actions/list-repo-workflows": self.list_workflows,
            "actions/get-workflow": lambda call: Answer(
                200, self._workflow_seen(call.repository, self.named(call))
            ),
        }

    # ---- runs, told by the runner

    def begin(
        self,
        event: Event,
        workflow: Workflow,
        head: tuple[str, str],
        pulls: Sequence[dict[str, Any]],
        token: Token,
    ) -> Run:
        """A run has started; ``head`` is its commit and branch."""
        number = self.forge.next_id()
        sha, branch = head
        run = Run(
            number, event.repository, workflow, event, sha, branch, list(pulls), token, self.forge.now()
        )
        self.kept[number] = run
        self._tell("requested", run)
        self._tell("in_progress", run)
        return run

    def finish(self, run: Run, jobs: list[tuple[str, str]]) -> None:
        """A run has ended; ``jobs`` are names with their results."""
        results = {result for _, result in jobs}
        run.jobs = jobs
        run.status = "completed"
        run.conclusion = next(
            (one for one in ("failure", "cancelled", "success") if one in results), "skipped"
        )
        for name, result in jobs:
            self._check(run, name, result)
        self._tell("completed", run)

    def _check(self, run: Run, name: str, result: str) -> None:
        """Every job is a check of the commit, which is what branches demand."""
        body = {"name": name, "head_sha": run.head_sha, "status": "completed", "conclusion": result}
        self.forge.emulate.must("POST", f"/repos/{run.repository}/check-runs", body, ACTIONS_BOT)

    def _tell(self, action: str, run: Run) -> None:
        """Every run is told of, also those that a workflow's token has caused."""
        person = Token(run.event.actor)
        seen, workflow = self.seen(run), self._workflow_seen(run.repository, run.workflow)
        self.forge.emit(
            "workflow_run", run.repository, person, action=action, workflow_run=seen, workflow=workflow
        )

    def _run(self, call: Call) -> Run:
        run = self.kept.get(int(call.params["run_id"]))
        return run if run and run.repository == call.repository else not_found()

    def seen(self, run: Run) -> dict[str, Any]:
        url = self.forge.url(run.repository, "actions", "runs", run.number)
        workflow = self.workflow_id(run.repository, run.workflow.path)
        repository = self.forge.repository(run.repository)
        actor = self.forge.user(run.event.actor)
        return {
            "id": run.number,
            "name": run.workflow.name,
            "node_id": f"WFR_{run.number}",
            "check_suite_id": run.number,
            "check_suite_node_id": f"CS_{run.number}",
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.workflow.path,
            "display_title": run.workflow.name,
            "run_number": list(self.kept).index(run.number) + 1,
            "run_attempt": run.attempt,
            "event": run.event.name,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": workflow,
            "url": url,
            "html_url": self.forge.page_url(run.repository, "actions", "runs", run.number),
            "pull_requests": run.pulls,
            "created_at": run.created,
            "updated_at": self.forge.now(),
            "run_started_at": run.created,
            "actor": actor,
            "triggering_actor": actor,
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": self.forge.url(run.repository, "check-suites", run.number),
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": None,
            "workflow_url": self.forge.url(run.repository, "actions", "workflows", workflow),
            "head_commit": self._head_commit(run),
            "repository": repository,
            "head_repository": self._head_repository(run) or repository,
        }

    def _head_repository(self, run: Run) -> dict[str, Any] | None:
        """The fork that a pull request came from."""
        pull = run.event.payload.get("pull_request")
        return self.forge.repository(pull["head"]["repo"]["full_name"]) if pull else None

    def _head_commit(self, run: Run) -> dict[str, Any]:
        fields = self.forge.bare(run.repository).git("log", "-1", "--format=%T%n%an%n%ae%n%cI", run.head_sha)
        tree, name, email, date = fields.split("\n")
        person = {"name": name, "email": email}
        message = self.forge.bare(run.repository).message(run.head_sha).rstrip("\n")
        found = {"id": run.head_sha, "tree_id": tree, "message": message, "timestamp": date}
        return {**found, "author": person, "committer": person}

    def list_runs(self, call: Call) -> Answer:
        runs = [self.seen(run) for run in reversed(self.kept.values()) if run.repository == call.repository]
        names = {"event": "event", "branch": "head_branch", "head_sha": "head_sha"}
        for key, name in names.items():
            if key in call.query:
                runs = [run for run in runs if run[name] == call.query[key]]
        if "status" in call.query:
            runs = [run for run in runs if call.query["status"] in (run["status"], run["conclusion"])]
        if "workflow_id" in call.params:
            path = self.named(call).path
            runs = [run for run in runs if run["path"] == path]
        return page(call, runs, self.forge.address, wrap="workflow_runs")

    def list_jobs(self, call: Call) -> Answer:
        run = self._run(call)
        url = self.forge.url(run.repository, "actions")
        jobs = [
            {
                "id": run.number * 100 + place,
                "run_id": run.number,
                "run_url": f"{url}/runs/{run.number}",
                "node_id": f"CR_{run.number}_{place}",
                "head_sha": run.head_sha,
                "head_branch": run.head_branch,
                "url": f"{url}/jobs/{run.number * 100 + place}",
                "html_url": self.forge.page_url(run.repository, "actions", "runs", run.number, "job", place),
                "status": "completed",
                "conclusion": result,
                "created_at": run.created,
                "started_at": run.created,
                "completed_at": run.created,
                "name": name,
                "steps": [],
                "check_run_url": f"{url}/jobs/{run.number * 100 + place}",
                "labels": ["ubuntu-latest"],
                "runner_id": None,
                "runner_name": None,
                "runner_group_id": None,
                "runner_group_name": None,
                "workflow_name": run.workflow.name,
            }
            for place, (name, result) in enumerate(run.jobs)
        ]
        return page(call, jobs, self.forge.address, wrap="jobs")

    def run_again(self, call: Call, *, narrowed: bool = False) -> Answer:
        """The test plays it again: it finds the run in ``again``."""
        run = self._run(call)
        if run.status != "completed":
            refuse(403, "This workflow is already running")
        run.attempt += 1
        run.narrowed = narrowed
        run.status, run.conclusion = "queued", None
        self.again.append(run)
        return Answer(201, {})

    def cancel(self, call: Call) -> Answer:
        if self._run(call).status == "completed":
            refuse(409, "Cannot cancel a workflow run that is completed.")
        return Answer(202, {})

    # ---- workflows

    def workflow_id(self, repository: str, path: str) -> int:
        return self._workflow_ids.setdefault((repository, path), 5000 + len(self._workflow_ids))

    def default(self, repository: str) -> tuple[str, str]:
        branch: str = self.forge.repository(repository)["default_branch"]
        return branch, self.forge.bare(repository).branch(branch) or not_found()

    def named(self, call: Call) -> Workflow:
        wanted = call.params["workflow_id"]
        for one in workflows.read(self.forge.bare(call.repository), self.default(call.repository)[1]):
            if wanted in (one.path.rpartition("/")[2], str(self.workflow_id(call.repository, one.path))):
                return one
        return not_found()

    def _workflow_seen(self, repository: str, workflow: Workflow) -> dict[str, Any]:
        number, file = self.workflow_id(repository, workflow.path), workflow.path.rpartition("/")[2]
        return {
            "id": number,
            "node_id": f"W_{number}",
            "name": workflow.name,
            "path": workflow.path,
            "state": "active",
            "created_at": self.forge.now(),
            "updated_at": self.forge.now(),
            "url": self.forge.url(repository, "actions", "workflows", number),
            "html_url": self.forge.page_url(repository, "blob", "main", workflow.path),
            "badge_url": self.forge.page_url(repository, "workflows", file, "badge.svg"),
        }

    def list_workflows(self, call: Call) -> Answer:
        found = workflows.read(self.forge.bare(call.repository), self.default(call.repository)[1])
        seen = [self._workflow_seen(call.repository, one) for one in found]
        return page(call, seen, self.forge.address, wrap="workflows")
