"""`mlops-ci demo`: the whole product played in a sandbox on real data, pull requests and promotions."""

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


@dataclass(frozen=True)
class Acted:
    """How an act of the promotion went; ``seconds`` is its wall time."""

    title: str
    as_told: bool
    seconds: float


def demo(
    directory: Annotated[
        Path | None, typer.Option(help="Folder for the sandbox; default: a new temporary one.")
    ] = None,
    json: Json = False,
) -> int:
    """Play the whole story in a sandbox, on real data, from pull requests to the audit.

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
    terminal.say(story["promotion"])
    acted = [_act(sandbox, terminal, story, plain) for plain in story["acts"]]
    found = sandbox.verb("evidence", "main").stdout.partition("\n")[0]
    seconds = time.monotonic() - begun
    terminal.say(story["outro"].format(folder=sandbox.folder, seconds=seconds, evidence=found))
    terminal.result("", _document(sandbox, played, acted))
    told = [one.as_told for one in played] + [one.as_told for one in acted]
    return 0 if all(told) else 1


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


def _act(sandbox: Sandbox, terminal: Terminal, story: dict[str, Any], plain: dict[str, Any]) -> Acted:
    """One act of the promotion: what people and CI do, step by step."""
    terminal.say(story["act"].format(title=plain["title"], story=plain["story"]))
    begun, told = time.monotonic(), True
    for step in plain["steps"]:
        told = _step(sandbox, terminal, story, step) and told
    if look := plain.get("look"):
        terminal.say(f"  {look}")
    return Acted(plain["title"], told, time.monotonic() - begun)


def _step(sandbox: Sandbox, terminal: Terminal, story: dict[str, Any], step: dict[str, Any]) -> bool:
    """One step; whether it went as the story tells."""
    if "merge" in step:
        terminal.say(story["ada"].format(number=sandbox.promoted(step["merge"])))
    elif "take" in step:
        number = sandbox.forge.pull_requests(head=step["take"])[0].number
        sandbox.merge(step["take"])
        terminal.say(story["ada"].format(number=number))
    elif "push" in step:
        edits = [(edit["file"], edit["old"], edit["new"]) for edit in step["edits"]]
        sandbox.push(step["push"], edits)
    else:
        return _run(sandbox, terminal, story, step)
    return True


def _run(sandbox: Sandbox, terminal: Terminal, story: dict[str, Any], step: dict[str, Any]) -> bool:
    with terminal.step(story["doing"].format(words=" ".join(step["run"]))):
        done = sandbox.verb(*step["run"])
    said = done.stdout.rstrip()
    terminal.say("\n".join(f"  {line}" for line in (said or done.stderr).splitlines()))
    if "show" in step:
        prefix = f"mlops-ci/promote/{step['show']}/"
        pull = next(one for one in sandbox.forge.promotions(prefix) if one.state == "open")
        terminal.markdown(pull.body)
    if done.code == step.get("code", 0) and all(words in said for words in step["says"]):
        return True
    expected = f"exit code {step.get('code', 0)}, and {', '.join(map(repr, step['says'])) or 'no more'}"
    terminal.say(
        story["surprise"].format(expected=f"{expected}; exit code {done.code}: {done.stderr.strip()}")
    )
    return False


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


def _document(sandbox: Sandbox, played: list[Played], acted: list[Acted]) -> dict[str, Any]:
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
        "acts": [
            {"title": one.title, "as_told": one.as_told, "seconds": round(one.seconds, 1)} for one in acted
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
