"""What a decision's pull request tells beside the decision: the edit, the evidence, the lineage, what ships."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlops_ci import pipeline
from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ManifestError, MlopsError
from mlops_ci.evidence import Evidence
from mlops_ci.forge import approvals
from mlops_ci.promoting import champion, reading
from mlops_ci.promoting.looking import View
from mlops_ci.promoting.offering import outcome
from mlops_ci.promoting.reading import Standing
from mlops_ci.promotion import marks, record
from mlops_ci.promotion.compose import branch_of, edits_of
from mlops_ci.promotion.context import Context, Shipped
from mlops_ci.promotion.record import Approval, Input, Merge, Named, Source, Summary
from mlops_ci.promotion.summary import against, summary_of
from mlops_ci.promotion.world import Decision
from mlops_ci.reporting import Judged
from mlops_ci.waiving import owners

MOVES = ("promote", "ramp", "shadow")
_MERGED = re.compile(r"^Merge pull request #(\d+) from \S+")
_SQUASHED = re.compile(r"^(?P<title>.+) \(#(?P<number>\d+)\)$")
_MOST_SHIPPED = 200
# What stages read that is no data.
_CODE = (".py", ".ipynb", ".sh", ".r", ".sql", ".yaml", ".yml", ".toml")


@dataclass(frozen=True)
class Told:
    """A decision with its context; ``refused`` says why its evidence does not let it pass here."""

    decision: Decision
    context: Context
    document: Evidence | None = None
    refused: str = ""


def told(view: View, decision: Decision, *, dry_run: bool) -> Told:
    """Everything that the pull request of a decision needs.

    Raises:
        ManifestError: the manifest cannot say what was decided.
        ToolError: Git, the forge or the store fails.
    """
    standing = view.ground.of(decision.environment)
    found = Context(
        previous=_previous(standing, decision),
        merge=_merge(view, standing, decision),
        reviewers=_reviewers(standing, decision),
        size=view.offering.sizes.get(decision.model),
    )
    if decision.action not in ("hold", "unhold"):
        found = _edited(view, standing, decision, found)
    if decision.action not in MOVES:
        return Told(decision, found)
    found = _with_lineage(view, decision, found)
    return _with_evidence(view, decision, found)


# ---- the manifest ------------------------------------------------------------------------------


def _edited(view: View, standing: Standing, decision: Decision, found: Context) -> Context:
    before = standing.texts.get(decision.manifest)
    if before is None:
        raise ManifestError(f"{decision.manifest}: is not there")
    kind, options = reading.kind_of(view.ground.config, decision.environment, before)
    after = kind.write(before, decision.after, options)
    edits = edits_of(decision.manifest, before, after)
    return replace(found, text=after, edits=edits, notes=kind.notes(after, decision.after, options))


def _previous(standing: Standing, decision: Decision) -> str:
    text = standing.texts.get(record.current_path(decision.environment, decision.model))
    return record.digest(text) if text else ""


def _reviewers(standing: Standing, decision: Decision) -> tuple[str, ...]:
    """The owners of the manifest, by the base branch's CODEOWNERS."""
    git = standing.site.git
    for place in owners.PLACES:
        if (text := git.show(standing.site.head, place)) is not None:
            return owners.codeowners(text, decision.manifest)
    return ()


def _merge(view: View, standing: Standing, decision: Decision) -> Merge | None:
    """How the newest record was merged, as the forge tells it; None where no pull request did it."""
    if decision.record is None:
        return None
    address = view.ground.config.environments[decision.environment].repo or ""
    branch, merged = branch_of(decision), view.ground.pulls[address]
    pull = next((one for one in merged if one.head == branch and one.state == "merged"), None)
    if pull is None or not marks.id_of(pull.body):
        return None
    forge = standing.site.forge
    whole = forge.pull_request(pull.number)
    said = approvals(forge.reviews(pull.number), pull.head_commit)
    return Merge(
        pull_request=whole.number,
        url=whole.url,
        merged_by=whole.merged_by,
        merged_at=whole.merged_at,
        commit=whole.merge_commit,
        approvals=tuple(Approval(user=one.user, at=one.at, commit=one.commit) for one in said),
    )


# ---- the evidence ------------------------------------------------------------------------------


def _with_evidence(view: View, decision: Decision, found: Context) -> Told:
    """The candidate against what is live here: measured again, or as its records told."""
    live = decision.record.after.stable if decision.record else None
    judged, why = _judged(view, decision, live)
    if judged is None:
        summary = _recorded(view, decision, live)
        return Told(decision, replace(found, evidence=summary, unknown=(*found.unknown, *filter(None, (why,)))))
    verdict = outcome(judged, decision.model)
    summary = summary_of(
        judged.evidence,
        judged.findings,
        verdict,
        decision.model,
        digest=judged.digest,
        champion=live.digest if live and not why else "",
    )
    good = ("passed",) if view.rules[decision.environment].verdict == "passed" else ("passed", "warned")
    refused = ""
    if verdict.outcome.value not in good:
        first = f": {verdict.reasons[0].sentence}" if verdict.reasons else ""
        refused = f"against what is live in {decision.environment} its evidence is {verdict.outcome.value}{first}"
    unknown = (*found.unknown, *filter(None, (why,)))
    return Told(decision, replace(found, evidence=summary, unknown=unknown), judged.evidence, refused)


def _judged(view: View, decision: Decision, live: Named | None) -> tuple[Judged | None, str]:
    """The judgement on the candidate, and what is not known of it."""
    ground = view.ground
    offered = view.world.offered.get(decision.model)
    offers = offered and offered.release and offered.release.digest == decision.release.digest
    if ground.main.judged is None or not (offers or _is_mains(view, decision)):
        return None, "This is not main's newest release, so it was not measured again; its metrics are as recorded."
    if live is None or live.digest == decision.release.digest:
        return ground.main.judged, ""
    if not live.commit:
        return ground.main.judged, "The commit of what is live here is not recorded: nothing was compared with it."
    if lock_digest(ground.session.project.dvc.lock_files()) != ground.main.lock:
        return ground.main.judged, "This checkout is behind main, so nothing was compared with what is live here."
    try:
        told = champion.compared(ground.session, decision.model, live.commit, environment=decision.environment)
    except MlopsError as error:
        return ground.main.judged, f"Nothing was compared with what is live here: {error.message}."
    if told.evidence is None:
        return ground.main.judged, f"Nothing was compared with what is live here: {told.reason}."
    return ground.session.judge(told.evidence), ""


def _is_mains(view: View, decision: Decision) -> bool:
    """Whether the release is what main's dvc.lock names, though no environment takes it from main."""
    output = view.ground.main.outputs.get(decision.model)
    return bool(output and output.md5 and output.md5 == decision.release.md5)


def _recorded(view: View, decision: Decision, live: Named | None) -> Summary | None:
    """What the records say of a release that main does not offer any more, beside what is live."""
    own = decision.record
    others = (one.record for one in view.ground.live.values() if one.model == decision.model)
    known = next((one for one in others if one and one.release.digest == decision.release.digest), None)
    if known is None:
        return None
    measured = own.evidence if own and live and own.release.digest == live.digest else None
    return against(known.evidence, measured, live.digest if live else "")


# ---- the lineage -------------------------------------------------------------------------------


def _with_lineage(view: View, decision: Decision, found: Context) -> Context:
    main, git = view.ground.main, view.ground.session.project.git
    output = main.outputs.get(decision.model)
    live = decision.record.after.stable if decision.record else None
    ships, commits, unknown = _ships(git, live.commit if live else "", decision.release.commit)
    found = replace(found, ships=ships, commits=commits, unknown=(*found.unknown, *unknown))
    source = Source(
        repository=_web(git),
        commit=decision.release.commit,
        pull_requests=tuple(one.number for one in ships),
        stage=output.stage if output else "",
        output=output.path if output else "",
        dvcfile=output.model.dvcfile if output else "",
    )
    if output is None or not _is_mains(view, decision):
        kept = next((one for one in _records(view, decision) if one.data or one.params), None)
        return replace(
            found, source=source, data=kept.data if kept else (), params=kept.params if kept else {}
        )
    stages = _upstream(main.graph, output.stage)
    return replace(
        found,
        source=source,
        data=tuple(_inputs(main.graph, stages)),
        params=dict(_params(main.graph, stages)),
    )


def _records(view: View, decision: Decision) -> Iterator[record.Record]:
    for one in view.ground.live.values():
        if one.record and one.model == decision.model and one.record.release.digest == decision.release.digest:
            yield one.record


def _upstream(graph: pipeline.Graph, stage: str) -> tuple[str, ...]:
    """A stage and everything that feeds it."""
    return (*sorted(pipeline.upstream(graph, [stage])),) if stage else ()


def _inputs(graph: pipeline.Graph, stages: tuple[str, ...]) -> Iterator[Input]:
    """What no stage makes and is not code: the data that it all began with."""
    seen: dict[str, str] = {}
    for name in stages:
        for dep in graph.by_name[name].deps:
            made = pipeline.producer_of(graph, dep.path) is not None
            value = graph.sources.get(dep.path) or dep.recorded
            if value and not made and not dep.path.lower().endswith(_CODE):
                seen[dep.path] = value
    for path, value in sorted(seen.items()):
        yield Input(path=path, md5=value)


def _params(graph: pipeline.Graph, stages: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The parameters as dvc.lock has them, those of params.yaml by their key alone."""
    found: dict[str, Any] = {}
    for name in stages:
        for file, values in graph.by_name[name].recorded_params.items():
            for whole, below in values.items():
                for key, value in pipeline.leaves(whole, below):
                    found[key if file == "params.yaml" else f"{file}:{key}"] = value
    yield from sorted(found.items())


# ---- what ships --------------------------------------------------------------------------------


def _ships(git: Git, live: str, commit: str) -> tuple[tuple[Shipped, ...], int | None, tuple[str, ...]]:
    """The pull requests between two commits of the model repository, newest first, and how many commits."""
    if not live or not commit or live == commit:
        return (), None, ()
    if git.resolve(live) is None or git.resolve(commit) is None:
        return (), None, ("Which pull requests ship is not known: this clone lacks the commits in between.",)
    done = git.run("log", "--first-parent", "--format=%s%x00%b%x01", f"{live}..{commit}", check=False)
    entries = [one.strip("\n") for one in done.stdout.split("\x01") if one.strip("\n")]
    found = [one for entry in entries if (one := _shipped(*entry.partition("\0")[::2]))]
    web = _web(git)
    linked = [replace(one, url=f"{web}/pull/{one.number}" if web else "") for one in found]
    return tuple(linked[:_MOST_SHIPPED]), len(entries), ()


def _shipped(subject: str, body: str) -> Shipped | None:
    """The pull request that a commit on main merged; a promotion ships nothing."""
    if merged := _MERGED.match(subject):
        if f"/{marks.PREFIX}" in subject:
            return None
        title = next((line.strip() for line in body.splitlines() if line.strip()), subject)
        return Shipped(int(merged[1]), title)
    squashed = _SQUASHED.match(subject)
    if squashed is None or "Mlops-Record:" in body:
        return None
    return Shipped(int(squashed["number"]), squashed["title"])


def _web(git: Git) -> str:
    """Where the repository is shown; empty where its remote is no web address."""
    url = git.remote_url()
    if url.startswith("git@") and ":" in url:
        host, _, path = url.removeprefix("git@").partition(":")
        return f"https://{host}/{path.removesuffix('.git')}"
    return url.removesuffix(".git") if url.startswith(("https://", "http://")) else ""
