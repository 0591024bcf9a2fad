"""What DVC does slowly when it reads a pipeline, done faster and with the same result.

``lift`` changes DVC in this process, once. Every change gives exactly what DVC's own code gives, errors
included, and falls back to that code where it is not surely the same; tests hold each against the other.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from mlops_ci.adapters.dvc_yaml import Reader, UnsureError

DIMENSIONS = "mlops_ci_dimensions"

_lifted: list[bool] = []


def lift() -> None:
    """Make DVC's reading of pipelines faster in this process; the second call does nothing."""
    if _lifted:
        return
    _lifted.append(True)
    _lift_yaml()
    _lift_schemas()
    _lift_templating()
    _lift_local_paths()
    _note_dimensions()


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: it would walk through all stages again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# ---- YAML ----------------------------------------------------------------------------------------


def _lift_yaml() -> None:
    """DVC's safe reading of YAML, the plain kind of it without ruamel's nodes."""
    from dvc.utils import serialize, strictyaml
    from dvc.utils.serialize import _yaml

    original, reader = _yaml.parse_yaml, Reader()

    @wraps(original)
    def parse_yaml(text: Any, path: Any, typ: str = "safe") -> Any:
        if typ == "safe":
            try:
                return reader.read(text) or {}
            except UnsureError:
                pass  # ruamel reads it, or says what is wrong
        return original(text, path, typ)

    for module in (_yaml, serialize, strictyaml):
        module.parse_yaml = parse_yaml


# ---- schemas -------------------------------------------------------------------------------------


def _lift_schemas() -> None:
    """Schemas of dvc.yaml compiled once, not for each stage; a lock as DVC writes it is seen to be one."""
    import voluptuous
    from dvc import dvcfile, schema

    plain, looped = voluptuous.Schema(schema.STAGE_DEFINITION), voluptuous.Schema(schema.FOREACH_IN)
    loops = {schema.FOREACH_KWD, schema.DO_KWD}

    def stage(data: Any) -> Any:
        return (looped if isinstance(data, Mapping) and loops & data.keys() else plain)(data)

    dvcfile.ProjectFile.SCHEMA = voluptuous.Schema({**schema.MULTI_STAGE_SCHEMA, schema.STAGES: {str: stage}})
    whole = schema.COMPILED_LOCKFILE_SCHEMA

    def lockfile(data: Any) -> Any:
        return data if is_plain_lock(data) else whole(data)

    # Kept from becoming a method: DVC asks the class and the object for it.
    dvcfile.Lockfile.SCHEMA = staticmethod(lockfile)


_ENTRY = {"path": str, "hash": str, "md5": str, "size": int, "nfiles": int, "isexec": bool}


def is_plain_lock(data: Any) -> bool:
    """Whether this surely is a valid dvc.lock: only what DVC writes for files and folders of a repository."""
    return (
        type(data) is dict
        and data.keys() <= {"schema", "stages"}
        and data.get("schema") == "2.0"
        and type(data.get("stages", {})) is dict
        and all(type(name) is str and _is_plain_stage(one) for name, one in data.get("stages", {}).items())
    )


def _is_plain_stage(data: Any) -> bool:
    return (
        type(data) is dict
        and data.keys() <= {"cmd", "deps", "params", "outs"}
        and type(data.get("cmd")) in (str, list)
        and all(type(data.get(kind, [])) is list for kind in ("deps", "outs"))
        and all(_is_plain_entry(entry) for kind in ("deps", "outs") for entry in data.get(kind, ()))
        and _is_plain_params(data.get("params", {}))
    )


def _is_plain_entry(data: Any) -> bool:
    return (
        type(data) is dict
        and "path" in data
        and all(type(value) is _ENTRY.get(key) for key, value in data.items())
        and len(data.get("md5", "md5")) >= 3
    )


def _is_plain_params(data: Any) -> bool:
    return type(data) is dict and all(
        type(file) is str and type(values) is dict and all(type(key) is str for key in values)
        for file, values in data.items()
    )


# ---- templating ----------------------------------------------------------------------------------


def _lift_templating() -> None:
    """``item`` and ``key`` are put into the context without a look at everything else that is in it."""
    from contextlib import nullcontext

    from dvc.parsing.context import Context, CtxDict

    @contextmanager
    def set_temporarily(self: Any, to_set: Mapping[str, Any], reserve: bool = False) -> Iterator[None]:
        reserved = self.reserved(*to_set) if reserve else nullcontext()
        before = {key: self[key] for key in to_set if key in self.data}
        self.update(CtxDict(to_set))
        try:
            with reserved:
                yield
        finally:
            self.update(before)
            for key in to_set:
                if key not in before:
                    self.data.pop(key, None)

    Context.set_temporarily = set_temporarily


# ---- paths ---------------------------------------------------------------------------------------


def _lift_local_paths() -> None:
    """A path in the repository is no URL of a remote: DVC checks each against the schema of remotes."""
    from dvc import output

    original = output.get_cloud_fs
    templates: dict[Any, tuple[Any, Mapping[str, Any]]] = {}

    @wraps(original)
    def get_cloud_fs(repo_config: Any, **kwargs: Any) -> Any:
        url = kwargs.get("url")
        if kwargs.keys() != {"url"} or type(url) is not str or ":" in url or url.startswith("//"):
            return original(repo_config, **kwargs)
        jobs = ((repo_config or {}).get("core") or {}).get("checksum_jobs")
        if jobs not in templates:
            kind, config, _ = original(repo_config, url="path")
            templates[jobs] = kind, config
        kind, config = templates[jobs]
        return kind, dict(config), kind._strip_protocol(url)

    output.get_cloud_fs = get_cloud_fs


# ---- generated stages ----------------------------------------------------------------------------


def _note_dimensions() -> None:
    """A generated stage keeps what its matrix or loop gave it; DVC forgets that."""
    from dvc.stage.loader import StageLoader

    original = StageLoader.__getitem__

    @wraps(original)
    def load(self: Any, name: str) -> Any:
        stage = original(self, name)
        group = stage.raw_data.generated_from
        if group:
            key = name.removeprefix(f"{group}@")
            setattr(stage, DIMENSIONS, self.resolver.definitions[group].normalized_iterable[key])
        return stage

    StageLoader.__getitem__ = load
