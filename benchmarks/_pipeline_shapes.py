"""Pipelines to measure on: real Git and DVC repositories of a known shape."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_ci.adapters import withheld

Stages = Mapping[str, Mapping[str, Any]]


def environ() -> dict[str, str]:
    """Our environment for a tool: DVC sends nothing home, Git knows who commits."""
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Bench"), ("EMAIL", "bench@example.com"))
    }
    return {**withheld.without(os.environ), **who, "DVC_NO_ANALYTICS": "1"}


def fan(width: int, seconds: float) -> Stages:
    """A stage that prepares, ``width`` stages that take ``seconds`` each, and one that reads them all."""
    middle = {
        f"gen{at}": {
            "cmd": f"sleep {seconds:g} && echo {at} > g{at}.txt && cat base.txt >> g{at}.txt",
            "deps": ["base.txt"],
            "outs": [f"g{at}.txt"],
        }
        for at in range(width)
    }
    names = [f"g{at}.txt" for at in range(width)]
    return {
        "prep": {"cmd": "cp raw.txt base.txt", "deps": ["raw.txt"], "outs": ["base.txt"]},
        **middle,
        "final": {"cmd": f"cat {' '.join(names)} > all.txt", "deps": names, "outs": ["all.txt"]},
    }


def alone(count: int, seconds: float = 0.0) -> Stages:
    """So many stages that read one file each and do not know each other."""
    wait = f"sleep {seconds:g} && " if seconds else ""
    return {
        f"s{at:03d}": {"cmd": f"{wait}echo {at} > o{at}.txt", "deps": ["raw.txt"], "outs": [f"o{at}.txt"]}
        for at in range(count)
    }


def build(folder: Path, stages: Stages, files: Mapping[str, bytes] | None = None) -> Path:
    """A new repository with these stages in its dvc.yaml, and ``raw.txt`` beside it."""
    folder.mkdir(parents=True)
    tool(folder, "git", "init", "--quiet", "--initial-branch=main")
    tool(folder, "dvc", "init", "--quiet")
    for name, content in {"raw.txt": b"raw\n", **(files or {})}.items():
        (folder / name).write_bytes(content)
    text = yaml.safe_dump({"stages": {name: dict(stage) for name, stage in stages.items()}}, sort_keys=False)
    (folder / "dvc.yaml").write_text(text, encoding="utf-8")
    tool(folder, "git", "add", "--all")
    tool(folder, "git", "commit", "--quiet", "--message", "Pipeline")
    return folder


def twin(folder: Path, name: str) -> Path:
    """A copy beside it, so that whoever runs starts from the same."""
    other = folder.with_name(f"{folder.name}-{name}")
    shutil.copytree(folder, other, symlinks=True)
    return other


def tool(folder: Path, *args: str) -> str:
    """Run a tool to its end and give what it printed; its failure ends the benchmark."""
    done = subprocess.run(args, cwd=folder, env=environ(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(args)} failed with exit code {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
