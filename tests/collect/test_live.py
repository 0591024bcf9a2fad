"""What is live by the records of the base branch: real Git, and no pipeline at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.collect import live
from mlops_ci.collect.project import Project, find
from mlops_ci.config import Data, Model
from mlops_ci.evidence import LiveRelease, LiveValue, ModelEvidence
from mlops_ci.forge import PullRequest
from mlops_ci.outlets.received import Received, ruled
from mlops_ci.promotion.champion import Table
from mlops_ci.promotion.record import Metric, Named, Record, State, Summary
from tests.conftest import RunGit
from tests.gates.samples import evidence, metric, model

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
RULES = """\
version: 1
environments:
  staging: {models: [spam]}
  production: {}
  edge: {repo: 'https://git.example/acme/deploy', models: ["c*"]}
"""
FAR = LiveRelease(environment="edge", unknown="its record is in another repository")
CHURN = model(metric("accuracy", 0.8, 0.81))


def record(digest: str = A, *, number: int = 1, value: float | None = 0.83, **more: Any) -> Record:
    named = Named(digest=digest, uri="s3://m/x", version=f"v{number}")
    values = (Metric(name="accuracy", file="metrics.json", candidate=value),)
    facts: dict[str, Any] = {
        "number": number,
        "environment": "production",
        "model": "churn",
        "action": "promote",
        "before": State(),
        "after": State(stable=named),
        "release": named,
        "evidence": Summary(metrics=values),
    }
    return Record.model_validate(facts | more)


class Main:
    """The base branch, with rules and records."""

    def __init__(self, root: Path, commit: RunGit) -> None:
        self.root, self.commit = root, commit

    def project(self, *records: Record, **files: str | bytes) -> Project:
        texts: dict[str, str | bytes] = {"mlops-ci.yaml": RULES}
        for one in records:
            texts |= {one.log_path: one.text(), one.current_path: one.text()}
        for name, content in (texts | files).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.commit(self.root)
        return find(self.root, {})


@pytest.fixture
def main(dvc_repo: Path, commit: RunGit) -> Main:
    return Main(dvc_repo, commit)


def values(found: ModelEvidence) -> tuple[LiveValue, ...]:
    return found.metrics[0].live


def test_every_environment_of_the_model_is_looked_at(main: Main) -> None:
    found, problems = live.told(main.project(record()), CHURN)
    assert problems == ()
    production, far = found.live
    assert production == LiveRelease(environment="production", digest=A, version="v1", record=1)
    assert far == FAR
    assert values(found) == (LiveValue(environment="production", value=0.83),)


def test_where_nothing_was_promoted_nothing_is_live(main: Main) -> None:
    assert live.told(main.project(), CHURN)[0].live == (FAR,)
    shadow = record(after=State(candidate=record().release, mirror=100), action="shadow")
    assert live.told(main.project(shadow), CHURN)[0].live == (FAR,)


def test_the_log_is_walked_back_to_the_metrics_of_what_is_live(main: Main) -> None:
    """A release came, another one after it, and a rollback that measured nothing; then a canary."""
    first, second = record(), record(B, number=2, value=0.9)
    back = record(number=3, value=None, action="rollback", release=first.release, after=first.after)
    for canary in (None, State(stable=first.release, candidate=second.release, traffic=5)):
        records = [first, second, back]
        if canary:
            records.append(record(B, number=4, value=0.9, action="ramp", after=canary))
        found, problems = live.told(main.project(*records), CHURN)
        assert (problems, found.live[0].version, found.live[0].record) == ((), "v1", 1)
        assert values(found) == (LiveValue(environment="production", value=0.83),)


def test_a_release_that_no_record_measured(main: Main) -> None:
    bare = record(value=None)
    found, problems = live.told(main.project(bare), CHURN)
    assert (problems, values(found)) == ((), ())
    assert (found.live[0].unknown, found.live[0].digest) == ("no record of it has metrics", A)


def test_records_are_those_of_the_base_branch(main: Main, git: RunGit) -> None:
    main.project(record())
    git(main.root, "checkout", "--quiet", "-b", "sly")
    sly = main.project(record(value=0.1))
    assert values(live.told(sly, CHURN)[0])[0].value == 0.83
    assert live.told(replace(sly, revisions=replace(sly.revisions, policy=None)), CHURN) == (CHURN, ())


CURRENT = "promotions/production/churn.yaml"
LOGGED = f"promotions/log/production/churn/0001-promote-{'a' * 12}.yaml"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "is not UTF-8 text (byte 0)"),
        ("a: [", "is no YAML ("),
        ("schema: mlops-ci/promotion/v1\n", "number: Field required"),
        (record(environment="staging").text(), "is the record of staging/churn"),
        (record(model="spam").text(), "is the record of production/spam"),
        ("#" * (live.MAX_BYTES + 1), "1,000,001 bytes are more than the 1,000,000 that are read"),
    ],
)
def test_a_broken_record_is_a_problem(main: Main, content: str | bytes, told: str) -> None:
    found, (problem,) = live.told(main.project(**{CURRENT: content}), CHURN)
    assert found.live == (LiveRelease(environment="production", unknown="its record cannot be read"), FAR)
    assert (problem.where.file, problem.revision) == (CURRENT, "base")
    assert problem.message.startswith(told)
    # One of the log is as good as the newest, and named.
    canary = record(B, number=2, action="ramp", after=State(stable=record().release))
    project = main.project(canary, **{LOGGED: content})
    found, (problem,) = live.told(project, CHURN)
    assert found.live[0].unknown == "its record cannot be read"
    assert problem.message.startswith(f"{LOGGED}: {told}")


def test_what_a_fork_says_is_live_is_not_believed(main: Main) -> None:
    forged = LiveRelease(environment="production", version="mine")
    low = metric("accuracy", 0.8, 0.81, live=(LiveValue(environment="production", value=0.1),))
    spam = model(metric("f1", 0.5, 0.5), name="spam", changed=False)
    document = evidence(
        model(low, live=(forged,)), spam.model_copy(update={"live": (forged,), "metrics": (low,)})
    )
    pull = PullRequest(number=7, head="theirs", base="main", title="", head_commit="c" * 40, url="")
    project = main.project(record(), **{"promotions/staging/spam.yaml": "broken"})
    found = ruled(Received(document, document.digest, pull), project)
    churn, unchanged = found.models
    assert [(one.environment, one.version) for one in churn.live] == [("production", "v1"), ("edge", "")]
    assert values(churn) == (LiveValue(environment="production", value=0.83),)
    assert (unchanged.live, values(unchanged), found.problems) == ((), (), ())
    # Broken records are told here, too.
    both = evidence(model(low), spam.model_copy(update={"changed": True}))
    (problem,) = ruled(Received(both, both.digest, pull), project).problems
    assert problem.where.file == "promotions/staging/spam.yaml"


def test_the_table_of_a_model_is_one_that_dvc_tracks(main: Main) -> None:
    pointer = f"outs:\n- md5: {'1a' * 16}\n  size: 3\n  path: test.csv\n"
    gone = f"outs:\n- md5: {'2b' * 16}.dir\n  size: 3\n  path: parts\n"
    project = main.project(**{"test.csv.dvc": pointer, "parts.dvc": gone, "dvc.yaml": "stages: {}\n"})
    assert live.table_of(project, Model("churn", data=Data(test="test.csv"))) == Table("test.csv", "1a" * 16)
    for other in (None, "else.csv", "sql:SELECT 1", "s3://b/test.csv", "parts/x.csv"):
        assert live.table_of(project, Model("churn", data=Data(test=other))) is None
