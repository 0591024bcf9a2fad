"""What is live: a pull request beside the records on main, and main against the live release's own commit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.evidence import Evidence, Status, read
from mlops_ci.promoting import champion
from mlops_ci.promotion.record import Metric, Named, Record, State, Summary, current_path
from mlops_ci.session import Session
from tests.e2e.conftest import GATED, Call, Toy, comment, evidence

RULES = (
    GATED.format(lock="report")
    + "environments: {production: {}, edge: {repo: 'https://git.example/a/deploy'}}\n"
)
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def record(digest: str, accuracy: float | None, number: int = 1, **more: Any) -> Record:
    named = Named(digest=digest, uri="s3://m/x", version=f"v{number}")
    values = (Metric(name="accuracy", file="metrics.json", candidate=accuracy),)
    facts: dict[str, Any] = {
        "number": number,
        "environment": "production",
        "model": "toy",
        "action": "promote",
        "before": State(),
        "after": State(stable=named),
        "release": named,
        "evidence": Summary(metrics=values, examples=more.pop("examples", "")),
    }
    return Record.model_validate(facts | more)


def keep(toy: Toy, *records: Record) -> None:
    """The records on main, the last one as the newest, as promotions leave them."""
    for one in records:
        toy.author.write(one.log_path, one.text())
        toy.author.write(one.current_path, one.text())


def proposed(toy: Toy, call: Call, branch: str = "noisy") -> tuple[Path, int]:
    """A pull request whose accuracy falls by 0.01, from 0.7675 to 0.7575."""
    toy.edit("params.yaml", "noise: 0.3\n", "noise: 0.32\n")
    toy.propose(branch)
    runner = toy.runner(branch)
    return runner, call(runner, "pr", "--json", CI="true").code


# ---- a pull request beside what is live ------------------------------------------------------------


def test_a_drop_that_the_base_allows_is_refused_where_too_little_is_left_of_what_is_live(
    toy: Toy, call: Call
) -> None:
    """The newest record is of a canary: the release that it takes requests from is the one that is live."""
    toy.author.git("checkout", "--quiet", "main")
    first = record(OLD, 0.8)
    other = Named(digest=NEW, uri="s3://m/y")
    canary = State(stable=first.after.stable, candidate=other, traffic=10)
    keep(toy, first, record(NEW, 0.9, 2, action="ramp", release=other, after=canary))
    toy.configure(text=RULES)
    runner, code = proposed(toy, call)
    said = (
        "accuracy is 0.7575, 0.0425 below the live release of production (0.8000, v1); "
        "a drop of at most 0.01 is allowed"
    )
    assert code == 1
    assert f"❌ **Refused**: `toy`: {said}" in comment(runner)
    assert "- Live in `production` (`v1`): `accuracy` 0.8000 (here −0.0425)\n" in comment(runner)
    assert "- Live in `edge`: not compared, its record is in another repository\n" in comment(runner)
    (model,) = evidence(runner)["models"]
    known, far = model["live"]
    assert (known["environment"], known["digest"], known["version"], known["record"]) == (
        "production",
        OLD,
        "v1",
        1,
    )
    assert far["unknown"] == "its record is in another repository"
    (accuracy,) = [one for one in model["metrics"] if one["name"] == "accuracy"]
    assert accuracy["live"] == [{"environment": "production", "value": 0.8}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schema: mlops-ci/promotion/v9\n", "is no promotion record of the schema mlops-ci/promotion/v1"),
        (
            record(OLD, 0.9).text().replace("environment: production", "environment: staging"),
            "is the record of ",
        ),
    ],
)
def test_a_broken_record_is_told_and_stops_nothing(toy: Toy, call: Call, text: str, told: str) -> None:
    toy.author.git("checkout", "--quiet", "main")
    toy.author.write(current_path("production", "toy"), text)
    toy.configure(text=RULES)
    runner, code = proposed(toy, call)
    assert code == 0
    (problem,) = evidence(runner)["problems"]
    assert (problem["where"]["file"], problem["revision"]) == ("promotions/production/toy.yaml", "base")
    assert problem["message"].startswith(told)
    assert "- Live in `production`: not compared, its record cannot be read\n" in comment(runner)


# ---- main against the live release's own commit ----------------------------------------------------


def moved(toy: Toy, call: Call, noise: str) -> str:
    """Main goes on: trained, measured, kept and pushed; its commit."""
    toy.author.git("checkout", "--quiet", "main")
    path = toy.author.path / "params.yaml"
    path.write_text(re.sub(r"noise: \S+", f"noise: {noise}", path.read_text()))
    assert call(toy.author.path, "run", "--json").code == 0
    found = toy.author.commit(f"noise {noise}")
    toy.author.git("push", "--quiet", "origin", "main")
    dvc = Dvc.open(toy.author.path)
    dvc.push()
    dvc.close()
    return found


@contextmanager
def on_main(toy: Toy, monkeypatch: pytest.MonkeyPatch, *options: str) -> Iterator[Session]:
    """The promotion job's clone of main."""
    folder = toy.runner("main", *options)
    monkeypatch.chdir(folder)
    session = Session.open(
        Terminal(json_output=True), environ={"CI": "true", "GITHUB_REF": "refs/heads/main"}
    )
    try:
        yield session
    finally:
        session.project.dvc.close()


def against(session: Session, commit: str) -> Evidence:
    found = champion.compared(session, "toy", commit, environment="production")
    assert found.evidence is not None, found.reason
    return found.evidence


def test_main_is_measured_against_the_live_release_once(
    toy: Toy, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.configure(text=GATED.format(lock="verify"))
    live = toy.author.git("rev-parse", "main")
    before, after = moved(toy, call, "0.9"), moved(toy, call, "0.7")
    with on_main(toy, monkeypatch, "--depth=1", "--no-single-branch") as session:
        found = against(session, live)
        assert found.base.metrics is not None
        assert (found.repository.commit, found.base.metrics.commit) == (after, live)
        assert found.base.metrics.how == "the live release of production"
        (model,) = found.models
        (comparison,) = model.comparisons
        assert (model.changed, comparison.metric, comparison.n) == (True, "accuracy", 400)
        # Better than its parent, and surely worse than what is live: only the second is what a promotion asks.
        assert comparison.interval.high < 0
        judged = session.judge(found)
        (accuracy,) = [one for one in judged.findings if one.subject == "accuracy"]
        assert (accuracy.status, accuracy.change, judged.verdict.exit_code) == (Status.FAIL, "worse", 1)
        # The second time, and in another clone, it is read and not measured; main's own stays apart.
        assert against(session, live).digest == found.digest
        assert session.store.find(found.lock.digest, lambda one: one.digest == found.digest) is None
    assert list(session.project.git.changed_files()) == []
    shutil.rmtree(toy.folder / "runner-main")
    with on_main(toy, monkeypatch) as session:
        assert against(session, live).digest == found.digest
        own = call(session.project.dvc.root, "run", "--json", CI="true")
        assert own.code == 0
        # Where the parent is what is live, main's own run is the answer.
        written = session.output / "evidence.json"
        assert against(session, before) == read(written.read_bytes())


def test_what_is_gone_is_said_and_not_made_up(toy: Toy, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.configure(text=GATED.format(lock="verify"))
    live = toy.author.git("rev-parse", "main")
    held = toy.author.git("show", "main:dvc.lock")
    moved(toy, call, "0.9")
    md5 = re.findall(r"path: predictions.csv\n *hash: md5\n *md5: (\w+)", held)[0]
    (bytes_,) = (toy.folder / "store").glob(f"**/{md5[2:]}")
    bytes_.unlink()
    with on_main(toy, monkeypatch) as session:
        gone = champion.compared(session, "toy", live)
        assert (gone.evidence, gone.reason) == (
            None,
            "the live release cannot be measured again: predictions.csv: neither the DVC cache nor the remote "
            f"has it ({md5[:8]})",
        )
        absent = champion.compared(session, "toy", "0" * 40)
        assert absent.reason == (
            "the live release's commit 0000000000 cannot be read: neither this clone nor its remote has it any more"
        )
        assert champion.compared(session, "other", live).reason == (
            f"the live release's commit {live[:10]} has no other"
        )
        (session.project.dvc.root / "params.yaml").write_text("rows: 400\ntrain: {noise: 2.0, seed: 1}\n")
        session.project.dvc.refresh()
        stale = champion.compared(session, "toy", live)
        assert stale.reason == "dvc.lock is not current: train has to run"
