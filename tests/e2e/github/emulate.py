"""The emulator of GitHub's API as a process on the loopback interface, and a client that speaks to it."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = "stand-root"
# Emulate lets a token ask 5,000 times an hour; a push of a real project needs more.
ROOT_TOKENS = 40
LAUNCHER = Path(__file__).with_name("emulate.mjs")


@dataclass(frozen=True)
class Reply:
    """What emulate answered."""

    status: int
    body: Any
    headers: dict[str, str]


class EmulateError(Exception):
    """Emulate did not start, or did not keep what it was given."""


def seed(logins: Iterable[str], organisations: Iterable[str], repositories: Iterable[str]) -> dict[str, Any]:
    """What emulate knows at its start. It takes a stranger for the first user: that is nobody."""
    users = ["nobody", ROOT, *logins]
    return {
        "tokens": {
            **{_token(login): {"login": login, "scopes": ["repo"]} for login in users},
            **{_token(f"{ROOT}-{n}"): {"login": ROOT, "scopes": ["repo"]} for n in range(ROOT_TOKENS)},
        },
        "github": {
            "users": [{"login": login, "email": f"{login}@example.invalid"} for login in users],
            "orgs": [{"login": name} for name in organisations],
            # Who may do what is decided before emulate is asked: it lets everybody write to a public repository.
            "repos": [
                {"owner": owner, "name": name, "private": False, "auto_init": False}
                for owner, _, name in (full.partition("/") for full in repositories)
            ],
        },
    }


def _token(login: str) -> str:
    return f"emulate-{quote(login, safe='')}"


class Emulate:
    """One running emulate."""

    def __init__(self, command: list[str], folder: Path, address: str, seeds: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "seed.json"
        # JSON is YAML.
        file.write_text(json.dumps(seeds))
        self.process = subprocess.Popen(
            [*command, "start", "-s", "github", "--seed", str(file), "--base-url", address],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            text=True,
        )
        self.address = address
        self.output: list[str] = []
        self.port = self._port()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self._turn = itertools.cycle(range(ROOT_TOKENS))

    def _port(self) -> int:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if match := re.fullmatch(r"listening on (\d+)\n", line):
                return int(match[1])
        self.process.wait()
        raise EmulateError("".join(self.output))

    def _drain(self) -> None:
        assert self.process.stdout is not None
        self.output.extend(self.process.stdout)

    def ask(self, method: str, path: str, body: Any = None, login: str = ROOT) -> Reply:
        """Ask as somebody; by default as the one who may do everything."""
        token = _token(f"{ROOT}-{next(self._turn)}" if login == ROOT else login)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        # Pages point to emulate's own port, whatever its base URL is.
        headers["link"] = headers.get("link", "").replace(f"http://127.0.0.1:{self.port}", self.address)
        found = json.loads(data) if data and "json" in answer.headers.get("Content-Type", "") else None
        return Reply(answer.status, found, headers)

    def get(self, path: str) -> Any:
        """What stands at a path that must be there."""
        return self.must("GET", path)

    def must(self, method: str, path: str, body: Any = None, login: str = ROOT) -> Any:
        """The body of an answer that must be a success."""
        reply = self.ask(method, path, body, login)
        if reply.status >= 300:
            raise EmulateError(f"{method} {path}: {reply.status} {reply.body}")
        return reply.body

    def pages(self, path: str) -> list[Any]:
        """Every entry of a list."""
        found: list[Any] = []
        mark = "&" if "?" in path else "?"
        for number in range(1, 1000):
            page = self.get(f"{path}{mark}per_page=100&page={number}")
            found += page
            if len(page) < 100:
                break
        return found

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()
