"""Unpack artifacts of a run, found through the API with the given token, or in this run's own store without one."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

ENVIRON = os.environ


def opened(address: str, secret: str) -> bytes:
    request = urllib.request.Request(address)
    # Unlike a header of the request it does not follow a redirection to the store's own host.
    request.add_unredirected_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def by_api() -> dict[str, bytes]:
    """Archives of another run by name."""
    run = f"{ENVIRON['GITHUB_API_URL']}/repos/{ENVIRON['REPOSITORY']}/actions/runs/{ENVIRON['RUN']}/artifacts"
    listed: list[dict[str, Any]] = json.loads(opened(f"{run}?per_page=100", ENVIRON["TOKEN"]))["artifacts"]
    return {
        one["name"]: opened(one["archive_download_url"], ENVIRON["TOKEN"])
        for one in listed
        if wanted(one["name"])
    }


def by_store() -> dict[str, bytes]:
    """Archives of this run by name."""
    run = f"{ENVIRON['GITHUB_SERVER_URL']}/_stand/artifacts/{ENVIRON['GITHUB_RUN_ID']}"
    secret = ENVIRON["ACTIONS_RUNTIME_TOKEN"]
    names: list[str] = json.loads(opened(run, secret))
    return {name: opened(f"{run}/{name}", secret) for name in names if wanted(name)}


def wanted(name: str) -> bool:
    if ENVIRON["NAME"]:
        return name == ENVIRON["NAME"]
    return fnmatch.fnmatchcase(name, ENVIRON["PATTERN"] or "*")


def main() -> int:
    if not ENVIRON["TOKEN"] and ENVIRON["RUN"] != ENVIRON["GITHUB_RUN_ID"]:
        sys.stdout.write("::error::another run's artifacts need the input github-token\n")
        return 1
    found = by_api() if ENVIRON["TOKEN"] else by_store()
    if ENVIRON["NAME"] and not found:
        sys.stdout.write(
            f"::error::Unable to download artifact(s): Artifact not found for name: {ENVIRON['NAME']}\n"
        )
        return 1
    folder = Path(ENVIRON["FOLDER"]).absolute()
    together = bool(ENVIRON["NAME"]) or ENVIRON["MERGE"] == "true" or len(found) == 1
    for name, data in found.items():
        with zipfile.ZipFile(BytesIO(data)) as archive:
            archive.extractall(folder if together else folder / name)
    with Path(ENVIRON["GITHUB_OUTPUT"]).open("a") as out:
        out.write(f"download-path={folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
