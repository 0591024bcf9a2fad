"""A run that several jobs share, each in a clone of its own: what comes out is what a serial run gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import evidence as documents
from mlops_ci.adapters import process
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.store import Store
from mlops_ci.collect.handing import base_of
from mlops_ci.handover import FanOut, FanPart, FanRound
from tests.e2e.conftest import Call, evidence, write
from tests.repositories import Repo

FILES = {
    "params.yaml": """\
        lr: 1
        names: [a, b]
        bad: none
        """,
    "raw.txt": "1 2 3\n",
    "dvc.yaml": """\
        stages:
          prep:
            cmd: mkdir -p data && cp raw.txt data/x.txt && echo big > data/unread.txt
            deps: [raw.txt]
            params: [lr]
            outs: [data]
          train:
            foreach: ${names}
            do:
              cmd: >-
                test ${item} != ${bad} && mkdir -p folds/${item} && cat data/x.txt params.yaml > model-${item}.txt
                && echo '{"score": ${lr}}' > folds/${item}/m.json && echo '{"n": ${lr}}' > metrics-${item}.json
              deps: [data/x.txt]
              params: [lr]
              outs:
                - model-${item}.txt
                - folds/${item}: {cache: false}
              metrics:
                - metrics-${item}.json: {cache: false}
          eval:
            foreach: ${names}
            do:
              cmd: cat metrics-${item}.json model-${item}.txt > eval-${item}.txt
              deps: ["metrics-${item}.json", "model-${item}.txt"]
              outs:
                - eval-${item}.txt
          final:
            cmd: cat eval-a.txt eval-b.txt sub/kept.txt > final.txt
            deps: [eval-a.txt, eval-b.txt, sub/kept.txt]
            outs: [final.txt]
        """,
    "sub/dvc.yaml": """\
        stages:
          count:
            cmd: wc -c < ../raw.txt > kept.txt
            deps: [../raw.txt]
            outs:
              - kept.txt: {push: false}
        """,
}
ROUNDS = (
    (("prep",), ("sub/dvc.yaml:count",)),
    (("train@a", "eval@a"), ("train@b",)),
    (("eval@b",),),
)
REST = ("final",)


@dataclass(frozen=True)
class Play:
    """One origin with a branch, and clones of it: the parts' jobs, the last one, a serial run."""

    folder: Path
    call: Call
    repro: Callable[[Path], None]

    def clone(self, name: str) -> Path:
        path = self.folder / name
        if path.exists():
            shutil.rmtree(path)
        return Repo.clone(Repo(self.folder / "origin.git").path, path, "--branch", "change").path

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs"

    def planned(
        self, rounds: tuple[tuple[tuple[str, ...], ...], ...] = ROUNDS, rest: tuple[str, ...] = REST
    ) -> None:
        """A plan of our own making for the branch, as fan.json."""
        root = self.clone("planner")
        dvc, git = Dvc.open(root), Git.open(root)
        feeds, made = dvc.graph().feeds, dict[str, str]()
        found = []
        for number, parts in enumerate(rounds, start=1):
            include = []
            for index, stages in enumerate(parts, start=1):
                after = {made[one] for name in stages for one in feeds[name] if one in made} - {
                    f"r{number}-p{index}"
                }
                include.append(FanPart(part=f"r{number}-p{index}", stages=stages, after=tuple(sorted(after))))
            made |= {name: part.part for part in include for name in part.stages}
            found.append(FanRound(include=tuple(include)))
        commit = git.head()
        fan = FanOut(commit=commit, base=base_of(dvc, git, commit), rounds=tuple(found), rest=rest)
        dvc.close()
        self.jobs.mkdir()
        (self.jobs / "fan.json").write_text(fan.model_dump_json(by_alias=True))

    def job(self, part: str, code: int = 0) -> Path:
        """Run one part's job in a fresh clone; gives the clone."""
        root = self.clone(f"job-{part}")
        told = (
            "--part",
            part,
            "--receive",
            str(self.jobs),
            "--hand-over",
            str(self.jobs / f"part-{part}"),
            "--json",
        )
        answer = self.call(root, "repro", *told)
        assert answer.code == code, answer.err
        return root

    def join(self) -> tuple[Path, Any]:
        root = self.clone("judge")
        return root, self.call(root, "join", str(self.jobs), "--json")

    def document(self, part: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.jobs / f"part-{part}" / "handover.json").read_text())
        return found

    def forge(self, of: str, **values: object) -> None:
        path = self.jobs / f"part-{of}" / "handover.json"
        path.write_text(json.dumps(self.document(of) | values))


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, dvc_template: Path) -> Path:
    """Main with the pipeline run and pushed, and a branch with another parameter."""
    folder = tmp_path_factory.mktemp("fan")
    author = Repo(folder / "author")
    shutil.copytree(dvc_template, author.path, symlinks=True)
    write(author.path, FILES)
    (author.path / ".dvc" / "config").write_text(
        "[core]\n    remote = s\n['remote \"s\"']\n    url = ../../store\n"
    )
    author.commit("the project")
    dvc = Dvc.open(author.path)
    assert {run.status for run in dvc.run(push=True)} == {"ran"}
    dvc.close()
    author.commit("run")
    author.git("checkout", "--quiet", "-b", "change")
    (author.path / "params.yaml").write_text("lr: 2\nnames: [a, b]\nbad: none\n")
    author.write("raw.txt", "4 5 6 7\n")
    author.commit("change")
    author.git("clone", "--quiet", "--bare", ".", "../origin.git")
    Repo(folder / "origin.git").git("symbolic-ref", "HEAD", "refs/heads/main")
    author.git("remote", "add", "origin", "../origin.git")
    return folder


@pytest.fixture
def play(origin: Path, tmp_path: Path, call: Call) -> Play:
    folder = tmp_path / "fan"
    shutil.copytree(origin, folder, symlinks=True)

    def serial(root: Path) -> None:
        process.run(["dvc", "repro", "--all-pipelines", "--pull", "--quiet"], cwd=root)

    return Play(folder, call, serial)


def workspace(root: Path) -> dict[str, bytes]:
    """Every file that the run wrote and Git keeps, and the data of the last stage."""
    listed = Git.open(root).run("status", "--porcelain", "--untracked-files=all").stdout.splitlines()
    changed = {line[3:] for line in listed}
    return {name: (root / name).read_bytes() for name in sorted(changed | {"final.txt"})}


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["status"] for stage in document["stages"]}


def test_three_rounds_in_five_clones_give_what_a_serial_run_gives(play: Play) -> None:
    play.planned()
    play.job("r1-p1")
    play.job("r1-p2")
    trained = play.job("r2-p1")
    play.job("r2-p2")
    play.job("r3-p1")
    assert (trained / "data/x.txt").exists()
    assert not (trained / "data/unread.txt").exists()
    root, answer = play.join()
    assert answer.code == 0, answer.err
    serial = play.clone("serial")
    play.repro(serial)
    assert workspace(root) == workspace(serial)
    assert (root / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
    # Only what the last stage reads came here: no model, no data of the first stage.
    assert not [name for name in ("data", "model-a.txt", "model-b.txt") if (root / name).exists()]
    found = evidence(root)
    assert statuses(found) == dict.fromkeys([n for r in ROUNDS for p in r for n in p] + ["final"], "ran")
    parts = {stage["name"]: stage["part"] for stage in found["stages"]}
    assert (parts["eval@a"], parts["eval@b"], parts["final"]) == ("r2-p1", "r3-p1", "")
    assert (found["pace"]["runners"], found["pace"]["pushed"] > 0) == (2, True)
    assert found["pace"]["wall"] > max(play.document(part)["seconds"] for part in ("r1-p1", "r2-p1"))


def test_a_job_run_again_alone_gives_the_same(play: Play) -> None:
    play.planned()
    play.job("r1-p1")
    play.job("r2-p2")
    first = play.document("r2-p2")
    shutil.rmtree(play.jobs / "part-r2-p2")
    play.job("r2-p2")
    again = play.document("r2-p2")
    kept = ("part", "commit", "base", "stages", "entries", "files")
    assert {key: first[key] for key in kept} == {key: again[key] for key in kept}
    assert sorted(again["files"]) == ["folds/b/m.json", "metrics-b.json"]
    assert list(again["entries"]) == ["dvc.lock"]
    assert again["pushed"] == 0


def test_a_lost_job_is_a_failure_that_says_what_to_do(play: Play) -> None:
    play.planned()
    for part in ("r1-p1", "r1-p2", "r2-p1"):
        play.job(part)
    play.job("r3-p1", code=0)
    assert play.document("r3-p1")["runs"][0]["status"] == "blocked"
    root, answer = play.join()
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    found = {stage["name"]: stage for stage in evidence(root)["stages"]}
    assert (found["train@b"]["status"], found["train@b"]["part"]) == ("failed", "r2-p2")
    assert found["train@b"]["error"] == (
        "the job of part r2-p2 ended without handing anything over; re-run the failed job"
    )
    assert (found["eval@b"]["status"], found["final"]["status"]) == ("blocked", "blocked")
    assert not (root / "model-b.txt").exists()
    play.job("r2-p2")
    play.job("r3-p1")
    assert play.join()[1].code == 0


def test_a_stage_that_fails_is_handed_over_with_its_last_words(play: Play) -> None:
    author = Repo(play.folder / "author")
    author.write("params.yaml", "lr: 2\nnames: [a, b]\nbad: a\n")
    author.commit("bad")
    author.git("push", "--quiet", "origin", "change")
    play.planned(
        ((("prep",),), (("train@a", "eval@a", "train@b", "eval@b"),)), ("sub/dvc.yaml:count", "final")
    )
    play.job("r1-p1")
    play.job("r2-p1", code=1)
    handed = play.document("r2-p1")
    assert {run["name"]: run["status"] for run in handed["runs"]} == {
        "train@a": "failed",
        "eval@a": "blocked",
        "train@b": "ran",
        "eval@b": "ran",
    }
    assert sorted(handed["entries"]["dvc.lock"]) == ["eval@b", "train@b"]
    root, answer = play.join()
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    assert statuses(evidence(root))["sub/dvc.yaml:count"] == "ran"
    assert statuses(evidence(root))["final"] == "blocked"


@pytest.fixture
def handed(play: Play) -> Play:
    """A run of one part that is handed over, for the forger."""
    play.planned(((("sub/dvc.yaml:count", "prep"),),), ("train@a", "train@b", "eval@a", "eval@b", "final"))
    play.job("r1-p1")
    return play


def test_what_was_forged_is_one_clear_line(handed: Play) -> None:
    good = handed.document("r1-p1")
    kept = good["files"]["sub/kept.txt"]
    entry = good["entries"]["dvc.lock"]["prep"]
    text = handed.jobs / "part-r1-p1" / "files" / "sub" / "kept.txt"
    root = handed.clone("judge")

    def refused(**values: object) -> str:
        path = handed.jobs / "part-r1-p1" / "handover.json"
        path.write_text(json.dumps(good | values))
        answer = handed.call(root, "join", str(handed.jobs), "--json")
        assert answer.code == 2, answer.out
        assert Git.open(root).run("status", "--porcelain").stdout == ""
        return answer.err.split("\n")[-3] if answer.err.endswith("\n") else answer.err

    assert "was run on another commit (000000000000)" in refused(commit="0" * 40)
    assert "was run on another commit" in refused(base="sha256:0")
    assert "fan.json knows no part 'r9-p9'" in refused(part="r9-p9")
    assert "does not tell of the stages of its part" in refused(stages=["prep"])
    other = {"train@a": entry.replace("prep:", "train@a:", 1)}
    assert "has an entry in dvc.lock that is not its own: train@a" in refused(
        entries={**good["entries"], "dvc.lock": {"prep": entry, **other}}
    )
    assert "has no entry in dvc.lock for prep" in refused(
        entries={"sub/dvc.lock": good["entries"]["sub/dvc.lock"]}
    )
    assert "has ../evil in dvc.lock, which prep does not declare" in refused(
        entries={**good["entries"], "dvc.lock": {"prep": entry.replace("path: data\n", "path: ../evil\n")}}
    )
    assert "has a file outside of the repository: '../evil'" in refused(files={"../evil": kept})
    assert "has a file that none of its stages hands on: .github/x.yml" in refused(
        files={".github/x.yml": kept}
    )
    assert "Field required" in refused(files={"sub/kept.txt": {"sha256": "0"}})
    assert "is not the file that part r1-p1 handed over" in refused(
        files={"sub/kept.txt": {**kept, "sha256": "0" * 64}}
    )
    text.unlink()
    text.symlink_to("/etc/hostname")
    assert "is a link; only plain files are taken" in refused()


def test_two_hand_overs_of_one_part_and_a_changed_file_are_refused(handed: Play) -> None:
    shutil.copytree(handed.jobs / "part-r1-p1", handed.jobs / "again")
    _, answer = handed.join()
    assert (answer.code, "two hand-overs are of part r1-p1" in answer.err) == (2, True)
    shutil.rmtree(handed.jobs / "again")
    (handed.jobs / "fan.json").unlink()
    _, answer = handed.join()
    assert (answer.code, "there is no fan.json" in answer.err) == (2, True)


def test_a_hand_over_that_does_not_fit_the_commit_is_told_by_its_stage(handed: Play) -> None:
    """The entry is well formed and says that the stage ran with another parameter."""
    good = handed.document("r1-p1")
    text = good["entries"]["dvc.lock"]["prep"]
    entry = text.replace("lr: 2", "lr: 3")
    assert entry != text
    handed.forge("r1-p1", entries={**good["entries"], "dvc.lock": {"prep": entry}})
    _, answer = handed.join()
    assert answer.code == 2
    assert "prep was run by part r1-p1, and would have to run again here: params.yaml: lr" in answer.err


def test_the_plan_of_a_spread_run_comes_from_labels_and_durations(play: Play, tmp_path: Path) -> None:
    root = play.clone("planner")
    write(root, {"mlops-ci.yaml": "version: 1\nstages:\n  train: {resources: {runner: gpu}}\n"})
    answer = play.call(root, "plan", "--matrix", "--output", str(tmp_path / "out"))
    assert answer.document["why"] == "some stages need a runner of their own"
    (only,) = answer.document["rounds"][0]["include"]
    assert (only["part"], only["runner"]) == ("r1-p1", "gpu")
    assert set(only["stages"]) == {"prep", "train@a", "train@b"}
    assert json.loads((tmp_path / "out" / "fan.json").read_text()) == answer.document
    (root / "mlops-ci.yaml").unlink()
    output = tmp_path / "outputs"
    told = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_EVENT_NAME": "push"}
    answer = play.call(root, "plan", "--matrix", **told)
    assert "how long the stages take is not known yet" in answer.document["why"]
    assert "spread<<" in output.read_text()
    assert "\nfalse\n" in output.read_text()
    base = play.clone("measured")
    Repo(base).git("checkout", "--quiet", "-B", "main", "origin/main")
    assert play.call(base, "run", "--json").code == 0
    dvc = Dvc.open(base)
    found = documents.read((base / ".dvc/tmp/mlops-ci/evidence.json").read_bytes(), "evidence")
    slow = [run.model_copy(update={"status": "ran", "seconds": 900.0}) for run in found.stages]
    Store(dvc, tmp_path / "store").write(found.model_copy(update={"stages": tuple(slow), "created": "9999"}))
    dvc.close()
    # Each of these stages takes a whole runner, however many CPUs the one of this test has.
    whole = "{resources: {cpu: 64}}"
    write(root, {"mlops-ci.yaml": f"version: 1\nstages:\n  train: {whole}\n  eval: {whole}\n"})
    answer = play.call(root, "plan", "--matrix", "--runners", "2", **told)
    assert answer.document["why"] == "one runner would take 5400 s, several take 3720 s"
    assert ("\ntrue\n" in output.read_text(), '{"include":[' in output.read_text()) == (True, True)


def test_repro_alone_needs_no_configuration_and_no_base(play: Play) -> None:
    root = play.clone("alone")
    Repo(root).git("remote", "remove", "origin")
    answer = play.call(root, "repro", "train", "--dry-run", "--json")
    assert answer.document == {"stages": ["prep", "train@a", "train@b"]}
    answer = play.call(root, "repro", "eval@a", "--jobs", "2", "--push", "--json")
    assert answer.code == 0
    assert statuses(answer.document) == {"prep": "ran", "train@a": "ran", "eval@a": "ran"}
    assert answer.document["pushed"] > 0
    answer = play.call(root, "repro")
    assert (answer.code, answer.out) == (0, "4 ran, 3 cached\n")
    assert play.call(root, "repro").out == "7 cached\n"
    serial = play.clone("serial")
    play.repro(serial)
    assert (root / "sub/dvc.lock").read_bytes() == (serial / "sub/dvc.lock").read_bytes()
    assert "nothing is not a stage" in play.call(root, "repro", "nothing").err
    assert "go together" in play.call(root, "repro", "--part", "r1-p1").err
    author = Repo(root)
    author.write("params.yaml", "lr: 2\nnames: [a, b]\nbad: b\n")
    answer = play.call(root, "repro")
    assert (answer.code, answer.out) == (1, "2 ran, 2 cached, 1 failed, 2 blocked\n")
