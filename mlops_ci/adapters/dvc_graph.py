"""DVC's index of a revision as our Graph, and the content hashes of what lies in the workspace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_ci.adapters.dvc_lifted import DIMENSIONS, lift, uncollected
from mlops_ci.pipeline import Artifact, Dep, Graph, Out, PlotSpec, Stage


@dataclass(frozen=True)
class Loaded:
    """A revision's Graph beside DVC's own stages (by name) and data sources (by path)."""

    repo: Any
    top: str
    graph: Graph
    stages: Mapping[str, Any]
    sources: Mapping[str, Any]

    @cached_property
    def outs(self) -> Mapping[str, Any]:
        """DVC's own outputs and sources by path."""
        return {
            **self.sources,
            **{self.path(out): out for item in self.stages.values() for out in item.outs},
        }

    def path(self, item: Any) -> str:
        """The path of a DVC dependency or output, relative to the top of the Git repository."""
        return _path(self.repo, self.top, item)


def load(repo: Any, top: str) -> Loaded:
    """Read every dvc.yaml, dvc.lock and .dvc file of a revision; ``top`` is that of Git."""
    lift()
    with uncollected():
        return _load(repo, top)


def _load(repo: Any, top: str) -> Loaded:
    index = repo.index
    params = _Params(repo)
    stages = {name: item for item in index.stages if item.cmd for name in [stage_name(repo, item)]}
    sources = {_path(repo, top, out): out for item in index.stages if not item.cmd for out in item.outs}
    graph = Graph(
        stages=tuple(_stage(repo, top, name, item, params) for name, item in stages.items()),
        sources={path: out.hash_info.value for path, out in sorted(sources.items()) if out.hash_info},
        artifacts=tuple(_artifacts(top, index)),
        metrics=_metrics(repo, top, index, stages.values()),
        plots=tuple(_plots(repo, top, index, stages.values())),
    )
    return Loaded(repo, top, graph, stages, sources)


def has_project_file(repo: Any) -> bool:
    """Whether there is any dvc.yaml, be it an empty one."""
    if repo.fs.exists(repo.fs.join(repo.root_dir, "dvc.yaml")):
        return True
    return any(item.path.endswith("dvc.yaml") for item in repo.index.stages)


def hashes(loaded: Loaded, tree: Callable[[str], Mapping[str, str] | None]) -> dict[str, str]:
    """Hashes of every dependency and output in the workspace, the way dvc.lock has them.

    A tracked directory of which only some files were fetched counts as not there; ``tree`` gives the
    files of a recorded directory.
    """
    items: dict[str, Any] = dict(loaded.sources)
    for stage in loaded.stages.values():
        for item in [*stage.deps, *stage.outs]:
            if not is_params(item):
                items.setdefault(loaded.path(item), item)
    found = ((path, content_hash(item)) for path, item in items.items())
    recorded = {**loaded.graph.sources, **loaded.graph.recorded}
    return {
        path: value
        for path, value in found
        if value is not None and not _is_part(items[path], value, recorded.get(path), tree)
    }


def _is_part(
    item: Any, value: str, recorded: str | None, tree: Callable[[str], Mapping[str, str] | None]
) -> bool:
    """Whether a directory lacks some of its recorded files and is otherwise as recorded."""
    if value == recorded or not value.endswith(".dir") or not (recorded or "").endswith(".dir"):
        return False
    whole = tree(recorded or "")
    return whole is not None and file_hashes(item).items() <= whole.items()


def content_hash(item: Any) -> str | None:
    """The hash of one dependency or output now; None where it is not there.

    DVC's state database remembers the hashes of files that did not change, so large ones are cheap.
    """
    from dvc_data.hashfile.hash import hash_file

    if item.protocol != "local" or type(item).__name__ == "DatasetDependency":
        return _outside_hash(item)
    path = Path(item.fs_path)
    if path.is_file():
        name = item.hash_name or "md5"
        _, info = hash_file(item.fs_path, item.fs, name, state=item.repo.state)
        return str(info.value)
    return str(item.get_hash().value) if path.is_dir() else None


def file_hashes(item: Any) -> dict[str, str]:
    """Relative path -> hash of every file of a directory as it lies in the workspace."""
    from dvc_data.hashfile.hash import hash_file

    name, state = item.hash_name or "md5", item.repo.state
    found = {}
    for path in Path(item.fs_path).rglob("*"):
        if path.is_file() and not item.repo.dvcignore.is_ignored_file(str(path)):
            _, info = hash_file(str(path), item.fs, name, state=state)
            found[path.relative_to(item.fs_path).as_posix()] = str(info.value)
    return found


def _outside_hash(item: Any) -> str | None:
    """Data outside of the repository: DVC itself says whether it changed."""
    state: dict[str, str] = item.status()
    if not state:
        return str(item.hash_info.value if item.hash_info else "")
    return None if "deleted" in state.values() else "changed"


def stage_name(repo: Any, item: Any) -> str:
    """The stage's address as ``dvc repro`` takes it at the DVC root."""
    file: str = os.path.relpath(item.path, repo.root_dir)
    if not hasattr(item, "name"):
        return file
    return str(item.name) if file == "dvc.yaml" else f"{file}:{item.name}"


def _path(repo: Any, top: str, item: Any) -> str:
    if item.fs is not repo.fs and item.protocol != "local":
        return str(item.def_path)
    found: str = os.path.relpath(item.fs_path, top)
    return str(item.def_path) if found.startswith("../") else found


def _stage(repo: Any, top: str, name: str, item: Any, params: _Params) -> Stage:
    deps = [dep for dep in item.deps if not is_params(dep)]
    param_deps = [dep for dep in item.deps if is_params(dep)]
    recorded = [dep for dep in item.deps if dep.hash_info] + [out for out in item.outs if out.hash_info]
    callback = not item.deps and not item.outs
    return Stage(
        name=name,
        dvcfile=os.path.relpath(item.path, top),
        cmd="\n".join(item.cmd) if isinstance(item.cmd, list) else str(item.cmd),
        cmd_changed=bool(getattr(item, "cmd_changed", False)),
        deps=tuple(Dep(_path(repo, top, dep), _value(dep)) for dep in deps),
        outs=tuple(_out(repo, top, out) for out in item.outs),
        params={_path(repo, top, dep): params.now(dep) for dep in param_deps},
        recorded_params={_path(repo, top, dep): dict(dep.hash_info.value or {}) for dep in param_deps},
        frozen=bool(item.frozen),
        always_changed=bool(item.always_changed) or callback,
        never_ran=not recorded and not callback,
        matrix=_dimensions(item),
        folder=os.path.relpath(item.wdir, top),
    )


def _out(repo: Any, top: str, out: Any) -> Out:
    return Out(
        path=_path(repo, top, out),
        recorded=_value(out),
        cache=bool(out.use_cache),
        push=bool(out.can_push),
        metric=bool(out.metric),
        plot=(dict(out.plot) if isinstance(out.plot, dict) else {}) if out.plot else None,
        size=out.meta.size if out.meta else None,
        files=out.meta.nfiles if out.meta else None,
    )


def _value(item: Any) -> str | None:
    return str(item.hash_info.value) if item.hash_info else None


def is_params(item: Any) -> bool:
    """Whether a dependency is on parameters, not on a file's bytes."""
    return type(item).__name__ == "ParamsDependency"


def params_now(loaded: Loaded, deps: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """The values of parameters as their files have them now: file -> key -> value."""
    params = _Params(loaded.repo)
    return {loaded.path(dep): params.now(dep) for dep in deps}


class _Params:
    """Values of parameters now; each file is parsed once, whatever number of stages reads it."""

    def __init__(self, repo: Any) -> None:
        self._repo = repo
        self._files: dict[str, Any] = {}

    def now(self, dep: Any) -> dict[str, Any]:
        config = self._read(dep.fs_path)
        if not dep.params:
            return {str(key): _plain(value) for key, value in config.items()}
        found = ((key, _lookup(config, key)) for key in dep.params)
        return {key: _plain(value) for key, value in found if value is not _NOTHING}

    def _read(self, path: str) -> Any:
        from dvc.utils.serialize import load_path

        if path not in self._files:
            there = self._repo.fs.isfile(path)
            config = load_path(path, self._repo.fs) if there else {}
            self._files[path] = config if isinstance(config, dict) else {}
        return self._files[path]


_NOTHING = object()


def _lookup(config: Any, key: str) -> Any:
    """A dotted key the way DVC looks it up; list items by their number."""
    import dpath

    found = config
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            break
        found = found[part]
    else:
        return found
    try:
        return dpath.get(config, key, separator=".")
    except (KeyError, ValueError):
        return _NOTHING


def _plain(value: Any) -> Any:
    """Parameters of a Python file may be tuples; dvc.lock has them as lists."""
    return list(value) if isinstance(value, tuple) else value


def _dimensions(item: Any) -> dict[str, Any]:
    """What the matrix or the loop gave a generated stage."""
    value = _unwrapped(getattr(item, DIMENSIONS, {}))
    return dict(value) if isinstance(value, Mapping) else {"item": value}


def _unwrapped(value: Any) -> Any:
    """A plain value out of the wrappers that DVC's templating puts around it."""
    if isinstance(value, Mapping):
        return {key: _unwrapped(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_unwrapped(part) for part in value]
    return getattr(value, "value", value)


def _beside(top: str, dvcfile: str, path: str) -> str:
    """A path that a dvc.yaml names, relative to the top of the repository."""
    folder = os.path.relpath(str(PurePosixPath(dvcfile).parent), top)
    return os.path.normpath(f"{folder}/{path}")


def _artifacts(top: str, index: Any) -> Iterator[Artifact]:
    for file, entries in sorted(index._artifacts.items()):
        for name, entry in entries.items():
            yield Artifact(
                name=name,
                path=_beside(top, file, str(entry.get("path", ""))),
                dvcfile=os.path.relpath(file, top),
                type=str(entry.get("type") or ""),
            )


def _metrics(repo: Any, top: str, index: Any, stages: Iterable[Any]) -> tuple[str, ...]:
    named = {_beside(top, file, path) for file, paths in index._metrics.items() for path in paths}
    written = {_path(repo, top, out) for item in stages for out in item.outs if out.metric}
    return tuple(sorted(named | written))


def _plots(repo: Any, top: str, index: Any, stages: Iterable[Any]) -> Iterator[PlotSpec]:
    for file, entries in sorted(index._plots.items()):
        for entry in entries:
            for id_, props in [(entry, {})] if isinstance(entry, str) else entry.items():
                yield from _declared(top, file, id_, props or {})
    for item in stages:
        for out in item.outs:
            if out.plot:
                path = _path(repo, top, out)
                props = out.plot if isinstance(out.plot, dict) else {}
                yield _spec(
                    path, path, os.path.relpath(item.path, top), props, props.get("x"), props.get("y")
                )


def _declared(top: str, file: str, id_: str, props: Mapping[str, Any]) -> Iterator[PlotSpec]:
    """One entry of a top-level ``plots:``; its data may lie in several files."""
    y, x = props.get("y"), props.get("x")
    dvcfile = os.path.relpath(file, top)
    if not isinstance(y, Mapping):
        path = _beside(top, file, next(iter(x)) if isinstance(x, Mapping) and x else id_)
        across = next(iter(x.values()), None) if isinstance(x, Mapping) else x
        yield _spec(id_, path, dvcfile, props, across, y)
        return
    for name, columns in y.items():
        # A horizontal axis out of another file cannot be joined: the points are numbered then.
        across = x.get(name) if isinstance(x, Mapping) else x
        yield _spec(id_, _beside(top, file, name), dvcfile, props, across, columns)


def _spec(id_: str, file: str, dvcfile: str, props: Mapping[str, Any], x: Any, y: Any) -> PlotSpec:
    columns = [y] if isinstance(y, str) else (y or [])
    return PlotSpec(
        id=id_,
        file=file,
        dvcfile=dvcfile,
        x=str(x or ""),
        y=tuple(str(column) for column in columns),
        template=str(props.get("template") or ""),
        title=str(props.get("title") or ""),
    )
