"""One stage in a forked child: what DVC does once it has decided to run it, except writing dvc.lock."""

from __future__ import annotations

import bisect
import gc
import importlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_ci.adapters import dvc_journal, dvc_lock_file, dvc_locks, dvc_whole, files, withheld
from mlops_ci.adapters.dvc_errors import chain, remote_trouble, translate
from mlops_ci.adapters.dvc_graph import Loaded, is_params
from mlops_ci.errors import ConfigError, MlopsError, ToolError


@contextmanager
def warm(repo: Any) -> Iterator[Callable[[str], bool]]:
    """Do once what every child would do again, and share its memory; gives what tells a path Git tracks."""
    for module in ("dvc.rwlock", "dvc_data.hashfile.status", "fsspec.implementations.memory"):
        importlib.import_module(module)
    dvc_lock_file.render("stage", {"cmd": "1", "outs": [{"path": "1.0", "size": 1}]})
    listed = sorted(_tracked(repo))
    gc.collect()
    gc.freeze()
    try:
        yield lambda path: _is_in(listed, os.path.relpath(path, repo.scm.root_dir))
    finally:
        gc.unfreeze()


def _tracked(repo: Any) -> Iterator[str]:
    """The files that Git tracks, none where there is no Git."""
    dulwich = getattr(repo.scm, "dulwich", None)
    return (os.fsdecode(path) for path in dulwich.repo.open_index()) if dulwich else iter(())


def _is_in(listed: Sequence[str], path: str) -> bool:
    """Whether a path, or anything below it, is in a sorted list."""
    return any(
        place < len(listed) and (listed[place] == path or listed[place].startswith(f"{path}/"))
        for place in (bisect.bisect_left(listed, path), bisect.bisect_left(listed, f"{path}/"))
    )


@dataclass(frozen=True)
class StageTask:
    """For ``Child.fork``: run a stage with the parent's own objects.

    ``needs`` are the paths it reads that are in the cache but not in the workspace. Success is an entry in
    the ``journal`` file; trouble is JSON in ``answer``: ``error``, ``hint``, ``fatal`` (our exit code, 0 for
    the stage's own failure), ``again`` where its command failed.
    """

    loaded: Loaded
    name: str
    place: tuple[str, str]
    before: str
    needs: tuple[str, ...]
    gpus: tuple[str, ...]
    is_tracked: Callable[[str], bool]
    journal: Path
    answer: Path

    def __call__(self) -> int:
        """In the child; ends with 0 whenever it came to an answer."""
        repo = self.loaded.repo
        os.chdir(repo.root_dir)
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).setLevel(logging.ERROR)
        answer: dict[str, Any]
        try:
            self._run(repo, self.loaded.stages[self.name])
        except _FailedError as failed:
            answer = {"error": failed.message, "hint": failed.hint, "fatal": 0, "again": failed.again}
        except MlopsError as error:
            answer = {"error": error.message, "hint": error.hint, "fatal": error.exit_code}
        except (OSError, sqlite3.Error) as error:
            answer = {"error": _one_line(error), "hint": "", "fatal": ToolError.exit_code}
        else:
            return 0
        self.answer.write_text(json.dumps(answer), encoding="utf-8")
        return 0

    def _run(self, repo: Any, item: Any) -> None:
        from dvc.exceptions import DvcException

        # The name under which the command knows itself was told from the parent's folder.
        item.__dict__.pop("relpath", None)
        gc.disable()
        ignored: list[str] = []
        repo.scm.is_tracked = self.is_tracked
        repo.lock = dvc_locks.shared(repo)
        repo.scm_context.ignore = ignored.append
        _pass_over_halves(repo.stage_cache)
        ran = _prepare_commands(self.gpus)
        frozen, item.frozen = item.frozen, False
        try:
            with (
                dvc_locks.paths(repo, self.name, _places(item.deps), _places(item.outs)),
                repo.lock,
                dvc_whole.objects_in(repo.cache.local.path, repo.cache.legacy.path),
            ):
                repo._lock_depth += 1
                repo.lock.is_patient = True
                self._check_out(repo)
                item.run()
                item.frozen = frozen
                dvc_journal.write(self.journal, self._entry(item, "ran" if ran else "restored", ignored))
        except FileNotFoundError as error:
            # So DVC says it where it asks its run cache first: the stage has outputs.
            if error.filename not in _places(item.deps):
                raise
            gone = os.path.relpath(error.filename, self.loaded.top)
            raise _FailedError(f"dependency '{gone}' does not exist") from error
        except DvcException as error:
            raise _stage_error(error) from error

    def _check_out(self, repo: Any) -> None:
        """Bring what the stage reads from the cache, one stage at a time: several may read the same."""
        from dvc.exceptions import CheckoutError

        if not self.needs:
            return
        with files.locked(Path(repo.tmp_dir) / "mlops-ci" / "checkout.lock"):
            needs = [path for path in self.needs if not (Path(self.loaded.top) / path).is_file()]
            names = ", ".join(needs[:5])
            try:
                with remote_trouble(f"fetching {names}"):
                    if needs:
                        repo.checkout(
                            targets=[os.path.relpath(f"{self.loaded.top}/{path}") for path in needs]
                        )
            except MlopsError as error:
                gone = isinstance(error.__cause__, CheckoutError)
                raise ToolError(
                    f"the DVC cache does not have {names}" if gone else error.message, error.hint
                ) from error

    def _entry(self, item: Any, status: str, ignored: Sequence[str]) -> dvc_journal.Entry:
        file, name = self.place
        top = self.loaded.top
        deps = [dep for dep in item.deps if not is_params(dep) and dep.hash_info]
        return dvc_journal.Entry(
            stage=self.name,
            status=status,
            file=file,
            name=name,
            text=_text(item),
            before=self.before,
            outs={self.loaded.path(out): str(out.hash_info.value) for out in item.outs},
            deps={self.loaded.path(dep): str(dep.hash_info.value) for dep in deps},
            ignore=[os.path.relpath(path, top) for path in ignored],
        )


class _FailedError(MlopsError):
    """The stage itself failed; ``again``: its command did, so that another try may help."""

    def __init__(self, message: str, hint: str = "", *, again: bool = False) -> None:
        super().__init__(message, hint)
        self.again = again


def _places(items: Sequence[Any]) -> list[str]:
    """The paths that DVC's list of readers and writers has; nobody writes to another repository."""
    from dvc.dependency.db import AbstractDependency
    from dvc.dependency.repo import RepoDependency

    return [item.fs_path for item in items if not isinstance(item, RepoDependency | AbstractDependency)]


def _text(item: Any) -> str:
    """The stage as its dvc.lock, or the .dvc file that is its own, is to have it."""
    from dvc.stage.serialize import to_single_stage_file, to_single_stage_lockfile
    from dvc.utils.serialize import dumps_yaml

    if hasattr(item, "name"):
        return dvc_lock_file.render(item.name, to_single_stage_lockfile(item))
    return str(dumps_yaml(to_single_stage_file(item)))


def _pass_over_halves(cache: Any) -> None:
    """Take no half of a record that a kill left in the run cache for a whole one: it may lack outputs."""
    load = cache._load_cache
    cache._load_cache = lambda key, value: None if value.startswith(".") else load(key, value)


def _prepare_commands(gpus: Sequence[str]) -> list[str]:
    """Give commands the environment without the job's own part, and their GPUs; gives what really runs.

    DVC itself, which fetches, keeps the environment. It does not say when it takes the run cache.
    """
    import dvc.stage.run

    ran: list[str] = []
    run: Callable[..., Any] = dvc.stage.run.cmd_run
    prepare: Callable[..., dict[str, Any]] = dvc.stage.run.prepare_kwargs
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}

    def cmd_run(stage: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(stage.addressing)
        return run(stage, *args, **kwargs)

    def prepare_kwargs(*args: Any, **kwargs: Any) -> dict[str, Any]:
        found = prepare(*args, **kwargs)
        return {**found, "env": {**withheld.without(found["env"]), **visible}}

    dvc.stage.run.cmd_run, dvc.stage.run.prepare_kwargs = cmd_run, prepare_kwargs
    return ran


def _stage_error(error: Exception) -> MlopsError:
    """A failing stage is the pipeline's own; trouble around it (lock, disk) is a ToolError."""
    causes = list(chain(error))
    for cause in causes:
        if type(cause).__name__ == "LockError":
            return translate(cause)
    for cause in causes:
        if type(cause).__name__ == "StageCmdFailedError":
            return _FailedError(_one_line(cause), again=True)
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return ToolError(_one_line(cause), "free some space, or check the permissions")
    found = translate(causes[-1])
    return _FailedError(found.message, found.hint) if isinstance(found, ConfigError) else found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
