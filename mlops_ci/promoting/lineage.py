"""Where a release comes from: its data, its parameters, and the pull requests that it ships."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from mlops_ci import pipeline
from mlops_ci.collect.project import Project
from mlops_ci.promoting.looking import View
from mlops_ci.promotion import marks
from mlops_ci.promotion.context import Context, Shipped
from mlops_ci.promotion.record import FOLDER, Input, Record, Source
from mlops_ci.promotion.world import Decision

_MERGED = re.compile(r"^Merge pull request #(\d+) from \S+")
_SQUASHED = re.compile(r"^(?P<title>.+) \(#(?P<number>\d+)\)$")
_MOST_SHIPPED = 200
_LACKING = "Which pull requests ship is not known: this clone lacks the commits in between."
# What stages read that is no data.
_CODE = (".py", ".ipynb", ".sh", ".r", ".sql", ".yaml", ".yml", ".toml")


def traced(view: View, decision: Decision, found: Context) -> Context:
    """The context with what the release was made of, and what it ships."""
    main, project = view.ground.main, view.ground.session.project
    output = main.outputs.get(decision.model)
    live = decision.record.after.stable if decision.record else None
    ships, commits, unknown = _ships(project, live.commit if live else "", decision.release.commit)
    source = Source(
        repository=project.web,
        commit=decision.release.commit,
        pull_requests=tuple(one.number for one in ships),
        stage=output.stage if output else "",
        output=output.path if output else "",
        dvcfile=output.model.dvcfile if output else "",
    )
    found = replace(found, ships=ships, commits=commits, unknown=(*found.unknown, *unknown), source=source)
    if output is None or not is_mains(view, decision):
        kept = next(iter(records_of(view, decision)), None)
        return replace(found, data=kept.data, params=kept.params) if kept else found
    stages = sorted({*pipeline.upstream(main.graph, [output.stage]), output.stage}) if output.stage else []
    return replace(
        found, data=tuple(_inputs(main.graph, stages)), params=dict(sorted(_params(main.graph, stages)))
    )


def is_mains(view: View, decision: Decision) -> bool:
    """Whether the release is what main's dvc.lock names."""
    output = view.ground.main.outputs.get(decision.model)
    return bool(output and output.md5 and output.md5 == decision.release.md5)


def records_of(view: View, decision: Decision) -> Iterator[Record]:
    """The newest records, of whatever environment, that are about the very release."""
    for one in view.ground.live.values():
        record = one.record if one.model == decision.model else None
        if record is not None and record.release.digest == decision.release.digest:
            yield record


def _inputs(graph: pipeline.Graph, stages: Iterable[str]) -> Iterator[Input]:
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


def _params(graph: pipeline.Graph, stages: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The parameters as dvc.lock has them, those of params.yaml by their key alone."""
    for name in stages:
        for file, values in graph.by_name[name].recorded_params.items():
            for whole, below in values.items():
                for key, value in pipeline.leaves(whole, below):
                    yield (key if file == "params.yaml" else f"{file}:{key}"), value


def _ships(
    project: Project, live: str, commit: str
) -> tuple[tuple[Shipped, ...], int | None, tuple[str, ...]]:
    """The pull requests between two commits of the model repository, newest first, and how many commits.

    Promotions ship nothing, so they do not count.
    """
    if not live or not commit or live == commit:
        return (), None, ()
    git, web = project.git, project.web
    if git.resolve(live) is None or git.resolve(commit) is None:
        return (), None, (_LACKING,)
    done = git.run("log", "--first-parent", "--format=%s%x00%b%x01", f"{live}..{commit}")
    entries = [one.strip("\n") for one in done.stdout.split("\x01") if one.strip("\n")]
    found = [one for entry in entries if (one := _shipped(*entry.partition("\0")[::2]))]
    linked = [replace(one, url=f"{web}/pull/{one.number}" if web else "") for one in found]
    ours = git.run("rev-list", "--count", "--first-parent", f"{live}..{commit}", "--", f"{FOLDER}/log")
    return tuple(linked[:_MOST_SHIPPED]), len(entries) - int(ours.stdout), ()


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
