"""The check runs of a commit: begun when a run begins, concluded from its findings, never left open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlops_ci.adapters import github_checks
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_checks import Annotation, Check, CheckRun
from mlops_ci.adapters.github_checks import Conclusion as Ending
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.errors import ToolError
from mlops_ci.outlets.notes import Notes
from mlops_ci.report.conclusions import Conclusion

# No permission, or a server that has no check runs: it is so for every check, now and later.
_REFUSED = (401, 403, 404)
# Something about this one check.
_UNFIT = 422


@dataclass(frozen=True)
class Mark:
    """Which run a check belongs to: its number and attempt, which the check keeps as its external id."""

    run: str
    attempt: str

    def __str__(self) -> str:
        return f"{self.run}-{self.attempt}" if self.run else ""

    def is_of_this_run(self, check: CheckRun) -> bool:
        """Whether this run made it, in this attempt or in an earlier one that left it open."""
        if not self.run:
            return False
        earlier = re.fullmatch(rf"{re.escape(self.run)}-\d+", check.external_id) is not None
        return check.external_id == str(self) or (earlier and check.status != "completed")


@dataclass(frozen=True)
class End:
    """How a check ends that no finding concludes."""

    conclusion: Ending
    title: str
    summary: str


@dataclass
class Board:
    """The check runs that one run writes, by the commit they stand at."""

    github: GitHub
    notes: Notes
    mark: Mark
    url: str = ""
    _refused: bool = False
    _known: dict[str, dict[str, CheckRun]] = field(default_factory=dict)

    def begin(self, sha: str, names: Iterable[str]) -> None:
        """Have the checks of a commit say that the run is under way."""
        self._write(self._check(name, sha, "in_progress") for name in names)

    def conclude(self, sha: str, conclusions: Iterable[Conclusion]) -> bool:
        """Have the checks of a commit say how it ended; True where all stand."""
        return self._write(self._concluded(one, sha) for one in conclusions)

    def end(self, sha: str, how: End) -> tuple[str, ...]:
        """End whatever this run left open on a commit; gives the names."""
        # A check whose making was interrupted stands there without our having heard of it.
        self._known.pop(sha, None)
        names = [name for name, run in self._tried(sha).items() if run.status != "completed"]
        end = how.conclusion, how.title, how.summary
        self._write(self._check(name, sha, "completed", *end) for name in names)
        return tuple(name for name in names if self._known[sha][name].status == "completed")

    def _write(self, checks: Iterable[Check]) -> bool:
        """Write them one after the other; True where all stand.

        What one check meets (no permission, no network) the others would meet, so it ends the attempt.
        """
        whole = True
        for check in checks:
            if self._refused:
                return False
            try:
                self._put(check)
            except ToolError as error:
                whole = False
                if self._trouble(error) != _UNFIT:
                    return False
        return whole

    def _put(self, check: Check) -> None:
        """Bring this run's check of that name up to date, or make it; what has ended is not begun again."""
        known = self._at(check.head_sha)
        before = known.get(check.name)
        if before and (check.status == "completed" or before.status != "completed"):
            known[check.name] = github_checks.bring(self.github, before, check)
        else:
            known[check.name] = github_checks.create(self.github, check)

    def _at(self, sha: str) -> dict[str, CheckRun]:
        """The checks of this run on a commit by name; of several the newest."""
        if sha not in self._known:
            found = sorted(github_checks.of_commit(self.github, sha), key=lambda run: run.id)
            self._known[sha] = {run.name: run for run in found if self.mark.is_of_this_run(run)}
        return self._known[sha]

    def _tried(self, sha: str) -> dict[str, CheckRun]:
        if self._refused:
            return {}
        try:
            return self._at(sha)
        except ToolError as error:
            self._trouble(error)
            return {}

    def _trouble(self, error: ToolError) -> int:
        """Say what went wrong; gives GitHub's status."""
        self.notes.failed("the checks were not written", error)
        status = error.status if isinstance(error, GitHubError) else 0
        self._refused = self._refused or status in _REFUSED
        return status

    def _check(
        self,
        name: str,
        sha: str,
        status: github_checks.Status,
        conclusion: Ending = "",
        title: str = "",
        summary: str = "",
        annotations: tuple[Annotation, ...] = (),
    ) -> Check:
        return Check(
            name, sha, status, conclusion, title, summary, annotations, self.url, external_id=str(self.mark)
        )

    def _concluded(self, found: Conclusion, sha: str) -> Check:
        remarks = tuple(
            Annotation(one.file, one.line, one.line, one.level, one.message, one.title)
            for one in found.remarks
        )
        ending: Ending = "success" if found.passed else "failure"
        return self._check(found.name, sha, "completed", ending, found.title, found.summary, remarks)
