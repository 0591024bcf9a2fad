"""Which models there are: the names of mlops-ci.yaml meet the artifacts of dvc.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from types import MappingProxyType

from pydantic import BaseModel

from mlops_ci.config import source
from mlops_ci.config.keys import Columns, Data, Seeds
from mlops_ci.config.values import NAME
from mlops_ci.pipeline import Artifact


@dataclass(frozen=True)
class Model:
    """One model with everything filled in.

    ``artifact`` is empty where the repository declares none and ``dvcfile`` stands for the model.
    ``predictions`` is None where they are to be found among the pipeline's outputs, ``metrics`` is
    empty where they are to be found through the graph. ``gates`` holds the options of every model gate.
    """

    name: str
    artifact: str = ""
    path: str = ""
    dvcfile: str = "dvc.yaml"
    predictions: str | None = None
    columns: Columns = field(default_factory=Columns)
    data: Data = field(default_factory=Data)
    seeds: Seeds | None = None
    metrics: tuple[str, ...] = ()
    floor: str = "auto"
    gates: Mapping[str, BaseModel] = field(default_factory=lambda: MappingProxyType({}))

    def claims(self, file: str, metric: str) -> bool:
        """Whether a pattern of ``metrics`` covers this file, this metric or ``file:metric``."""
        texts = (file, metric, f"{file}:{metric}")
        return any(fnmatchcase(text, pattern) for text in texts for pattern in self.metrics)


@dataclass(frozen=True)
class Target:
    """What a model is in the repository, under a name that no other one has."""

    name: str
    dvcfile: str
    artifact: Artifact | None = None


def is_pattern(name: str) -> bool:
    """Whether an entry of ``models`` stands for every artifact that fits, not for one."""
    return any(character in name for character in "*?[")


def targets(artifacts: Sequence[Artifact], dvcfiles: Sequence[str], repository: str) -> tuple[Target, ...]:
    """The models a repository has by itself, each under a safe name of its own.

    Artifacts of the type model; where there is none, all artifacts; where there is none either, one
    model per dvc.yaml, named after its folder.
    """
    found = [a for a in artifacts if a.type == "model"] or list(artifacts)
    found.sort(key=lambda artifact: (artifact.dvcfile, artifact.name))
    if found:
        twice = Counter(artifact.name for artifact in found)
        words = [a.name if twice[a.name] == 1 else _in_folder(a.dvcfile, a.name) for a in found]
        parts: list[tuple[str, Artifact | None]] = [(artifact.dvcfile, artifact) for artifact in found]
    else:
        files = sorted(set(dvcfiles))
        words = [_in_folder(file, "") or repository for file in files]
        parts = [(file, None) for file in files]
    names = _distinct(_safe(word) for word in words)
    return tuple(Target(name, *part) for name, part in zip(names, parts, strict=True))


def _in_folder(dvcfile: str, name: str) -> str:
    return "-".join([*PurePosixPath(dvcfile).parent.parts, name]).strip("-")


def _safe(word: str) -> str:
    """A name made of any text: what is not allowed in one becomes a hyphen."""
    text = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in word)
    text = text.strip("-.")[:90]
    return text if NAME.fullmatch(text) else "model"


def _distinct(names: Iterable[str]) -> list[str]:
    """The names in their order; one that was there before gets a number."""
    used: list[str] = []
    for name in names:
        count, free = 2, name
        while free in used:
            count, free = count + 1, f"{name}-{count}"
        used.append(free)
    return used


def matching(pattern: str, known: Sequence[Target]) -> tuple[Target, ...]:
    """The targets whose name or whose artifact's name fits a pattern."""
    return tuple(
        target
        for target in known
        if fnmatchcase(target.name, pattern)
        or (target.artifact is not None and fnmatchcase(target.artifact.name, pattern))
    )


def named(
    reference: str, known: Sequence[Target], artifacts: Sequence[Artifact], dvcfiles: Sequence[str]
) -> tuple[Target | None, str]:
    """The one target a name or a ``dvcfile:name`` means, or why there is none."""
    exact = [a for a in artifacts if reference in (a.name, f"{a.dvcfile}:{a.name}")]
    if len(exact) == 1:
        return Target(reference, exact[0].dvcfile, exact[0]), ""
    if exact:
        places = sorted(artifact.dvcfile for artifact in exact)
        addresses = " and ".join(source.printable(place) for place in places[:5])
        return (
            None,
            f"several dvc.yaml have it: {addresses}; say which with artifact: {places[0]}:{reference}",
        )
    target = next((target for target in known if target.name == reference), None)
    if target is not None:
        return target, ""
    if reference in dvcfiles:
        return Target(reference, reference), ""
    if (
        not artifacts
        and len(dvcfiles) == 1
        and not reference.endswith((".yaml", ".yml"))
        and ":" not in reference
    ):
        return Target(reference, dvcfiles[0]), ""  # one pipeline without artifacts: the name is free
    words = [target.name for target in known] + [f"{a.dvcfile}:{a.name}" for a in artifacts]
    text = source.printable(reference)
    return None, f'no dvc.yaml declares an artifact "{text}"; {source.suggestion(reference, words)}'
