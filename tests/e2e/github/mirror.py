"""One truth of Git: what is pushed is replayed into emulate, what is written by REST goes into the repository.

Emulate names blobs, trees and commits as Git does, so every name is held to be equal. Annotated tags are the exception
(emulate invents their names): there a tag points to the commit itself. A commit's message ends in a line feed, as
`git commit` writes it; emulate knows no other.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from .bare import NONE, Bare
from .emulate import Emulate, EmulateError

Object = tuple[str, bytes]


class Mirror:
    """Joins one bare repository with emulate's repository of the same name."""

    def __init__(self, bare: Bare, emulate: Emulate, full_name: str) -> None:
        self.bare = bare
        self.emulate = emulate
        self.root = f"/repos/{full_name}/git"
        self.known: set[str] = set()
        self.tips: set[str] = set()

    # ---- from Git to emulate

    def push(self, ref: str, new: str) -> None:
        """Bring a ref of the repository into emulate with every object that it needs."""
        if new == NONE:
            self._expect(self.emulate.ask("DELETE", f"{self.root}/{ref}").status, 204, ref)
            return
        commit = self.bare.commit(new)
        assert commit is not None, f"{ref} is no commit"
        self.replay(commit)
        there = self.emulate.ask("GET", f"{self.root}/{ref.replace('refs/', 'ref/', 1)}").status == 200
        if there:
            found = self.emulate.must("PATCH", f"{self.root}/{ref}", {"sha": commit, "force": True})
        else:
            found = self.emulate.must("POST", f"{self.root}/refs", {"ref": ref, "sha": commit})
        self._expect(found["object"]["sha"], commit, ref)

    def replay(self, tip: str) -> None:
        """Bring a commit into emulate with everything that it needs."""
        listed = self.bare.git("rev-list", "--objects", "--reverse", "--topo-order", tip, *self._without())
        names = [line.partition(" ")[0] for line in listed.splitlines()]
        objects = dict(zip(names, self._read(names), strict=True))
        for sha, (kind, data) in objects.items():
            if kind == "blob":
                self._post(sha, "blobs", {"content": base64.b64encode(data).decode(), "encoding": "base64"})
        for sha, (kind, data) in objects.items():
            if kind == "commit":
                self._post_tree(_headers(data)["tree"][0], objects)
                self._post(sha, "commits", _commit(data))
        self.tips.add(tip)

    def _without(self) -> list[str]:
        return [f"^{sha}" for sha in sorted(self.tips)]

    def _read(self, names: list[str]) -> Iterator[Object]:
        out = self.bare.raw("cat-file", "--batch", data="".join(f"{name}\n" for name in names).encode())
        while out:
            head, _, rest = out.partition(b"\n")
            _, kind, size = head.split()
            yield kind.decode(), rest[: int(size)]
            out = rest[int(size) + 1 :]

    def _post_tree(self, sha: str, objects: dict[str, Object]) -> None:
        if sha in self.known or sha not in objects:
            return
        entries = list(_entries(objects[sha][1]))
        for entry in entries:
            if entry["type"] == "tree":
                self._post_tree(entry["sha"], objects)
        self._post(sha, "trees", {"tree": entries})

    def _post(self, sha: str, kind: str, body: dict[str, Any]) -> None:
        if sha not in self.known:
            self._expect(self.emulate.must("POST", f"{self.root}/{kind}", body)["sha"], sha, kind)
            self.known.add(sha)

    # ---- from emulate to Git

    def pull(self, ref: str) -> str:
        """Bring a ref that REST has moved, created or deleted into the repository; gives where it stands."""
        reply = self.emulate.ask("GET", f"{self.root}/{ref.replace('refs/', 'ref/', 1)}")
        if reply.status != 200:
            self.bare.git("update-ref", "-d", ref)
            return NONE
        sha: str = reply.body["object"]["sha"]
        self.take_commit(sha)
        self.tips.add(sha)
        self.bare.move(ref, sha)
        return sha

    def take_commit(self, sha: str) -> None:
        if self._has(sha):
            return
        found = self.emulate.get(f"{self.root}/commits/{sha}")
        for parent in found["parents"]:
            self.take_commit(parent["sha"])
        self.take_tree(found["tree"]["sha"])
        lines = [
            f"tree {found['tree']['sha']}",
            *(f"parent {parent['sha']}" for parent in found["parents"]),
            f"author {_signature(found['author'])}",
            f"committer {_signature(found['committer'])}",
        ]
        text = "\n".join([*lines, "", found["message"]])
        self._write("commit", sha, f"{text.removesuffix(chr(10))}\n".encode())

    def take_tree(self, sha: str) -> None:
        if self._has(sha):
            return
        entries = self.emulate.get(f"{self.root}/trees/{sha}")["tree"]
        for entry in entries:
            if entry["type"] == "tree":
                self.take_tree(entry["sha"])
            elif entry["type"] == "blob":
                self.take_blob(entry["sha"])
        lines = "".join(f"{one['mode']} {one['type']} {one['sha']}\t{one['path']}\0" for one in entries)
        self._expect(self.bare.git("mktree", "-z", data=lines), sha, "tree")
        self.known.add(sha)

    def take_blob(self, sha: str) -> None:
        if not self._has(sha):
            found = self.emulate.get(f"{self.root}/blobs/{sha}")
            self._write("blob", sha, base64.b64decode(found["content"]))

    def _has(self, sha: str) -> bool:
        return sha in self.known or self.bare.has(sha)

    def _write(self, kind: str, sha: str, data: bytes) -> None:
        made = self.bare.raw("hash-object", "-w", "--stdin", "-t", kind, data=data).decode().strip()
        self._expect(made, sha, kind)
        self.known.add(sha)

    def _expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            raise EmulateError(f"{self.root}: {what} is {found}, not {wanted}")


def _headers(data: bytes) -> dict[str, list[str]]:
    """The header lines of a commit."""
    found: dict[str, list[str]] = {}
    for line in data.partition(b"\n\n")[0].decode().split("\n"):
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


def _commit(data: bytes) -> dict[str, Any]:
    """A commit object as the API takes it."""
    headers = _headers(data)
    return {
        "message": data.partition(b"\n\n")[2].decode(),
        "tree": headers["tree"][0],
        "parents": headers.get("parent", []),
        "author": _person(headers["author"][0]),
        "committer": _person(headers["committer"][0]),
    }


def _person(line: str) -> dict[str, str]:
    who, _, email_and_time = line.partition(" <")
    email, _, moment = email_and_time.partition("> ")
    seconds, zone = moment.split()
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) * (-1 if zone[0] == "-" else 1)
    date = datetime.fromtimestamp(int(seconds), timezone(offset))
    return {"name": who, "email": email, "date": date.isoformat()}


def _signature(person: dict[str, str]) -> str:
    """A person as a commit object holds it."""
    date = datetime.fromisoformat(person["date"])
    return f"{person['name']} <{person['email']}> {int(date.timestamp())} {date:%z}"


def _entries(data: bytes) -> Iterator[dict[str, str]]:
    """The entries of a tree object as the API takes them."""
    while data:
        head, _, rest = data.partition(b"\0")
        mode, _, path = head.decode().partition(" ")
        kind = {"40000": "tree", "160000": "commit"}.get(mode, "blob")
        yield {"path": path, "mode": mode.zfill(6), "type": kind, "sha": rest[:20].hex()}
        data = rest[20:]
