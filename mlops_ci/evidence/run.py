"""What the pipeline did: its commits, its lock, its stages and what changed against the base."""

from __future__ import annotations

from typing import Literal

from mlops_ci.evidence.parts import Document, Scalar, Where


class Revision(Document):
    """A commit and how it was found, for example ``first parent of the merge ref``."""

    commit: str
    ref: str = ""
    how: str = ""


class Repository(Document):
    """What was measured: the commit, its branch and its pull request where there is one."""

    name: str
    commit: str
    branch: str = ""
    pull_request: int | None = None
    dirty: bool = False


class Base(Document):
    """What it is compared with (``metrics``) and whose rules judge it (``policy``).

    ``configured`` is False where the policy commit has no mlops-ci.yaml: the defaults judge then.
    """

    metrics: Revision | None = None
    policy: Revision | None = None
    configured: bool = False
    notes: tuple[str, ...] = ()


class StageReason(Document):
    """A stage that has to run, and why, in words such as ``params.yaml: train.lr changed``."""

    stage: str
    reasons: tuple[str, ...] = ()


class Lock(Document):
    """Whether dvc.lock holds what was measured.

    ``digest`` is the sha256 of every dvc.lock as measured, ``committed`` that of the commit's own.
    ``pushed`` is None where the remote was not asked; ``missing`` names what the remote lacks.
    ``commit`` is the commit that ``lock: commit`` made; ``patch`` is what ``lock: report`` proposes.
    """

    mode: Literal["verify", "commit", "report"]
    digest: str
    committed: str = ""
    base: str = ""
    stale: tuple[StageReason, ...] = ()
    comment_only: tuple[StageReason, ...] = ()
    pushed: bool | None = None
    missing: tuple[str, ...] = ()
    commit: str | None = None
    patch: str = ""
    note: str = ""


class StageRun(Document):
    """One stage of the pipeline in this run.

    ``ran`` executed its command, ``restored`` took its outputs from DVC's run cache, ``cached`` had
    nothing to do, ``failed`` ended with an error or a timeout, ``blocked`` waits for a failed one.
    ``saved`` is how long the stage took when it last ran (seconds), where that is known. ``attempts`` is
    how often its command ran; ``part`` the job that ran it, where the run was spread over several.
    """

    name: str
    status: Literal["ran", "restored", "cached", "failed", "blocked"]
    reasons: tuple[str, ...] = ()
    seconds: float | None = None
    saved: float | None = None
    error: str = ""
    tail: tuple[str, ...] = ()
    attempts: int = 1
    part: str = ""


class Pace(Document):
    """How the stages of a run shared the machines: so many CPUs' worth at once, on so many runners.

    ``wall`` is how long it took, ``work`` what the stages took one after the other (seconds). ``pulled`` and
    ``pushed`` are bytes from and to the DVC remote.
    """

    jobs: int = 1
    runners: int = 1
    wall: float = 0.0
    work: float = 0.0
    pulled: int = 0
    pushed: int = 0


class ParamChange(Document):
    """A parameter that differs from the base; ``feeds`` are all stages downstream of it."""

    where: Where
    key: str
    old: Scalar = None
    new: Scalar = None
    kind: Literal["changed", "added", "removed"] = "changed"
    feeds: tuple[str, ...] = ()


class FileChange(Document):
    """A data or code dependency that differs from the base; sizes in bytes.

    ``comment_only``: the file is Python and its syntax tree is the same, so no stage has to run.
    """

    where: Where
    role: Literal["data", "code", "command"]
    old: str | None = None
    new: str | None = None
    old_size: int | None = None
    new_size: int | None = None
    old_files: int | None = None
    new_files: int | None = None
    feeds: tuple[str, ...] = ()
    comment_only: bool = False
