"""GitHub as a forge: pull requests and comments, what is ours and what is a stranger's copy."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.adapters.github import MINIMIZE, VIEWER, GitHub
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import Comment, Forge, PullRequest, post
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Cut, Double, Reply
from tests.adapters.github_spec.contract import example

PULLS = f"{ROOT}/pulls"
COMMENTS = f"{ROOT}/issues/1347/comments"
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
BOT = "github-actions[bot]"


def pull(**changes: Any) -> Any:
    return example("pull-request-simple-items")[0] | changes


def one(**changes: Any) -> Any:
    return example("pull-request", merged_at=None, **changes)


def comment(number: int, body: str = "Me too", login: str = BOT, **changes: Any) -> Any:
    kind = {"user__type": "Bot" if login.endswith("[bot]") else "User"}
    return example("issue-comment", id=number, body=body, user__login=login, **(kind | changes))


def app(slug: str) -> Any:
    """What GitHub says of the App through which a comment was written."""
    return example("check-run")["app"] | {"slug": slug}


def test_a_github_is_a_forge(github: GitHub) -> None:
    forge: Forge = github
    assert forge is github
    assert github.repository == REPOSITORY


def test_the_representation_has_no_token(github: GitHub) -> None:
    assert TOKEN not in repr(github) + str(github) + repr(vars(github)) + repr(github.http.settings)


# ---- who we are --------------------------------------------------------------------------------


def test_the_account_is_asked_once(double: Double, github: GitHub) -> None:
    double.account("octo-app[bot]")
    assert [github.account(), github.account()] == ["octo-app[bot]"] * 2
    assert double.requests[0].body == {"query": VIEWER, "variables": {}}


def test_a_server_without_graphql_is_asked_for_the_user(double: Double, github: GitHub) -> None:
    double.on("POST", "/graphql", Reply(404, {"message": "Not Found"}))
    double.on(
        "GET",
        "/user",
        Reply(body=example("private-user-response-with-public-and-private-profile-information")),
    )
    assert github.account() == "octocat"


def test_a_token_that_has_ended_is_told_when_we_ask_who_we_are(double: Double, github: GitHub) -> None:
    double.on("POST", "/graphql", Reply(401, {"message": "Bad credentials"}))
    with pytest.raises(ToolError, match="401: Bad credentials"):
        github.account()


# ---- pull requests -----------------------------------------------------------------------------


def test_a_pull_request_as_github_tells_it(double: Double, github: GitHub) -> None:
    double.on("GET", f"{PULLS}/1347", Reply(body=one()))
    assert github.pull_request(1347) == PullRequest(
        number=1347,
        title="Amazing new feature",
        head="new-topic",
        base="master",
        head_commit=SHA,
        state="open",
        author="octocat",
        body="Please pull these awesome changes in!",
        url="https://github.com/octocat/Hello-World/pull/1347",
        fork=False,
        draft=False,
        labels=("bug",),
        head_repository="octocat/Hello-World",
        base_commit=SHA,
        node="MDExOlB1bGxSZXF1ZXN0MQ==",
        asked=("@other_user",),
    )


def test_who_merged_it_who_is_to_look_and_who_let_it_merge(double: Double, github: GitHub) -> None:
    team = {"slug": "justice-league"}
    wish = {
        "enabled_by": {"login": "ada"},
        "merge_method": "squash",
        "commit_title": "",
        "commit_message": "",
    }
    plain = one(requested_teams=[team], auto_merge=wish)
    plain["merged_at"] = "2026-12-01T12:00:00Z"
    double.on("GET", f"{PULLS}/1347", Reply(body=plain, true=False))
    found = github.pull_request(1347)
    assert (found.state, found.merged_by, found.merged_at) == ("merged", "octocat", "2026-12-01T12:00:00Z")
    assert found.merge_commit == plain["merge_commit_sha"]
    assert (found.asked, found.merging) == (("@other_user", "@octocat/justice-league"), "ada")


def test_a_fork_that_is_gone_a_ghost_and_no_words(double: Double, github: GitHub) -> None:
    plain = one(head__repo=None, user=None, body=None)
    double.on("GET", f"{PULLS}/1347", Reply(body=plain, true=False))
    found = github.pull_request(1347)
    assert (found.fork, found.head_repository, found.author, found.body) == (True, "", "", "")


def test_a_field_that_is_missing_is_named(double: Double, github: GitHub) -> None:
    plain = one()
    del plain["head"]["sha"]
    double.on("GET", f"{PULLS}/1347", Reply(body=plain, true=False))
    with pytest.raises(ToolError) as caught:
        github.pull_request(1347)
    assert caught.value.message == f"GET {PULLS}/1347: in GitHub's answer `head.sha` is missing"


def test_a_pull_request_that_is_not_there(double: Double, github: GitHub) -> None:
    double.on("GET", f"{PULLS}/9", Reply(404, {"message": "Not Found"}))
    with pytest.raises(ToolError, match="GitHub answered 404: Not Found"):
        github.pull_request(9)


@pytest.mark.parametrize(
    ("arguments", "query", "numbers"),
    [
        ({}, {"state": "open"}, [3]),
        ({"state": "merged"}, {"state": "closed"}, [2]),
        ({"state": "closed"}, {"state": "closed"}, [1]),
        ({"state": "all"}, {"state": "all"}, [3, 2, 1]),
        ({"head": "new-topic"}, {"state": "open", "head": "octocat:new-topic"}, [3]),
        ({"head": "fork:new-topic"}, {"state": "open", "head": "fork:new-topic"}, [3]),
        ({"head": "other"}, {"state": "open", "head": "octocat:other"}, []),
    ],
)
def test_pull_requests_by_state_and_branch(
    double: Double, github: GitHub, arguments: dict[str, str], query: dict[str, str], numbers: list[int]
) -> None:
    merged = "2011-01-26T19:01:12Z"
    pulls = [
        pull(number=3, merged_at=None),
        pull(number=2, state="closed", merged_at=merged),
        pull(number=1, state="closed", merged_at=None),
    ]
    double.on("GET", PULLS, Reply(body=pulls))
    assert [found.number for found in github.pull_requests(**arguments)] == numbers
    assert double.requests[0].query == {"per_page": "100", "sort": "created", "direction": "desc", **query}


def test_pull_requests_of_a_commit_are_open_and_end_in_it(double: Double, github: GitHub) -> None:
    other = pull(number=4, merged_at=None)
    other["head"] = other["head"] | {"sha": "f" * 40}
    pulls = [pull(number=5, merged_at=None), other, pull(number=3)]
    double.on("GET", f"{ROOT}/commits/{SHA}/pulls", Reply(body=pulls))
    assert [found.number for found in github.pull_requests_of(SHA)] == [5]


@pytest.mark.parametrize(
    "associated",
    [
        Reply(body=[]),
        Reply(422, {"message": f"No commit found for SHA: {SHA}"}),
        Reply(404, {"message": "Not Found"}),
    ],
)
def test_a_fork_s_commit_is_found_among_the_open_pull_requests(
    double: Double, github: GitHub, associated: Reply
) -> None:
    fork = pull(number=6, merged_at=None)
    fork["head"] = fork["head"] | {"repo": fork["head"]["repo"] | {"full_name": "mallory/Hello-World"}}
    other = pull(number=7, merged_at=None)
    other["head"] = other["head"] | {"sha": "f" * 40}
    double.on("GET", f"{ROOT}/commits/{SHA}/pulls", associated)
    double.on("GET", PULLS, Reply(body=[other, fork]))
    found = github.pull_requests_of(SHA)
    assert [(p.number, p.fork, p.head_repository) for p in found] == [(6, True, "mallory/Hello-World")]


def test_a_commit_of_the_base_branch_knows_what_was_merged(double: Double, github: GitHub) -> None:
    merged = pull(number=6, state="closed", merged_at="2026-11-28T12:00:00Z")
    double.on("GET", f"{ROOT}/commits/{SHA}/pulls", Reply(body=[merged, pull(number=7, merged_at=None)]))
    assert [found.number for found in github.pull_requests_merged_by(SHA)] == [6]


def test_a_commit_that_github_will_not_tell_of_is_an_error(double: Double, github: GitHub) -> None:
    double.on(
        "GET",
        f"{ROOT}/commits/{SHA}/pulls",
        Reply(403, {"message": "Resource not accessible by integration"}),
    )
    with pytest.raises(ToolError) as caught:
        github.pull_requests_of(SHA)
    assert "pull-requests: read" in caught.value.hint


# ---- comments ----------------------------------------------------------------------------------


def test_comments_say_who_wrote_them(double: Double, github: GitHub) -> None:
    double.account(BOT)
    double.on(
        "GET",
        COMMENTS,
        Reply(body=[comment(1, "mine"), comment(2, "copy", login="mallory", user__type="User")]),
    )
    assert github.comments(1347) == (
        Comment(
            id=1,
            author=BOT,
            body="mine",
            ours=True,
            url="https://github.com/octocat/Hello-World/issues/1347#issuecomment-1",
            node="MDEyOklzc3VlQ29tbWVudDE=",
            created="2011-04-14T16:00:49Z",
            updated="2011-04-14T16:00:49Z",
            bot=True,
        ),
        Comment(
            id=2,
            author="mallory",
            body="copy",
            ours=False,
            url="https://github.com/octocat/Hello-World/issues/1347#issuecomment-1",
            node="MDEyOklzc3VlQ29tbWVudDE=",
            created="2011-04-14T16:00:49Z",
            updated="2011-04-14T16:00:49Z",
        ),
    )


def test_one_comment_as_it_is_now(double: Double, github: GitHub) -> None:
    double.account(BOT)
    found = comment(1, "new", login="ada", user__type="User", updated_at="2026-11-28T12:00:00Z")
    double.on("GET", f"{ROOT}/issues/comments/1", Reply(body=found))
    told = github.comment(1)
    assert (told.author, told.body, told.bot, told.updated) == ("ada", "new", False, "2026-11-28T12:00:00Z")


@pytest.mark.parametrize(
    ("account", "changes", "ours"),
    [
        (BOT, {"login": BOT}, True),
        (BOT, {"login": BOT, "performed_via_github_app": app("github-actions")}, True),
        (BOT, {"login": BOT, "performed_via_github_app": app("evil")}, False),
        (BOT, {"login": BOT, "user__type": "User"}, False),
        (BOT, {"login": "github-actions"}, False),
        (BOT, {"login": "mallory"}, False),
        ("Ada", {"login": "ada"}, True),
        ("ada", {"login": "ada[bot]"}, False),
        ("ada", {"login": "ada", "performed_via_github_app": app("some-app")}, True),
    ],
)  # fmt: skip
def test_what_is_ours(
    double: Double, github: GitHub, account: str, changes: dict[str, Any], ours: bool
) -> None:
    double.account(account)
    double.on("GET", COMMENTS, Reply(body=[comment(1, **changes)]))
    assert [found.ours for found in github.comments(1347)] == [ours]


def test_a_ghost_s_comment_is_nobody_s(double: Double, github: GitHub) -> None:
    double.account(BOT)
    double.on("GET", COMMENTS, Reply(body=[example("issue-comment", user=None)], true=False))
    assert [(found.author, found.ours) for found in github.comments(1347)] == [("", False)]


def test_no_comments_need_no_account(double: Double, github: GitHub) -> None:
    double.on("GET", COMMENTS, Reply(body=[]))
    assert github.comments(1347) == ()
    assert double.lines == [f"GET {COMMENTS}"]


def test_a_new_comment_is_ours(double: Double, github: GitHub) -> None:
    double.on("POST", COMMENTS, Reply(201, comment(3, "> [!WARNING]\n> é 🎉")))
    made = github.create_comment(1347, "> [!WARNING]\n> é 🎉")
    assert (made.id, made.author, made.body, made.ours) == (3, BOT, "> [!WARNING]\n> é 🎉", True)
    assert double.requests[0].body == {"body": "> [!WARNING]\n> é 🎉"}


@pytest.mark.parametrize("middle", [False, True])
def test_a_comment_that_arrived_before_the_cut_is_not_posted_twice(
    double: Double, github: GitHub, middle: bool
) -> None:
    double.account(BOT)
    double.on("POST", COMMENTS, Cut(middle=middle))
    there = [comment(1, "report", login="mallory"), comment(2, "other"), comment(3, "report\r\nend\n")]
    double.on("GET", COMMENTS, Reply(body=there))
    assert github.create_comment(1347, "report\nend").id == 3
    assert double.lines == [f"POST {COMMENTS}", f"GET {COMMENTS}", "POST /graphql"]


def test_a_comment_that_did_not_arrive_is_posted_again(double: Double, github: GitHub) -> None:
    double.account(BOT)
    double.on("POST", COMMENTS, Cut(), Reply(201, comment(2, "report")))
    double.on("GET", COMMENTS, Reply(body=[comment(1, "report", login="mallory")]))
    assert github.create_comment(1347, "report").id == 2


def test_a_comment_that_is_too_long(double: Double, github: GitHub) -> None:
    refused = {"message": "Validation Failed", "errors": [{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long (maximum is 65536 characters)"}]}  # fmt: skip
    double.on("POST", COMMENTS, Reply(422, refused))
    with pytest.raises(ToolError, match=r"Body is too long \(maximum is 65536 characters\)"):
        github.create_comment(1347, "x" * 70_000)


def test_our_comment_is_updated(double: Double, github: GitHub) -> None:
    path = f"{ROOT}/issues/comments/3"
    double.account(BOT)
    double.on("GET", path, Reply(body=comment(3)))
    double.on("PATCH", path, Reply(body=comment(3, "new")))
    assert github.update_comment(1347, 3, "new").body == "new"


@pytest.mark.parametrize(
    ("number", "found"),
    [(1347, comment(3, login="mallory")), (34, comment(3))],
    ids=["a stranger's", "elsewhere"],
)
def test_what_is_not_ours_is_neither_changed_nor_deleted(
    double: Double, github: GitHub, number: int, found: Any
) -> None:
    double.account(BOT)
    double.on("GET", f"{ROOT}/issues/comments/3", Reply(body=found), Reply(body=found))
    with pytest.raises(ToolError) as caught:
        github.update_comment(number, 3, "new")
    assert caught.value.message == f"comment 3 of pull request #{number} is not ours"
    with pytest.raises(ToolError, match="is not ours"):
        github.delete_comment(number, 3)


def test_our_comment_is_deleted(double: Double, github: GitHub) -> None:
    path = f"{ROOT}/issues/comments/3"
    double.account(BOT)
    double.on("GET", path, Reply(body=comment(3)))
    double.on("DELETE", path, Reply(204))
    github.delete_comment(1347, 3)
    assert double.lines[-1] == f"DELETE {path}"


def test_a_comment_is_folded_as_outdated(double: Double, github: GitHub) -> None:
    done = {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}}
    double.on("POST", "/graphql", Cut(), Reply(body=done))
    github.minimize_comment(Comment(3, BOT, "old", ours=True, node="IC_3"))
    assert double.requests[1].body == {"query": MINIMIZE, "variables": {"id": "IC_3"}}


def test_a_reaction_is_put_once_however_often(double: Double, github: GitHub) -> None:
    path = f"{ROOT}/issues/comments/3/reactions"
    double.on("POST", path, Cut(), Reply(200, example("reaction")))
    github.react(3, "eyes")
    assert double.requests[1].body == {"content": "eyes"}


def test_the_sticky_comment_is_found_behind_a_hundred_others(double: Double, github: GitHub) -> None:
    """What a report goes through: look at all pages, update ours, leave the stranger's copy."""
    path = f"{ROOT}/issues/comments/101"
    link = {"link": f'<{double.url}/x?per_page=100&page=2>; rel="next"'}
    talk = [
        comment(1, "report 9", login="mallory"),
        *(comment(n, "talk", login="bob") for n in range(2, 101)),
    ]
    double.account(BOT)
    double.on("GET", COMMENTS, Reply(body=talk, headers=link), Reply(body=[comment(101, "report 1")]))
    double.on("GET", path, Reply(body=comment(101, "report 1")))
    double.on("PATCH", path, Reply(body=comment(101, "report 2")))

    def stamp(body: str) -> str | None:
        return body.removeprefix("report ") if body.startswith("report ") else None

    assert post(github, 1347, "report 2", stamp).id == 101
    assert double.requests[-1].body == {"body": "report 2"}


def test_a_path_quotes_what_stands_in_it(github: GitHub) -> None:
    assert github.path("branches", "a/b c") == f"{ROOT}/branches/a%2Fb%20c"
    assert github.path() == ROOT
    with pytest.raises(ConfigError):
        github.path("branches", "..")
