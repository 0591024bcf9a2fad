"""A pull request whose stages are spread over several jobs: plan, parts, and the job that joins them and judges."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import pytest
from dvc.repo import Repo as DvcRepo

from tests.e2e.github.act_output import Job
from tests.e2e.github.conftest import MakeStand
from tests.e2e.github.runner import Played
from tests.tools import without

from . import credit, forest
from .credit import Base, Credit
from .forest import SEEDS, Bucket
from .test_pull_request import GREEN, VERDICT

# Every part's job gets these, and no other of the repository's.
SECRETS = {"AWS_ACCESS_KEY_ID": forest.KEY, "AWS_SECRET_ACCESS_KEY": forest.SECRET}
TREES = [f"train@{seed}" for seed in SEEDS]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    for name in ("moto", "dvc-s3"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            without(name, f"{name} is not installed: pip install {name}")
    yield from forest.served()


@pytest.fixture(scope="module")
def planted(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """acme/forest with its forest in the bucket, and mlops-ci as it is now."""
    folder = tmp_path_factory.mktemp("forest")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        author = forest.begun(folder / "author", bucket)
    return Base(author.path, folder, credit.product(folder / "product"))


@pytest.fixture
def begin(make_stand: MakeStand, planted: Base, bucket: Bucket) -> Callable[..., Credit]:
    """A stand whose pull requests are run by as many as four runners."""

    def start() -> Credit:
        repositories = (credit.CREDIT, credit.PRODUCT)
        stand = make_stand(repositories=repositories, tokens=credit.TOKENS, secrets=SECRETS)
        acme = Credit.begun(stand, planted)
        acme.call(mlops_ci=forest.CALLER)
        bucket.forget()
        return acme

    return start


def proposed(acme: Credit, **files: str) -> str:
    """A pull request that changes files; gives its head."""
    acme.ada.git("checkout", "--quiet", "-B", "topic", "main")
    acme.ada.commit("Plant better", **files)
    head = acme.stand.push(acme.ada, "topic")
    acme.stand.open_pull("topic")
    return head


def parts(played: Played, attempt: int = 1) -> dict[str, Job]:
    """Part -> its job, of those that an attempt has run."""
    return {
        str(job.matrix["part"]): job
        for job in played.jobs
        if job.id.startswith("round-") and job.matrix and job.attempt == attempt
    }


def where(acme: Credit) -> dict[str, str]:
    """Stage -> the part that ran it, by the evidence; nothing for the job that judged."""
    return {one["name"]: one["part"] for one in acme.evidence()["stages"]}


def locked(acme: Credit) -> dict[str, Any]:
    """dvc.lock with the patch that the comment offers, which is Git's own to apply."""
    (acme.stand.folder / "lock.patch").write_bytes(acme.stand.artifact("mlops-ci")["lock.patch"])
    acme.ada.git("apply", str(acme.stand.folder / "lock.patch"))
    return forest.lock(acme.ada)


def serially(acme: Credit, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """dvc.lock as DVC makes it at the same commit, one stage after the other in one place."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    acme.ada.git("reset", "--hard", "--quiet", "HEAD")
    with forest.working(acme.ada.path), DvcRepo(str(acme.ada.path)) as dvc:
        dvc.pull([forest.RAW_FILE])
        dvc.reproduce()
    return forest.lock(acme.ada)


def minimum(bucket: Bucket, readers: dict[str, int], lock: dict[str, Any]) -> dict[str, int]:
    """Object -> bytes, where so many jobs read what a stage has made and each reads it once."""
    found: Counter[str] = Counter()
    for stage, jobs in readers.items():
        for value, size in bucket.sizes(lock, stage).items():
            found[value] += jobs * size
    return dict(found)


@pytest.mark.slow
def test_a_pull_request_is_run_by_many_jobs_and_judged_by_one(
    begin: Callable[..., Credit], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = begin()
    head = proposed(acme, params_dot_yaml="prep: {shift: 1}\ntrain: {rate: 0.2}\n")
    played = acme.played()
    assert played.conclusion == "success", played.log
    # One job for the data, then one a tree, then the one that judges, which also chose the best tree.
    fan = json.loads(acme.stand.artifact("mlops-ci-fan-1-plan")["fan.json"])
    stages = {part: sorted(one["stages"]) for part, one in forest.told(fan).items()}
    assert sorted(stages.values()) == [["prep"], *([tree] for tree in TREES)]
    made = {stage: part for part, names in stages.items() for stage in names}
    assert [played.job("round-1").matrix["part"]] == [made["prep"]]
    assert set(parts(played)) == set(stages)
    assert where(acme) == {**made, "final": ""}
    assert {job.result for job in parts(played).values()} == {"success"}
    # The comment and the checks are those of any other run.
    [body] = acme.bodies(1)
    assert "| ✅ | `accuracy` | 0.6800 | 0.6400 | 🟢 ▲ +0.04 better |" in body
    assert acme.checks(head) == GREEN | {VERDICT: "success"} | dict.fromkeys(
        [job.name for job in played.jobs if job.result == "success"], "success"
    )
    # What was measured is what DVC alone would have made, dvc.lock to the byte.
    pulled = bucket.objects()
    lock = locked(acme)
    measured = (acme.ada.path / "dvc.lock").read_bytes()
    assert serially(acme, monkeypatch) == lock
    assert (acme.ada.path / "dvc.lock").read_bytes() == measured
    # The data once, what was made of it once a tree, every tree once: nothing else was read.
    assert pulled == minimum(bucket, {"raw.bin": 1, "prep": 4, **dict.fromkeys(TREES, 1)}, lock)
    told = acme.evidence()["pace"]
    assert (told["pulled"], told["runners"]) == (sum(pulled.values()), 4)
    sys.stdout.write(f"pulled {sum(pulled.values()):,} bytes, the minimum, of {len(pulled)} objects\n")


@pytest.mark.slow
def test_a_job_that_died_is_run_again_alone(begin: Callable[..., Credit], bucket: Bucket) -> None:
    acme = begin()
    labelled = forest.FILES["mlops-ci.yaml"].replace("cpu: 64", "cpu: 64, runner: self-hosted")
    head = proposed(
        acme, params_dot_yaml="prep: {shift: 0}\ntrain: {rate: 0.7}\n", **{"mlops-ci.yaml": labelled}
    )
    first = acme.played()
    assert first.conclusion == "failure"
    fan = json.loads(acme.stand.artifact("mlops-ci-fan-1-plan")["fan.json"])
    [lost] = [part for part, one in forest.told(fan).items() if "train@3" in one["stages"]]
    assert {part: job.result for part, job in parts(first).items()} == {
        part: "failure" if part == lost else "success" for part in forest.told(fan)
    }
    assert {job.matrix["runner"] for job in parts(first).values()} == {"self-hosted"}
    # The job that judges ran all the same, and says what is missing and what to do.
    [body] = acme.bodies(1)
    assert lost in body
    assert "re-run" in body.lower()
    assert {one["name"]: one["status"] for one in acme.evidence()["stages"]} == {
        "prep": "cached",
        **dict.fromkeys(TREES, "ran"),
        "train@3": "failed",
        "final": "blocked",
    }
    bucket.forget()
    acme.stand.must("POST", f"actions/runs/{first.run.number}/rerun-failed-jobs")
    again = acme.run_again()
    assert again.conclusion == "success", again.log
    # Of the parts only the lost one; the others' artifacts are still there.
    assert set(parts(again, attempt=2)) == {lost}
    assert where(acme)["train@3"] == lost
    assert acme.checks(head)[VERDICT] == "success"
    [body] = acme.bodies(1)
    assert "| ✅ | `accuracy` | 0.8800 | 0.6400 | 🟢 ▲ +0.24 better |" in body
    # The lost part's data, and the trees for the stage that the job that judges runs.
    assert bucket.objects() == minimum(bucket, {"prep": 1, **dict.fromkeys(TREES, 1)}, locked(acme))
