"""`mlops-ci repro`: the pipeline's run alone, or one job's part of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from mlops_ci import pipeline
from mlops_ci.adapters import stage_display, stage_logs
from mlops_ci.adapters.dvc import Dvc, Settings
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect import running
from mlops_ci.collect.project import CONFIG, dvc_root, own_rules
from mlops_ci.commands.options import Jobs, Json, Timeout, seconds
from mlops_ci.config.source import suggestion
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Graph
from mlops_ci.writing import figures
from mlops_ci.writing.visible import one_line

TAIL = 10  # lines of a failed stage's log that are repeated below the run

Stages = Annotated[
    list[str] | None,
    typer.Argument(
        help="Stages, with what feeds them: a name, the name of a matrix, or a dvc.yaml.", show_default=False
    ),
]
Push = Annotated[bool, typer.Option("--push", help="Push what the stages wrote to the DVC remote.")]
PartId = Annotated[str, typer.Option(help="The part of a spread run that this job runs, by fan.json.")]
Receive = Annotated[
    Path | None,
    typer.Option(help="With --part: the folder with fan.json and what earlier parts handed over."),
]
HandOverTo = Annotated[
    Path | None, typer.Option("--hand-over", help="With --part: the folder for what this part hands over.")
]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Run nothing; only say which stages would run.")]


def repro(
    stages: Stages = None,
    jobs: Jobs = None,
    timeout: Timeout = "",
    push: Push = False,
    part: PartId = "",
    receive: Receive = None,
    hand_over: HandOverTo = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Run the pipeline as `dvc repro` does, stages at once; only what they read is pulled.

    Nothing is measured or judged; the exit code is 1 where a stage failed. With --part it is one job of a
    spread run: it runs that part of fan.json, pushes, and hands over what the other jobs need.
    """
    if bool(part) != bool(receive) or bool(part) != bool(hand_over):
        raise ConfigError("--part, --receive and --hand-over go together", "see docs/fan-out.md")
    if part and stages:
        raise ConfigError("--part runs the stages of its part", "name no stages")
    git = Git.open(Path.cwd())
    run = _Run(Terminal(json_output=json), git, Dvc.open(dvc_root(git, Path.cwd())), jobs, seconds(timeout))
    if part and receive and hand_over:
        return run.part(part, receive, hand_over, dry_run=dry_run)
    return run.whole(stages or (), push=push, dry_run=dry_run)


@dataclass(frozen=True)
class _Run:
    """One call: the repository, and how its stages are to be run."""

    terminal: Terminal
    git: Git
    dvc: Dvc
    jobs: int | None
    timeout: float | None

    @property
    def logs(self) -> Path:
        return self.dvc.root / ".dvc" / "tmp" / "mlops-ci" / "logs"

    @property
    def here(self) -> str:
        """The current folder, as DVC names stages: from the folder that holds .dvc."""
        return os.path.relpath(Path.cwd().resolve(), self.dvc.root.resolve())

    def settings(self, graph: Graph, on_event: stage_display.OnEvent) -> Settings:
        """How stages are run, by the mlops-ci.yaml that lies here; tells what of it fits no stage."""
        where = (self.dvc.root.relative_to(self.git.root) / CONFIG).as_posix()
        rules = own_rules(self.git, self.dvc.root / CONFIG, where)
        for note in running.notes(rules, graph):
            self.terminal.say(f"{CONFIG}: {note}")
        return running.settings(
            rules, jobs=self.jobs, timeout=self.timeout, on_event=on_event, logs=self.logs
        )

    def whole(self, stages: Sequence[str], *, push: bool, dry_run: bool) -> int:
        """The stages and what feeds them; without any everything."""
        graph = self.dvc.graph()
        names = tuple(name for told in stages for name in _named(graph, told, self.here))
        wanted = {*names, *pipeline.upstream(graph, names)} if names else set(graph.by_name)
        if dry_run:
            return self.planned(wanted)
        plan = self.dvc.plan()
        with stage_display.stages(self.terminal, graph, {}, wanted=wanted, logs=self.logs) as on_event:
            settings = replace(self.settings(graph, on_event), bring_back=True)
            runs = self.dvc.run(names, settings=settings)
        if stamps := plan.to_restamp([run.name for run in runs if run.status == "cached"]):
            self.dvc.restamp(stamps)
        if push:
            self.dvc.push(run.name for run in runs if run.status in ("ran", "restored", "cached"))
        return self.told(runs)

    def part(self, name: str, receive: Path, target: Path, *, dry_run: bool) -> int:
        """One job of a spread run."""
        from mlops_ci.collect import handing

        spread = handing.Spread.open(receive, self.dvc, self.git)
        wanted = set(spread.fan.part(name).stages)
        if dry_run:
            return self.planned(wanted)
        graph = self.dvc.graph()
        with stage_display.stages(self.terminal, graph, {}, wanted=wanted, logs=self.logs) as on_event:
            found = handing.run_part(self.dvc, spread, name, self.settings(graph, on_event))
        handing.write(self.dvc, found, target)
        return self.told(found.runs)

    def planned(self, wanted: set[str]) -> int:
        """What would run; the plan needs no data and changes nothing."""
        steps = self.dvc.plan().having("run", "maybe")
        names = [step.stage for step in steps if step.stage in wanted]
        words = "\n".join(f"would run {name}" for name in names)
        self.terminal.result(words or "nothing to run", {"stages": names})
        return 0

    def told(self, runs: Iterable[StageRun]) -> int:
        """What became of the stages, in words and as a document; gives the exit code."""
        runs = tuple(runs)
        self.why_failed(runs)
        count = {status: sum(run.status == status for run in runs) for status in STATUSES}
        words = ", ".join(f"{number} {status}" for status, number in count.items() if number)
        moved = (("pulled", self.dvc.pulled), ("pushed", self.dvc.pushed))
        words += "".join(f" · {figures.size(number)} {what}" for what, number in moved if number)
        self.terminal.result(
            words or "no stages",
            {
                "stages": [run.model_dump(mode="json") for run in runs],
                "pulled": self.dvc.pulled,
                "pushed": self.dvc.pushed,
            },
        )
        return 1 if count["failed"] else 0

    def why_failed(self, runs: Iterable[StageRun]) -> None:
        """The last lines of what failed stages printed, and where the rest is; CI's log has it already."""
        for run in runs:
            if run.status != "failed" or os.environ.get("CI"):
                continue
            lines = "\n".join(f"    {line}" for line in run.tail[-TAIL:])
            log = os.path.relpath(stage_logs.path(self.logs, run.name))
            self.terminal.say(f"{one_line(run.name)} failed; its log is {log}{':' if lines else ''}")
            if lines:
                self.terminal.say(lines)


STATUSES = ("ran", "restored", "cached", "failed", "blocked")


def _named(graph: Graph, told: str, here: str) -> tuple[str, ...]:
    """The stages that a name means: itself, all of its matrix, or all of a dvc.yaml; that ``here`` first."""
    meanings = (f"{here}/dvc.yaml:{told}", os.path.normpath(f"{here}/{told}"), told)
    for name in meanings:
        if found := _meant(graph, name):
            break
    else:
        known = [word for one in graph.stages for word in (one.name, one.name.partition("@")[0], one.dvcfile)]
        near = suggestion(told, dict.fromkeys(known))
        hint = near if near.startswith("did you mean") else "`mlops-ci plan` lists them"
        raise ConfigError(f"{told} is not a stage of this pipeline", hint)
    return found


def _meant(graph: Graph, name: str) -> tuple[str, ...]:
    if name in graph.by_name:
        return (name,)
    return tuple(one.name for one in graph.stages if name in (one.name.partition("@")[0], one.dvcfile))
