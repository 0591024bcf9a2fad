"""Commits and changed files as the API words them, read from the repository."""

from __future__ import annotations

from typing import Any

from .bare import Bare
from .forge import Forge

KINDS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
FORMAT = "%x00".join(("%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"))


def commit(forge: Forge, repository: str, sha: str) -> dict[str, Any]:
    """A commit in a list of commits."""
    tree, parents, *people, message = (
        forge.bare(repository).git("log", "-1", f"--format={FORMAT}", sha).split("\0")
    )
    author, committer = _person(people[:3]), _person(people[3:])
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": forge.url(repository, "commits", sha),
        "html_url": forge.page_url(repository, "commit", sha),
        "comments_url": forge.url(repository, "commits", sha, "comments"),
        "commit": {
            "url": forge.url(repository, "git", "commits", sha),
            "author": author,
            "committer": committer,
            "message": message.rstrip("\n"),
            "comment_count": 0,
            "tree": {"sha": tree, "url": forge.url(repository, "git", "trees", tree)},
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "author": _account(forge, author["email"]),
        "committer": _account(forge, committer["email"]),
        "parents": [
            {
                "sha": parent,
                "url": forge.url(repository, "commits", parent),
                "html_url": forge.page_url(repository, "commit", parent),
            }
            for parent in parents.split()
        ],
    }


def _person(fields: list[str]) -> dict[str, str]:
    return dict(zip(("name", "email", "date"), fields, strict=True))


def _account(forge: Forge, email: str) -> dict[str, Any] | None:
    """GitHub knows people by their e-mail address; here by the one that it gives out itself."""
    login, _, host = email.partition("@")
    known = host == "users.noreply.github.com" and login in {token.login for token in forge.tokens.values()}
    return forge.user(login) if known else None


def files(forge: Forge, repository: str, base: str, head: str) -> list[dict[str, Any]]:
    """What changed from where head left base, by file, with its patch."""
    bare = forge.bare(repository)
    span = f"{base}...{head}"
    fields = bare.git("diff", "--raw", "--no-abbrev", "-M", "-z", span).split("\0")[:-1]
    found = []
    while fields:
        _, _, _, blob, state = fields.pop(0).split()
        names = [fields.pop(0) for _ in range(2 if state[0] in "RC" else 1)]
        found.append(_file(forge, repository, head, blob, KINDS[state[0]], names, _patch(bare, span, names)))
    return found


def _patch(bare: Bare, span: str, names: list[str]) -> str:
    return bare.git("diff", "-M", span, "--", *names)


def _file(
    forge: Forge, repository: str, head: str, blob: str, kind: str, names: list[str], patch: str
) -> dict[str, Any]:
    """One changed file. Binary files and pure renames have no hunks and so no patch."""
    _, mark, hunks = patch.partition("\n@@ ")
    lines = hunks.split("\n")[1:] if mark else []
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    found = {
        "sha": blob,
        "filename": names[-1],
        "status": kind,
        "additions": added,
        "deletions": removed,
        "changes": added + removed,
        "blob_url": forge.page_url(repository, "blob", head, names[-1]),
        "raw_url": forge.page_url(repository, "raw", head, names[-1]),
        "contents_url": forge.url(repository, "contents", f"{names[-1]}?ref={head}"),
    }
    if mark:
        found["patch"] = f"@@ {hunks}"
    if len(names) > 1:
        found["previous_filename"] = names[0]
    return found
