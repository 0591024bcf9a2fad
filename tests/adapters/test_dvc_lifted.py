"""What was made faster gives exactly what DVC's own code gives: values, types, orders and errors."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mlops_ci.adapters import dvc_lifted, dvc_yaml

READER = dvc_yaml.Reader()
_SCALARS = """
yes no on off Yes NO y n true True TRUE false null Null NULL ~ 012 0o12 0x1F 0b1
1_000 1_0.5 1e3 1E3 1.e3 .5 5. -0 -0.0 +1 +1.5 -12 00 -00 1. 0.10 12e03 1:30
190:20:30 190:20:30.15 2001-12-14 2001-12-14T21:59:43.10-05:00 .inf -.inf +.inf .Inf
.INF .nan .NaN .NAN inf nan = << 0.1e-5 1e 1e400 123456789012345678901234567890
d41d8cd98f00b204e9800998ecf8427e 12345678901234567890123456789012 1234567e12345678
a.dir 1.2.3 é 日本 -a :a a:b
"""
SCALARS = _SCALARS.split()
TEXTS = (
    "",
    "\n",
    "# only a comment\n",
    "---\n",
    "--- a\n",
    "a: 1\n...\n",
    "a: 1\n---\nb: 2\n",
    "%YAML 1.1\n---\na: yes\nb: 012\n",
    "%YAML 1.2\n---\na: yes\n",
    "%TAG ! tag:x,2000:\n---\na: !b c\n",
    "a: 1\na: 2\n",
    "1: a\n1.0: b\ntrue: c\n",
    "? [a, b]\n: c\n",
    "? {a: 1}\n: c\n",
    "? a\n: b\n? c\n",
    "a: &x [1, 2]\nb: *x\n",
    "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n",
    "<<: {a: 1}\nb: 2\n",
    "a: <<\n",
    "a: =\n",
    "a: !!str 1\nb: !!int '2'\nc: ! 3\n",
    "a: !!binary aGk=\nb: !!set {x}\nc: !!omap [x: 1]\n",
    "a: !mine 1\n",
    "a: 2001-12-14\n",
    "a: |\n  x\n  y\n\nb: >-\n  x\n  y\n",
    "a: 'it''s'\nb: \"tab\\there \\u00e9 \\x41\"\n",
    "a:\tb\n",
    "\ta: b\n",
    "a: b\tc\t# d\n",
    "a: [1, 2\n",
    "a: }\n",
    "a: b: c\n",
    "- a\n- - b\n  - c: d\n-\n",
    "a:\n- 1\n-   2\n",
    "{a: [], b: {}, c: , d: ''}",
    "[.nan, .nan]",
    "\ufeffa: 1\n",
    "a: \x07\n",
    "a: \ud800\n",
    "a: 1\r\nb: 2\r\n",
    "é: ü\n日本: 語\n",
    "just a text",
    "'12'",
    "12",
    "[" * 150 + "]" * 150,
    json.dumps({"a": [1, 2.5, None, True, "x\ny", {"b": {}}]}),
)
MARKS = "abé0123456789.-+_eExXoO:#'\"[]{},&*!|>%@`~?= \n\t"


def both(text: str) -> tuple[Any, Any]:
    """The value by our reader, or that it is not sure, and by ruamel, or its error."""
    try:
        theirs: Any = YAML(typ="safe").load(text)
    except (YAMLError, UnicodeError, ValueError) as error:
        theirs = type(error)
    try:
        return READER.read(text), theirs
    except dvc_yaml.UnsureError:
        return dvc_yaml.UnsureError, theirs


def shown(value: Any) -> str:
    """A value with its types and the order of its keys."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(key)}: {shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return f"{type(value).__name__} {value!r}"


@pytest.mark.parametrize("text", [*TEXTS, *SCALARS, *(f"k: {one}\n{one}: [x]" for one in SCALARS)])
def test_yaml_is_what_ruamel_reads(text: str) -> None:
    ours, theirs = both(text)
    if ours is not dvc_yaml.UnsureError:
        assert shown(ours) == shown(theirs)


def test_what_dvc_writes_is_read_here() -> None:
    unsure = [text for text in TEXTS if both(text)[0] is dvc_yaml.UnsureError]
    assert [text for text in unsure if not set("&*!%?=<") & set(text)] == [
        "a: 1\n---\nb: 2\n",
        "a: 1\na: 2\n",
        "1: a\n1.0: b\ntrue: c\n",
        "a: 2001-12-14\n",
        "\ta: b\n",
        "a: [1, 2\n",
        "a: }\n",
        "a: b: c\n",
        "a: \x07\n",
        "a: \ud800\n",
        "[" * 150 + "]" * 150,
    ]
    for text in (b"a: 1", None):
        with pytest.raises(dvc_yaml.UnsureError):
            READER.read(text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(MARKS, max_size=30))
def test_any_yaml_is_what_ruamel_reads(text: str) -> None:
    ours, theirs = both(text)
    if ours is not dvc_yaml.UnsureError:
        assert shown(ours) == shown(theirs)


def test_one_nan_is_the_other_as_with_ruamel() -> None:
    # Python takes lists with the same NaN for equal, and those with two for unequal.
    text = "[.nan, .nan]"
    assert READER.read(text)[0] is YAML(typ="safe").load(text)[1]


def test_without_the_c_parser_nothing_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from ruamel.yaml import main

    monkeypatch.setattr(main, "CParser", None)
    with pytest.raises(dvc_yaml.UnsureError):
        dvc_yaml.Reader().read("a: 1")


# ---- schemas and paths ---------------------------------------------------------------------------


LOCK: dict[str, Any] = {
    "schema": "2.0",
    "stages": {
        "s": {
            "cmd": "true",
            "deps": [{"path": "a", "hash": "md5", "md5": "d41d8cd98f00b204e9800998ecf8427e", "size": 0}],
            "params": {"params.yaml": {"a": [1, {"b": None}]}},
            "outs": [{"path": "d", "hash": "md5", "md5": "abc.dir", "size": 1, "nfiles": 2, "isexec": True}],
        },
        "t": {"cmd": ["a", "b"]},
    },
}
BREAKAGES: tuple[tuple[tuple[Any, ...], Any], ...] = (
    (("schema",), "3.0"),
    (("more",), 1),
    (("stages",), []),
    (("stages", "s"), []),
    (("stages", 1), {"cmd": "true"}),
    (("stages", "s", "more"), 1),
    (("stages", "s", "cmd"), 1),
    (("stages", "s", "cmd"), None),
    (("stages", "s", "deps"), None),
    (("stages", "s", "deps"), {}),
    (("stages", "s", "deps", 0), "a"),
    (("stages", "s", "deps", 0, "path"), 1),
    (("stages", "s", "deps", 0, "size"), "1"),
    (("stages", "s", "deps", 0, "size"), True),
    (("stages", "s", "deps", 0, "md5"), "ab"),
    (("stages", "s", "deps", 0, "md5"), None),
    (("stages", "s", "deps", 0, "etag"), "abc"),
    (("stages", "s", "deps", 0, "more"), 1),
    (("stages", "s", "outs", 0, "isexec"), 1),
    (("stages", "s", "outs", 0, "cloud"), {"here": {"etag": "abc"}}),
    (("stages", "s", "params"), []),
    (("stages", "s", "params", "params.yaml"), None),
    (("stages", "s", "params", "params.yaml"), {1: 2}),
    (("stages", "s", "params", 1), {}),
)


def test_a_lock_as_dvc_writes_it_is_seen_to_be_one() -> None:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    assert dvc_lifted.is_plain_lock(LOCK)
    assert dvc_lifted.is_plain_lock({"schema": "2.0"})
    COMPILED_LOCKFILE_SCHEMA(LOCK)
    assert not dvc_lifted.is_plain_lock([])
    lacking = copy.deepcopy(LOCK)
    del lacking["stages"]["s"]["deps"][0]["path"]
    assert not dvc_lifted.is_plain_lock(lacking)


@pytest.mark.parametrize(("path", "value"), BREAKAGES)
def test_any_other_lock_is_left_to_dvc(path: tuple[Any, ...], value: Any) -> None:
    broken = copy.deepcopy(LOCK)
    place: Any = broken
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert not dvc_lifted.is_plain_lock(broken)


# Both sides of the comparison run in processes of their own: what was lifted once stays lifted.
TOLD = """
import json, os, sys
os.environ["DVC_NO_ANALYTICS"] = "1"
if sys.argv[1] == "lifted":
    from mlops_ci.adapters.dvc_lifted import lift
    lift()
    lift()
from dvc.repo import Repo
from dvc.output import get_cloud_fs

def described(text):
    open("dvc.yaml", "w").write(text)
    found = []
    try:
        with Repo(".") as repo:
            for stage in repo.index.stages:
                changed = getattr(stage, "cmd_changed", None)
                found.append([stage.addressing, stage.cmd, stage.wdir, stage.frozen, changed])
                found += [[type(one).__name__, one.def_path, one.fs_path, one.protocol, str(one.hash_info),
                           str(one.meta), one.hash_name, str(getattr(one, "params", ""))]
                          for one in [*stage.deps, *stage.outs]]
            found.append(len(repo.index.graph.edges))
    except Exception as error:
        found.append([type(error).__name__, str(error), type(error.__cause__).__name__, str(error.__cause__)])
    return found
found = [described(text) for text in json.load(sys.stdin)]
for config in ({}, {"core": {"checksum_jobs": 3}}):
    for url in ("a", "/a/b", "../a", "a b", "[x", "//host/x", "http://b/k", "remote://r/x", "C:/x", "a:b", "", "~/x"):
        try:
            kind, conf, path = get_cloud_fs(config, url=url)
            found.append([url, kind.__name__, conf, path])
        except Exception as error:
            found.append([url, type(error).__name__, str(error)])
print(json.dumps(found, default=str))
"""
PIPELINE = """vars: [{word: said, item: taken}]
stages:
  one:
    cmd: echo ${word} ${item} ${a}
    deps: [x, 'http://host/key', /abs/y]
    params: [a, {other.json: null}]
    outs: [o, {p: {cache: false}}]
  loop:
    foreach: {k: {n: 1}, l: {n: 2}}
    do: {cmd: "echo ${key} ${item.n}", outs: ["loop-${key}"]}
  list:
    foreach: [1, 2]
    do: {cmd: "echo ${item}", wdir: ., deps: ["loop-k"]}
  grid:
    matrix: {f: [a, b], n: [1, 2]}
    cmd: echo ${item.f}${item.n} ${key}
    frozen: true
  after:
    cmd: echo ${item}
"""
WRONG = (
    "stages: {s: {cmd: 1}}",
    "stages: {s: {foreach: [1], do: {outs: [x]}}}",
    "stages: {s: {cmd: a, foreach: 1}}",
    "stages: [a]",
    "stages: {s: {cmd: '${no}'}}",
    "stages: {s: {cmd: a, more: 1}}",
    "a: {",
    "a: 1\na: 2",
    "stages: {s: {matrix: {a: [1]}, cmd: '${item.b}'}}",
    "stages: {s: {cmd: a, outs: ['remote://r/x']}}",
    "",
)


def test_dvc_reads_and_complains_the_same_as_before(dvc_repo: Path) -> None:
    (dvc_repo / "params.yaml").write_text("a: 0o12\nb: [x]\n")
    (dvc_repo / "other.json").write_text('{"c": 1}')
    stage = {**LOCK["stages"]["s"], "params": {"params.yaml": {"a": 3}}}
    (dvc_repo / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"one": stage}}))
    plain, lifted = (_told(dvc_repo, (PIPELINE, *WRONG), how) for how in ("plain", "lifted"))
    assert plain == lifted
    assert ["loop@l", "echo l 2"] in [one[:2] for one in plain[0] if isinstance(one, list)]
    assert ["after", "echo taken"] in [one[:2] for one in plain[0] if isinstance(one, list)]
    assert len([one for one in plain[1 : len(WRONG)] if len(one) == 1]) >= 9


def _told(root: Path, texts: tuple[str, ...], how: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", TOLD, how],
        cwd=root,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
