"""Remotes that are really spoken to, over HTTP and S3: what is fetched and sent, and what is said of trouble."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.errors import ToolError
from tests.adapters.faulty import Fault, Faulty, expired, serving

Open = Callable[[Path], Dvc]
RAW, MODEL, FOLDER = "data/raw.csv", "model-lin-1.txt", "report/eval"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """A store on loopback that speaks S3."""
    pytest.importorskip("moto", reason="moto is not installed")
    pytest.importorskip("dvc_s3", reason="dvc-s3 is not installed")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Remote:
    """The default remote of a clone without data, what is in it, and the server that it is reached through."""

    kind: str
    root: Path
    server: Faulty
    client: Any = None

    def put(self, oid: str, content: bytes | None) -> None:
        """Change an object, or take it away."""
        key = f"store/files/md5/{oid[:2]}/{oid[2:]}"
        if self.client is None:
            place = self.server.folder / key
            place.unlink()
            if content is not None:
                place.write_bytes(content)
        elif content is None:
            self.client.delete_object(Bucket="bucket", Key=key)
        else:
            self.client.put_object(Bucket="bucket", Key=key, Body=content)

    def break_for(self, fault: Fault, *methods: str) -> None:
        """Answer these methods wrongly wherever objects are."""
        self.server.fault = lambda method, path: fault if method in methods and "md5" in path else None

    def mend(self) -> None:
        """Answer rightly from here on."""
        self.server.fault = lambda _method, _path: None

    def cached(self) -> dict[str, int]:
        """Whatever lies in the cache, by its hash, with its size."""
        cache = self.root / ".dvc" / "cache"
        return {"".join(p.parts[-2:]): p.stat().st_size for p in cache.rglob("*") if p.is_file()}


def _configure(root: Path, **settings: object) -> None:
    lines = "\n".join(f"    {key} = {value}" for key, value in settings.items())
    (root / ".dvc" / "config.local").write_text(f"['remote \"store\"']\n{lines}\n")


def _s3(request: pytest.FixtureRequest, clone: Path, patch: pytest.MonkeyPatch) -> Iterator[Remote]:
    endpoint = request.getfixturevalue("moto")
    import boto3  # type: ignore[import-untyped]
    import s3fs

    for name, value in {
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        "EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(f"AWS_{name}", value)
    patch.setenv("AWS_MAX_ATTEMPTS", "1")
    patch.setattr(s3fs.S3FileSystem, "retries", 1)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    for one in client.list_objects_v2(Bucket="bucket").get("Contents", ()):
        client.delete_object(Bucket="bucket", Key=one["Key"])
    for place in (clone.parent / "store").rglob("*"):
        if place.is_file():
            client.put_object(
                Bucket="bucket", Key=str(place.relative_to(clone.parent)), Body=place.read_bytes()
            )
    with serving(clone.parent, endpoint) as server:
        _configure(clone, url="s3://bucket/store", endpointurl=server.url, read_timeout=1)
        yield Remote("s3", clone, server, client)


@pytest.fixture(params=["http", "s3"])
def remote(request: pytest.FixtureRequest, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """One of each kind, with everything in it."""
    if request.param == "s3":
        yield from _s3(request, clone, monkeypatch)
        return
    with serving(clone.parent) as server:
        _configure(clone, url=f"{server.url}/store", method="PUT", read_timeout=1)
        yield Remote("http", clone, server)


def _error(call: Callable[[], object]) -> ToolError:
    with pytest.raises(ToolError) as caught:
        call()
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


# ---- what is fetched ------------------------------------------------------------------------------


def test_only_what_is_needed_comes_and_each_object_once(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    graph = dvc.graph()
    raw, folder = graph.sources[RAW], str(graph.recorded["data/parts"])
    dvc.fetch([RAW, "data/parts/train.csv", RAW, "prepare.py", "no/such"])
    train = dict(dvc.store.tree(folder) or {})["train.csv"]
    assert remote.cached().keys() == {raw, folder, train}
    assert dvc.pulled == sum(remote.cached().values())
    before = dvc.pulled
    dvc.fetch([RAW, "data/parts/train.csv"])
    assert dvc.pulled == before
    dvc.fetch(["data"])
    test = dict(dvc.store.tree(folder) or {})["test.csv"]
    assert remote.cached().keys() == {raw, folder, train, test}
    bodies = [oid for oid in remote.server.got() if oid in remote.cached()]
    if remote.kind == "s3":
        assert sorted(bodies) == sorted(remote.cached())
    assert not (remote.root / RAW).exists()


def test_what_was_fetched_is_what_dvc_takes_for_cached(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    dvc.fetch([MODEL, FOLDER])
    targets = [str(remote.root / path) for path in (MODEL, FOLDER)]
    assert dvc._repo.checkout(targets=targets)["stats"]["added"] == 3
    assert (remote.root / MODEL).read_text().startswith("lin-1:")


# ---- what is said of trouble ----------------------------------------------------------------------


FAULTS = {
    "denied": (Fault(403), "access is denied"),
    "busy": (Fault(503), "the remote has trouble of its own"),
    "cut": (Fault(cut=True), "the connection broke off"),
    "hang": (Fault(hang=True), "it did not answer in time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_trouble_on_the_way_is_said_and_leaves_nothing_half_written(
    remote: Remote, opened: Open, fault: str
) -> None:
    wrong, said = FAULTS[fault]
    remote.break_for(wrong, "GET")
    dvc = opened(remote.root)
    error = _error(lambda: dvc.fetch([RAW, MODEL]))
    assert said in error.message
    assert f"{RAW} ({dvc.graph().sources[RAW][:8]})" in error.message
    assert remote.cached() == {}
    remote.mend()
    again = opened(remote.root)
    again.fetch([RAW, MODEL])
    assert len(remote.cached()) == 2


def test_credentials_that_are_missing_or_expired_are_told_apart(
    remote: Remote, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.break_for(expired() if remote.kind == "s3" else Fault(401), "GET", "HEAD", "PUT")
    said = {"s3": "the credentials have expired (ExpiredToken)", "http": "not accepted (HTTP status 401)"}
    asked = {"s3": "have expired (", "http": said["http"]}
    dvc = opened(remote.root)
    assert said[remote.kind] in _error(lambda: dvc.fetch([RAW, MODEL])).message
    assert said[remote.kind] in _error(lambda: dvc.fetch([FOLDER])).message
    assert asked[remote.kind] in _error(lambda: dvc.read(f"{FOLDER}/roc.csv")).message
    assert asked[remote.kind] in _error(dvc.missing_in_remote).message
    remote.mend()
    if remote.kind == "s3":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        error = _error(lambda: opened(remote.root).fetch([RAW]))
        assert "there are no credentials for it" in error.message
        assert "AWS_ACCESS_KEY_ID" in error.hint


def test_a_remote_that_is_not_there_is_not_one_that_has_nothing(remote: Remote, opened: Open) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        if remote.kind == "s3":
            _configure(remote.root, url="s3://bucket/store", endpointurl=url)
        else:
            _configure(remote.root, url=f"{url}/store", method="PUT")
        dvc = opened(remote.root)
        for call in (
            lambda: dvc.fetch([RAW]),
            dvc.missing_in_remote,
            lambda: dvc.remote_write("evidence/a.json", b"{}"),
            lambda: dvc.remote_read("evidence/a.json"),
        ):
            message = _error(call).message
            assert "the connection was refused" in message or "it cannot be reached" in message, message


def test_a_damaged_object_is_not_taken_and_is_named(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    raw = dvc.graph().sources[RAW]
    remote.put(raw, b"something else")
    error = _error(lambda: dvc.fetch([RAW, MODEL]))
    assert error.message.startswith(f"{RAW} ({raw[:8]}): the object in the DVC remote store (")
    assert f"{raw[:2]}/{raw[2:]}" in error.hint
    # What came whole is kept.
    assert remote.cached().keys() == {dvc.graph().recorded[MODEL]}
    remote.put(raw, b"1\n2\n3\n")
    dvc.fetch([RAW])
    assert raw in remote.cached()


def test_a_missing_object_is_named_with_who_should_push_it(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    folder = str(dvc.graph().recorded[FOLDER])
    roc = dict(dvc.store.tree(folder) or {})["roc.csv"]
    remote.put(roc, None)
    error = _error(lambda: dvc.fetch([FOLDER, MODEL]))
    assert f"does not have {FOLDER}/roc.csv ({roc[:8]})" in error.message
    assert error.hint.startswith("Test (commit ")
    assert "runs `dvc push`" in error.hint
    assert dvc.missing_in_remote() == (FOLDER,)


# ---- what is sent ---------------------------------------------------------------------------------


def test_what_is_missing_is_sent_counted_and_of_the_named_stages_alone(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    dvc.fetch([MODEL, "data/parts", FOLDER])
    graph = dvc.graph()
    model, folder = str(graph.recorded[MODEL]), str(graph.recorded[FOLDER])
    files = dict(dvc.store.tree(folder) or {})
    for oid in (model, folder, files["roc.csv"]):
        remote.put(oid, None)
    assert dvc.missing_in_remote() == (MODEL, FOLDER)
    assert dvc.push(["evaluate"]) == 2
    assert dvc.pushed == sum(remote.cached()[oid] for oid in (folder, files["roc.csv"]))
    assert dvc.missing_in_remote() == (MODEL,)
    assert dvc.push() == 1
    assert dvc.missing_in_remote() == ()
    assert dvc.push() == 0


def test_a_remote_that_cannot_be_written_says_so(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    dvc.fetch([MODEL])
    remote.put(str(dvc.graph().recorded[MODEL]), None)
    remote.break_for(Fault(403 if remote.kind == "s3" else 405), "PUT")
    error = _error(dvc.push)
    assert f"pushing {MODEL} to the DVC remote store (" in error.message
    assert ("access is denied" if remote.kind == "s3" else "the remote is read-only") in error.message
    assert dvc.missing_in_remote() == (MODEL,)
    assert dvc.pushed == 0
    remote.mend()
    assert dvc.push() == 1


@pytest.mark.parametrize("path", [MODEL, FOLDER])
def test_a_push_that_breaks_off_says_what_was_not_sent_and_goes_on_next_time(
    remote: Remote, opened: Open, path: str
) -> None:
    dvc = opened(remote.root)
    dvc.fetch([path])
    value = str(dvc.graph().recorded[path])
    inside = dict(dvc.store.tree(value) or {}).values() if path == FOLDER else ()
    for oid in (value, *inside):
        remote.put(oid, None)
    remote.break_for(Fault(drop=True), "PUT")
    error = _error(dvc.push)
    assert f"pushing {path}" in error.message
    assert "the connection broke off" in error.message
    remote.mend()
    # Without its files no listing was sent.
    assert dvc.missing_in_remote() == (path,)
    assert dvc.push() == 1 + len(list(inside))
    assert dvc.missing_in_remote() == ()


def test_documents_that_cannot_be_written_or_read_say_why(remote: Remote, opened: Open) -> None:
    dvc = opened(remote.root)
    dvc.remote_write("evidence/a.json", b"{}")
    assert dvc.remote_read("evidence/a.json") == b"{}"
    remote.server.fault = lambda method, path: Fault(403) if method in ("PUT", "GET") else None
    error = _error(lambda: dvc.remote_write("evidence/b.json", b"{}"))
    assert error.message.startswith("writing evidence/b.json to the DVC remote store (")
    assert error.message.endswith(": access is denied (HTTP status 403)")
    assert "access is denied" in _error(lambda: dvc.remote_read("evidence/a.json")).message
    remote.mend()
    assert dvc.remote_read("evidence/b.json") is None


# ---- a run ----------------------------------------------------------------------------------------


def test_a_run_that_cannot_fetch_ends_with_code_3_and_the_next_one_goes_through(
    remote: Remote, opened: Open
) -> None:
    params = remote.root / "params.yaml"
    params.write_text(params.read_text().replace("lr: 0.1", "lr: 0.2"))
    dvc = opened(remote.root)
    folder = dvc.graph().recorded["data/parts"]
    train = dict(dvc.store.tree(str(folder)) or {})["train.csv"]
    remote.server.fault = lambda _method, path: Fault(cut=True) if train[2:] in path else None
    error = _error(lambda: dvc.run(["train@lin-1"]))
    assert error.exit_code == 3
    assert error.message.startswith(f"stage train@lin-1: fetching data/parts/train.csv ({train[:8]}) from ")
    assert "the connection broke off" in error.message
    assert train not in remote.cached()
    remote.mend()
    before = dvc.pulled
    (run,) = (run for run in dvc.run(["train@lin-1"]) if run.name == "train@lin-1")
    assert run.status == "ran"
    assert dvc.pulled - before == remote.cached()[train]
    assert dvc.push(["train@lin-1"]) == 1


def test_a_remote_that_keeps_versions_is_left_to_dvc(
    request: pytest.FixtureRequest, clone: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for remote in _s3(request, clone, monkeypatch):
        remote.client.create_bucket(Bucket="versions")
        remote.client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        dvc = opened(clone)
        dvc.fetch([RAW])
        assert dvc._repo.checkout(targets=[str(clone / RAW)])["stats"]["added"] == 1
        _configure(clone, url="s3://versions/store", endpointurl=remote.server.url, version_aware="true")
        versioned = opened(clone)
        versioned._repo.push(targets=[str(clone / RAW)])
        (clone / RAW).unlink()
        shutil.rmtree(clone / ".dvc" / "cache")
        again = opened(clone)
        again.fetch([RAW])
        assert set(remote.cached()) == {again.graph().sources[RAW]}
        assert again.pulled == 6
