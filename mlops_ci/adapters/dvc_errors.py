"""DVC's errors in the user's words: what is wrong, where, and how to mend it."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mlops_ci.adapters.dvc_remote_errors import remote_error
from mlops_ci.errors import ConfigError, MlopsError, ToolError


class MissingFileError(ConfigError):
    """A file is neither in Git nor tracked by DVC at that revision."""


class TooLargeError(ConfigError):
    """A file is larger than the reader wants it."""


class PointerError(ConfigError):
    """A file is a Git LFS pointer instead of its content."""


class NoRemoteError(ConfigError):
    """No DVC remote is configured."""

    def __init__(self) -> None:
        super().__init__("no default DVC remote is configured", "dvc remote add --default NAME URL")


@contextmanager
def translated(revision: str = "", top: str = "") -> Iterator[None]:
    """Raise DVC's errors as ours; ``revision`` is named where it is not the workspace.

    Paths are told relative to ``top``.
    """
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        yield
    except (DvcException, SCMError) as error:
        raise translate(error, revision, top) from error
    except OSError as error:
        raise _operating_system(error) from error
    except sqlite3.Error as error:
        raise ToolError(
            f"DVC's own database cannot be used: {_one_line(error)}",
            "free some space; if that is not it, remove .dvc/tmp and the site cache (DVC_SITE_CACHE_DIR)",
        ) from error


@contextmanager
def remote_trouble(doing: str) -> Iterator[None]:
    """Whatever a storage backend raises is a ToolError here: each cloud has its own exceptions."""
    from dvc.exceptions import DvcException

    try:
        yield
    except (MlopsError, AssertionError):
        raise
    except DvcException as error:
        raise translate(error) from error
    except Exception as error:
        raise remote_error(error, doing) from error


def translate(error: Exception, revision: str = "", top: str = "") -> MlopsError:
    """One of DVC's errors as one of ours."""
    names = (kind.__name__ for kind in type(error).__mro__)
    words = next((_WORDS[name] for name in names if name in _WORDS), _plainly)
    found = words(error)
    message = found.message + (f" at {revision[:10]}" if revision else "")
    for prefix in sorted((f"{os.path.relpath(top)}/", f"{top}/"), key=len, reverse=True) if top else ():
        message = message.replace(prefix, "") if prefix != "./" else message
    found.message, found.args = message, (message,)
    return found


def chain(error: BaseException) -> Iterator[Exception]:
    """An error and everything that caused it, the innermost first."""
    found = []
    current: BaseException | None = error
    while isinstance(current, Exception):
        found.append(current)
        current = current.__cause__ or current.__context__
    return reversed(found)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _operating_system(error: OSError) -> ToolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolError(
            f"no space left on the disk ({error.filename or 'while writing'})", "free some space"
        )
    return ToolError(_one_line(error))


def _plainly(error: Any) -> MlopsError:
    return ConfigError(_one_line(error))


def _not_dvc(_: Any) -> MlopsError:
    return ConfigError("not a DVC repository: there is no .dvc folder here or above", "run `dvc init`")


def _git(error: Any) -> MlopsError:
    if "not a git repository" in str(error):
        return ConfigError(_one_line(error), "run `git init`, or change to your repository")
    return ConfigError(f"git: {_one_line(error)}")


def _yaml_syntax(error: Any) -> MlopsError:
    cause = error.exc.__cause__
    mark = getattr(cause, "problem_mark", None) or getattr(cause, "context_mark", None)
    place = f"{_plain(error.relpath)}:{mark.line + 1}" if mark else _plain(error.relpath)
    problem = getattr(cause, "problem", None) or _one_line(cause or error)
    hint = "resolve the merge conflict in it" if error.hint else "correct the YAML there"
    return ConfigError(f"{place}: not YAML: {problem}", hint)


def _yaml_schema(error: Any) -> MlopsError:
    from dvc.utils.serialize import parse_yaml_for_update
    from dvc.utils.strictyaml import determine_linecol

    first = error.exc.errors[0]
    line, _, _ = determine_linecol(parse_yaml_for_update(error.text, error.path), first.path)
    place = f"{_plain(error.path)}:{line}" if line else _plain(error.path)
    keys = " -> ".join(str(part) for part in first.path)
    return ConfigError(f"{place}: {first.error_message}{f', in {keys}' if keys else ''}")


def _broken_file(error: Any) -> MlopsError:
    cause = error.__cause__
    mark = getattr(cause, "problem_mark", None) or getattr(cause, "context_mark", None)
    path = _plain(str(getattr(error, "path", "")))
    problem = getattr(cause, "problem", None) or (_one_line(cause) if cause else _one_line(error))
    return ConfigError(f"{path}{f':{mark.line + 1}' if mark else ''}: cannot be read: {problem}")


def _locked(error: Any) -> MlopsError:
    said = _one_line(error)
    who = said.partition("blocked by:")[2].partition("If there")[0].strip()
    return ToolError(
        f"another DVC process is at work in this repository{f': {who}' if who else ''}",
        "wait until it has ended, then try again",
    )


def _tracked_by_git(error: Any) -> MlopsError:
    path = str(error).partition("'")[2].partition("'")[0]
    return ConfigError(
        f"{path} is an output of the pipeline, but Git tracks it already",
        f"git rm -r --cached '{path}', commit, and let DVC keep it; or set `cache: false` for it",
    )


def _missing_objects(error: Any) -> MlopsError:
    names = ", ".join(_plain(str(name)) for name in getattr(error, "target_infos", [])[:5])
    return ToolError(
        f"the DVC remote does not have {names}"
        if names
        else f"DVC could not transfer data: {_one_line(error)}",
        "whoever made it runs `dvc push`; check that the remote is the right one",
    )


def _missing_backend(error: Any) -> MlopsError:
    protocol = getattr(error, "protocol", "")
    return ConfigError(
        f"the DVC remote needs support for {protocol or 'its protocol'}, which is not installed",
        f'pip install "dvc[{protocol}]"' if protocol else "",
    )


def _remote_config(error: Any) -> MlopsError:
    said = _one_line(error).removeprefix("config file error: ")
    return ConfigError(f"DVC remote: {said}", "see `dvc remote list` and .dvc/config")


def _config(error: Any) -> MlopsError:
    return ConfigError(f".dvc/config: {_one_line(error).removeprefix('config file error: ')}")


def _no_remote(_: Any) -> MlopsError:
    return NoRemoteError()


def _plain(path: str) -> str:
    """DVC puts ``./`` before paths."""
    return path.removeprefix("./")


_WORDS: dict[str, Callable[[Any], MlopsError]] = {
    "NotDvcRepoError": _not_dvc,
    "SCMError": _git,
    "YAMLSyntaxError": _yaml_syntax,
    "YAMLValidationError": _yaml_schema,
    "ParseError": _broken_file,
    "LockError": _locked,
    "OutputAlreadyTrackedError": _tracked_by_git,
    "FileTransferError": _missing_objects,
    "CheckoutError": _missing_objects,
    "FileMissingError": _missing_objects,
    "CollectCacheError": _missing_objects,
    "RemoteMissingDepsError": _missing_backend,
    "NoRemoteError": _no_remote,
    "RemoteConfigError": _remote_config,
    "ConfigError": _config,
}
