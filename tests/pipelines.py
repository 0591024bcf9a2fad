"""Pipelines that tests make up: files of a DVC repository and changes to them, drawn by hypothesis.

A Pipeline is a value: ``files()`` are its dvc.yaml files, parameters, code and data. Its commands are one shell
script, so that thousands of runs stay cheap: it notes the stage in the file ``$STAGES_LOG`` names, and writes every
output out of the first lines of what it reads; the second lines make no difference to what it writes.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypothesis import strategies as st

LOG = "STAGES_LOG"
SCRIPT = """\
#!/bin/sh
# make.sh NAME OUTPUT... -- DEPENDENCY...: a folder ends in a slash
name=$1; shift
[ -z "$STAGES_LOG" ] || echo "$name" >> "$STAGES_LOG"
outs=""
while [ $# -gt 0 ] && [ "$1" != -- ]; do outs="$outs $1"; shift; done
shift
said="$name"
first="$name"
for dep in "$@"; do
    if [ -d "$dep" ]; then
        for file in $(find "$dep" -type f | LC_ALL=C sort); do read -r line < "$file"; said="$said $line"; done
    elif [ -f "$dep" ]; then read -r line < "$dep"; said="$said $line"; first="$first $line"
    fi
done
number=0
for out in $outs; do
    number=$((number + 1))
    case "$out" in
        */) mkdir -p "$out/deep"; printf '%s %s\\n' "$number" "$said" > "$out/all"
            printf '%s %s\\n' "$number" "$first" > "$out/deep/first"; echo "$name" > "$out/same";;
        *) mkdir -p "$(dirname "$out")"; printf '%s %s\\n' "$number" "$said" > "$out";;
    esac
done
"""
Flavour = Literal["outs", "uncached", "persist", "metrics", "plots"]
FLAVOURS: tuple[Flavour, ...] = ("outs", "outs", "outs", "uncached", "persist", "metrics", "plots")
SOURCES = ("raw/a.txt", "raw/b.txt", "code.py")
TRACKED = ("data.csv", "bulk", "bulk/one.csv", "bulk/deep", "imported.csv")
PARAMS = ("params.yaml", "conf/p.json", "conf/p.toml", "conf/p.py")
KEYS = ("alpha", "beta", "group.inner", "group", "items")


@dataclass(frozen=True)
class Written:
    """An output: its path from the top, whether it is a folder, and how dvc.yaml lists it."""

    path: str
    folder: bool = False
    flavour: Flavour = "outs"


@dataclass(frozen=True)
class Made:
    """A stage, or a group of them; paths are from the top, ``where`` is the folder of its dvc.yaml.

    ``loop`` makes a group: a foreach over a list, one over a mapping, or a matrix, of the items 1 and 2, whose
    outputs get the item as their ending.
    """

    name: str
    where: str = "."
    wdir: str = "."
    deps: tuple[str, ...] = ()
    outs: tuple[Written, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    loop: Literal["", "list", "mapping", "matrix"] = ""
    frozen: bool = False
    always: bool = False
    extra: str = ""
    templated: bool = False

    @property
    def items(self) -> tuple[str, ...]:
        """What the loop goes over; one empty item without a loop."""
        return ("1", "2") if self.loop else ("",)

    def written(self) -> Iterator[Written]:
        """Every output of every item."""
        for item in self.items:
            for out in self.outs:
                yield replace(out, path=out.path + (f"-{item}" if item else ""))

    def entry(self) -> dict[str, Any]:
        """What dvc.yaml says."""
        base = posixpath.join(self.where, self.wdir)
        ending = {"": "", "list": "-${item}", "mapping": "-${item.n}", "matrix": "-${item.n}"}[self.loop]
        deps = [_from(base, dep) for dep in self.deps]
        paths = [_from(base, out.path) + ending for out in self.outs]
        said = [f"{path}/" if out.folder else path for path, out in zip(paths, self.outs, strict=True)]
        words = ["sh", _from(base, "make.sh"), self.name + ending, *said, "--", *deps]
        if self.templated:
            words += ["${word}", "${group.inner}"]
        entry: dict[str, Any] = {"cmd": " ".join([*words, *([self.extra] if self.extra else [])])}
        if self.wdir != ".":
            entry["wdir"] = self.wdir
        if deps:
            entry["deps"] = deps
        if self.params:
            entry["params"] = [{_from(base, file): [key] if key else None} for file, key in self.params]
        for path, out in zip(paths, self.outs, strict=True):
            kind = out.flavour if out.flavour in ("metrics", "plots") else "outs"
            said_of = {
                "uncached": {"cache": False},
                "metrics": {"cache": False},
                "persist": {"persist": True},
            }
            more = said_of.get(out.flavour)
            entry.setdefault(kind, []).append({path: more} if more else path)
        entry |= {"frozen": True} if self.frozen else {}
        entry |= {"always_changed": True} if self.always else {}
        return self._looped(entry)

    def _looped(self, entry: dict[str, Any]) -> dict[str, Any]:
        if self.loop == "list":
            return {"foreach": [1, 2], "do": entry}
        if self.loop == "mapping":
            return {"foreach": {"one": {"n": 1}, "two": {"n": 2}}, "do": entry}
        return {"matrix": {"n": [1, 2]}, **entry} if self.loop == "matrix" else entry


@dataclass(frozen=True)
class Pipeline:
    """All stages, and the text of every file that no stage writes."""

    stages: tuple[Made, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        """Path from the top -> text; dvc.yaml is written as JSON, which is YAML too."""
        found = {"make.sh": SCRIPT, "work/.keep": "", "sub/work/.keep": "", **self.texts}
        for file in PARAMS:
            found[file] = _params(file, self.params)
        for where in sorted({".", *(stage.where for stage in self.stages)}):
            stages = {stage.name: stage.entry() for stage in self.stages if stage.where == where}
            said: dict[str, Any] = {"vars": [{"word": "said"}], "stages": stages}
            if where != ".":
                said["vars"].append("../params.yaml")
            found[posixpath.normpath(f"{where}/dvc.yaml")] = json.dumps(said, indent=1)
        return found

    def outputs(self) -> tuple[Written, ...]:
        """Every output of every stage."""
        return tuple(out for stage in self.stages for out in stage.written())


def _from(base: str, path: str) -> str:
    return posixpath.relpath(path, base)


def _params(file: str, values: Mapping[str, Any]) -> str:
    """A parameters file in its own language."""
    if file.endswith((".yaml", ".json")):
        return json.dumps(values)
    if file.endswith(".py"):
        lines = [f"{key} = {value!r}" for key, value in values.items() if key != "group"]
        return "\n".join([*lines, "class group:", f"    inner = {values['group']['inner']!r}", ""])
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key != "group"]
    return "\n".join([*lines, "[group]", f"inner = {json.dumps(values['group']['inner'])}", ""])


# ---- drawing them --------------------------------------------------------------------------------


@st.composite
def pipelines(draw: st.DrawFn, most: int = 5) -> Pipeline:
    """Pipelines of one to ``most`` stages or groups."""
    stages: list[Made] = []
    for number in range(draw(st.integers(1, most))):
        stages.append(draw(made(f"s{number}", tuple(stages))))
    texts = {path: f"{path} 1\nsecond\n" for path in SOURCES if path != "code.py"}
    texts["code.py"] = "print(1)\n# second\n"
    params = {"alpha": 1, "beta": 0.5, "items": [1, 2], "group": {"inner": "x", "other": 2}}
    order = draw(st.permutations(stages))
    return Pipeline(tuple(order), texts, params)


@st.composite
def made(draw: st.DrawFn, name: str, before: tuple[Made, ...]) -> Made:
    """One stage that may read what those before it write."""
    written = [out for stage in before for out in stage.written()]
    known = [out.path for out in written]
    known += [f"{out.path}/{inner}" for out in written if out.folder for inner in ("all", "deep", "same")]
    # Not itself among what it reads: then it would feed itself.
    place = draw(st.sampled_from(("gen", "gen", "sub/gen", "out")))
    folders = [
        path for path in ("gen", "sub/gen") if path != place and any(p.startswith(path) for p in known)
    ]
    if any(out.path.startswith(f"{place}/") for out in written) or not before:
        folders = []
    choices = st.sampled_from([*known, *known, *SOURCES, *TRACKED])
    deps = draw(st.lists(choices, max_size=3, unique=True))
    deps += draw(st.lists(st.sampled_from(folders), max_size=1)) if folders else []
    outs = [
        Written(f"{place}/{name}-{n}", draw(st.booleans()), draw(st.sampled_from(FLAVOURS)))
        for n in range(draw(st.integers(0, 2)))
    ]
    outs = [replace(out, folder=out.folder and out.flavour not in ("metrics", "plots")) for out in outs]
    key = st.sampled_from([*KEYS, "", ""])
    params = draw(st.lists(st.tuples(st.sampled_from(PARAMS), key), max_size=2, unique_by=lambda one: one[0]))
    rarely = st.sampled_from([False] * 7 + [True])
    return Made(
        name=name,
        where=draw(st.sampled_from((".", ".", "sub"))),
        wdir=draw(st.sampled_from((".", ".", "work"))),
        deps=tuple(deps),
        outs=tuple(outs),
        params=tuple(params),
        loop=draw(st.sampled_from(("", "", "", "list", "mapping", "matrix"))),
        frozen=draw(rarely),
        always=draw(rarely),
        templated=draw(st.booleans()),
    )


@dataclass(frozen=True)
class Change:
    """What somebody did: another Pipeline, and what became of files that stages write or DVC tracks.

    ``touched`` maps a path to what to append to it, or to None where it was deleted.
    """

    after: Pipeline
    touched: Mapping[str, str | None] = field(default_factory=dict)


@st.composite
def changes(draw: st.DrawFn, before: Pipeline, most: int = 2) -> Change:
    """One or some changes after each other."""
    change = Change(before)
    for _ in range(draw(st.integers(0, most))):
        change = draw(st.sampled_from(_KINDS))(draw, change)
    return change


def _edit_text(draw: st.DrawFn, change: Change) -> Change:
    path = draw(st.sampled_from(SOURCES))
    old = change.after.texts[path]
    new = draw(st.sampled_from((f"new {old}", f"{old}more\n", old.replace("second", "other"))))
    return replace(change, after=replace(change.after, texts={**change.after.texts, path: new}))


def _edit_params(draw: st.DrawFn, change: Change) -> Change:
    params = change.after.params
    edits: list[dict[str, Any]] = [
        {"alpha": 2},
        {"alpha": 1.0},
        {"items": [1, 3]},
        {"group": {"inner": "y", "other": 2}},
        {"group": {"inner": "x", "other": 3}},
        {"unread": 1},
    ]
    return replace(change, after=replace(change.after, params={**params, **draw(st.sampled_from(edits))}))


def _edit_stage(draw: st.DrawFn, change: Change) -> Change:
    stages = list(change.after.stages)
    if not stages:
        return change
    place = draw(st.integers(0, len(stages) - 1))
    old = stages[place]
    stages[place] = draw(
        st.sampled_from(
            (
                replace(old, extra=f"{old.extra} more".strip()),
                replace(old, frozen=not old.frozen),
                replace(old, always=not old.always),
                replace(old, deps=old.deps[1:]),
                replace(old, outs=old.outs[:1]),
                replace(old, params=old.params[:1]),
                replace(
                    old, params=(*(one for one in old.params if one[0] != PARAMS[1]), (PARAMS[1], "alpha"))
                ),
                replace(old, deps=tuple(dict.fromkeys([*old.deps, "raw/b.txt"]))),
            )
        )
    )
    return replace(change, after=replace(change.after, stages=tuple(stages)))


def _drop_stage(draw: st.DrawFn, change: Change) -> Change:
    stages = change.after.stages
    if not stages:
        return change
    gone = draw(st.sampled_from(stages))
    return replace(change, after=replace(change.after, stages=tuple(one for one in stages if one != gone)))


def _add_stage(draw: st.DrawFn, change: Change) -> Change:
    stages = change.after.stages
    if any(stage.name == "new" for stage in stages):
        return change
    new = replace(draw(made("new", stages)), deps=(), where=".", frozen=False)
    return replace(change, after=replace(change.after, stages=(*stages, new)))


def _touch(draw: st.DrawFn, change: Change) -> Change:
    outputs = change.after.outputs()
    paths = [*(f"{out.path}/all" if out.folder else out.path for out in outputs), "data.csv", "bulk/one.csv"]
    path = draw(st.sampled_from(paths))
    # What DVC tracks itself is never only deleted: nobody can make it again.
    endings = ["by hand\n", None] if path.startswith(("gen", "sub/gen", "out")) else ["by hand\n"]
    return replace(change, touched={**change.touched, path: draw(st.sampled_from(endings))})


_KINDS = (
    _edit_text,
    _edit_params,
    _edit_params,
    _edit_stage,
    _edit_stage,
    _drop_stage,
    _add_stage,
    _touch,
    _touch,
)
