"""Tables in an object store are read like files on disk, alone or as a folder."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters.profiling import profile
from mlops_ci.adapters.sources import open_source
from mlops_ci.errors import ConfigError

pytest.importorskip("moto", reason="moto is not installed")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store on loopback that speaks S3, with two tables and one file that is cut off."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket="tables")
    for year in (2023, 2024):
        raw = io.BytesIO()
        pq.write_table(pa.table({"x": [year, year + 1], "name": ["a", "b"]}), raw)
        client.put_object(Bucket="tables", Key=f"all/year={year}/part.parquet", Body=raw.getvalue())
    client.put_object(Bucket="tables", Key="broken/one.parquet", Body=raw.getvalue()[:-30])
    client.put_object(Bucket="tables", Key="none/notes.txt", Body=b"none")
    yield url
    server.stop()


@pytest.fixture(autouse=True)
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that leads to the store."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_file_of_a_store() -> None:
    found = profile("s3://tables/all/year=2023/part.parquet")
    assert (found.rows, [one.name for one in found.columns]) == (2, ["x", "name"])


def test_a_partitioned_folder_of_a_store() -> None:
    source = open_source("s3://tables/all/")
    rows = [row for batch in source.batches(["x", "year"]) for row in batch.to_pylist()]
    assert rows == [
        {"x": 2023, "year": 2023},
        {"x": 2024, "year": 2023},
        {"x": 2024, "year": 2024},
        {"x": 2025, "year": 2024},
    ]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://tables/none", "s3://tables/none: is a folder without any table"),
        ("s3://tables/broken/one.parquet", "s3://tables/broken/one.parquet: is no readable Parquet file"),
    ],
)
def test_what_is_no_table_is_refused(address: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        profile(address)
    assert raised.value.message.startswith(words)
