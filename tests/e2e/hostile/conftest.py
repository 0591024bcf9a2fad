"""The runs: one with hostile names everywhere, one a branch, one with evidence from a fork; each is looked at often."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci import cli
from tests import shared
from tests.adapters.github_double import REPOSITORY, TOKEN, Double, running
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.repositories import Repo

from . import inert
from .payloads import SECRET, TOUCHED, VALUE, Case, at

OWN = {"full_name": REPOSITORY}
OURS = (f"https://github.com/{REPOSITORY}/actions/runs/4711", f"https://github.com/{REPOSITORY}/blob/")
FORK = {"full_name": "mallory/Hello-World"}
# Payloads in one name of a branch, which may have 255 bytes.
TOGETHER = 3
MAKE = """\
import json
json.dump(json.load(open("wanted.json")), open("metrics.json", "w"))
open("model.txt", "w").write("1")
"""
TALK = """\
import json, sys
for text in json.load(open("said.json"))[int(sys.argv[1]) :: 6]:
    sys.stdout.write(text[:2000] + "\\n")
    sys.stderr.write(text[:2000] + "\\n")
sys.exit(1)
"""


@dataclass(frozen=True)
class Told:
    """Everything that a run left where somebody or something reads it."""

    code: int
    out: str
    err: str
    comment: str
    summary: str
    checks: list[dict[str, Any]]
    outputs: dict[str, str]
    page: str
    touched: list[str]

    @cached_property
    def reports(self) -> list[str]:
        """What is read as Markdown."""
        return [self.comment, self.summary, *(one["output"]["summary"] for one in self.checks)]

    @cached_property
    def lines(self) -> list[str]:
        """What is shown as it is: titles and annotations of checks."""
        remarks = [remark for one in self.checks for remark in one["annotations"]]
        return [
            *(one["output"]["title"] for one in self.checks),
            *(remark[key] for remark in remarks for key in ("path", "title", "message")),
        ]

    @cached_property
    def wrong(self) -> list[inert.Wrong]:
        """Whatever is more than text, wherever it is read: Markdown, plain lines, the page, the log."""
        found = [wrong for source in self.reports for wrong in inert.markdown(source, OURS)]
        found += [
            inert.Wrong(what, line)
            for text in [*self.lines, *self.out.splitlines(), *self.err.splitlines()]
            for line in text.splitlines()
            for what in inert.hidden(line)
        ]
        return [*found, *inert.page(self.page)]

    @cached_property
    def commands(self) -> list[str]:
        """What the runner takes for a command; whatever is said on the other stream comes in the middle."""
        first, *rest = self.out.splitlines()
        return list(inert.commands([first, *self.err.splitlines(), *rest]))

    @cached_property
    def everything(self) -> str:
        return "\n".join([self.out, self.err, *self.reports, *self.lines, self.page, str(self.outputs)])


@dataclass(frozen=True)
class Scene:
    """A repository whose main is harmless, and the GitHub that its jobs speak to."""

    folder: Path
    double: Double
    world: World

    @property
    def author(self) -> Repo:
        return Repo(self.folder / "author")

    def clone(self, name: str) -> Repo:
        return Repo.clone(self.author.path, self.folder / name, "--branch", "main")

    def run(self, root: Path, *args: str, event: Any, name: str = "pull_request", **more: str) -> Told:
        """A job's step in this process."""
        step = self.folder / "step"
        shutil.rmtree(step, ignore_errors=True)
        step.mkdir()
        (step / "event.json").write_text(json.dumps(event))
        self.world.comments.clear()
        self.world.checks.clear()
        environ = self._environ(step, name) | more
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in environ.items():
                patch.setenv(variable, value)
            patch.chdir(root)
            with redirect_stdout(out), redirect_stderr(err):
                code = cli.run(list(args))
        return Told(
            code,
            out.getvalue(),
            err.getvalue(),
            "".join(one["body"] for one in self.world.comments),
            (step / "summary.md").read_text() if (step / "summary.md").exists() else "",
            [dict(one) for one in self.world.checks],
            outputs(step / "output") if (step / "output").exists() else {},
            _text(root / ".dvc/tmp/mlops-ci/report.html"),
            sorted(path.name for path in self.folder.rglob(f"{TOUCHED}*")),
        )

    def _environ(self, step: Path, name: str) -> dict[str, str]:
        return {
            "CI": "true",
            SECRET: VALUE,
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self.double.url + self.double.prefix,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(step / "event.json"),
            "GITHUB_RUN_ID": "4711",
            "GITHUB_OUTPUT": str(step / "output"),
            "GITHUB_STEP_SUMMARY": str(step / "summary.md"),
            "GITHUB_BASE_REF": "main",
        }


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def pull(sha: str, repository: Mapping[str, str] = OWN, **more: Any) -> dict[str, Any]:
    """The event of pull request 7."""
    head = {"sha": sha, "repo": repository, "ref": more.get("title", "topic"), "label": more.get("title", "")}
    return {"pull_request": {"number": 7, "head": head, "base": {"repo": OWN}, **more}}


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("hostile")
    with running() as double:
        found = Scene(folder, double, World.of(double))
        shutil.copytree(dvc_template, found.author.path, symlinks=True)
        _project(found.author, "wanted", "0.4", {})
        found.author.commit("Begin")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(found.author.path)
            assert cli.run(["run"]) == 0
        found.author.commit("Train")
        yield found


def _project(repo: Repo, key: str, number: str, stages: dict[str, Any]) -> None:
    """The pipeline with every hostile file and metric; ``number`` is the value of each."""
    cases = at("file")
    for case in cases:
        (repo.path / case.text).write_text(f"{key} {number}")
    repo.write("wanted.json", json.dumps({case.text: float(number) for case in at("metric")}))
    if not (repo.path / "metrics.json").exists():
        repo.write("metrics.json", json.dumps({case.text: 0.4 for case in at("metric")}))
    repo.write("make.py", MAKE)
    deps = ["make.py", "wanted.json", *(case.text.replace("${", "\\${") for case in cases)]
    make = {
        "cmd": "python make.py",
        "deps": deps,
        "params": ["hostile", "values"],
        "outs": ["model.txt"],
        "metrics": [{"metrics.json": {"cache": False}}],
    }
    pipeline = {
        "stages": {"make": make, **stages},
        "artifacts": {"model": {"path": "model.txt", "type": "model"}},
    }
    repo.write("dvc.yaml", yaml.safe_dump(pipeline, allow_unicode=False))
    params = {
        "hostile": {"calm": 1} | ({case.text: 1 for case in at("param")} if stages else {}),
        "values": {f"v{case.number}": case.text if stages else "" for case in at("value")},
    }
    repo.write("params.yaml", yaml.safe_dump(params, allow_unicode=False))


@pytest.fixture(scope="session")
def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Hostile names of all kinds in one pull request, whose pipeline prints hostile text and fails."""
    return shared.value(
        tmp_path_factory, "hostile-names", lambda: run_named(request.getfixturevalue("scene"))
    )


def run_named(scene: Scene) -> Told:
    author = scene.author
    author.git("checkout", "--quiet", "-b", "names")
    stages = {
        # Of each the last lines are kept.
        **{
            f"talk-{part}": {"cmd": f"python talk.py {part}", "deps": ["talk.py", "said.json"]}
            for part in range(6)
        },
        "each": {"foreach": {case.text: {"a": 1} for case in at("stage")}, "do": {"cmd": "true"}},
    }
    author.write("talk.py", TALK)
    author.write("said.json", json.dumps([case.text for case in at("printed")]))
    _project(author, "head", "0.5", stages)
    (author.path / ".git" / "message").write_text("\n".join(case.text for case in at("message")))
    author.git("add", "--all")
    author.git("commit", "--quiet", "--cleanup=verbatim", "-F", ".git/message")
    sha = author.git("rev-parse", "HEAD")
    clone = scene.clone("job")
    clone.git("checkout", "--quiet", "names")
    title = " ".join(case.text for case in at("title"))
    scene.world.opened(7, "names", sha)["title"] = title
    event = pull(sha, title=title, body=title)
    return scene.run(clone.path, "pr", event=event, GITHUB_SHA=sha, GITHUB_HEAD_REF="names")


@pytest.fixture(scope="session")
def branched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """By the kind of payload, what a run of a branch and a tag with it left, a few in a name; nothing feeds a model."""
    return shared.value(
        tmp_path_factory, "hostile-branches", lambda: run_branched(request.getfixturevalue("scene"))
    )


def run_branched(scene: Scene) -> dict[str, Told]:
    clone = scene.clone("branches")
    found: dict[str, Told] = {}
    pairs = list(zip(at("branch"), at("tag"), strict=True))
    for few in (pairs[start : start + TOGETHER] for start in range(0, len(pairs), TOGETHER)):
        branch, tag = ("+".join(case.text for case in cases) for cases in zip(*few, strict=True))
        clone.git("checkout", "--quiet", "-b", branch, "origin/main")
        sha = clone.commit("Try", note=branch)
        clone.git("tag", tag)
        scene.world.pulls.clear()
        scene.world.opened(7, branch, sha)
        ref = {"GITHUB_HEAD_REF": branch, "GITHUB_REF": f"refs/tags/{tag}"}
        told = scene.run(clone.path, "pr", event=pull(sha, title=branch), GITHUB_SHA=sha, **ref)
        found |= dict.fromkeys((case.kind for case, _ in few), told)
    return found


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Told:
    """The run that a case was part of."""
    case: Case = request.getfixturevalue("case")
    if case.place in ("branch", "tag"):
        runs: dict[str, Told] = request.getfixturevalue("branched")
        return runs[case.kind]
    name = "received" if case.place == "evidence" else "named"
    found: Told = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="session")
def trusted(scene: Scene) -> Repo:
    """The checkout of main in the workflow that reports what a fork has measured."""
    return scene.clone("trusted")


@pytest.fixture(scope="session")
def received(scene: Scene, trusted: Repo) -> Told:
    """Evidence of a fork in which every text is hostile."""
    from .documents import everywhere

    sha = "c" * 40
    scene.world.pulls.clear()
    scene.world.opened(7, "theirs", sha, repository=FORK["full_name"])
    path = scene.folder / "theirs.json"
    path.write_text(json.dumps(everywhere(at("evidence"), sha)))
    event = {"workflow_run": {"head_sha": sha, "head_branch": "theirs", "head_repository": FORK}}
    main = trusted.git("rev-parse", "HEAD")
    told = {"GITHUB_SHA": main, "GITHUB_REF": "refs/heads/main", "GITHUB_BASE_REF": ""}
    assert os.environ.get(SECRET) is None
    return scene.run(
        trusted.path, "comment", "--evidence", str(path), event=event, name="workflow_run", **told
    )
