"""What main offers: every model's release, with the evidence it is judged on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlops_ci import config, evidence
from mlops_ci.adapters import git_arrivals
from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.model_store import ModelStore, Published
from mlops_ci.config import Model
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import Outcome, Verdict
from mlops_ci.pipeline import Graph, producer_of
from mlops_ci.promotion.plan import Offered
from mlops_ci.reporting import Judged
from mlops_ci.rollout import Release
from mlops_ci.session import Session

_GOOD = (Outcome.PASSED, Outcome.WARNED)


@dataclass(frozen=True)
class Output:
    """A model as DVC knows it at a commit: path, hash, and the stage that makes it."""

    model: Model
    path: str
    md5: str
    stage: str = ""


@dataclass(frozen=True)
class Main:
    """The pipeline at a commit of main: its models, its lock, its evidence by today's rules.

    ``commit`` is the newest commit that changed dvc.lock: what a release is named by.
    """

    commit: str
    lock: str
    graph: Graph
    outputs: Mapping[str, Output]
    judged: Judged | None
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models."""
        return tuple(self.outputs)


@dataclass(frozen=True)
class Offering:
    """Releases by model, and what each was published as."""

    main: Main
    offered: Mapping[str, Offered]
    sizes: Mapping[str, int] = field(default_factory=dict)


def at(session: Session, head: str) -> Main:
    """What main's pipeline says at a commit.

    Raises:
        ConfigError: its pipeline or its models cannot be read.
        ToolError: the store of evidence cannot be reached.
    """
    dvc, project = session.project.dvc, session.project
    graph, locks = dvc.graph(head), dvc.lock_files(head)
    digest = lock_digest(locks)
    outputs = {one.name: _output(one, graph) for one in _models(session, graph)}
    found = session.store.find(digest)
    problem = "" if found else _unmeasured(locks, digest)
    return Main(
        commit=git_arrivals.newest_touching(project.git, head, tuple(locks)),
        lock=digest,
        graph=graph,
        outputs=outputs,
        judged=session.judge(found) if found else None,
        problem=problem,
    )


def offering(
    main: Main, store: ModelStore, known: Iterable[Release], wanted: Iterable[str], *, dry_run: bool
) -> Offering:
    """Every wanted model's release, published where it is not yet; ``known`` are releases of records.

    What cannot be offered says why; nothing is published of a model whose evidence is refused.
    """
    seen = {(one.model, one.md5): one for one in known if one.md5}
    found: dict[str, Offered] = {}
    sizes: dict[str, int] = {}
    for name in wanted:
        verdict = verdict_of(main, name)
        try:
            release, size = _release(main, name, store, seen, good=verdict in _GOOD, dry_run=dry_run)
        except MlopsError as error:
            found[name] = Offered(name, verdict=verdict or "", problem=error.message)
            continue
        problem = main.problem or _missing(main, name) or _first_reason(main, name)
        found[name] = Offered(name, release, verdict or "", problem)
        if size is not None:
            sizes[name] = size
    return Offering(main, found, sizes)


def verdict_of(main: Main, model: str) -> Outcome | None:
    """The verdict on one model: of what the gates say of it, and of the repository as a whole."""
    return outcome(main.judged, model).outcome if main.judged else None


def outcome(judged: Judged, model: str) -> Verdict:
    """The fold of the findings on one model, and on the repository as a whole."""
    told = [finding for finding in judged.findings if finding.model in ("", model)]
    return evidence.verdict(told, strict=judged.verdict.strict)


def _unmeasured(locks: Mapping[str, bytes], digest: str) -> str:
    """Why there is no evidence, and what makes some."""
    if not locks:
        return "there is no dvc.lock: run `mlops-ci run`, and commit what it makes"
    return f"there is no evidence for its dvc.lock ({digest[7:19]}): run `mlops-ci run` on main"


def _models(session: Session, graph: Graph) -> tuple[Model, ...]:
    files = sorted({stage.dvcfile for stage in graph.stages} | {one.dvcfile for one in graph.artifacts})
    project = session.project
    return config.resolve_models(project.policy, graph.artifacts, files, project.name, absent_ok=True)


def _output(model: Model, graph: Graph) -> Output:
    path = model.path
    stage = producer_of(graph, path) if path else None
    out = next((one for one in stage.outs if one.path == path), None) if stage else None
    md5 = (out.recorded if out else graph.sources.get(path)) or ""
    return Output(model, path, md5, stage.name if stage else "")


def _first_reason(main: Main, name: str) -> str:
    """The first thing that the gates have against a model, without its full stop; the plan goes on there."""
    reasons = outcome(main.judged, name).reasons if main.judged else ()
    return reasons[0].sentence.rstrip(".") if reasons else ""


def _missing(main: Main, name: str) -> str:
    output = main.outputs[name]
    if not output.path:
        return (
            "it has no artifact, so there are no bytes to promote: declare it below `artifacts:` in dvc.yaml"
        )
    return "" if output.md5 else f"{output.path} is not in dvc.lock: run the pipeline"


def _release(
    main: Main,
    name: str,
    store: ModelStore,
    seen: Mapping[tuple[str, str], Release],
    *,
    good: bool,
    dry_run: bool,
) -> tuple[Release | None, int | None]:
    output = main.outputs[name]
    if not output.md5:
        return None, None
    digest = main.judged.digest if main.judged else ""
    if known := seen.get((name, output.md5)):
        return known, None
    if good:
        publish = store.would_publish if dry_run else store.publish
        told: Published | None = publish(name, output.path, output.md5)
    else:
        told = store.published(name, output.md5)
    if told is None:
        return None, None
    release = Release(
        model=name,
        digest=told.digest,
        uri=told.uri,
        commit=main.commit,
        version=main.commit[:10],
        lock=main.lock,
        md5=output.md5,
        evidence=digest,
    )
    return release, told.size
