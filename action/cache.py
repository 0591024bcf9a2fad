"""What of DVC's cache is kept between runs: its key, by what the plan needs, and what is left in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_ci.adapters import revisions
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.errors import MlopsError


def needs(environ: Mapping[str, str]) -> dict[str, str]:
    """The step's outputs: ``needs`` is the digest of the objects that a run has to bring, or ``none``."""
    dvc = Dvc.open(Path.cwd())
    try:
        found, lock = dvc.needs(), _lock(environ)
    finally:
        dvc.close()
    if not found.objects:
        _say("no stage that has to run reads data of DVC, so no cache is restored")
        return {"needs": "none", "lock": lock}
    digest = found.digest.removeprefix("sha256:")[:16]
    _say(f"the stages that have to run read {len(found.objects)} objects of DVC, {found.bytes:,} bytes")
    return {"needs": digest, "lock": lock, "key": f"{digest}-{lock}"}


def save(environ: Mapping[str, str]) -> dict[str, str]:
    """Trim the cache to what this commit and its base name; ``cache-key`` is what it is kept under.

    Where nothing was needed and nothing was made there is nothing to keep.
    """
    needed, lock = environ.get("MLOPS_CI_NEEDS", "none"), _lock(environ)
    if needed == "none" and lock == environ.get("MLOPS_CI_LOCK", ""):
        return {}
    git = Git.open(Path.cwd())
    base = revisions.told_base(environ)
    commits = (git.resolve(name) for name in ("HEAD", f"origin/{base}" if base else "HEAD^1"))
    dvc = Dvc.open(Path.cwd())
    try:
        freed = dvc.trim(commit for commit in commits if commit)
    finally:
        dvc.close()
    _say(f"{freed:,} bytes were left out of the kept cache: neither this commit nor its base names them")
    return {"cache-key": f"{needed}-{lock}"}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _lock(environ: Mapping[str, str]) -> str:
    """What dvc.lock and the .dvc files say now."""
    script = Path(environ["GITHUB_ACTION_PATH"]) / "key.sh"
    done = subprocess.run(["bash", script], check=True, capture_output=True, text=True)
    return done.stdout.strip()


VERBS: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {"needs": needs, "save": save}


def main() -> int:
    """Tell the runner; a cache is a help and no condition, so nothing of it ends the job."""
    try:
        found = VERBS[sys.argv[1]](os.environ)
    except MlopsError as error:
        _say(f"note: no cache is kept: {error.message}")
        return 0
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={value}\n" for name, value in found.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
