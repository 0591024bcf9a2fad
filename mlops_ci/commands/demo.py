"""`mlops-ci demo`: the pull-request half of the product, played in a sandbox on real data."""

from __future__ import annotations

import json as json_text
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_ci.adapters.sandbox import Sandbox
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError

NEEDED = ("sklearn", "pandas", "pyarrow", "scipy", "mlflow", "fairlearn", "pandera")


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
    """How a scene went; ``seconds`` is the wall time of `mlops-ci pr`."""

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


def demo(
    directory: Annotated[
        Path | None, typer.Option(help="Folder for the sandbox; default: a new temporary one.")
    ] = None,
    json: Json = False,
) -> int:
    """Play the whole pull-request story in a sandbox, on real data.

    Needs no account, token, server or network. Ends with where to look; the sandbox is kept.
    """
    _need_packages()
    terminal, story = Terminal(json_output=json), _story()
    begun = time.monotonic()
    sandbox = Sandbox(_folder(directory))
    terminal.say(story["intro"].format(folder=sandbox.folder))
    with terminal.step(story["baseline"]["step"]):
        sandbox.prepare(on_line=terminal.say)
    terminal.say(story["baseline"]["done"].format(seconds=time.monotonic() - begun))
    played = []
    for one in _play(sandbox, terminal, story):
        _show(one, story, terminal)
        played.append(one)
    found = sandbox.tool(sandbox.author, "mlops_ci", "evidence", "main").stdout.partition("\n")[0]
    seconds = time.monotonic() - begun
    terminal.say(story["outro"].format(folder=sandbox.folder, seconds=seconds, evidence=found))
    terminal.result("", _document(sandbox, played))
    return 0 if all(one.as_told for one in played) else 1


def _story() -> dict[str, Any]:
    import yaml

    text = resources.files("mlops_ci").joinpath("templates/demo.yaml").read_text(encoding="utf-8")
    story: dict[str, Any] = yaml.safe_load(text)
    return story


def _scenes(story: dict[str, Any]) -> Iterator[Scene]:
    for plain in story["scenes"]:
        edits = tuple((edit["file"], edit["old"], edit["new"]) for edit in plain["edits"])
        yield Scene(**{"merge": False, **plain, "edits": edits})


def _play(sandbox: Sandbox, terminal: Terminal, story: dict[str, Any]) -> Iterator[Played]:
    for number, scene in enumerate(_scenes(story), start=1):
        terminal.say(story["scene"].format(number=number, title=scene.title, story=scene.story))
        sandbox.propose(scene.branch, scene.title, scene.edits)
        begun = time.monotonic()
        with terminal.step(story["running"].format(branch=scene.branch)):
            done = sandbox.check(scene.branch, on_line=terminal.say)
        pull = sandbox.forge.pull_requests(head=scene.branch)[0]
        yield Played(
            scene=scene,
            number=pull.number,
            exit_code=done.code,
            verdict=json_text.loads(done.stdout)["verdict"],
            seconds=time.monotonic() - begun,
            comment=sandbox.forge.comments(pull.number)[-1].body,
        )
        if scene.merge:
            sandbox.merge(scene.branch)


def _show(played: Played, story: dict[str, Any], terminal: Terminal) -> None:
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


def _document(sandbox: Sandbox, played: list[Played]) -> dict[str, Any]:
    return {
        "folder": str(sandbox.folder),
        "pull_requests": [
            {
                "number": one.number,
                "branch": one.scene.branch,
                "verdict": one.verdict,
                "expected": one.scene.verdict,
                "exit_code": one.exit_code,
                "seconds": round(one.seconds, 1),
            }
            for one in played
        ],
    }


def _folder(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="mlops-ci-demo-"))
    if directory.exists() and any(directory.iterdir()):
        raise ConfigError(f"--directory {directory}: is not empty", "name a new or an empty folder")
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def _need_packages() -> None:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        names = ", ".join(missing)
        raise ConfigError(f"the demo trains a real model and needs {names}", "pip install 'mlops-ci[demo]'")
