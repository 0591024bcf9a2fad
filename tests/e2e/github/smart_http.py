"""Git over HTTP: git's own http-backend as a CGI process."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .calls import Answer
from .server import Incoming

PATTERN = re.compile(
    r"/(?P<repository>[^/]+/[^/]+?)(?:\.git)?(?P<rest>/info/refs|/git-upload-pack|/git-receive-pack|/HEAD|/objects/.*)"
)


def understood(path: str) -> tuple[str, str] | None:
    """The repository of a request and the rest of its path."""
    match = PATTERN.fullmatch(path)
    return (match["repository"], match["rest"]) if match else None


def writes(incoming: Incoming) -> bool:
    return "git-receive-pack" in incoming.path or incoming.query.get("service") == "git-receive-pack"


def serve(
    folder: Path, repository: str, rest: str, incoming: Incoming, login: str, limits: Mapping[str, str]
) -> Answer:
    """What git's http-backend answers; ``limits`` are told to the repository's hook."""
    environ = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository}.git{rest}",
        "REQUEST_METHOD": incoming.method,
        "QUERY_STRING": incoming.query_text,
        "CONTENT_TYPE": incoming.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(incoming.data)),
        "HTTP_CONTENT_ENCODING": incoming.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": incoming.headers.get("git-protocol", ""),
        "REMOTE_USER": login,
        **limits,
    }
    done = subprocess.run(
        ["git", "http-backend"], input=incoming.data, env=environ, capture_output=True, check=False
    )
    head, _, data = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200").split()[0])
    return Answer(status, data=data, headers=headers)
