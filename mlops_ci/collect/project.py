"""One invocation's view of the repository: its commits, its rules, its pipeline, its models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mlops_ci import config
from mlops_ci.adapters import policy, revisions
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_access import Access
from mlops_ci.adapters.revisions import Revisions
from mlops_ci.config import Config, Data, Extends, Model
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

    def source_of(self, commit: str) -> str:
        """Where the forge shows a commit's files; empty where the remote is no web address."""
        return f"{self.web}/blob/{commit}" if self.web else ""

    @property
    def web(self) -> str:
        """Where the forge shows the repository; empty where the remote is no web address."""
        address = urlsplit(self.git.remote_url())
        if address.scheme not in ("http", "https") or not address.hostname:
            return ""
        host = address.hostname + (f":{address.port}" if address.port else "")
        return f"{address.scheme}://{host}{address.path.removesuffix('.git')}"

    @property
    def base(self) -> Base:
        """The base as the evidence names it."""
        return Base(
            metrics=self.revisions.metrics,
            policy=self.revisions.policy,
            configured=self.policy.configured,
            notes=self.notes,
        )

    @property
    def config_path(self) -> str:
        """Where mlops-ci.yaml stands in the repository, whether it is there or not."""
        return (self.dvc.root.relative_to(self.git.root) / CONFIG).as_posix()

    def ruling(self, path: str) -> str | None:
        """The text of a file of the base branch; without one there is none: nobody rules over himself."""
        found = self.revisions.policy
        return self.git.show(found.commit, path) if found else None

    def templates(self) -> dict[str, str]:
        """The user's template blocks, from the base branch: a pull request does not word its own verdict."""
        found = self.revisions.policy
        folder = (self.dvc.root.relative_to(self.git.root) / self.policy.templates).as_posix()
        commit = found.commit if found else self.revisions.candidate
        names = [name for name in self.git.listed(commit, folder) if name.endswith(".j2")]
        return {name.removeprefix(f"{folder}/"): self.git.show(commit, name) or "" for name in names}

    def models(self, head: Graph, base: Graph | None) -> tuple[Model, ...]:
        """Every model that is judged: the base branch's under its rules, then what the candidate adds.

        A pull request cannot take a model out of the judgement: not by mlops-ci.yaml, not by another
        name for it, not by taking it out of dvc.yaml (it is then among these, without a stage).
        Where predictions stand and how their columns are called is the candidate's own to say; the base's
        groups stay.
        """
        own = self._resolved(self.own, head)
        if not self.policy.configured:
            gone = self._resolved(self.policy, base, absent_ok=True) if base else ()
            return _first_of_each((*own, *gone))
        ruled = self._resolved(self.policy, head, absent_ok=True)
        before = self._resolved(self.policy, base, absent_ok=True) if base else ()
        described = {_identity(model): model for model in own}
        return _first_of_each((*(_described(m, described) for m in (*ruled, *before)), *own))

    def ruled_data(self, model: Model, *graphs: Graph | None) -> Data:
        """The tables as the base branch names them for a model; nothing where it knows no such model."""
        for graph in (one for one in graphs if one is not None):
            for one in self._resolved(self.policy, graph, absent_ok=True):
                if _identity(one) == _identity(model):
                    return one.data
        return Data()

    def _resolved(self, rules: Config, graph: Graph, *, absent_ok: bool = False) -> tuple[Model, ...]:
        files = sorted({stage.dvcfile for stage in graph.stages} | {a.dvcfile for a in graph.artifacts})
        return config.resolve_models(rules, graph.artifacts, files, self.name, absent_ok=absent_ok)


def find(start: Path, environ: Mapping[str, str], *, base: str = "") -> Project:
    """Open the repository around a folder.

    Raises:
        ConfigError: no repository, no commit, no pipeline, an unknown base, or a broken mlops-ci.yaml.
        ToolError: the remote or the policy repository cannot be reached.
    """
    git = Git.open(start, Access.of(environ))
    git.head()
    dvc = Dvc.open(dvc_root(git, start))
    where = (dvc.root.relative_to(git.root) / CONFIG).as_posix()
    own_text = _text(dvc.root / CONFIG)
    own = rules(git, own_text, where)
    found = revisions.find(git, environ, base=base or _configured_base(git, environ, own, where))
    judging, notes = _rules(git, found, own, where)
    return Project(
        git=git,
        dvc=dvc,
        revisions=found,
        policy=judging,
        own=own,
        edits=_edits(git, found, own_text, where),
        notes=(*found.notes, *notes),
        dirty=git.is_dirty(),
    )


def _configured_base(git: Git, environ: Mapping[str, str], own: Config, where: str) -> str:
    """The key ``base``, from the default branch where there is one: nobody chooses the own judge."""
    if revisions.told_base(environ):
        return ""
    tip = revisions.default_tip(git)
    if tip is None:
        return own.base or ""
    try:
        return rules(git, git.show(tip, where), where).base or ""
    except ConfigError:
        return ""


def dvc_root(git: Git, start: Path) -> Path:
    """The nearest folder with a .dvc folder, from where the user stands up to the repository's top."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            return folder
        if folder == git.root.resolve():
            break
    return git.root


def _identity(model: Model) -> tuple[str, str]:
    return model.dvcfile, model.artifact


def _first_of_each(found: Iterable[Model]) -> tuple[Model, ...]:
    models: dict[tuple[str, str], Model] = {}
    for model in found:
        models.setdefault(_identity(model), model)
    return tuple(models.values())


def _described(ruled: Model, own: Mapping[tuple[str, str], Model]) -> Model:
    mine = own.get(_identity(ruled))
    if mine is None:
        return ruled
    # Who is looked at is the base branch's to say; the candidate may only add.
    groups = tuple(dict.fromkeys((*ruled.columns.groups, *mine.columns.groups)))
    columns = mine.columns.model_copy(update={"groups": groups})
    return replace(
        ruled, predictions=mine.predictions, columns=columns, seeds=mine.seeds, data=_data(ruled, mine)
    )


def _data(ruled: Model, mine: Model) -> Data:
    """Where the tables stand is the candidate's to say, what may be told of them is the base branch's.

    A table that the candidate no longer names stays named, so that its checks say that it is gone.
    """
    places = {key: getattr(mine.data, key) for key in ("train", "test", "production")}
    return ruled.data.model_copy(update={key: place for key, place in places.items() if place})


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", "save it as UTF-8 text") from error


def own_rules(git: Git, path: Path, where: str) -> Config:
    """What the mlops-ci.yaml of the workspace says, where there is one.

    Raises:
        ConfigError: it has mistakes; ToolError: the policy's repository cannot be reached.
    """
    return rules(git, _text(path), where)


def rules(git: Git, text: str | None, source: str = CONFIG) -> Config:
    """What the text of an mlops-ci.yaml says, together with the policy that it extends.

    Raises:
        ConfigError: it has mistakes.
        ToolError: the policy's repository cannot be reached.
    """

    def fetched(extends: Extends) -> str:
        return policy.fetch(git, extends.repository, extends.commit, extends.path)

    return config.load(text, source=source, fetch=fetched)


def _rules(git: Git, found: Revisions, own: Config, where: str) -> tuple[Config, tuple[str, ...]]:
    """The base branch's configuration; without any base the candidate's own has to do, and that is said."""
    if found.policy is None:
        return own, ()
    text = git.show(found.policy.commit, where)
    try:
        return rules(git, text, f"{found.base_branch}:{where}"), ()
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
