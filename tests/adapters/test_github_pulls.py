"""Labels and files of a pull request on GitHub."""

from __future__ import annotations

import pytest

from mlops_ci.adapters import github_pulls as pulls
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_pulls import ChangedFile
from mlops_ci.errors import ToolError
from tests.adapters.github_double import ROOT, Cut, Double, Reply
from tests.adapters.github_spec.contract import example

LABELS = f"{ROOT}/issues/1347/labels"
ABSENT = Reply(404, {"message": "Label does not exist"})


def test_labels_are_listed(double: Double, github: GitHub) -> None:
    double.on("GET", LABELS, Reply(body=example("label-items")))
    assert pulls.labels(github, 1347) == ("bug", "enhancement")


def test_labels_are_added_once_however_often(double: Double, github: GitHub) -> None:
    double.on("POST", LABELS, Cut(), Reply(body=example("label-items")))
    assert pulls.add_labels(github, 1347, ["bug"]) == ("bug", "enhancement")
    assert double.requests[1].body == {"labels": ["bug"]}


def test_a_label_is_taken_off(double: Double, github: GitHub) -> None:
    double.on("DELETE", f"{LABELS}/ml: slow?", Reply(body=example("label-items-2")))
    pulls.remove_label(github, 1347, "ml: slow?")


def test_a_label_that_is_not_there_is_off_already(double: Double, github: GitHub) -> None:
    double.on("DELETE", f"{LABELS}/ml", ABSENT)
    double.on("GET", LABELS, Reply(body=example("label-items")))
    pulls.remove_label(github, 1347, "ml")


def test_a_label_that_stays_is_an_error(double: Double, github: GitHub) -> None:
    double.on("DELETE", f"{LABELS}/bug", ABSENT)
    double.on("GET", LABELS, Reply(body=example("label-items")))
    with pytest.raises(ToolError, match="404"):
        pulls.remove_label(github, 1347, "bug")


def test_the_files_of_a_pull_request(double: Double, github: GitHub) -> None:
    plain = example("diff-entry-items")
    moved = plain[0] | {"filename": "new.txt", "previous_filename": "old.txt", "status": "renamed"}
    double.on("GET", f"{ROOT}/pulls/1347/files", Reply(body=[*plain, moved]))
    assert pulls.changed_files(github, 1347) == (
        ChangedFile("file1.txt", "added", 103, 21),
        ChangedFile("new.txt", "renamed", 103, 21, "old.txt"),
    )
