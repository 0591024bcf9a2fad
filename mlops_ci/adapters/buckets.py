"""Object stores as file systems: s3:// and gs:// through pyarrow, with a clear word when one is not there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_ci.errors import ConfigError, ToolError

if TYPE_CHECKING:
    import pyarrow.fs as pafs

SCHEMES = ("s3://", "gs://")
# Seconds; a test of a pull request should not hang on a store that does not answer.
_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 3.0, 30.0, 2
_GOOGLE_SECONDS = 5.0
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


def filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of an address and the path in it; that the address exists has been checked.

    Amazon's usual variables are honoured: keys, profile, region, ``AWS_ENDPOINT_URL_S3`` and
    ``AWS_ENDPOINT_URL`` (http too). ``gs://`` uses Google's default credentials and
    ``STORAGE_EMULATOR_HOST``.

    Raises:
        ConfigError: the address is malformed, nothing is there, or pyarrow is missing.
        ToolError: the store does not answer, or refuses the credentials.
    """
    store, path = opened(uri, "pip install 'mlops-ci[checks]'")
    import pyarrow.fs as pafs

    bucket = path.partition("/")[0]
    try:
        found = store.get_file_info([path])[0]
        if found.type == pafs.FileType.NotFound and bucket != path:
            _bucket_exists(store, pafs, bucket, uri)
    except (OSError, ValueError) as error:
        raise refusal(uri, bucket, error) from error
    if found.type == pafs.FileType.NotFound:
        what = f"no bucket {bucket}" if bucket == path else "nothing there"
        raise ConfigError(f"{uri}: there is {what}", "check the name")
    return store, path


def opened(uri: str, install: str) -> tuple[pafs.FileSystem, str]:
    """The file system of an address and the path in it, whether there is something or not.

    ``install`` is the command that a person without pyarrow is told.

    Raises:
        ConfigError: the address is malformed, or pyarrow is missing.
        ToolError: the store's region cannot be found out.
    """
    scheme, _, path = uri.partition("://")
    path = path.rstrip("/")
    bucket = path.partition("/")[0]
    if f"{scheme}://" not in SCHEMES or not re.fullmatch(r"[A-Za-z0-9._-]+", bucket):
        raise ConfigError(
            f"{uri}: is no address of an object store", "write s3://bucket/path or gs://bucket/path"
        )
    try:
        import pyarrow.fs as pafs
    except ModuleNotFoundError as error:
        raise ConfigError(f"{uri}: reading it needs {error.name}", install) from error
    try:
        return (_s3(pafs, bucket, os.environ) if scheme == "s3" else _gs(pafs, os.environ)), path
    except (OSError, ValueError) as error:
        raise refusal(uri, bucket, error) from error


def _bucket_exists(store: Any, pafs: Any, bucket: str, uri: str) -> None:
    """Tell a missing bucket from a missing object."""
    if store.get_file_info([bucket])[0].type == pafs.FileType.NotFound:
        raise ConfigError(f"{uri}: there is no bucket {bucket}", "check the name")


def _s3(pafs: Any, bucket: str, environment: Mapping[str, str]) -> Any:
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    settings: dict[str, Any] = {}
    if endpoint:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        settings["scheme"] = parts.scheme
        settings["endpoint_override"] = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region or endpoint:
        # A store that only speaks S3 has no regions, but requests are signed with one.
        settings["region"] = region or "us-east-1"
    else:
        settings["region"] = _region(pafs, bucket)
    return pafs.S3FileSystem(
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        **settings,
    )


def _region(pafs: Any, bucket: str) -> str:
    """Where Amazon says that the bucket is."""
    return str(pafs.resolve_s3_region(bucket))


def _gs(pafs: Any, environment: Mapping[str, str]) -> Any:
    import datetime

    limit = datetime.timedelta(seconds=_GOOGLE_SECONDS)
    emulator = environment.get("STORAGE_EMULATOR_HOST", "")
    if not emulator:
        return pafs.GcsFileSystem(retry_time_limit=limit)
    parts = urlsplit(emulator if "://" in emulator else f"http://{emulator}")
    return pafs.GcsFileSystem(
        anonymous=True, scheme=parts.scheme, endpoint_override=parts.netloc, retry_time_limit=limit
    )


def refusal(uri: str, bucket: str, error: Exception) -> ConfigError | ToolError:
    """What the store said, as one line without a secret."""
    text = " ".join(str(error).split()) or type(error).__name__
    reason = _without_secrets(text, os.environ)
    if re.search(r"NoSuchBucket|NO_SUCH_BUCKET|[Bb]ucket '?[^ ]*'? (not found|does not exist)", text):
        return ConfigError(f"{uri}: there is no bucket {bucket}", "check the name")
    if re.search(
        r"ACCESS_DENIED|AccessDenied|HTTP status 40[13]|SignatureDoesNotMatch|INVALID_|Unauthorized|Expired",
        text,
    ):
        return ToolError(
            f"{uri}: the store refuses the credentials: {_short(reason)}",
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role, and what they may do there",
        )
    return ToolError(
        f"{uri}: the store does not answer: {_short(reason)}",
        "check the network, the region and AWS_ENDPOINT_URL",
    )


def _without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """The text with the values of secret variables taken out."""
    for name in _SECRETS:
        value = environment.get(name)
        if value and len(value) >= 6:
            text = text.replace(value, "***")
    return re.sub(r"(//)[^/@\s]+@", r"\1***@", text)


def _short(text: str, width: int = 200) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
