"""What `init` writes: short workflows, and a configuration that holds once its settings are switched on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mlops_ci import config, starting
from mlops_ci.starting import Facts, Release

RELEASE = Release("mlops-ci/mlops-ci", "0123456789abcdef0123456789abcdef01234567", "0.1.0")
FACTS = Facts(
    metrics={
        "accuracy": ("reports/metrics.json", 0.825),
        "eval.rmse": ("reports/metrics.json", 3.25),
        "house: index\n#x": ("re\nports.json", 7.0),
        "no": ("reports/metrics.json", 1.0),
        "n_rows": ("reports/metrics.json", 100.0),
    },
    models={"churn": "models/churn.pkl", "fraud, eu": "models/fraud.pkl"},
    predictions="reports/predictions.parquet",
    remotes=(("storage", "s3://bucket/data"),),
    requirements="requirements.txt",
)
EMPTY = Facts({}, {})


def switched_on(text: str) -> str:
    return re.sub(r"(?m)^# ", "", text)


@pytest.mark.parametrize("facts", [FACTS, EMPTY], ids=["full", "empty"])
def test_the_configuration_is_good_before_and_after_it_is_switched_on(facts: Facts) -> None:
    text = starting.configuration(facts)
    assert yaml.safe_load(text) == {"version": 1, "lock": "report"}
    config.load(text)
    config.load(switched_on(text))
    assert sorted(yaml.safe_load(switched_on(text))) == sorted(
        {"version", "lock", "when", "defaults", "gates", *(["models"] if facts.models else [])}
    )


def test_every_metric_has_its_direction_and_a_count_is_none() -> None:
    text = starting.configuration(FACTS)
    limits = yaml.safe_load(switched_on(text))["gates"]["metrics"]["limits"]
    assert limits == {
        "accuracy": {"max_drop": "2%"},
        "eval.rmse": {"max_drop": "2%"},
        "house: index\n#x": {"max_drop": "2%", "direction": "higher"},
        "no": {"max_drop": "2%", "direction": "higher"},
    }
    assert "accuracy: {max_drop: 2%} # 0.825 in reports/metrics.json; higher is better, by its name" in text
    assert "eval.rmse: {max_drop: 2%} # 3.25 in reports/metrics.json; lower is better, by its name" in text


def test_models_are_named_where_the_configuration_can_name_them() -> None:
    assert yaml.safe_load(switched_on(starting.configuration(FACTS)))["models"] == ["churn"]


def test_foreign_text_stays_in_its_comment() -> None:
    hostile = Facts(
        {}, {"a": "x\nlock: commit"}, remotes=(("s\ngates: {}", "https://me:secret@host/x\nlock: verify"),)
    )
    text = starting.configuration(hostile)
    assert yaml.safe_load(text) == {"version": 1, "lock": "report"}
    assert "secret" not in text


def test_many_metrics_are_cut() -> None:
    many = Facts({f"acc_{number}_acc": ("m.json", 1.0) for number in range(40)}, {})
    assert "##      and 10 more" in starting.configuration(many)


def test_the_workflow_is_short_and_pinned() -> None:
    text = starting.pull_request(RELEASE, FACTS)
    assert len(text.splitlines()) <= 15
    job = yaml.safe_load(text)["jobs"]["mlops-ci"]
    assert job["uses"] == f"mlops-ci/mlops-ci/.github/workflows/pull-request.yml@{RELEASE.commit}"
    assert f"@{RELEASE.commit} # v0.1.0\n" in text
    assert job["with"] == {"requirements": "requirements.txt"}
    assert job["secrets"] == {
        "aws-access-key-id": "${{ secrets.AWS_ACCESS_KEY_ID }}",
        "aws-secret-access-key": "${{ secrets.AWS_SECRET_ACCESS_KEY }}",
    }


@pytest.mark.parametrize(
    ("when", "types"),
    [
        ("label", ["opened", "synchronize", "reopened", "labeled"]),
        ("ready", ["opened", "synchronize", "reopened", "ready_for_review"]),
    ],
)
def test_the_workflow_starts_at_what_pull_requests_wait_for(when: str, types: list[str]) -> None:
    text = starting.pull_request(RELEASE, replace(FACTS, when=when))
    # YAML 1.1 reads the key `on` as true.
    assert yaml.safe_load(text)[True] == {"pull_request": {"types": types}, "merge_group": {}}
    assert len(text.splitlines()) <= 15


@pytest.mark.parametrize("when", ["push", "command"])
def test_the_usual_events_are_enough_for_the_rest(when: str) -> None:
    text = starting.pull_request(RELEASE, replace(FACTS, when=when))
    assert yaml.safe_load(text)[True] == ["pull_request", "merge_group"]


def test_what_is_not_there_is_not_asked_for() -> None:
    job = yaml.safe_load(starting.pull_request(RELEASE, EMPTY))["jobs"]["mlops-ci"]
    assert sorted(job) == ["permissions", "uses"]


def test_the_other_workflows_are_short_too() -> None:
    for text in (starting.forks(RELEASE), starting.commands(RELEASE)):
        assert len(text.splitlines()) <= 15
        assert "@" not in text.replace(f"@{RELEASE.commit}", "")


def test_promotions_are_looked_at_after_every_push_to_the_default_branch() -> None:
    told = yaml.safe_load(starting.promote(RELEASE, replace(FACTS, branch="yes")))
    # YAML 1.1 reads the key `on` as true.
    assert told[True]["push"] == {"branches": ["yes"]}
    assert sorted(told[True]) == ["push", "schedule", "workflow_dispatch"]
    job = told["jobs"]["promote"]
    assert job["uses"] == f"mlops-ci/mlops-ci/.github/workflows/promote.yml@{RELEASE.commit}"
    assert (job["with"], sorted(job["secrets"])) == (
        {"requirements": "requirements.txt"},
        ["aws-access-key-id", "aws-secret-access-key"],
    )
    assert sorted(yaml.safe_load(starting.promote(RELEASE, EMPTY))["jobs"]["promote"]) == [
        "permissions",
        "uses",
    ]


@pytest.mark.parametrize(
    ("address", "scheme"), [("s3://b/x", "s3"), ("GS://b", "gs"), ("../store", ""), ("/mnt/store", "")]
)
def test_the_scheme_of_a_remote(address: str, scheme: str) -> None:
    assert starting.scheme(address) == scheme


def test_the_check_to_require_is_the_job_of_the_reusable_workflow() -> None:
    called = Path(__file__).parents[1] / ".github" / "workflows" / "pull-request.yml"
    job = yaml.safe_load(called.read_text())["jobs"]["pull-request"]
    caller = next(iter(yaml.safe_load(starting.pull_request(RELEASE, EMPTY))["jobs"]))
    assert f"{caller} / {job['name']}" == starting.CHECK
