"""`mlops-ci audit log` over a long history, and how it grows; beside one git process a record.

    python -m benchmarks.audit [--commits 20000] [--promotions 2000]

The history is made by `git fast-import`: half of the promotions came by merge commits. The peer does what
a script would: one `git log` for the newest commit of each record and one `git show` for its text, on a
sample of the records, in the same run. The exit code is 1 where 20,000 commits with 2,000 promotions take
longer than 5 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from mlops_ci.promotion.record import (
    Edit,
    Input,
    Judgement,
    Metric,
    Named,
    Previous,
    Record,
    Source,
    State,
    Summary,
)

BOUND = 5.0
MODELS, ENVIRONMENTS = 50, ("staging", "production")
SAMPLE = 40
BEGIN = 1_700_000_000


def record(environment: str, model: str, previous: Record | None, number: int) -> Record:
    """A promotion with what a usual one has: four metrics, six judgements, two tables."""
    digest = f"{number:064x}"
    release = Named(
        digest=f"sha256:{digest}",
        uri=f"s3://models/{model}/sha256-{digest}/model.json",
        version=f"v{number}",
        commit=f"{number:040x}",
        lock=f"sha256:{number:064x}",
        md5=f"{number:032x}",
        evidence=f"sha256:{number:064x}",
        size=1234,
    )
    before = previous.after if previous else State()
    place = f"InferenceService/{model}:spec.predictor.model.storageUri"
    old = before.stable.uri if before.stable else None
    return Record(
        number=previous.number + 1 if previous else 1,
        environment=environment,
        model=model,
        action="promote",
        before=before,
        after=State(stable=release),
        release=release,
        source=Source(
            repository="acme/models", commit=release.commit, pull_requests=(number,), stage="train"
        ),
        data=tuple(Input(path=f"data/{part}.csv", md5="f" * 32, size=9) for part in ("train", "test")),
        params={"train.lr": 0.1, "train.depth": 4, "rows": 300, "split.seed": 3},
        evidence=Summary(
            digest=release.evidence,
            verdict="passed",
            metrics=tuple(
                Metric(name=f"m{at}", file="metrics.json", candidate=0.9, champion=0.89, low=-0.01, high=0.02)
                for at in range(4)
            ),
            gates=tuple(
                Judgement(gate="metrics", subject=f"m{at}", status="PASS", sentence="It is above its limit.")
                for at in range(6)
            ),
        ),
        edits=(Edit(file=f"deploy/{environment}/{model}.yaml", place=place, old=old, new=release.uri),),
        requested_by="ada",
        previous=Previous(number=previous.number, digest=previous.digest) if previous else None,
    )


def data(text: str) -> str:
    """Content as `git fast-import` takes it."""
    return f"data {len(text.encode())}\n{text}\n"


def commit(ref: str, at: int, message: str, files: dict[str, str], merge: str = "", start: str = "") -> str:
    """A commit as `git fast-import` takes it."""
    who = f"Ada <ada@example.org> {BEGIN + 60 * at} +0000"
    head = f"commit {ref}\nmark :{at}\nauthor {who}\ncommitter {who}\n{data(message)}"
    parents = (f"from {start}\n" if start else "") + (f"merge {merge}\n" if merge else "")
    changes = "".join(f"M 100644 inline {path}\n{data(text)}" for path, text in files.items())
    return head + parents + changes + "\n"


def stream(commits: int, promotions: int) -> Iterator[str]:
    """The history: code between promotions, every other promotion by a merge commit."""
    newest: dict[tuple[str, str], Record] = {}
    every, made, at = max(1, commits // promotions), 0, 0
    while at < commits:
        at += 1
        if made < promotions and at >= made * every + 1 and at + 1 <= commits:
            environment, model = ENVIRONMENTS[made % 2], f"model-{made // 2 % MODELS}"
            made += 1
            one = record(environment, model, newest.get((environment, model)), made)
            newest[environment, model] = one
            text = one.text()
            files = {one.current_path: text, one.log_path: text}
            files[f"deploy/{environment}/{model}.yaml"] = f"uri: {one.release.uri}\n"
            message = f"Promote {model}\n\nMlops-Record: {one.current_path}\n"
            if made % 2 or at == 1:
                yield commit("refs/heads/main", at, message, files)
            else:
                yield commit("refs/heads/topic", at, message, files, start=f":{at - 1}")
                merged = f"Merge pull request #{made} from topic"
                yield commit("refs/heads/main", at + 1, merged, files, merge=f":{at}")
                at += 1
        else:
            yield commit("refs/heads/main", at, f"Code {at}", {f"src/{at % 97}.py": f"x = {at}\n"})


def prepare(folder: Path, commits: int, promotions: int) -> None:
    """A repository with that history."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE) as importer:
        assert importer.stdin is not None
        for part in stream(commits, promotions):
            importer.stdin.write(part.encode())
        importer.stdin.close()
    subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=folder, check=True)


def answer(folder: Path, *command: str) -> bytes:
    """What a command printed in a folder."""
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout


def ours(folder: Path) -> tuple[float, float, int]:
    """Wall and CPU seconds of `mlops-ci audit log --json`, the interpreter's start included; its entries."""
    program = str(Path(sys.executable).parent / "mlops-ci")
    begun, before = time.perf_counter(), os.times()
    told = answer(folder, program, "audit", "log", "--json")
    wall, after = time.perf_counter() - begun, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, told.count(b'"record": ')


def peer(folder: Path, promotions: int) -> float:
    """Seconds that two processes a record would take for all of them, by a sample."""
    names = answer(folder, "git", "ls-files", "promotions/log").decode().split()
    picked = names[:: max(1, len(names) // SAMPLE)]
    begun = time.perf_counter()
    for name in picked:
        answer(folder, "git", "log", "-1", "--format=%H %an %ct", "--", name)
        yaml.safe_load(answer(folder, "git", "show", f"HEAD:{name}"))
    return (time.perf_counter() - begun) / len(picked) * promotions


def main() -> int:
    """Measure and print; the exit code says whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--promotions", type=int, default=2_000)
    asked = parser.parse_args()
    print("commits  promotions  audit log s  its CPU s  two processes a record s  ratio")
    took = []
    for share in (2, 1):
        commits, promotions = asked.commits // share, asked.promotions // share
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "history"
            prepare(folder, commits, promotions)
            seconds, cpu, entries = min(ours(folder) for _ in range(3))
            assert entries == promotions, f"{entries} entries instead of {promotions}"
            other = peer(folder, promotions)
        took.append(seconds)
        told = f"{commits:7,}  {promotions:10,}  {seconds:11.2f}  {cpu:9.2f}  {other:24.1f}"
        print(f"{told}  {other / seconds:4.0f}x")
    print(f"twice the work takes {took[1] / took[0]:.2f} times as long; bound {BOUND:g} s")
    return 0 if took[1] <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
