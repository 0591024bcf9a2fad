"""Object stores: what is there is found, what is not is said in one line and without a secret."""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters import buckets
from mlops_ci.errors import ConfigError, MlopsError, ToolError

SECRET = "0123456789topsecret"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store on loopback that speaks S3, with one bucket."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key=SECRET
    )
    client.create_bucket(Bucket="deliveries")
    raw = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3]}), raw)
    client.put_object(Bucket="deliveries", Key="2026/one.parquet", Body=raw.getvalue())
    yield url
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment that leads to the store."""
    credentials(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return endpoint


def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def refused(kind: type[MlopsError], uri: str) -> str:
    with pytest.raises(kind) as found:
        buckets.filesystem(uri)
    assert found.value.hint
    assert SECRET not in found.value.message + found.value.hint
    assert "\n" not in found.value.message
    return found.value.message


def test_a_file_is_read(store: str) -> None:
    system, path = buckets.filesystem("s3://deliveries/2026/one.parquet")
    assert path == "deliveries/2026/one.parquet"
    assert pq.read_table(path, filesystem=system)["x"].to_pylist() == [1, 2, 3]


def test_a_folder_and_a_bucket_are_listed(store: str) -> None:
    for uri in ("s3://deliveries/2026/", "s3://deliveries/2026", "s3://deliveries"):
        system, path = buckets.filesystem(uri)
        found = system.get_file_info(pafs.FileSelector(path, recursive=True))
        assert "deliveries/2026/one.parquet" in [one.path for one in found]


def test_the_endpoint_of_s3_comes_before_the_one_of_all_services(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert buckets.filesystem("s3://deliveries")[1] == "deliveries"


def test_nothing_there(store: str) -> None:
    expected = "s3://deliveries/2027: there is nothing there"
    assert expected == refused(ConfigError, "s3://deliveries/2027")


@pytest.mark.parametrize("path", ["", "/2026/one.parquet"])
def test_no_such_bucket(store: str, path: str) -> None:
    expected = f"s3://nowhere{path}: there is no bucket nowhere"
    assert expected == refused(ConfigError, f"s3://nowhere{path}")


@pytest.mark.parametrize("uri", ["s3://", "s3:///x", "s3://a b/c", "ftp://bucket/x", "file.csv"])
def test_what_is_no_address(uri: str) -> None:
    assert f"{uri}: is no address of an object store" == refused(ConfigError, uri)


def test_a_store_that_is_down_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    began = time.monotonic()
    message = refused(ToolError, "s3://deliveries/2026")
    assert message.startswith("s3://deliveries/2026: the store does not answer: ")
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_google_that_is_down_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{closed_port()}")
    began = time.monotonic()
    message = refused(ToolError, "gs://deliveries/2026")
    assert message.startswith("gs://deliveries/2026: the store does not answer: ")
    assert time.monotonic() - began < 30


def test_an_endpoint_that_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"gopher://user:{SECRET}@store")
    assert "Invalid S3 connection scheme 'gopher'" in refused(ToolError, "s3://deliveries/2026")


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("AWS Error ACCESS_DENIED during HeadObject operation: no", ToolError, "the store refuses the credentials: "),
        ("AWS Error UNKNOWN (HTTP status 403) during HeadObject operation", ToolError, "the store refuses the credentials: "),
        ("AWS Error UNKNOWN (HTTP status 400): ExpiredToken: The provided token has expired", ToolError, "the store refuses the credentials: "),
        ("AWS Error NO_SUCH_BUCKET during ListObjectsV2", ConfigError, "there is no bucket b"),
        ("When resolving region for bucket 'b': Bucket 'b' not found", ConfigError, "there is no bucket b"),
        ("curlCode: 6, Could not resolve hostname", ToolError, "the store does not answer: "),
        ("", ToolError, "the store does not answer: OSError"),
    ],
)  # fmt: skip
def test_what_stores_say(text: str, kind: type[MlopsError], said: str) -> None:
    found = buckets.refusal("s3://b/c", "b", OSError(text))
    assert kind is type(found)
    assert found.message.startswith(f"s3://b/c: {said}")


class _Forbids(BaseHTTPRequestHandler):
    """Answers as Amazon does to a wrong signature."""

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(monkeypatch)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Forbids) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        message = refused(ToolError, "s3://deliveries/2026/one.parquet")
        server.shutdown()
    assert message.startswith("s3://deliveries/2026/one.parquet: the store refuses the credentials: ")


def test_a_long_reason_is_cut_and_secrets_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    message = buckets.refusal("s3://b/c", "b", OSError(f"{SECRET} http://u:pw@h/ " + "x" * 1000)).message
    assert message.startswith("s3://b/c: the store does not answer: *** http://***@h/ xxx")
    assert message.endswith("x…")
    assert len(message) < 260
