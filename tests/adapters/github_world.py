"""A small GitHub with a memory: pull requests, comments, people, files and check runs, for tests of whole runs."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.github_double import REPOSITORY, ROOT, Double, Reply, Request
from tests.adapters.github_spec.contract import example

BOT = "github-actions[bot]"
GONE = Reply(404, {"message": "Not Found"})
FORBIDDEN = Reply(403, {"message": "Resource not accessible by integration"})

Handler = Callable[["World", Request, re.Match[str]], Reply]
Plain = dict[str, Any]


@dataclass
class World:
    """What is on GitHub. ``refused`` answers 403 to the writes of these paths; ``seen`` hears of every write.

    ``people`` have a permission, ``teams`` members; a team that is not there cannot be seen. ``files`` are
    the base branch's.
    """

    pulls: list[Plain] = field(default_factory=list)
    comments: list[Plain] = field(default_factory=list)
    checks: list[Plain] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    teams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    seen: Callable[[int], None] = lambda _count: None
    writes: int = 0

    @classmethod
    def of(cls, double: Double) -> World:
        """The world behind a double."""
        made = cls()
        double.world = made
        return made

    def __call__(self, request: Request) -> Reply | None:
        for method, pattern, handler in HANDLERS:
            own = pattern.startswith(("/graphql", "/orgs"))
            found = re.fullmatch(pattern if own else ROOT + pattern, request.path)
            if method == request.method and found:
                return self._answered(request, handler, found)
        return None

    def _answered(self, request: Request, handler: Handler, found: re.Match[str]) -> Reply:
        if request.method == "GET" or request.path == "/graphql":
            return handler(self, request, found)
        if any(re.search(path, request.path) for path in self.refused):
            return FORBIDDEN
        reply = handler(self, request, found)
        self.writes += 1
        self.seen(self.writes)
        return reply

    # ---- what a test says and asks -------------------------------------------------------------

    def opened(
        self, number: int, head: str, sha: str, *, base: str = "main", repository: str = REPOSITORY
    ) -> Plain:
        """A pull request that is there."""
        plain: Plain = example("pull-request-simple-items")[0]
        plain |= {"number": number, "state": "open", "merged_at": None, "title": f"Pull {number}"}
        for side, ref, commit, name in (
            ("head", head, sha, repository),
            ("base", base, "0" * 40, REPOSITORY),
        ):
            plain[side] |= {"ref": ref, "sha": commit}
            plain[side]["repo"]["full_name"] = name
        self.pulls.insert(0, plain)
        return plain

    def says(
        self, number: int, login: str, body: str, *, created: str, updated: str = "", kind: str = "User"
    ) -> Plain:
        """A comment that somebody wrote on a pull request."""
        reply = _commented(self, Request("POST", "", "", {}, {}, {"body": body}), _numbered(number))
        plain: Plain = reply.body
        plain["user"] = plain["user"] | {"login": login, "type": kind}
        plain |= {"created_at": created, "updated_at": updated or created}
        return plain

    def bodies(self, number: int) -> list[str]:
        """The comments of a pull request."""
        return [one["body"] for one in self.comments if one["issue_url"].endswith(f"/{number}")]

    def standing(self, sha: str) -> dict[str, str]:
        """The checks of a commit by name: how the newest of each ended, or that it has not."""
        return {
            one["name"]: one["conclusion"] or one["status"] for one in self.checks if one["head_sha"] == sha
        }

    def titles(self, sha: str) -> dict[str, str]:
        """What the checks of a commit say in one line."""
        return {one["name"]: one["output"]["title"] for one in self.checks if one["head_sha"] == sha}


def _numbered(number: int) -> re.Match[str]:
    found = re.fullmatch(r"(\d+)", str(number))
    assert found
    return found


def _viewer(_world: World, _request: Request, _found: re.Match[str]) -> Reply:
    return Reply(body={"data": {"viewer": {"login": BOT}}})


def _pull(world: World, _request: Request, found: re.Match[str]) -> Reply:
    for plain in world.pulls:
        if plain["number"] == int(found[1]):
            full: Plain = example("pull-request", merged_at=None)
            return Reply(
                body=full | {key: plain[key] for key in ("number", "title", "head", "base", "state")},
                true=False,
            )
    return Reply(404, {"message": "Not Found"})


def _pulls(world: World, _request: Request, _found: re.Match[str]) -> Reply:
    return Reply(body=world.pulls)


def _pulls_of(world: World, _request: Request, found: re.Match[str]) -> Reply:
    return Reply(body=[one for one in world.pulls if one["head"]["sha"] == found[1]])


def _comments(world: World, _request: Request, found: re.Match[str]) -> Reply:
    return Reply(body=[one for one in world.comments if one["issue_url"].endswith(f"/{found[1]}")])


def _comment(world: World, _request: Request, found: re.Match[str]) -> Reply:
    return Reply(body=world.comments[int(found[1]) - 1])


def _commented(world: World, request: Request, found: re.Match[str]) -> Reply:
    number = len(world.comments) + 1
    place = f"https://github.com/{REPOSITORY}/issues/{found[1]}"
    made: Plain = example("issue-comment", user__login=BOT, user__type="Bot")
    made |= {"id": number, "body": request.body["body"], "issue_url": place}
    world.comments.append(made | {"html_url": f"{place}#issuecomment-{number}"})
    return Reply(201, world.comments[-1])


def _edited(world: World, request: Request, found: re.Match[str]) -> Reply:
    plain = world.comments[int(found[1]) - 1]
    plain["body"] = request.body["body"]
    return Reply(body=plain)


def _checks(world: World, request: Request, found: re.Match[str]) -> Reply:
    latest = {one["name"]: one for one in world.checks if one["head_sha"] == found[1]}
    wanted = request.query.get("check_name", "")
    some = [one for one in latest.values() if wanted in ("", one["name"])]
    return Reply(body={"total_count": len(some), "check_runs": some})


def _check(world: World, _request: Request, found: re.Match[str]) -> Reply:
    return Reply(body=world.checks[int(found[1]) - 1])


def _checked(world: World, request: Request, _found: re.Match[str]) -> Reply:
    made: Plain = example("check-run", external_id="", details_url="")
    made["output"] |= {"title": None, "summary": None, "text": None, "annotations_count": 0}
    world.checks.append(made | {"id": len(world.checks) + 1, "annotations": []})
    _tell(world.checks[-1], request.body)
    return Reply(201, world.checks[-1])


def _rechecked(world: World, request: Request, found: re.Match[str]) -> Reply:
    plain = world.checks[int(found[1]) - 1]
    _tell(plain, request.body)
    return Reply(body=plain)


def _tell(plain: Plain, body: Plain) -> None:
    output = dict(body.get("output", {}))
    plain["annotations"] += output.pop("annotations", [])
    told = {
        key: body[key] for key in ("name", "head_sha", "status", "external_id", "details_url") if key in body
    }
    plain |= told | {"conclusion": body.get("conclusion")}
    plain["output"] |= output | {"annotations_count": len(plain["annotations"])}


def _permission(world: World, _request: Request, found: re.Match[str]) -> Reply:
    if found[1] not in world.people:
        return GONE
    name = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    return Reply(body=example(name, permission=world.people[found[1]]))


def _team(world: World, _request: Request, found: re.Match[str]) -> Reply:
    return Reply(body=example("team-full")) if found[1] in world.teams else GONE


def _member(world: World, _request: Request, found: re.Match[str]) -> Reply:
    if found[2] not in world.teams.get(found[1], ()):
        return GONE
    return Reply(body=example("team-membership-response-if-user-is-a-team-maintainer", state="active"))


def _content(world: World, request: Request, found: re.Match[str]) -> Reply:
    if found[1] not in world.files or request.query != {"ref": "main"}:
        return GONE
    text = b64encode(world.files[found[1]].encode()).decode()
    return Reply(body=example("content-file-response-if-content-is-a-file", content=text))


HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/graphql", _viewer),
    ("GET", r"/pulls/(\d+)", _pull),
    ("GET", r"/pulls", _pulls),
    ("GET", r"/commits/(\w+)/pulls", _pulls_of),
    ("GET", r"/issues/(\d+)/comments", _comments),
    ("POST", r"/issues/(\d+)/comments", _commented),
    ("GET", r"/issues/comments/(\d+)", _comment),
    ("PATCH", r"/issues/comments/(\d+)", _edited),
    ("GET", r"/collaborators/([\w-]+)/permission", _permission),
    ("GET", r"/orgs/([\w-]+/teams/[\w-]+)", _team),
    ("GET", r"/orgs/([\w-]+/teams/[\w-]+)/memberships/([\w-]+)", _member),
    ("GET", r"/contents/(.+)", _content),
    ("GET", r"/commits/(\w+)/check-runs", _checks),
    ("POST", r"/check-runs", _checked),
    ("GET", r"/check-runs/(\d+)", _check),
    ("PATCH", r"/check-runs/(\d+)", _rechecked),
)
