"""Changes between base and head: what differs, where it stands, and what it feeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from mlops_ci.collect import changes
from mlops_ci.collect.changes import Sides
from mlops_ci.evidence import FileChange, ParamChange, Where
from mlops_ci.pipeline import Dep, Graph, Out, Stage

TEXT = "rows: 3\ntrain:\n  lr: 0.4\n  deep:\n    more: 1\na.b: 2\n"


def graph(params: Mapping[str, Any], *, cmd: str = "go", sources: Mapping[str, str] | None = None) -> Graph:
    """Prepare feeds train, which feeds score; only train has parameters."""
    return Graph(
        stages=(
            Stage("prepare", "dvc.yaml", deps=(Dep("data/raw"), Dep("src")), outs=(Out("data/clean.csv"),)),
            Stage(
                "train",
                "dvc.yaml",
                cmd=cmd,
                deps=(Dep("data/clean.csv"),),
                outs=(Out("model"),),
                params={"params.yaml": params},
            ),
            Stage("score", "dvc.yaml", deps=(Dep("model"),), outs=(Out("score.json"),)),
        ),
        sources=sources or {},
    )


def sides(head: Graph, base: Graph, **more: Any) -> Sides:
    return Sides(head=head, base=base, changed=more.pop("changed", {}), **more)


def test_a_changed_parameter_has_its_line_and_feeds_all_that_is_downstream() -> None:
    found = changes.params(
        sides(graph({"train.lr": 0.4}), graph({"train.lr": 0.1}), texts={"params.yaml": TEXT})
    )
    assert found == (
        ParamChange(
            where=Where(file="params.yaml", line=3),
            key="train.lr",
            old=0.1,
            new=0.4,
            feeds=("score", "train"),
        ),
    )


def test_a_mapping_is_compared_leaf_by_leaf() -> None:
    head = graph({"train": {"lr": 0.4, "layers": [8, 4], "new": True}})
    base = graph({"train": {"lr": 0.4, "layers": [8], "old": None}})
    found = changes.params(sides(head, base, texts={"params.yaml": TEXT}))
    assert [(c.key, c.kind, c.old, c.new) for c in found] == [
        ("train.layers", "changed", "[8]", "[8, 4]"),
        ("train.new", "added", None, True),
        ("train.old", "removed", None, None),
    ]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("rows", 1),
        ("train", 2),
        ("train.lr", 3),
        ("train.deep.more", 5),
        ("a.b", 6),
        ("train.gone", None),
        ("x", None),
    ],
)
def test_the_line_of_a_key(key: str, line: int | None) -> None:
    assert changes.key_line(TEXT, key) == line


def test_no_line_in_what_is_no_yaml() -> None:
    assert changes.key_line("a: [", "a") is None
    assert changes.key_line("", "a") is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, 1),
        (True, True),
        (None, None),
        ("x", "x"),
        (0.5, 0.5),
        (float("inf"), "inf"),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_values_fit_the_document(value: object, shown: object) -> None:
    assert changes.scalar(value) == shown
    assert changes.scalar(float("nan")) == "nan"


def test_code_data_and_folders_that_git_sees_changed() -> None:
    found = changes.files(
        sides(
            graph({}),
            graph({}),
            changed={"src/a.py": 7, "data/raw/x.csv": None, "README.md": 1, "model": 2, "src/b.py": 1},
            comment_only=frozenset({"src/b.py"}),
        )
    )
    everything = ("prepare", "score", "train")
    assert found == (
        FileChange(where=Where(file="src/a.py", line=7), role="code", feeds=everything),
        FileChange(where=Where(file="src/b.py", line=1), role="code", feeds=everything, comment_only=True),
        FileChange(where=Where(file="data/raw/x.csv"), role="data", feeds=everything),
    )


def test_data_that_dvc_tracks() -> None:
    found = changes.files(
        sides(
            graph({}, sources={"data/raw": "new.dir", "unused": "1"}),
            graph({}, sources={"data/raw": "old.dir", "unused": "2"}),
        )
    )
    assert [(c.where.file, c.role, c.old, c.new) for c in found] == [
        ("data/raw", "data", "old.dir", "new.dir")
    ]


def test_a_changed_command_is_found_in_dvc_yaml() -> None:
    text = "stages:\n  prepare: {}\n  train:\n    cmd: go faster\n"
    found = changes.files(sides(graph({}, cmd="go faster"), graph({}), texts={"dvc.yaml": text}))
    assert found == (
        FileChange(
            where=Where(file="dvc.yaml", line=3),
            role="command",
            old="go",
            new="go faster",
            feeds=("score", "train"),
        ),
    )


def test_the_list_is_bounded() -> None:
    head = graph({f"key{number}": 1 for number in range(1000)})
    assert len(changes.params(sides(head, graph({})))) == changes.MAX_CHANGES


def test_many_changes_read_their_file_once_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three thousand changed parameters took minutes when each read its file anew."""
    composed: list[str] = []
    compose = yaml.compose

    def counted(text: str, Loader: Any) -> Any:  # noqa: N803 - as it is called
        composed.append(text)
        return compose(text, Loader=Loader)

    monkeypatch.setattr(yaml, "compose", counted)
    names = [f"wide_{at:04}" for at in range(changes.MAX_CHANGES + 100)]
    text = "".join(f"{name}: 1\n" for name in names)
    head, base = graph(dict.fromkeys(names, 1)), graph(dict.fromkeys(names, 0))
    found = changes.params(sides(head, base, texts={"params.yaml": text}))
    assert [one.key for one in found] == names[: changes.MAX_CHANGES]
    assert found[-1].where.line == changes.MAX_CHANGES
    assert composed == [text]
