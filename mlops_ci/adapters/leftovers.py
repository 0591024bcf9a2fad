"""What a run that was killed left lying in the workspace: half of a file under a temporary name."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mlops_ci.adapters import dvc_lock, dvc_locks
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_graph import Loaded

WRITING = 1.0  # seconds that writing a record may take; it is a small file

# DVC puts a file into the workspace under the first such name, and renames it then; we do so with what we
# write beside pipelines and their outputs.
_HALF = re.compile(
    r".*\.[\w-]{22}\.tmp|\.(?:dvc\.lock|\.gitignore|.+\.dvc)\.[a-z0-9_]{8}", re.ASCII | re.DOTALL
)


def clear(loaded: Loaded) -> None:
    """Clear away all of it, while no ``dvc`` command is at work.

    Raises:
        ToolError: one is, for too long.
    """
    top, graph = Path(loaded.top), loaded.graph
    with translated(), dvc_locks.shared(loaded.repo):
        outs = (top / out.path for stage in graph.stages for out in stage.outs)
        sweep((top / path for path in dvc_lock.lock_paths(loaded)), outs)
        sweep_records(Path(loaded.repo.stage_cache.cache_dir))


def sweep(files: Iterable[Path], outs: Iterable[Path]) -> None:
    """Remove what is half written beside these files, and beside and below these outputs."""
    outputs = list(outs)
    # A dvc.lock may be a link: half of it then lies beside its target.
    beside = [place for path in files for place in (path, path.resolve())]
    for folder in {path.parent for path in (*beside, *outputs)}:
        if folder.is_dir():
            _sweep(folder.iterdir())
    for path in outputs:
        for inner, _, names in os.walk(path):
            _sweep(Path(inner, name) for name in names)


def _sweep(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if _HALF.fullmatch(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def sweep_records(runs: Path) -> None:
    """Remove what is half of a record of DVC's run cache, and folders that never got theirs.

    A run of DVC takes the half for a record, and breaks on the empty folder.
    """
    for half in runs.glob("??/*/.*.tmp"):
        # A cache may be shared: what somebody else is at writing just now is not half for long.
        if time.time() - half.stat().st_mtime > WRITING:
            half.unlink(missing_ok=True)
    for folder in runs.glob("??/*/"):
        with suppress(OSError):
            folder.rmdir()
