"""One invocation's view of the repository: its commits, its rules, its pipeline, its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mlops_ci import config
from mlops_ci.adapters import policy, revisions
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.revisions import Revisions
from mlops_ci.config import Config, Extends, Model
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Base, PolicyEdit
from mlops_ci.pipeline import Graph

CONFIG = "mlops-ci.yaml"


@dataclass(frozen=True)
class Project:
    """Everything a verb reads before it measures.

    ``policy`` is the base branch's configuration: it judges. ``own`` is the candidate's: it says where
    predictions and models are, and nothing about limits. ``dirty``: tracked files differed from the
    commit before anything ran, as on a person's machine.
    """

    git: Git
    dvc: Dvc
    revisions: Revisions
    policy: Config
    own: Config
    edits: tuple[PolicyEdit, ...]
    notes: tuple[str, ...]
    dirty: bool

    @property
    def output(self) -> Path:
        """Where evidence, report and logs of this run are written; DVC's own .gitignore covers it."""
        return self.dvc.root / ".dvc" / "tmp" / "mlops-ci"

    @property
    def name(self) -> str:
        """The repository's name: the last part of its remote's address, else its folder's name."""
        address = self.git.remote_url()
        last = PurePosixPath(urlsplit(address).path or address).name.removesuffix(".git")
        return last or self.git.root.name

    @property
    def source_url(self) -> str:
        """Where the forge shows the candidate's files; empty where the remote is no web address."""
        address = urlsplit(self.git.remote_url())
        if address.scheme not in ("http", "https") or not address.hostname:
            return ""
        host = address.hostname + (f":{address.port}" if address.port else "")
        return f"{address.scheme}://{host}{address.path.removesuffix('.git')}/blob/{self.revisions.head}"

    @property
    def base(self) -> Base:
        """The base as the evidence names it."""
        return Base(
            metrics=self.revisions.metrics,
            policy=self.revisions.policy,
            configured=self.policy.configured,
            notes=self.notes,
        )

    def templates(self) -> dict[str, str]:
        """The user's template blocks, from the base branch: a pull request does not word its own verdict."""
        found = self.revisions.policy
        folder = (self.dvc.root.relative_to(self.git.root) / self.policy.templates).as_posix()
        commit = found.commit if found else self.revisions.candidate
        names = [name for name in self.git.listed(commit, folder) if name.endswith(".j2")]
        return {name.removeprefix(f"{folder}/"): self.git.show(commit, name) or "" for name in names}

    def models(self, graph: Graph) -> tuple[Model, ...]:
        """The models of a graph, by the candidate's own configuration and the base branch's.

        A pull request cannot take a model out of the judgement by taking it out of mlops-ci.yaml.
        """
        files = sorted({stage.dvcfile for stage in graph.stages} | {a.dvcfile for a in graph.artifacts})
        own = config.resolve_models(self.own, graph.artifacts, files, self.name)
        ruled = config.resolve_models(self.policy, graph.artifacts, files, self.name, absent_ok=True)
        known = {(model.dvcfile, model.artifact) for model in own}
        return (*own, *(model for model in ruled if (model.dvcfile, model.artifact) not in known))


def find(start: Path, environ: Mapping[str, str], *, base: str = "") -> Project:
    """Open the repository around a folder.

    Raises:
        ConfigError: no repository, no commit, no pipeline, an unknown base, or a broken mlops-ci.yaml.
        ToolError: the remote or the policy repository cannot be reached.
    """
    git = Git.open(start)
    git.head()
    dvc = Dvc.open(dvc_root(git, start))
    where = (dvc.root.relative_to(git.root) / CONFIG).as_posix()
    own_text = _text(dvc.root / CONFIG)
    own = _load(git, own_text, where)
    found = revisions.find(
        git, environ, base=base or ("" if environ.get("GITHUB_BASE_REF") else own.base or "")
    )
    rules, notes = _rules(git, found, own, where)
    return Project(
        git=git,
        dvc=dvc,
        revisions=found,
        policy=rules,
        own=own,
        edits=_edits(git, found, own_text, where),
        notes=(*found.notes, *notes),
        dirty=git.is_dirty(),
    )


def dvc_root(git: Git, start: Path) -> Path:
    """The nearest folder with a .dvc folder, from where the user stands up to the repository's top."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            return folder
        if folder == git.root.resolve():
            break
    return git.root


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", "save it as UTF-8 text") from error


def _load(git: Git, text: str | None, source: str) -> Config:
    def fetched(extends: Extends) -> str:
        return policy.fetch(git, extends.repository, extends.commit, extends.path)

    return config.load(text, source=source, fetch=fetched)


def _rules(git: Git, found: Revisions, own: Config, where: str) -> tuple[Config, tuple[str, ...]]:
    """The base branch's configuration; without any base the candidate's own has to do, and that is said."""
    if found.policy is None:
        return own, ()
    text = git.show(found.policy.commit, where)
    try:
        return _load(git, text, f"{found.base_branch}:{where}"), ()
    except ConfigError as error:
        note = f"the rules on {found.base_branch} cannot be read, so the defaults judge: {error.message}"
        return config.load(None), (note,)


def _edits(git: Git, found: Revisions, own_text: str | None, where: str) -> tuple[PolicyEdit, ...]:
    """What this branch itself changes in the rules, against where it started."""
    if found.metrics is None:
        return ()
    before = git.show(found.metrics.commit, where)
    if before is None:
        return ()
    try:
        return config.edits(before, own_text or "", where)
    except MlopsError:
        # The base's text is broken: _rules has said so already.
        return ()
