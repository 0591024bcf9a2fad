"""The Action's cold installation, with uv and with pip, and what it spends its time on.

    python -m benchmarks.action_install [--extras checks] [--rounds 1]

Runs action/install.sh as a fresh runner does: no package cache, no environment, no uv. The peers are pip
in place of uv, and a plain `pip download` of the same packages, which is what the registry and the wire
take. The exit code is 1 where the installation with uv takes more than 15 s.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 15.0
# Every line of bash's trace with its time, and one of them: which step begins.
TRACED = """PS4='+ $EPOCHREALTIME '; set -x; . "$1" """
STEP = re.compile(r"^\++ (\d+\.\d+) step='?([^']+)'?$")
# What a fresh runner has: where packages come from, and nothing of this machine's caches.
KEPT = (
    "PATH",
    "LANG",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
)


@dataclass(frozen=True)
class Installed:
    """One installation: seconds in all and by step, files and bytes of the environment it made."""

    seconds: float
    steps: tuple[tuple[str, float], ...]
    files: int
    megabytes: float


def install(extras: str, folder: Path, *, uv: bool) -> Installed:
    """Install as on a fresh runner, in a folder of its own."""
    output = folder / "output"
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ |= {
        "HOME": str(folder / "home"),
        "GITHUB_ACTION_PATH": str(ROOT / "action"),
        "GITHUB_OUTPUT": str(output),
        "MLOPS_CI_EXTRAS": extras,
        "RUNNER_TEMP": str(folder / "temp"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
    }
    environ["PATH"] = _path(folder, uv=uv)
    for name in ("home", "temp", "work"):
        (folder / name).mkdir(parents=True)
    begun = time.time()
    done = subprocess.run(
        ["bash", "-c", TRACED, "bash", str(ROOT / "action" / "install.sh")],
        cwd=folder / "work",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = time.time()
    if done.returncode != 0:
        raise SystemExit(f"install.sh ended with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    marks = [(float(at), name) for at, name in _steps(done.stderr)]
    begins = [begun, *(at for at, _ in marks[1:]), ended]
    names = ["Python and uv", *(name for _, name in marks[1:])]
    steps = tuple((name, begins[i + 1] - begins[i]) for i, name in enumerate(names))
    made = [path for path in (folder / "temp" / "mlops-ci" / "venv").rglob("*") if path.is_file()]
    return Installed(ended - begun, steps, len(made), sum(path.stat().st_size for path in made) / 1e6)


def _steps(trace: str) -> list[tuple[str, str]]:
    return [found.groups() for line in trace.splitlines() if (found := STEP.match(line))]  # type: ignore[misc]


def _path(folder: Path, *, uv: bool) -> str:
    """The PATH of this machine without its uv; without one at all where pip shall install."""
    kept = [entry for entry in os.environ["PATH"].split(os.pathsep) if not (Path(entry) / "uv").exists()]
    kept = [entry for entry in kept if Path(entry) != Path(sys.prefix) / "bin"]
    if uv:
        return os.pathsep.join(kept)
    # A uv that cannot be had is what sends install.sh to pip.
    shim = folder / "shim"
    shim.mkdir(parents=True)
    python = shutil.which("python3", path=os.pathsep.join(kept)) or sys.executable
    (shim / "python3").write_text(
        f'#!/bin/sh\nfor word; do case "$word" in *uv.txt) exit 1;; esac; done\nexec "{python}" "$@"\n'
    )
    (shim / "python3").chmod(0o755)
    return os.pathsep.join([str(shim), *kept])


def download(extras: str, folder: Path) -> float:
    """Seconds that pip takes to fetch the same packages, and nothing else: the peer."""
    locked = subprocess.run(
        [sys.executable, "-I", str(ROOT / "action" / "lock.py"), extras],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder.mkdir(parents=True)
    (folder / "locked.txt").write_text(locked)
    begun = time.time()
    words = ["-m", "pip", "download", "--quiet", "--no-cache-dir", "--no-deps", "--require-hashes"]
    subprocess.run(
        [sys.executable, *words, "-d", str(folder / "wheels"), "-r", str(folder / "locked.txt")],
        check=True,
        capture_output=True,
    )
    return time.time() - begun


def main() -> int:
    """Measure and print; 1 where the bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--extras", default="checks", help="as the Action's input (default: checks)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is done (default: 1)")
    given = parser.parse_args()
    best: dict[str, float] = {}
    for turn in range(given.rounds):
        for name, uv in (("uv", True), ("pip", False)):
            with tempfile.TemporaryDirectory(prefix="mlops-ci-install-") as folder:
                found = install(given.extras, Path(folder), uv=uv)
            best[name] = min(best.get(name, found.seconds), found.seconds)
            size = f"{found.files} files, {found.megabytes:.0f} MB"
            print(f"{name}, round {turn + 1}: {found.seconds:.1f} s, {size}")
            for step, seconds in found.steps:
                print(f"    {seconds:6.2f} s  {step}")
        with tempfile.TemporaryDirectory(prefix="mlops-ci-download-") as folder:
            seconds = download(given.extras, Path(folder) / "packages")
        best["download"] = min(best.get("download", seconds), seconds)
        print(f"the same packages fetched by pip download, round {turn + 1}: {seconds:.1f} s")
    ratio = best["pip"] / best["uv"]
    print(f"uv {best['uv']:.1f} s (at most {MOST_SECONDS:.0f} s)")
    print(f"pip {best['pip']:.1f} s = {ratio:.1f} x; fetching alone {best['download']:.1f} s")
    return int(best["uv"] > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
