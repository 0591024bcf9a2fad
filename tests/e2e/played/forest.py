"""acme/forest: a pipeline that gets wide, its data in S3 on loopback, and what is read there, object by object."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from dvc.repo import Repo as DvcRepo

from mlops_ci import evidence
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.store import Store
from tests.repositories import Repo

KEY, SECRET = "AKIAFOREST", "a key that opens the bucket"
BUCKET = "forest"
SEEDS = ("1", "2", "3", "4")
# Bytes of the data, of the two files that are made of it, of a tree, and of the best of them.
RAW, PREPARED, TREE = 60_000, (30_000, 20_000), 10_000
RAW_FILE, RAW_BYTES = "raw.bin", b"\7" * RAW
# How long the stages took by main's evidence (seconds): long enough for four runners to be worth their start.
TOOK = {"prep": 90.0, **{f"train@{seed}": 900.0 for seed in SEEDS}, "final": 5.0}

FILES = {
    "params.yaml": "prep: {shift: 0}\ntrain: {rate: 0.1}\n",
    "requirements.txt": "dvc-s3\npyyaml>=6\n",
    ".gitignore": "/prepared\n/tree-*.bin\n/best.bin\n",
    "dvc.yaml": """\
stages:
  prep:
    cmd: python prep.py
    deps: [prep.py, raw.bin]
    params: [prep]
    outs: [prepared]
  train:
    matrix: {seed: ["1", "2", "3", "4"]}
    cmd: python train.py ${item.seed}
    deps: [train.py, prepared]
    params: [train]
    outs: ["tree-${item.seed}.bin"]
    metrics: ["scores/tree-${item.seed}.json": {cache: false}]
  final:
    cmd: python final.py
    deps: [final.py, tree-1.bin, tree-2.bin, tree-3.bin, tree-4.bin, scores/tree-1.json, scores/tree-2.json, scores/tree-3.json, scores/tree-4.json]
    outs: [best.bin]
    metrics: [metrics.json: {cache: false}]
""",
    "prep.py": f"""\
import pathlib, random, re

shift = re.search(r"shift: (\\d+)", open("params.yaml").read())[1]
raw = open("raw.bin", "rb").read()
folder = pathlib.Path("prepared")
folder.mkdir(exist_ok=True)
for number, size in enumerate({PREPARED}):
    (folder / f"part-{{number}}.bin").write_bytes(random.Random(raw[:9] + f"{{shift}} {{number}}".encode()).randbytes(size))
""",
    "train.py": f"""\
import json, os, pathlib, random, re, signal, sys

seed, rate = sys.argv[1], re.search(r"rate: (\\S+?)\\}}", open("params.yaml").read())[1]
data = b"".join(path.read_bytes() for path in sorted(pathlib.Path("prepared").iterdir()))
pathlib.Path(f"tree-{{seed}}.bin").write_bytes(random.Random(data[:99] + f"{{seed}} {{rate}}".encode()).randbytes({TREE}))
pathlib.Path("scores").mkdir(exist_ok=True)
json.dump({{"accuracy": round(0.6 + float(rate) * int(seed) / 10, 4)}}, open(f"scores/tree-{{seed}}.json", "w"))
if (seed, rate, os.environ.get("GITHUB_RUN_ATTEMPT")) == ("3", "0.7", "1"):
    # The machine goes: the job's mlops-ci and all that it has started, in the middle of its work.
    pid, doomed = os.getpid(), []
    while pid > 1:
        doomed += [pid] * (b"--part" in pathlib.Path(f"/proc/{{pid}}/cmdline").read_bytes().split(b"\\0"))
        pid = int(re.search(r"PPid:\\s+(\\d+)", pathlib.Path(f"/proc/{{pid}}/status").read_text())[1])
    for pid in reversed(doomed):
        os.kill(pid, signal.SIGKILL)
    signal.pause()
""",
    "final.py": """\
import json

scores = {seed: json.load(open(f"scores/tree-{seed}.json"))["accuracy"] for seed in "1234"}
best = max(scores, key=scores.get)
open("best.bin", "wb").write(b"".join(open(f"tree-{seed}.bin", "rb").read() for seed in "1234"))
json.dump({"accuracy": scores[best], "trees": len(scores)}, open("metrics.json", "w"))
""",
    "mlops-ci.yaml": """\
version: 1
lock: report
defaults:
  gates:
    metrics:
      limits:
        accuracy: {min: 0.5, max_drop: 0.01}
stages:
  train: {resources: {cpu: 64}} # a whole machine, whatever it has
""",
}

CALLER = """\
name: mlops-ci
on: [pull_request]
permissions: {}
jobs:
  mlops-ci:
    permissions: {contents: read, pull-requests: write, checks: write}
    uses: mlops-ci/mlops-ci/.github/workflows/pull-request.yml@COMMIT # v0.1.0
    with: {requirements: requirements.txt, cml: false, runners: 4}
    secrets:
      aws-access-key-id: ${{ secrets.AWS_ACCESS_KEY_ID }}
      aws-secret-access-key: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
"""


@dataclass
class Bucket:
    """A bucket on loopback that counts what is read: address of an object -> how often, and its bytes in all."""

    address: str = ""
    reads: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Count from here on."""
        self.reads.clear()
        self.taken.clear()

    def objects(self) -> dict[str, int]:
        """Hash of a DVC object -> bytes of it that were read."""
        found: Counter[str] = Counter()
        for key, size in self.taken.items():
            if match := re.search(r"/files/md5/(..)/([0-9a-f]{30}(?:\.dir)?)$", key):
                found[match[1] + match[2]] += size
        return dict(found)

    def sizes(self, lock: Mapping[str, Any], stage: str) -> dict[str, int]:
        """Hash -> bytes of all objects that make up what a stage has put into the cache, by dvc.lock; or the data."""
        if stage == RAW_FILE:
            return {hashlib.md5(RAW_BYTES, usedforsecurity=False).hexdigest(): RAW}
        found = {}
        for out in lock["stages"][stage]["outs"]:
            if out["path"].endswith(".json"):
                continue
            listing = self.content(out["md5"]) if out["md5"].endswith(".dir") else b""
            found[out["md5"]] = len(listing) or out["size"]
            for one in json.loads(listing or "[]"):
                found[one["md5"]] = len(self.content(one["md5"]))
        return found

    def content(self, value: str) -> bytes:
        """A DVC object."""
        key = f"dvc/files/md5/{value[:2]}/{value[2:]}"
        found: bytes = self.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return found

    def client(self) -> Any:
        """A client of the server."""
        import boto3  # type: ignore[import-untyped]

        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        return boto3.client("s3", endpoint_url=self.address, region_name="us-east-1", **keys)

    def counted(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The same WSGI application, whose answers to GET are counted."""

        def count(environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
            for piece in app(environ, start):
                if environ["REQUEST_METHOD"] == "GET":
                    self.taken[environ["PATH_INFO"]] += len(piece)
                yield piece
            if environ["REQUEST_METHOD"] == "GET":
                self.reads[environ["PATH_INFO"]] += 1

        return count


def served() -> Iterator[Bucket]:
    """An empty bucket while it is needed."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = Bucket()
    app = bucket.counted(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    bucket.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bucket.client().create_bucket(Bucket=BUCKET)
    yield bucket
    server.shutdown()


def begun(folder: Path, bucket: Bucket) -> Repo:
    """The repository with its trained forest, all in the bucket, and evidence of how long that took; needs the credentials."""
    repo = Repo.init(folder)
    for name, text in FILES.items():
        repo.write(name, text)
    (repo.path / RAW_FILE).write_bytes(RAW_BYTES)
    remote = f"url = s3://{BUCKET}/dvc\n    endpointurl = {bucket.address}\n    region = us-east-1\n"
    with working(repo.path), DvcRepo.init(str(repo.path)) as dvc:
        repo.write(
            ".dvc/config",
            f"[core]\n    remote = bucket\n    analytics = false\n['remote \"bucket\"']\n    {remote}",
        )
        dvc.config.load()
        dvc.add("raw.bin")
        dvc.reproduce()
        dvc.push()
    repo.commit("Plant a forest")
    measured(repo)
    shutil.rmtree(repo.path / ".dvc" / "cache")
    shutil.rmtree(repo.path / ".dvc" / "tmp", ignore_errors=True)
    return repo


def measured(repo: Repo) -> None:
    """Let the evidence of a commit, which is measured here, say how long its stages take elsewhere."""
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ci", "run"], cwd=repo.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = evidence.read((repo.path / ".dvc/tmp/mlops-ci/evidence.json").read_bytes(), "evidence.json")
    stages = tuple(
        one.model_copy(update={"status": "ran", "seconds": TOOK[one.name]}) for one in found.stages
    )
    # Of two documents about the same dvc.lock the newer one is believed.
    later = (datetime.fromisoformat(found.created) + timedelta(seconds=1)).isoformat()
    told = found.model_copy(update={"stages": stages, "created": later})
    store = Store(Dvc.open(repo.path), repo.path / ".git" / "told")
    assert store.write(told) == ""
    assert store.find(told.lock.digest) == told


@contextmanager
def working(folder: Path) -> Iterator[None]:
    """Inside, a folder is the current one: DVC takes names from there."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def told(fan: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Part -> what fan.json says of it."""
    return {part["part"]: part for one in fan["rounds"] for part in one["include"]}


def lock(repo: Repo) -> dict[str, Any]:
    """dvc.lock of a clone."""
    found: dict[str, Any] = yaml.safe_load((repo.path / "dvc.lock").read_text())
    return found
