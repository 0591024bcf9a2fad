"""CML 0.20.6's `cml comment` as it was recorded, good and bad habits alike; installed as a program, standard library alone.

What it does: `cml comment update --target pr/N --watermark-title T [--publish=false] --repo URL REPORT` posts the
report with a watermark, or replaces the newest comment of the first page that carries one, whoever wrote it. Unless
told otherwise it uploads linked files to a host of pictures (here one that is down) and sends telemetry. It always
writes to the global Git configuration. Each call is one line of the file RECORD.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

IMAGE = "https://cml.dev/watermark.png"
# Nobody listens there.
PICTURES = "http://127.0.0.1:9/"


def main(record: Path, words: list[str]) -> int:
    """One call; gives its exit code."""
    if words[:2] != ["comment", "update"]:
        _record(record, words, [])
        return _complain(f"Unknown command: {' '.join(words[:2])}")
    options = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
    plain = [word for word in words[2:] if not (word.startswith("--") and "=" in word)]
    for at in range(0, len(plain) - 1, 2):
        options[plain[at]] = plain[at + 1]
    report = Path(plain[-1])
    text = report.read_text(encoding="utf-8")
    linked = [] if options.get("--publish") == "false" else _linked(text)
    _record(record, words, linked)
    subprocess.run(["git", "config", "--global", "--add", "safe.directory", "*"], check=True)
    try:
        for file in linked:
            urllib.request.urlopen(urllib.request.Request(PICTURES, Path(file).read_bytes(), method="POST"))
        sys.stdout.write(_posted(text, options) + "\n")
    except urllib.error.HTTPError as error:
        return _complain(f"HttpError: {json.loads(error.read())['message']}")
    except (urllib.error.URLError, KeyError) as error:
        return _complain(f"FetchError: {error}")
    return 0


def _record(record: Path, words: list[str], linked: list[str]) -> None:
    told = {
        "words": words,
        "uploaded": linked,
        "telemetry": not os.environ.get("ITERATIVE_DO_NOT_TRACK"),
        "home": os.environ["HOME"],
    }
    with record.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")


def _linked(text: str) -> list[str]:
    """The local files that a report links to, from where it is called and where it works."""
    places = (Path.cwd(), Path(os.environ.get("GITHUB_WORKSPACE", ".")))
    names = re.findall(r"\]\(([^)\s]+)\)", text)
    return [str(place / name) for name in names for place in places if (place / name).is_file()]


def _posted(text: str, options: dict[str, str]) -> str:
    kind, _, number = options["--target"].partition("/")
    if kind != "pr":
        raise KeyError(f"--target={options['--target']} is not in the recorded contract")
    title = f"CML watermark {options.get('--watermark-title', '')}".strip()
    title = title.replace("{workflow}", os.environ.get("GITHUB_WORKFLOW", "undefined"), 1)
    title = re.sub(
        r"([_*\[<])", r"\\\1", title.replace("{run}", os.environ.get("GITHUB_RUN_ID", "undefined"), 1)
    )
    body = f'{text}\n\n![]({IMAGE}#{os.environ["GITHUB_SHA"]} "{title}")'
    mark = re.compile(rf'!\[\]\({re.escape(IMAGE)}#[0-9a-fA-F]+ "{re.escape(title)}"\)')
    repository = options["--repo"]
    issues = f"/repos{urlsplit(repository).path}/issues"
    page = _api(repository, "GET", f"{issues}/{number}/comments")
    for comment in reversed(page):
        if mark.search(comment["body"]):
            path = f"{issues}/comments/{comment['id']}"
            return str(_api(repository, "PATCH", path, {"body": body})["html_url"])
    return str(_api(repository, "POST", f"{issues}/{number}/comments", {"body": body})["html_url"])


def _api(repository: str, method: str, path: str, body: Any = None) -> Any:
    host = urlsplit(repository).netloc
    base = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
    token = next(filter(None, map(os.environ.get, ("CML_TOKEN", "REPO_TOKEN", "GITHUB_TOKEN"))))
    asked = urllib.request.Request(
        base + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"token {token}", "User-Agent": "cml", "Content-Type": "application/json"},
        method=method,
    )
    trusted = ssl.create_default_context(cafile=os.environ.get("NODE_EXTRA_CA_CERTS"))
    with urllib.request.urlopen(asked, context=trusted) as answer:
        return json.load(answer)


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1
