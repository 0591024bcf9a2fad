"""What a job may hand on: its own stages, of the same commit, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci import handover
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import StageRun
from mlops_ci.handover import FanOut, HandedFile, HandOver
from mlops_ci.pipeline import Dep, Fan, Graph, Out, Part, Stage

TRAIN = Stage(
    "sub/dvc.yaml:train",
    "sub/dvc.yaml",
    deps=(Dep("data.csv"), Dep("s3://bucket/raw")),
    outs=(
        Out("sub/model"),
        Out("sub/folds", cache=False),
        Out("sub/kept", push=False),
        Out("/far", cache=False),
    ),
    folder="sub",
)
EVAL = Stage("eval", "dvc.yaml", deps=(Dep("sub/model"),), outs=(Out("m.json", cache=False),))
GRAPH = Graph((TRAIN, EVAL))
FAN = FanOut.of(
    Fan(
        (
            (Part("r1-p1", ("sub/dvc.yaml:train",), "gpu", 3.0), Part("r1-p2", ("other",))),
            (Part("r2-p1", ("eval",), after=("r1-p1",)),),
            (Part("r3-p1", ("last",), after=("r2-p1",)),),
        ),
        ("end",),
        "why",
        9.0,
        5.0,
    ),
    "c0",
    "b0",
)
SAID = {
    "sub/dvc.lock": {
        "train": {
            "cmd": "x",
            "deps": [{"path": "../data.csv"}, {"path": "s3://bucket/raw"}],
            "outs": [{"path": "model"}, {"path": "folds"}],
        }
    }
}
FILE = HandedFile(sha256="0", size=1)


def handed(**values: Any) -> HandOver:
    told: dict[str, Any] = {
        "part": "r1-p1",
        "commit": "c0",
        "base": "b0",
        "stages": ("sub/dvc.yaml:train",),
        "runs": (StageRun(name="sub/dvc.yaml:train", status="ran"),),
        "entries": {"sub/dvc.lock": {"train": "text"}},
        "files": {"sub/folds/1.json": FILE, "sub/kept": FILE},
    }
    return HandOver(**{**told, **values})


def problem(found: HandOver, said: Any = SAID) -> str:
    with pytest.raises(ConfigError) as caught:
        handover.check(found, FAN, GRAPH, said)
    return caught.value.message


def test_what_a_part_may_hand_on_is_taken() -> None:
    handover.check(handed(), FAN, GRAPH, SAID)
    failed = (StageRun(name="sub/dvc.yaml:train", status="failed"),)
    handover.check(handed(runs=failed, entries={}, files={}), FAN, GRAPH, {})


def test_fan_json_is_what_a_matrix_takes_and_reads_back() -> None:
    raw = FAN.model_dump_json(by_alias=True).encode()
    assert handover.read_fan(raw, "fan.json") == FAN
    first = json.loads(raw)["rounds"][0]["include"][0]
    assert first == {
        "part": "r1-p1",
        "stages": ["sub/dvc.yaml:train"],
        "runner": "gpu",
        "after": [],
        "seconds": 3.0,
    }
    assert FAN.before("r3-p1") == ("r1-p1", "r2-p1")
    assert FAN.before("r1-p2") == ()


def test_a_hand_over_reads_back_and_a_broken_one_is_a_line() -> None:
    assert handover.read(handed().model_dump_json(by_alias=True).encode(), "x") == handed()
    with pytest.raises(ConfigError, match=r"^x: part: Field required$"):
        handover.read(b"{}", "x")
    with pytest.raises(ConfigError, match=r"^x: Invalid JSON"):
        handover.read(b"{", "x")


def test_another_commit_is_refused() -> None:
    assert problem(handed(commit="c1")) == "part r1-p1 was run on another commit (c1)"
    assert problem(handed(base="b1")) == "part r1-p1 was run on another commit (c0)"
    assert problem(handed(part="r7-p1")) == "fan.json knows no part 'r7-p1'"


def test_other_stages_are_refused() -> None:
    says = "the hand-over of part r1-p1 does not tell of the stages of its part"
    assert problem(handed(stages=("eval",))) == says
    assert problem(handed(runs=())) == says


def test_entries_of_others_are_refused() -> None:
    says = "the hand-over of part r1-p1 has "
    more = {"sub/dvc.lock": {"train": "text"}, "dvc.lock": {"eval": "text"}}
    assert problem(handed(entries=more)) == says + "an entry in dvc.lock that is not its own: eval"
    assert problem(handed(entries={})) == says + "no entry in dvc.lock for sub/dvc.yaml:train"
    said = {"sub/dvc.lock": {"train": {"outs": [{"path": "../m.json"}]}}}
    told = says + "../m.json in dvc.lock, which sub/dvc.yaml:train does not declare"
    assert problem(handed(), said) == told


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "sub/../../evil", "sub//kept", "..", "a/.."])
def test_files_outside_are_refused(name: str) -> None:
    says = f"the hand-over of part r1-p1 has a file outside of the repository: {name!r}"
    assert problem(handed(files={name: FILE})) == says


@pytest.mark.parametrize("name", ["m.json", "sub/model", ".github/workflows/x.yml", "sub/folds2/x"])
def test_files_of_nobody_are_refused(name: str) -> None:
    says = f"the hand-over of part r1-p1 has a file that none of its stages hands on: {name}"
    assert problem(handed(files={name: FILE})) == says


def test_too_much_is_refused() -> None:
    large = HandedFile(sha256="0", size=handover.MAX_BYTES)
    told = handed(files={"sub/kept": large, "sub/folds/x": large})
    assert problem(told) == "the hand-over of part r1-p1 has more than 10000 files or 50 MB of them"


def test_what_no_remote_keeps_is_handed_on() -> None:
    assert [out.path for out in TRAIN.outs if handover.is_handed(out)] == ["sub/folds", "sub/kept"]
