"""`mlops-ci demo`: the pull-request half of the product, played in a sandbox on real data."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_ci.adapters import process
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError, ToolError

EXAMPLE = ("data", "pipeline", "params.yaml", "dvc.yaml", "mlops-ci.yaml", ".dvcignore", ".gitignore")
# The sandbox must not inherit a pull request, a signing key or another project's MLflow from outside.
NEUTRAL = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GITHUB_REF": "",
    "GITHUB_HEAD_REF": "",
    "GITHUB_BASE_REF": "",
    "GITHUB_STEP_SUMMARY": "",
    "DVC_NO_ANALYTICS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Scene:
    """One pull request of the story: what its author edits, and what the verdict must be."""

    branch: str
    title: str
    story: str
    look: str
    edits: tuple[tuple[str, str, str], ...]
    verdict: str
    merge: bool


@dataclass(frozen=True)
class Played:
    """How a scene went."""

    scene: Scene
    number: int
    exit_code: int
    verdict: str
    seconds: float
    comment: str

    @property
    def as_told(self) -> bool:
        """Whether the verdict is the one the story tells."""
        return self.verdict == self.scene.verdict


@dataclass(frozen=True)
class Sandbox:
    """A bare origin, its DVC storage, the author's clone and the runner's clone, in one folder."""

    folder: Path

    @property
    def origin(self) -> Path:
        """The bare repository both clones push to."""
        return self.folder / "origin.git"

    @property
    def author(self) -> Path:
        """The clone in which the author edits."""
        return self.folder / "author" / "census"

    @property
    def runner(self) -> Path:
        """The clone in which CI runs, with a cache of its own."""
        return self.folder / "runner" / "census"

    def git(self, where: Path, *args: str) -> str:
        """Run git with neutral settings."""
        return process.run(["git", *args], cwd=where, env=NEUTRAL).stdout.strip()

    def tool(self, where: Path, *args: str, ci: bool = False) -> process.Result:
        """Run mlops-ci or dvc as a user does, with this interpreter's own packages."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        env = {
            **NEUTRAL,
            "PATH": path,
            "CI": "true" if ci else "",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
            "DVC_SITE_CACHE_DIR": str(self.folder / "dvc-site"),
        }
        return process.run([sys.executable, "-m", *args], cwd=where, env=env, check=False)


def demo(
    directory: Annotated[
        Path | None, typer.Option(help="Folder for the sandbox; default: a new temporary one.")
    ] = None,
    json: Json = False,
) -> int:
    """Play the whole pull-request story in a sandbox, on real data.

    Needs no account, token, server or network. Ends with where to look; the sandbox is kept.
    """
    terminal = Terminal(json_output=json)
    story = _story()
    begun = time.monotonic()
    sandbox = Sandbox(_folder(directory))
    terminal.say(story["intro"].format(folder=sandbox.folder))
    with terminal.step(story["baseline"]["step"]):
        seconds = _baseline(sandbox)
    terminal.say(story["baseline"]["done"].format(seconds=seconds))
    played = [_shown(played, story, terminal) for played in _play(sandbox, _scenes(story), terminal, story)]
    found = sandbox.tool(sandbox.author, "mlops_ci", "evidence", "main").stdout.strip()
    terminal.say(
        story["outro"].format(
            folder=sandbox.folder, seconds=time.monotonic() - begun, evidence=found.partition("\n")[0]
        )
    )
    terminal.result("", _document(sandbox, played))
    return 0 if all(p.as_told for p in played) else 1


# ---- the story ---------------------------------------------------------------------------------


def _story() -> dict[str, Any]:
    import yaml

    text = resources.files("mlops_ci").joinpath("templates/demo.yaml").read_text(encoding="utf-8")
    story: dict[str, Any] = yaml.safe_load(text)
    return story


def _scenes(story: dict[str, Any]) -> tuple[Scene, ...]:
    return tuple(
        Scene(
            branch=plain["branch"],
            title=plain["title"],
            story=plain["story"],
            look=plain["look"],
            edits=tuple((edit["file"], edit["old"], edit["new"]) for edit in plain["edits"]),
            verdict=plain["verdict"],
            merge=plain.get("merge", False),
        )
        for plain in story["scenes"]
    )


def _play(
    sandbox: Sandbox, scenes: tuple[Scene, ...], terminal: Terminal, story: dict[str, Any]
) -> Iterator[Played]:
    for number, scene in enumerate(scenes, start=1):
        terminal.say(story["scene"].format(number=number, title=scene.title, story=scene.story))
        _push_edits(sandbox, scene)
        with terminal.step(story["running"].format(branch=scene.branch)):
            played = _run(sandbox, scene)
        yield played
        if scene.merge:
            _merge(sandbox, scene)


def _shown(played: Played, story: dict[str, Any], terminal: Terminal) -> Played:
    from mlops_ci import report

    terminal.markdown(report.plain(played.comment))
    terminal.say(
        story["verdict"].format(
            number=played.number,
            verdict=played.verdict,
            exit_code=played.exit_code,
            seconds=played.seconds,
            look=played.scene.look,
        )
    )
    if not played.as_told:
        terminal.say(story["surprise"].format(expected=played.scene.verdict))
    return played


def _document(sandbox: Sandbox, played: list[Played]) -> dict[str, Any]:
    return {
        "folder": str(sandbox.folder),
        "pull_requests": [
            {
                "number": p.number,
                "branch": p.scene.branch,
                "verdict": p.verdict,
                "expected": p.scene.verdict,
                "exit_code": p.exit_code,
                "seconds": round(p.seconds, 1),
            }
            for p in played
        ],
    }


# ---- the sandbox -------------------------------------------------------------------------------


def _folder(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="mlops-ci-demo-"))
    if directory.exists() and any(directory.iterdir()):
        raise ConfigError(f"--directory {directory}: is not empty", "name a new or an empty folder")
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def _example() -> Path:
    """The example project: shipped inside the wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("mlops_ci")))
    for folder in (package / "_example", package.parent):
        if (folder / "dvc.yaml").is_file() and (folder / "pipeline").is_dir():
            return folder
    raise ToolError("the example project is not part of this installation", "install mlops-ci anew")


def _baseline(sandbox: Sandbox) -> float:
    """The first model on main: the example is committed, run once, and pushed with data and evidence."""
    begun = time.monotonic()
    _need_packages()
    sandbox.author.mkdir(parents=True)
    source = _example()
    for name in EXAMPLE:
        _copy(source / name, sandbox.author / name)
    sandbox.git(sandbox.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(sandbox.origin))
    sandbox.git(sandbox.author, "init", "--quiet", "--initial-branch=main")
    sandbox.git(sandbox.author, "remote", "add", "origin", str(sandbox.origin))
    _must(sandbox.tool(sandbox.author, "dvc", "init", "--quiet"))
    _must(
        sandbox.tool(sandbox.author, "dvc", "remote", "add", "-d", "storage", str(sandbox.folder / "storage"))
    )
    _commit(sandbox, "A model of employment, from the census")
    _must(sandbox.tool(sandbox.author, "mlops_ci", "run"))
    _commit(sandbox, "Train the first model")
    _must(sandbox.tool(sandbox.author, "dvc", "push", "--quiet"))
    sandbox.git(sandbox.author, "push", "--quiet", "--set-upstream", "origin", "main")
    sandbox.runner.parent.mkdir()
    sandbox.git(sandbox.folder, "clone", "--quiet", str(sandbox.origin), str(sandbox.runner))
    return time.monotonic() - begun


def _need_packages() -> None:
    from importlib.util import find_spec

    missing = [
        name for name in ("sklearn", "pandas", "pyarrow", "scipy", "mlflow") if find_spec(name) is None
    ]
    if missing:
        raise ConfigError(
            f"the demo trains a real model and needs {', '.join(missing)}", "pip install 'mlops-ci[demo]'"
        )


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    elif source.is_file():
        shutil.copy2(source, target)


def _commit(sandbox: Sandbox, message: str) -> None:
    sandbox.git(sandbox.author, "add", "--all")
    sandbox.git(sandbox.author, "commit", "--quiet", "-m", message)


def _push_edits(sandbox: Sandbox, scene: Scene) -> None:
    """What the author does: a branch, an edit, a commit, a push. No run on the author's machine."""
    sandbox.git(sandbox.author, "checkout", "--quiet", "-B", scene.branch, "main")
    for name, old, new in scene.edits:
        path = sandbox.author / name
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ToolError(f"{name}: the demo's edit of {old!r} fits {text.count(old)} places, not one")
        path.write_text(text.replace(old, new), encoding="utf-8")
    _commit(sandbox, scene.title)
    sandbox.git(sandbox.author, "push", "--quiet", "--force", "origin", scene.branch)


def _run(sandbox: Sandbox, scene: Scene) -> Played:
    """What CI does: check the branch out and run `mlops-ci pr`."""
    sandbox.git(sandbox.runner, "fetch", "--quiet", "origin")
    sandbox.git(
        sandbox.runner, "checkout", "--quiet", "--force", "-B", scene.branch, f"origin/{scene.branch}"
    )
    begun = time.monotonic()
    done = sandbox.tool(sandbox.runner, "mlops_ci", "pr", "--json", ci=True)
    seconds = time.monotonic() - begun
    if done.code not in (0, 1) or not done.stdout:
        raise ToolError(f"`mlops-ci pr` ended with exit code {done.code}: {done.stderr.strip()}")
    import json

    forge = LocalForge.beside(Git.open(sandbox.runner))
    pull = forge.pull_requests(head=scene.branch)[0]
    return Played(
        scene=scene,
        number=pull.number,
        exit_code=done.code,
        verdict=json.loads(done.stdout)["verdict"],
        seconds=seconds,
        comment=forge.comments(pull.number)[-1].body,
    )


def _merge(sandbox: Sandbox, scene: Scene) -> None:
    """A person merges: main then holds the very dvc.lock that was judged."""
    sandbox.git(sandbox.author, "checkout", "--quiet", "main")
    sandbox.git(sandbox.author, "fetch", "--quiet", "origin")
    sandbox.git(
        sandbox.author, "merge", "--quiet", "--no-ff", "-m", f"Merge {scene.branch}", f"origin/{scene.branch}"
    )
    sandbox.git(sandbox.author, "push", "--quiet", "origin", "main")
    forge = LocalForge.beside(Git.open(sandbox.author))
    forge.merged(forge.pull_requests(head=scene.branch)[0].number)


def _must(done: process.Result) -> None:
    if done.code != 0:
        raise ToolError(f"the demo could not go on: {done.stderr.strip() or done.stdout.strip()}")
