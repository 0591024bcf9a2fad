"""What is live in each environment, by the promotion records of the base branch."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_ci.adapters import git_files
from mlops_ci.adapters.git import Git
from mlops_ci.collect.project import Project
from mlops_ci.config import Model
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Evidence, LiveRelease, ModelEvidence, Problem, Where
from mlops_ci.promotion import champion, record
from mlops_ci.promotion.champion import Champion, Table
from mlops_ci.promotion.record import Record

MAX_BYTES = 1_000_000  # of a record; those of thousands of changes have some ten thousand


@dataclass(frozen=True)
class Records:
    """The promotion records as they stand at a commit."""

    git: Git
    commit: str

    def newest(self, environment: str, model: str) -> Record | None:
        """A target's newest record; None where nothing was promoted yet.

        Raises:
            ConfigError: it cannot be read, or is another target's.
        """
        return self._read(record.current_path(environment, model), environment, model)

    def measured(self, newest: Record, digest: str) -> Record | None:
        """The newest record of a target that has the metrics of these bytes, or None.

        Raises:
            ConfigError: one that may be it cannot be read.
        """
        if champion.measures(newest, digest):
            return newest
        folder = f"{record.FOLDER}/log/{newest.environment}/{newest.model}"
        for name in champion.logged(self.git.names(self.commit, folder), digest):
            found = self._read(f"{folder}/{name}", newest.environment, newest.model)
            if found is not None and champion.measures(found, digest):
                return found
        return None

    def _read(self, path: str, environment: str, model: str) -> Record | None:
        raw = git_files.read(self.git, path, self.commit, MAX_BYTES)
        if raw is None:
            return None
        try:
            found = record.read(raw.decode(), path)
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from error
        if (found.environment, found.model) != (environment, model):
            raise ConfigError(f"{path}: is the record of {found.environment}/{found.model}")
        return found


def told(
    project: Project, model: ModelEvidence, test: Table | None = None
) -> tuple[ModelEvidence, tuple[Problem, ...]]:
    """A model's evidence with what is live of it, and what of that could not be read.

    The environments are those of the base branch's rules, and so are the records. ``test`` is the table that
    the model was measured on, where that is known.
    """
    policy = project.revisions.policy
    if policy is None:
        return model, ()
    records = Records(project.git, policy.commit)
    champions: list[Champion] = []
    problems: list[Problem] = []
    for name, environment in project.policy.environments.items():
        if not any(fnmatchcase(model.name, pattern) for pattern in environment.models):
            continue
        if environment.repo is not None:
            champions.append(_unknown(name, "its record is in another repository"))
            continue
        try:
            champions += _champions(records, name, model, test)
        except MlopsError as error:
            champions.append(_unknown(name, "its record cannot be read"))
            problems.append(_problem(record.current_path(name, model.name), error))
    return champion.beside(model, champions), tuple(problems)


def ruled(project: Project, found: Evidence) -> Evidence:
    """A document that somebody else measured, with what this checkout says is live in place of its word."""
    models: list[ModelEvidence] = []
    problems: list[Problem] = []
    for bare in (champion.beside(model, ()) for model in found.models):
        one, wrong = told(project, bare) if bare.changed else (bare, ())
        models.append(one)
        problems += wrong
    return found.model_copy(update={"models": tuple(models), "problems": (*found.problems, *problems)})


def table_of(project: Project, model: Model) -> Table | None:
    """The test table of a model at head, where DVC tracks it."""
    path = model.data.test
    try:
        md5 = project.dvc.tracked(path) if path else None
    except MlopsError:
        # A folder whose listing is out of reach: the run has said so where it needed it.
        return None
    return Table(path, md5) if path and md5 else None


def _champions(records: Records, name: str, model: ModelEvidence, test: Table | None) -> list[Champion]:
    """The live release of an environment; none where nothing is live there yet."""
    newest = records.newest(name, model.name)
    stable = newest.after.stable if newest else None
    if newest is None or stable is None:
        return []
    found = records.measured(newest, stable.digest)
    return [champion.champion(name, stable, found, model, test)]


def _unknown(environment: str, why: str) -> Champion:
    return Champion(LiveRelease(environment=environment, unknown=why), {})


def _problem(path: str, error: MlopsError) -> Problem:
    """What is wrong with a record; one of the log is named in the message."""
    message = error.message.removeprefix(f"{path}: ")
    return Problem(where=Where(file=path), revision="base", message=message, hint=error.hint)
