"""Which Python files a stage surely does nothing with but run: only there do comments not matter."""

from __future__ import annotations

import ast
import os.path
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mlops_ci.pipeline import Stage

# What makes a shell do more than start one program, or hides which arguments that gets.
_SHELL = re.compile(r"[|&;<>`$*?\[\]{}~()\n]")
_PYTHON = re.compile(r"pythonw?[\d.]*t?(?:\.exe)?")
_WRAPPERS = "conda env exec hatch mamba micromamba nice nohup pdm pipenv pixi poetry rye time uv"
_LAUNCHERS = frozenset(_WRAPPERS.split())
# A prefix that moves to another folder, or tells Python to look for modules elsewhere.
_ELSEWHERE = re.compile(r"-[a-zA-Z]*C.*|--(?:cwd|chdir|directory|project|working-dir).*|PYTHON\w*=.*")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*")
_FLAGS = re.compile(r"-[bBdEOqRsSuv]+")


class RunsCode:
    """Tells whether all that a stage does with a source is to run it.

    Its command must be one call of Python; the source its script, or imported by that, directly or
    through other dependencies; and no argument may name it. What cannot be proven is answered with no.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, stage: Stage, path: str) -> bool:
        """Whether ``stage`` runs ``path`` as code and has no other use for it."""
        call = _parsed(stage.cmd)
        if call is None or any(self._names(word, path, stage.folder) for word in call.others):
            return False
        script = self._script(call, stage.folder)
        if script is None:
            return False
        base = stage.folder if call.module else str(PurePosixPath(script).parent)
        return path == script or path in self._imported(script, base, {dep.path for dep in stage.deps})

    def _names(self, word: str, path: str, folder: str) -> bool:
        """Whether an argument names a file, by itself, inside an option, or by a folder that holds it."""
        if PurePosixPath(path).name in word:
            return True
        value = _joined(str(self._root / folder), word.rpartition("=")[2])
        return (self._root / path).is_relative_to(value)

    def _script(self, call: _Call, folder: str) -> str | None:
        if not call.module:
            found = _joined(folder, call.target)
            return found if self._is_file(found) else None
        return self._module(folder, call.target.split("."), main=True)

    def _imported(self, script: str, base: str, deps: set[str]) -> set[str]:
        """The dependencies that a script imports, and those that these import."""
        found: set[str] = set()
        todo = [script]
        while todo:
            file = todo.pop()
            new = {path for path in self._imports(file, base) if path in deps} - found
            found |= new
            todo.extend(new)
        return found

    def _imports(self, file: str, base: str) -> Iterator[str]:
        try:
            names = _imported_names((self._root / file).read_bytes())
        except OSError:
            return
        for level, name in names:
            parts = name.split(".")
            if level:
                folder = _joined(str(PurePosixPath(file).parent), "../" * (level - 1) or ".")
            elif parts[0] in sys.stdlib_module_names:
                continue  # Python's own may come first
            else:
                folder = base
            for end in range(1, len(parts) + 1):
                if path := self._module(folder, parts[:end]):
                    yield path

    def _module(self, folder: str, parts: Sequence[str], *, main: bool = False) -> str | None:
        """The file of a module below a folder; a package comes before a file of the same name."""
        place = _joined(folder, "/".join(parts))
        if self._is_file(f"{place}/__init__.py"):
            return f"{place}/{'__main__' if main else '__init__'}.py"
        return f"{place}.py" if self._is_file(f"{place}.py") else None

    def _is_file(self, path: str) -> bool:
        return (self._root / path).is_file()


@dataclass(frozen=True)
class _Call:
    """``python target others...``; ``others`` are also the words before."""

    target: str
    module: bool
    others: tuple[str, ...]


def _parsed(cmd: str) -> _Call | None:
    """A command that is one call of Python and nothing else; None for any other."""
    if _SHELL.search(cmd):
        return None
    try:
        words = shlex.split(cmd)
    except ValueError:
        return None
    place = next((n for n, word in enumerate(words) if _PYTHON.fullmatch(PurePosixPath(word).name)), None)
    if place is None or not _is_launcher(words[:place]):
        return None
    return _target(words[:place], words[place + 1 :])


def _is_launcher(prefix: Sequence[str]) -> bool:
    if any(_ELSEWHERE.fullmatch(word) for word in prefix):
        return False
    return all(_ASSIGNED.fullmatch(word) for word in prefix) or (
        next(word for word in prefix if not _ASSIGNED.fullmatch(word)) in _LAUNCHERS
    )


def _target(prefix: Sequence[str], words: Sequence[str]) -> _Call | None:
    """What Python runs, after its own flags; a flag that we do not know may change what that is."""
    rest = list(words)
    while rest and (rest[0] in ("-W", "-X") or _FLAGS.fullmatch(rest[0])):
        del rest[: 2 if rest[0] in ("-W", "-X") else 1]
    module = rest[:1] == ["-m"]
    target, others = rest[module : module + 1], rest[module + 1 :]
    if not target or target[0].startswith("-"):
        return None
    return _Call(target[0], module, (*prefix, *others))


def _joined(folder: str, path: str) -> str:
    return os.path.normpath(PurePosixPath(folder, path))


@lru_cache(maxsize=512)
def _imported_names(raw: bytes) -> tuple[tuple[int, str], ...]:
    """Every module that a source may import, with the number of dots before its name."""
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = [node.module] if node.module else []
            found += [(node.level, ".".join([*start, alias.name])) for alias in node.names]
    return tuple(found)
