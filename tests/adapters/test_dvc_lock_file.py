"""dvc.lock in pieces: the bytes are those of DVC's own serial round trips, whatever entries say."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as some

from mlops_ci.adapters import dvc_lock_file
from mlops_ci.errors import ConfigError

MD5 = "0c1f" * 8
ENTRY = {
    "cmd": "python train.py",
    "deps": [{"path": "train.py", "hash": "md5", "md5": MD5, "size": 12}],
    "outs": [{"path": "model", "hash": "md5", "md5": f"{MD5}.dir", "size": 3, "nfiles": 2}],
}
LONG = "python train.py --with " + " ".join(f"--option-{number}=value" for number in range(20))

names = some.from_regex(r"[a-z_][a-zä0-9_-]{0,12}(@[a-z0-9.-]{1,8})?", fullmatch=True)
words = some.from_regex(r"[ -~]{1,20}", fullmatch=True)
text = some.one_of(
    words,
    some.lists(words, min_size=2, max_size=14).map(" ".join),
    some.text(min_size=1, max_size=12).filter(lambda found: "\x85" not in found and found.isprintable()),
    some.sampled_from(
        ["yes", "1e-05", "0123", "null", "a: b", "a #b", "- x", "~", "2020-01-01", LONG, "'", '"']
    ),
)
# DVC's own round trip is not exact for numbers such as 1.332960821770365e-173.
numbers = some.one_of(
    some.integers(-(10**20), 10**20), some.decimals(-(10**6), 10**6, places=6, allow_nan=False).map(float)
)
values = some.recursive(
    some.one_of(some.none(), some.booleans(), numbers, text, some.dates()),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
files = some.fixed_dictionaries(
    {
        "path": some.one_of(some.sampled_from(["data/x.csv", "models/größe", "a b", "x" * 90]), text),
        "hash": some.just("md5"),
        "md5": some.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True),
        "size": some.integers(0, 10**12),
    }
)
entries = some.fixed_dictionaries(
    {"cmd": text | some.lists(text, min_size=1, max_size=2)},
    optional={
        "deps": some.lists(files, min_size=1, max_size=3),
        "params": some.dictionaries(
            some.sampled_from(["params.yaml", "sub/p.json"]),
            some.dictionaries(names.map(lambda name: name.replace("@", ".")), values, min_size=1, max_size=3),
            min_size=1,
        ),
        "outs": some.lists(files, min_size=1, max_size=3),
    },
)


def by_dvc(path: Path, changes: Mapping[str, Any]) -> None:
    """What DVC does after each stage."""
    from dvc.utils.serialize import modify_yaml

    for name, entry in changes.items():
        with modify_yaml(path) as data:
            if not data:
                data.update({"schema": "2.0"})
            data["stages"] = data.get("stages", {})
            data["stages"].update({name: entry})


def put(path: Path, changes: Mapping[str, Any], **options: Any) -> bool:
    chunks = {name: dvc_lock_file.render(name, entry) for name, entry in changes.items()}
    return dvc_lock_file.put(path, chunks, **options)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(
    first=some.dictionaries(names, entries, min_size=1, max_size=4), second=some.dictionaries(names, entries)
)
@example(
    first={"a": ENTRY, "b": {"cmd": LONG}}, second={"c": {"cmd": [LONG, "x"]}, "a": {**ENTRY, "cmd": "b"}}
)
@example(first={"a": {"cmd": "x", "params": {"p": {"a": 1e-05, "b": 1e16, "c": 0.1}}}}, second={"c": ENTRY})
@example(first={"a": {"cmd": "x", "params": {"p": {"a": datetime.date(2020, 1, 2)}}}}, second={"c": ENTRY})
def test_the_bytes_are_those_of_dvc(
    first: Mapping[str, Any], second: Mapping[str, Any], tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours.lock", tmp_path / "theirs.lock"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    for changes in (first, second):
        by_dvc(theirs, changes)
        put(ours, changes)
        assert ours.read_text() == theirs.read_text()


def test_new_entries_go_where_a_serial_run_puts_them(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    order = ["z", "a", "m", "old"]
    put(path, {"old": ENTRY})
    put(path, {"m": ENTRY}, order=order, added=["m"])
    put(path, {"a": ENTRY, "z": ENTRY, "old": {**ENTRY, "cmd": "b"}}, order=order, added=["m", "a", "z"])
    assert list(dvc_lock_file.read(path).entries) == ["old", "z", "a", "m"]
    assert put(path, {"z": ENTRY}) is False


@pytest.mark.parametrize(
    "before",
    [
        "# by hand\nschema: '2.0'\nstages:\n  a:\n    cmd: x  # why\n  b:\n    cmd: y\n",
        "schema: '2.0'\ndatasets:\n- name: d\n  url: u\nstages: {}\n",
        "schema: \"2.0\"\nstages:\n    a:\n        cmd: 'x'\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    params:\n      p:\n        a: &id001 [1]\n        b: *id001\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: 'quoted'\n    params:\n      p:\n        a: [1, 2]\n",
        "stages:\n  a:\n    cmd: x\nschema: '2.0'\n",
    ],
)
def test_a_file_that_was_edited_by_hand(before: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.lock", tmp_path / "theirs.lock"
    for path in (ours, theirs):
        path.write_text(before)
    changes = {"b": ENTRY, "c": {"cmd": LONG}}
    by_dvc(theirs, changes)
    put(ours, changes)
    assert ours.read_text() == theirs.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema: '2.0'\nstages:\n<<<<<<< HEAD\n  a:\n    cmd: x\n=======\n", "not YAML"),
        ("a:\n  cmd: x\n", "is not what DVC writes"),
        ("schema: '2.0'\nstages:\n  a:\n    md5: x\n", "is not what DVC writes"),
        (b"\xff", "is no UTF-8 text"),
    ],
)
def test_what_dvc_did_not_write_is_one_clear_error(text: str | bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=said) as caught:
        put(path, {"b": ENTRY})
    assert "\n" not in caught.value.message
    assert caught.value.hint == "take the version of one side and run `dvc repro`"
    assert path.read_bytes() == before


def test_a_text_that_is_not_one_entry_is_refused(tmp_path: Path) -> None:
    chunk = dvc_lock_file.render("a", ENTRY)
    for wrong in (chunk + chunk.replace("  a:", "  b:", 1), "  a:\n    cmd: [", "datasets: {}\n", ""):
        with pytest.raises(ConfigError, match="is not one entry of that name"):
            dvc_lock_file.put(tmp_path / "dvc.lock", {"a": wrong})
    assert dvc_lock_file.meaning(chunk) == {"a": ENTRY}
