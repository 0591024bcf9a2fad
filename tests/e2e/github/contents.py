"""Files as the API gives them, read from the repository: as JSON, or raw where a client asks for that."""

from __future__ import annotations

import base64
from typing import Any

from .bare import Bare
from .calls import Answer, Call, Operation, not_found
from .forge import Forge

# Above this size GitHub leaves the content out of the JSON.
INLINE = 1_000_000


class Contents:
    """Reads files and folders."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge

    def operations(self) -> dict[str, Operation]:
        return {"repos/get-content": self.get}

    def get(self, call: Call) -> Answer:
        bare, path = self.forge.bare(call.repository), call.params["path"].strip("/")
        ref = call.query.get("ref") or self.forge.repository(call.repository)["default_branch"]
        commit = self.forge.commit(call, ref)
        kind, sha = _object(bare, commit, path)
        if kind == "tree":
            return Answer(200, [self._entry(call, ref, entry) for entry in _entries(bare, commit, path)])
        data = bare.raw("cat-file", "blob", sha)
        if "raw" in call.accept:
            return Answer(200, headers={"Content-Type": "application/vnd.github.raw+json"}, data=data)
        inline = len(data) <= INLINE
        content = {
            "encoding": "base64" if inline else "none",
            "content": base64.encodebytes(data).decode() if inline else "",
        }
        return Answer(200, {**self._entry(call, ref, ("blob", sha, len(data), path)), **content})

    def _entry(self, call: Call, ref: str, entry: tuple[str, str, int, str]) -> dict[str, Any]:
        kind, sha, size, path = entry
        url = self.forge.url(call.repository, "contents", f"{path}?ref={ref}")
        plural = {"blob": "blobs", "tree": "trees", "commit": "commits"}[kind]
        git = self.forge.url(call.repository, "git", plural, sha)
        page = self.forge.page_url(call.repository, kind, ref, path)
        raw = self.forge.page_url(call.repository, "raw", ref, path) if kind == "blob" else None
        return {
            "type": {"blob": "file", "tree": "dir", "commit": "submodule"}[kind],
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "size": size,
            "url": url,
            "git_url": git,
            "html_url": page,
            "download_url": raw,
            "_links": {"self": url, "git": git, "html": page},
        }


def _object(bare: Bare, commit: str, path: str) -> tuple[str, str]:
    """What stands at a path: its kind and SHA."""
    if not path:
        return "tree", bare.git("rev-parse", f"{commit}^{{tree}}")
    line = bare.git("ls-tree", commit, "--", path)
    if not line:
        not_found()
    _, kind, sha = line.partition("\t")[0].split()
    return kind, sha


def _entries(bare: Bare, commit: str, path: str) -> list[tuple[str, str, int, str]]:
    """The entries of a folder: kind, SHA, size, path."""
    listed = bare.git("ls-tree", "--long", "-z", commit, *(["--", f"{path}/"] if path else []))
    found = []
    for line in listed.split("\0")[:-1]:
        facts, _, name = line.partition("\t")
        _, kind, sha, size = facts.split()
        found.append((kind, sha, int(size) if size.isdigit() else 0, name))
    return found
