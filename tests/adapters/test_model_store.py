"""The model store: copied whole or not at all, checked, found again; in a folder, in S3, in the DVC remote."""

from __future__ import annotations

import hashlib
import json
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from dvc_objects.fs.memory import MemoryFileSystem
from fsspec.implementations.arrow import ArrowFSWrapper

from mlops_ci.adapters import model_bytes, model_places
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.dvc_store import Store
from mlops_ci.adapters.model_places import Place
from mlops_ci.adapters.model_store import ModelStore, Published
from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.rollout import Release, digest_in
from tests.report import samples

Open = Callable[[Path], Dvc]
FILE, FOLDER = "model-lin-1.txt", "report/eval"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store on loopback that speaks S3."""
    pytest.importorskip("moto", reason="moto is not installed")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of an empty bucket ``models``, and the environment that leads there."""
    import boto3  # type: ignore[import-untyped]

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "0123456789topsecret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="models")
    for one in client.list_objects_v2(Bucket="models").get("Contents", ()):
        client.delete_object(Bucket="models", Key=one["Key"])
    return client


@pytest.fixture(params=["folder", "remote", "memory", "s3"])
def store(
    request: pytest.FixtureRequest, rich: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> ModelStore:
    """One of each kind."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    if request.param == "memory":
        # What DVC makes of a remote that is no folder; its plug-ins for clouds are not installed.
        remote = SimpleNamespace(name="store", path="/data", fs=MemoryFileSystem(global_store=False))
        monkeypatch.setattr(Store, "remote", lambda *_: remote)
    address = {"folder": "../published models", "s3": "s3://models/ours/"}.get(request.param, "")
    return ModelStore.of(address, opened(rich))


@pytest.fixture
def local(rich: Path, opened: Open) -> ModelStore:
    return ModelStore.of("../models", opened(rich))


def md5(store: ModelStore, path: str) -> str:
    found = store.dvc.tracked(path)
    assert found is not None
    return found


def publish(store: ModelStore, path: str = FILE, model: str = "iris") -> Published:
    return store.publish(model, path, md5(store, path))


def release(found: Published) -> Release:
    return Release(found.model, found.digest, found.uri, commit="c" * 40, md5=found.md5)


def on_disk(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refused(kind: type[MlopsError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as found:
        call()
    assert found.value.hint
    assert "\n" not in found.value.message
    assert "topsecret" not in found.value.message
    return found.value.message


# ---- what is published ---------------------------------------------------------------------------


def test_a_file_is_there_by_its_sha256(store: ModelStore) -> None:
    raw = (store.dvc.top / FILE).read_bytes()
    sha = hashlib.sha256(raw).hexdigest()
    found = publish(store)
    assert (found.digest, found.size, found.files, found.new) == (f"sha256:{sha}", len(raw), 1, True)
    assert found.uri == store.place.uri(f"iris/sha256-{sha}/{FILE}")
    assert digest_in(found.uri) == found.digest
    assert store.place.hashed(f"iris/sha256-{sha}/{FILE}") == (sha, len(raw))
    assert store.exists(release(found))
    assert store.verify(release(found)) == ""


def test_a_folder_is_there_below_its_own_name(store: ModelStore) -> None:
    files = on_disk(store.dvc.top / FOLDER)
    listed = [
        {"path": name, "sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
        for name, raw in sorted(files.items())
    ]
    canonical = json.dumps(listed, sort_keys=True, separators=(",", ":")).encode()
    found = publish(store, FOLDER)
    assert found.digest == "sha256:" + hashlib.sha256(canonical).hexdigest()
    assert (found.files, found.size) == (2, sum(map(len, files.values())))
    assert found.uri.endswith(f"/iris/{found.digest.replace(':', '-')}/eval")
    assert store.exists(release(found))
    assert store.verify(release(found)) == ""


def test_addresses_are_what_a_model_server_loads(rich: Path, opened: Open, s3: Any) -> None:
    dvc, top = opened(rich), rich.parent
    for address, begins in {
        "../published models": (top / "published models").as_uri() + "/iris/sha256-",
        str(top / "absolute"): f"file://{top}/absolute/iris/sha256-",
        f"file://{top}/uri": f"file://{top}/uri/iris/sha256-",
        "": f"file://{top}/store/mlops-ci/models/iris/sha256-",
        "s3://models/ours/": "s3://models/ours/iris/sha256-",
    }.items():
        assert publish(ModelStore.of(address, dvc)).uri.startswith(begins)


def test_published_again_nothing_is_read_or_written(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, folder = publish(store), publish(store, FOLDER)

    def never(*_: object) -> None:
        raise AssertionError("the model was touched")

    for name in ("write", "put", "hashed"):
        monkeypatch.setattr(Place, name, never)
    monkeypatch.setattr(model_bytes, "gathered", never)
    again = publish(store)
    assert not again.new
    assert (again.digest, again.uri, again.size) == (first.digest, first.uri, first.size)
    assert publish(store, FOLDER).uri == folder.uri
    assert store.would_publish("iris", FILE, first.md5) == again


def test_what_would_be_published_is_only_hashed(local: ModelStore) -> None:
    would = local.would_publish("iris", FILE, md5(local, FILE))
    assert would.new
    assert not (local.dvc.top.parent / "models").exists()
    assert publish(local) == would


def test_the_same_bytes_of_another_model_are_there_twice(local: ModelStore) -> None:
    one, other = publish(local), publish(local, model="lily")
    assert one.digest == other.digest
    assert other.new
    assert other.uri == one.uri.replace("/iris/", "/lily/")
    assert not publish(local).new


def test_the_same_bytes_by_another_file_name_are_copied_anew(local: ModelStore) -> None:
    one = publish(local)
    other = local.publish("iris", "model.pkl", one.md5)
    assert other.new
    assert other.uri == one.uri.replace(FILE, "model.pkl")
    assert local.published("iris", one.md5) == replace(other, new=False)
    assert local.published("lily", one.md5) is None
    assert local.exists(release(one))


def test_what_lies_where(local: ModelStore) -> None:
    found = publish(local)
    folder = f"iris/{found.digest.replace(':', '-')}"
    written = on_disk(local.dvc.top.parent / "models")
    assert set(written) == {
        f"{folder}/{FILE}",
        f"{folder}/{FILE}.manifest.json",
        f"iris/by-md5/{found.md5}.json",
    }
    assert json.loads(written[f"{folder}/{FILE}.manifest.json"]) == {
        "digest": found.digest,
        "md5": found.md5,
        "size": found.size,
        "files": [{"path": "", "sha256": found.digest.removeprefix("sha256:"), "size": found.size}],
    }


# ---- where the bytes come from -------------------------------------------------------------------


def test_bytes_come_from_the_remote_where_the_clone_has_no_data(clone: Path, opened: Open) -> None:
    (clone / ".dvc" / "config.local").write_text(
        f"['remote \"store\"']\n    url = {clone.parent / 'store'}\n"
    )
    store = ModelStore.of("../models", opened(clone))
    for path in (FILE, FOLDER):
        found = publish(store, path)
        assert store.verify(release(found)) == ""
    assert not (clone / FILE).exists()
    assert not (clone / ".dvc" / "cache").exists() or FILE not in on_disk(clone / ".dvc" / "cache")


def objects(root: Path, value: str) -> list[Path]:
    """Where an object lies: in the cache and in the remote."""
    inner = Path("files", "md5", value[:2], value[2:])
    return [root / ".dvc" / "cache" / inner, root.parent / "store" / inner]


def spoil(place: Path, raw: bytes) -> None:
    place.unlink()
    place.write_bytes(raw)


def test_a_damaged_cache_costs_a_download(local: ModelStore) -> None:
    (local.dvc.top / FILE).unlink()
    cached, _ = objects(local.dvc.top, md5(local, FILE))
    raw = cached.read_bytes()
    spoil(cached, b"other")
    found = publish(local)
    assert found.digest == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert local.verify(release(found)) == ""


def test_an_uncached_output_comes_from_the_work_tree(local: ModelStore) -> None:
    found = publish(local, "summary.json")
    assert found.size == (local.dvc.top / "summary.json").stat().st_size


def test_bytes_that_nobody_has(local: ModelStore) -> None:
    value = md5(local, FILE)
    (local.dvc.top / FILE).write_text("something else")
    for place in objects(local.dvc.top, value):
        place.unlink()
    message = refused(ToolError, lambda: publish(local))
    assert message == f"{FILE}: neither the DVC cache nor the remote has it ({value[:8]})"


def test_bytes_that_are_damaged_everywhere(local: ModelStore) -> None:
    value = md5(local, FILE)
    (local.dvc.top / FILE).unlink()
    for place in objects(local.dvc.top, value):
        spoil(place, b"other")
    message = refused(ToolError, lambda: publish(local))
    assert message == f"{FILE}: what DVC keeps of it is damaged ({value[:8]})"
    assert not (local.dvc.top.parent / "models").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a//b", ""])
def test_a_listing_that_leads_out_of_its_folder(local: ModelStore, name: str) -> None:
    listing = json.dumps([{"md5": md5(local, FILE), "relpath": name}]).encode()
    value = hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
    place, _ = objects(local.dvc.top, value)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(listing)
    message = refused(ConfigError, lambda: local.publish("iris", FOLDER, value))
    assert message == f"{FOLDER}: names a file outside of the folder"


@pytest.mark.parametrize(
    "listed",
    [
        [{"md5": "../" * 40 + "{secret}", "relpath": "a"}],
        [{"md5": "x" * 32, "relpath": "a"}],
        [{"md5": "", "relpath": "a"}],
        [{"relpath": "a"}],
        ["a"],
        5,
        None,
    ],
)
def test_a_listing_that_names_what_is_no_object(local: ModelStore, tmp_path: Path, listed: Any) -> None:
    (secret := tmp_path / "secret").write_text("token")
    listing = json.dumps(listed).replace("{secret}", str(secret).lstrip("/")).encode()
    value = hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
    place, _ = objects(local.dvc.top, value)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(listing)
    message = refused(ConfigError, lambda: local.publish("iris", FOLDER, value))
    assert message == f"{FOLDER}: the listing of the folder is none of DVC ({value[:8]})"


def test_listings_that_are_damaged_or_empty(local: ModelStore) -> None:
    value = md5(local, FOLDER)
    place, _ = objects(local.dvc.top, value)
    spoil(place, b"[]")
    message = refused(ToolError, lambda: local.publish("iris", FOLDER, value))
    assert message == f"{FOLDER}: the listing of the folder is damaged ({value[:8]})"
    empty = hashlib.md5(b"[]", usedforsecurity=False).hexdigest() + ".dir"
    place, _ = objects(local.dvc.top, empty)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"[]")
    message = refused(ConfigError, lambda: local.publish("iris", FOLDER, empty))
    assert message == f"{FOLDER}: is an empty folder, which is no model"


# ---- trouble -------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("path", [FILE, FOLDER])
def test_killed_between_any_two_writes_it_is_whole_in_the_end(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    value = md5(store, path)
    count = 3 if path == FILE else 4
    real = {name: getattr(Place, name) for name in ("put", "write")}
    for survive in range(count):
        done: list[str] = []

        def some(name: str, done: list[str] = done, survive: int = survive) -> Callable[..., None]:
            def write(place: Place, *args: Any) -> None:
                if len(done) == survive:
                    raise Killed
                real[name](place, *args)
                done.append(name)

            return write

        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(Place, name, some(name))
            with pytest.raises(Killed):
                store.publish("iris", path, value)
        found = store.would_publish("iris", path, value)
        assert found.new, f"{survive} of {count} writes are not a whole model"
        assert store.exists(release(found)) == (survive == count - 1)
    found = store.publish("iris", path, value)
    assert found.new
    assert store.verify(release(found)) == ""
    assert not publish(store, path).new


def test_a_write_that_is_cut_leaves_nothing_half(local: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(type(local.place.fs)):  # type: ignore[misc]
        def put_file(self, source: str, target: str, **_: object) -> None:
            Path(target).write_bytes(Path(source).read_bytes()[:2])
            raise OSError(28, "No space left on device")

    place = Place(Cut(), local.place.path, local.place.address, local.place.kind, local.place.trouble)
    message = refused(ToolError, lambda: publish(ModelStore(place, local.dvc)))
    assert message.endswith(": No space left on device")
    assert on_disk(local.dvc.top.parent / "models") == {}


def test_a_store_that_gives_back_something_else(local: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "hashed", lambda *_: ("0" * 64, 3))
    message = refused(ToolError, lambda: publish(local))
    assert message.endswith(f"/{FILE}: the store does not give back what was written")
    monkeypatch.undo()
    assert local.would_publish("iris", FILE, md5(local, FILE)).new


def change(store: ModelStore, found: Published, inner: str, raw: bytes | None) -> None:
    """Another hand at the store."""
    name = f"{store.place.name_of(found.uri)}{inner}"
    if raw is None:
        store.place.fs.rm_file(f"{store.place.path}/{name}")
    else:
        store.place.write(name, raw)


def test_swapped_bytes_are_found(store: ModelStore) -> None:
    found = publish(store)
    raw = (store.dvc.top / FILE).read_bytes()
    change(store, found, "", raw[::-1])
    assert store.exists(release(found)), "the size is the same"
    swapped = hashlib.sha256(raw[::-1]).hexdigest()
    assert store.verify(release(found)) == (
        f"{found.uri}: the bytes are sha256:{swapped[:12]}…, not {found.digest[:19]}…"
    )


def test_a_file_added_to_a_folder_is_found(store: ModelStore) -> None:
    found = publish(store, FOLDER)
    change(store, found, "/more.pkl", b"evil")
    assert not store.exists(release(found))
    assert "the bytes are sha256:" in store.verify(release(found))


@pytest.mark.parametrize("path", [FILE, FOLDER])
def test_bytes_that_are_gone_are_published_again(store: ModelStore, path: str) -> None:
    found = publish(store, path)
    change(store, found, "" if path == FILE else "/roc.csv", None)
    assert not store.exists(release(found))
    assert store.verify(release(found)) != ""
    again = publish(store, path)
    assert again.new
    assert again.uri == found.uri
    assert store.verify(release(found)) == ""


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"'x'", b'{"files": 3}', b'{"files": [{"path": ""}]}', b"\xff"]
)
def test_damaged_documents_are_written_anew(local: ModelStore, raw: bytes) -> None:
    found = publish(local)
    change(local, found, ".manifest.json", raw)
    assert not local.exists(release(found))
    assert publish(local).new
    local.place.write(f"iris/by-md5/{found.md5}.json", raw)
    assert publish(local).new
    assert not publish(local).new


def test_nothing_there(local: ModelStore) -> None:
    found = local.would_publish("iris", FILE, md5(local, FILE))
    assert not local.exists(release(found))
    assert local.verify(release(found)) == f"{found.uri}: there is nothing"


def test_a_release_of_an_earlier_store_is_looked_up_where_it_says(rich: Path, opened: Open, s3: Any) -> None:
    dvc = opened(rich)
    today = ModelStore.of("../new", dvc)
    for address in ("../old place", "s3://models/old"):
        before = publish(ModelStore.of(address, dvc))
        assert today.exists(release(before))
        assert today.verify(release(before)) == ""


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("registry/iris:1.4", "registry/iris:1.4: is no address of sha256:000000000000… in a model store"),
        ("s3://models/iris/sha256-" + "1" * 64 + "/m", "is no address of sha256:000000000000… in a model store"),
        ("ssh://host/iris/sha256-" + "0" * 64 + "/m", "ssh://host: is not the model store, and cannot be read from here"),
    ],
)  # fmt: skip
def test_releases_that_are_in_no_store(local: ModelStore, uri: str, said: str) -> None:
    one = Release("iris", "sha256:" + "0" * 64, uri, "c" * 40)
    assert said in refused(ConfigError, lambda: local.exists(one))
    assert said in local.verify(one)


@pytest.mark.parametrize("model", ["", "../x", "a/b", ".x", "ü"])
def test_names_that_are_none(local: ModelStore, model: str) -> None:
    assert "is no name for a model" in refused(ConfigError, lambda: publish(local, model=model))


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "file://host/x", "s3://", "s3://a b/c", "https://host/x"]
)
def test_addresses_that_are_none(local: ModelStore, address: str) -> None:
    message = refused(ConfigError, lambda: ModelStore.of(address, local.dvc))
    assert message.startswith(f"{address}: is no address of ")


def test_neither_a_store_nor_a_remote(dvc_repo: Path, opened: Open) -> None:
    message = refused(ConfigError, lambda: ModelStore.of("", opened(dvc_repo)))
    assert (
        message == "there is no place for the bytes of models: no default DVC remote and no promotion.store"
    )


def test_a_store_that_cannot_be_written(local: ModelStore) -> None:
    (local.dvc.top.parent / "models").write_text("a file where the folder should be")
    message = refused(ToolError, lambda: publish(local))
    assert message.endswith("Not a directory") or message.endswith("File exists")


def test_what_is_no_document_of_ours(local: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    local.place.write("x.json", b"12345")
    monkeypatch.setattr(model_places, "MAX_DOCUMENT", 4)
    message = refused(ToolError, lambda: local.place.read("x.json"))
    assert message == f"{local.place.uri('x.json')}: is too large to be one of our documents"
    message = refused(ToolError, lambda: local.place.hashed("y.json"))
    assert message == f"{local.place.uri('y.json')}: is gone"
    assert refused(ConfigError, lambda: local.place.read("../x")) == "'../x' is no name in a model store"


def test_a_bucket_that_is_not_there(rich: Path, opened: Open, s3: Any) -> None:
    store = ModelStore.of("s3://nowhere/models", opened(rich))
    assert refused(ConfigError, lambda: publish(store)) == "s3://nowhere/models: there is no bucket nowhere"


class ReadOnly(BaseHTTPRequestHandler):
    """A store that has nothing and refuses every write, in S3's words."""

    code, status = "AccessDenied", 403

    def do_GET(self) -> None:
        self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

    def do_HEAD(self) -> None:
        self._answer(404, b"")

    def do_PUT(self) -> None:
        self._answer(self.status, f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode())

    def do_POST(self) -> None:
        self.do_PUT()

    def _answer(self, status: int, body: bytes) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("ExpiredToken", 400)])
def test_a_bucket_that_refuses_the_credentials(
    rich: Path, opened: Open, s3: Any, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    handler = type("Handler", (ReadOnly,), {"code": code, "status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        message = refused(ToolError, lambda: publish(ModelStore.of("s3://models/ours", opened(rich))))
        server.shutdown()
    assert message.startswith("s3://models/ours: the store refuses the credentials: ")


def test_without_pyarrow_a_bucket_says_what_to_install(
    local: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.fs", None)
    with pytest.raises(ConfigError) as found:
        ModelStore.of("s3://models/ours", local.dvc)
    assert found.value.message.startswith("s3://models/ours: reading it needs pyarrow")
    assert found.value.hint == "pip install 'mlops-ci[promotion]'"


def large(root: Path, size: int) -> str:
    """A sparse file ``large.bin``; gives its md5."""
    with (root / "large.bin").open("w+b") as file:
        file.truncate(size)
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def test_a_large_file_is_streamed(local: ModelStore) -> None:
    value = large(local.dvc.top, 100_000_000)
    tracemalloc.start()
    found = local.publish("iris", "large.bin", value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.size == 100_000_000
    assert peak < 30_000_000


def test_a_large_file_goes_to_a_bucket_in_blocks(
    rich: Path, opened: Open, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The store of the test holds what it was sent in this process, so blocks are counted and not bytes of memory.
    seen: list[int] = []

    class Counting:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Counting:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, block: bytes) -> None:
            seen.append(len(block))
            self.file.write(block)

        def read(self, most: int) -> bytes:
            return bytes(self.file.read(most))

    real = ArrowFSWrapper.open
    monkeypatch.setattr(ArrowFSWrapper, "open", lambda *args, **more: Counting(real(*args, **more)))
    store = ModelStore.of("s3://models/ours", opened(rich))
    value = large(rich, 20_000_000)
    assert store.publish("iris", "large.bin", value).size == 20_000_000
    assert seen[:2] == [model_places.BLOCK] * 2
    assert sum(seen) > 20_000_000


# ---- evidence ------------------------------------------------------------------------------------


def test_evidence_is_kept_by_its_digest(store: ModelStore) -> None:
    document = samples.document()
    digest = store.write_evidence(document)
    assert digest == document.digest
    assert store.place.read(f"evidence/{digest.replace(':', '-')}.json") == document.canonical()
    assert store.write_evidence(document) == digest
    assert store.read_evidence(digest) == document


def test_evidence_that_is_rewritten_or_gone(store: ModelStore) -> None:
    document = samples.document()
    digest = store.write_evidence(document)
    name = f"evidence/{digest.replace(':', '-')}.json"
    store.place.write(name, document.canonical().replace(b'"tool":"', b'"tool":"x'))
    message = refused(ToolError, lambda: store.read_evidence(digest))
    assert message == f"{store.place.uri(name)}: was changed: its bytes do not have that digest"
    store.place.fs.rm_file(f"{store.place.path}/{name}")
    message = refused(ToolError, lambda: store.read_evidence(digest))
    assert message == f"{store.place.uri(name)}: there is no such evidence"
    with pytest.raises(ConfigError, match="is no digest of evidence"):
        store.read_evidence("sha256:../../x")
