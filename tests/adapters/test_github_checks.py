"""Check runs with annotations in batches, and commit statuses; nothing stands there twice after a cut."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.adapters import github_checks as checks
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_checks import Annotation, Check, CheckRun
from mlops_ci.errors import ToolError
from tests.adapters.github_double import ROOT, Cut, Double, Reply
from tests.adapters.github_spec.contract import example

RUNS = f"{ROOT}/check-runs"
SHA = "ce587453ced02b1526dfb4cb910479d431683101"
NAMED = f"{ROOT}/commits/{SHA}/check-runs"
REMARK = Annotation("params.yaml", 3, 4, "warning", "lr explains it", "Likely cause")


def run(annotations: int = 0, /, **changes: Any) -> Any:
    return example("check-run", name="mlops-ci", output__annotations_count=annotations, **changes)


def listed(*runs: Any) -> Reply:
    return Reply(body={"total_count": len(runs), "check_runs": list(runs)})


def test_a_check_run_is_made(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Reply(201, run(1, external_id="42")))
    check = Check(
        "mlops-ci", SHA, conclusion="neutral", title="Warned", summary="One metric", annotations=(REMARK,),
        details_url="https://ci.example/1", external_id="42",
    )  # fmt: skip
    assert checks.create(github, check) == CheckRun(
        4, "mlops-ci", SHA, "completed", "neutral", "https://github.com/github/hello-world/runs/4", "42", 1
    )
    assert double.requests[0].body == {
        "name": "mlops-ci",
        "head_sha": SHA,
        "status": "completed",
        "conclusion": "neutral",
        "details_url": "https://ci.example/1",
        "external_id": "42",
        "output": {
            "title": "Warned",
            "summary": "One metric",
            "annotations": [
                {
                    "path": "params.yaml",
                    "start_line": 3,
                    "end_line": 4,
                    "annotation_level": "warning",
                    "message": "lr explains it",
                    "title": "Likely cause",
                }
            ],
        },
    }


def test_a_check_run_that_has_only_begun_says_no_more(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Reply(201, run(status="in_progress", conclusion=None)))
    made = checks.create(github, Check("mlops-ci", SHA, "in_progress"))
    assert (made.status, made.conclusion) == ("in_progress", "")
    assert double.requests[0].body == {"name": "mlops-ci", "head_sha": SHA, "status": "in_progress"}


def many(number: int) -> Check:
    remarks = tuple(
        Annotation("a.py", line, line, "notice", f"remark {line}") for line in range(1, number + 1)
    )
    return Check("mlops-ci", SHA, conclusion="neutral", title="T", summary="S", annotations=remarks)


def sent(double: Double, method: str) -> list[list[int]]:
    """The lines of the annotations in every request of a method."""
    return [
        [annotation["start_line"] for annotation in request.body["output"]["annotations"]]
        for request in double.requests
        if request.method == method
    ]


def test_annotations_go_in_batches_of_fifty(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Reply(201, run(50)))
    double.on("PATCH", f"{RUNS}/4", Reply(body=run(100)), Reply(body=run(101)))
    assert checks.create(github, many(101)).annotations == 101
    assert sent(double, "POST") == [list(range(1, 51))]
    assert sent(double, "PATCH") == [list(range(51, 101)), [101]]


def test_a_batch_that_arrived_before_the_cut_is_not_sent_twice(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Reply(201, run(50)))
    double.on("PATCH", f"{RUNS}/4", Cut(), Cut(), Reply(body=run(101)))
    # The first batch arrived; the second did not at first.
    double.on("GET", f"{RUNS}/4", Reply(body=run(100)), Reply(body=run(100)))
    assert checks.create(github, many(101)).annotations == 101
    assert [len(lines) for lines in sent(double, "PATCH")] == [50, 1, 1]


def test_a_check_run_that_arrived_before_the_cut_is_not_made_twice(double: Double, github: GitHub) -> None:
    check = Check("mlops-ci", SHA, conclusion="neutral", title="T", summary="S", external_id="run 2")
    said: dict[str, Any] = {"output__title": "T", "output__summary": "S"}
    double.on("POST", RUNS, Cut())
    double.on("GET", NAMED, listed(run(external_id="run 1", **said), run(external_id="run 2", **said, id=5)))
    assert checks.create(github, check).id == 5
    assert double.requests[1].query == {"per_page": "100", "check_name": "mlops-ci"}


def test_a_check_run_that_did_not_arrive_is_made(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Cut(), Reply(201, run(id=6)))
    double.on("GET", NAMED, listed(run()))
    assert checks.create(github, Check("mlops-ci", SHA, conclusion="success", title="T", summary="S")).id == 6


def test_a_check_run_is_updated(double: Double, github: GitHub) -> None:
    double.on("GET", f"{RUNS}/4", Reply(body=run()))
    double.on("PATCH", f"{RUNS}/4", Reply(502), Reply(body=run()))
    check = Check("mlops-ci", SHA, conclusion="failure", title="Refused", summary="Why")
    assert checks.update(github, 4, check).id == 4
    assert double.requests[2].body == {
        "name": "mlops-ci",
        "status": "completed",
        "conclusion": "failure",
        "output": {"title": "Refused", "summary": "Why"},
    }


def test_added_annotations_count_from_those_that_are_there(double: Double, github: GitHub) -> None:
    double.on("GET", f"{RUNS}/4", Reply(body=run(2)), Reply(body=run(3)))
    double.on("PATCH", f"{RUNS}/4", Cut())
    check = Check("mlops-ci", SHA, title="T", summary="S", annotations=(REMARK,), conclusion="failure")
    assert checks.update(github, 4, check).annotations == 3


def test_check_runs_by_name(double: Double, github: GitHub) -> None:
    double.on("GET", NAMED, listed(run(), run(id=5)))
    assert [found.id for found in checks.named(github, SHA, "mlops-ci")] == [4, 5]


def test_all_check_runs_of_a_commit(double: Double, github: GitHub) -> None:
    double.on("GET", NAMED, listed(run(), run(id=5)))
    assert [found.id for found in checks.of_commit(github, SHA)] == [4, 5]
    assert double.requests[0].query == {"per_page": "100"}


@pytest.mark.parametrize(("there", "sent"), [(0, 1), (1, 0)])
def test_a_known_check_run_is_brought_up_to_date_without_looking(
    double: Double, github: GitHub, there: int, sent: int
) -> None:
    double.on("PATCH", f"{RUNS}/4", Reply(body=run(1)))
    check = Check("mlops-ci", SHA, conclusion="failure", title="T", summary="S", annotations=(REMARK,))
    known = CheckRun(4, "mlops-ci", SHA, "in_progress", annotations=there)
    assert checks.bring(github, known, check).annotations == 1
    assert len(double.requests[0].body["output"].get("annotations", [])) == sent


def test_a_person_s_token_may_make_no_check_run(double: Double, github: GitHub) -> None:
    said = "You must authenticate via a GitHub App."
    double.on("POST", RUNS, Reply(403, {"message": said}))
    with pytest.raises(ToolError, match=said) as caught:
        checks.create(github, Check("mlops-ci", SHA))
    assert caught.value.hint == (
        "the token in GITHUB_TOKEN is a person's: give the job's own GITHUB_TOKEN, or a GitHub App's token"
    )


def test_a_status_is_set(double: Double, github: GitHub) -> None:
    double.on("POST", f"{ROOT}/statuses/{SHA}", Cut(), *[Reply(201, example("status"))] * 2)
    checks.set_status(
        github, SHA, "failure", context="mlops-ci", description="x" * 150, url="https://ci.example/1"
    )
    assert double.requests[1].body == {
        "state": "failure",
        "context": "mlops-ci",
        "description": "x" * 139 + "…",
        "target_url": "https://ci.example/1",
    }
    checks.set_status(github, SHA, "success", context="mlops-ci")
    assert double.requests[2].body == {"state": "success", "context": "mlops-ci", "description": ""}


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("short", 5, "short"),
        ("line one\nline two\nline three", 20, "line one\n…"),
        ("éééééééé", 9, "éé\n…"),
        ("", 0, ""),
    ],
)
def test_a_text_is_cut_by_its_bytes_after_a_line(text: str, most: int, expected: str) -> None:
    assert checks.cut(text, most) == expected
    assert len(checks.cut(text, most).encode()) <= most


def test_long_texts_fit_into_a_check_run(double: Double, github: GitHub) -> None:
    double.on("POST", RUNS, Reply(201, run()))
    remark = Annotation("a.py", 1, 1, "failure", "m" * 70_000, "t" * 300)
    checks.create(
        github,
        Check(
            "mlops-ci",
            SHA,
            conclusion="failure",
            title="t" * 300,
            summary="🎉" * 20_000,
            annotations=(remark,),
        ),
    )
    output = double.requests[0].body["output"]
    annotation = output["annotations"][0]
    sizes = [
        len(output["title"]),
        len(output["summary"].encode()),
        len(annotation["title"]),
        len(annotation["message"]),
    ]
    assert sizes == [255, 65_532, 255, 63_998]
