"""The stand itself: Git and the API are one truth, pull requests move, merge and conflict as on GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.repositories import Repo

from .calls import Token
from .conftest import MakeStand
from .stand import Stand

LINES = "".join(f"{number}\n" for number in range(1, 10))


def begin(stand: Stand, **files: str) -> Repo:
    """Ada's clone with main pushed."""
    ada = stand.clone()
    ada.commit("Begin", **{"data.txt": LINES, **files})
    stand.push(ada, "main")
    return ada


def propose(
    stand: Stand, repo: Repo, branch: str = "topic", text: str = "1 changed\n", **more: Any
) -> dict[str, Any]:
    """A branch that changes the first line, and its pull request."""
    repo.git("checkout", "--quiet", "-b", branch, "origin/main")
    repo.commit(f"Change on {branch}", **{"data.txt": LINES.replace("1\n", text, 1)})
    stand.push(repo, branch)
    return stand.open_pull(branch, **more)


def move_main(stand: Stand, repo: Repo, old: str, new: str) -> str:
    repo.git("checkout", "--quiet", "--detach", "origin/main")
    text = (repo.path / "data.txt").read_text()
    assert text.count(old) == 1
    repo.commit("Move main", **{"data.txt": text.replace(old, new)})
    return stand.push(repo, "main")


def first(stand: Stand) -> Repo:
    repo = begin(stand)
    stand.fetch(repo)
    return repo


# ---- Git and API are one


def test_a_push_is_seen_by_the_api_with_the_same_names(stand: Stand) -> None:
    ada = begin(stand, **{"folder/ü.txt": "x"})
    head, tree = ada.git("rev-parse", "HEAD"), ada.git("rev-parse", "HEAD^{tree}")
    assert stand.must("GET", "git/ref/heads/main")["object"]["sha"] == head
    assert stand.must("GET", f"git/commits/{head}")["tree"]["sha"] == tree
    names = [one["path"] for one in stand.must("GET", f"git/trees/{tree}?recursive=1")["tree"]]
    assert names == ["data.txt", "folder", "folder/ü.txt"]
    assert stand.events() == ["push"]


def test_what_the_api_writes_is_fetched_by_git(stand: Stand) -> None:
    ada = begin(stand)
    body = {"message": "By REST", "content": "aGVsbG8K", "branch": "main"}
    written = stand.must("PUT", "contents/new/file.txt", body)
    stand.fetch(ada)
    assert ada.git("rev-parse", "origin/main") == written["commit"]["sha"]
    assert ada.git("show", "origin/main:new/file.txt") == "hello"
    assert stand.events() == ["push", "push"]


def test_git_data_written_by_the_api_is_fetched_by_git(stand: Stand) -> None:
    ada = begin(stand)
    blob = stand.must("POST", "git/blobs", {"content": "by hand\n", "encoding": "utf-8"})["sha"]
    base = ada.git("rev-parse", "HEAD")
    entry = {"path": "a/b.txt", "mode": "100644", "type": "blob", "sha": blob}
    tree = stand.must(
        "POST", "git/trees", {"base_tree": ada.git("rev-parse", "HEAD^{tree}"), "tree": [entry]}
    )["sha"]
    commit = stand.must("POST", "git/commits", {"message": "By hand", "tree": tree, "parents": [base]})["sha"]
    stand.must("POST", "git/refs", {"ref": "refs/heads/made", "sha": commit})
    stand.fetch(ada)
    assert ada.git("log", "--format=%s", "origin/made") == "By hand\nBegin"
    assert ada.git("show", "origin/made:a/b.txt") == "by hand"
    assert stand.api("DELETE", "git/refs/heads/made").status == 204
    stand.fetch(ada, "ada-token", "--prune")
    assert ada.git("branch", "--remotes") == "origin/main"


@pytest.mark.parametrize(
    ("token", "said"),
    [("nonsense", "terminal prompts disabled"), ("eve-token", "Write access to repository not granted")],
)
def test_a_push_needs_a_token_that_may(stand: Stand, token: str, said: str) -> None:
    ada = begin(stand)
    with pytest.raises(AssertionError, match=said):
        stand.push(ada, "other", token)
    assert stand.gateway.forge.bare("acme/model").refs().keys() == {"refs/heads/main"}


def test_tags_and_shallow_clones(stand: Stand) -> None:
    ada = begin(stand)
    ada.git("tag", "--annotate", "v1", "-m", "One")
    stand.git(ada, "ada-token", "push", "--quiet", "origin", "v1")
    assert stand.must("GET", "git/ref/tags/v1")["object"]["sha"] == ada.git("rev-parse", "HEAD")
    remote = stand.gateway.remote("acme/model", "bob-token")
    ada.git("clone", "--quiet", "--depth", "1", "--branch", "v1", remote, "../shallow")
    assert Repo(ada.path.parent / "shallow").git("rev-parse", "HEAD") == ada.git("rev-parse", "HEAD")


# ---- pull requests


def test_a_pull_request_shows_what_git_holds(stand: Stand) -> None:
    ada = first(stand)
    pull = propose(stand, ada)
    head = ada.git("rev-parse", "HEAD")
    assert (pull["number"], pull["head"]["sha"], pull["base"]["sha"]) == (
        1,
        head,
        ada.git("rev-parse", "origin/main"),
    )
    assert [pull[key] for key in ("commits", "changed_files", "additions", "deletions")] == [1, 1, 1, 1]
    assert (pull["mergeable"], pull["mergeable_state"], pull["user"]["login"]) == (True, "clean", "ada")
    file = stand.must("GET", "pulls/1/files")[0]
    assert (file["filename"], file["status"]) == ("data.txt", "modified")
    assert file["patch"] == "@@ -1,4 +1,4 @@\n-1\n+1 changed\n 2\n 3\n 4"
    assert [one["sha"] for one in stand.must("GET", "pulls/1/commits")] == [head]
    assert stand.events() == ["push", "push", "pull_request.opened"]


def test_a_push_moves_the_pull_request_and_its_refs(stand: Stand) -> None:
    ada = first(stand)
    before = propose(stand, ada)
    ada.commit("More", **{"more.txt": "x"})
    head = stand.push(ada, "topic")
    pull = stand.must("GET", "pulls/1")
    assert (pull["head"]["sha"], pull["changed_files"], pull["commits"]) == (head, 2, 2)
    event = stand.gateway.events.last("pull_request.synchronize").payload
    assert (event["number"], event["before"], event["after"]) == (1, before["head"]["sha"], head)
    base = move_main(stand, ada, "9\n", "9 moved\n")
    pull = stand.must("GET", "pulls/1")
    assert pull["base"]["sha"] == base
    stand.fetch(ada, "ada-token", "refs/pull/1/head:h", "refs/pull/1/merge:m")
    assert ada.git("rev-parse", "h", "m^1", "m^2") == f"{head}\n{base}\n{head}"
    assert pull["merge_commit_sha"] == ada.git("rev-parse", "m")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"head": "nothing"}, {"resource": "PullRequest", "field": "head", "code": "invalid"}),
        ({"base": "nothing"}, {"resource": "PullRequest", "field": "base", "code": "invalid"}),
        (
            {},
            {
                "resource": "PullRequest",
                "code": "custom",
                "message": "A pull request already exists for acme:topic.",
            },
        ),
        (
            {"head": "same"},
            {"resource": "PullRequest", "code": "custom", "message": "No commits between main and same"},
        ),
    ],
    ids=["no head", "no base", "twin", "nothing new"],
)
def test_a_pull_request_that_makes_no_sense_is_refused(
    stand: Stand, body: dict[str, str], error: dict[str, str]
) -> None:
    ada = first(stand)
    propose(stand, ada)
    ada.git("checkout", "--quiet", "--detach", "origin/main")
    stand.push(ada, "same")
    got = stand.api("POST", "pulls", {"title": "Again", "head": "topic", "base": "main", **body})
    assert (got.status, got.body["message"], got.body["errors"]) == (422, "Validation Failed", [error])


def test_a_merge_takes_both_sides(stand: Stand) -> None:
    ada = first(stand)
    pull = propose(stand, ada)
    base = move_main(stand, ada, "9\n", "9 moved\n")
    merged = stand.must("PUT", "pulls/1/merge", {"sha": pull["head"]["sha"]})
    stand.fetch(ada)
    assert ada.git("rev-parse", "origin/main", "origin/main^1", "origin/main^2").split() == [
        merged["sha"],
        base,
        pull["head"]["sha"],
    ]
    assert ada.git("show", "origin/main:data.txt") == "1 changed\n2\n3\n4\n5\n6\n7\n8\n9 moved"
    after = stand.must("GET", "pulls/1")
    assert [after[key] for key in ("state", "merged", "merge_commit_sha")] == ["closed", True, merged["sha"]]
    assert after["merged_by"]["login"] == "ada"
    assert stand.api("GET", "pulls/1/merge").status == 204
    assert stand.events()[-3:] == ["push", "pull_request.closed", "push"]
    assert stand.must("GET", f"commits/{merged['sha']}/pulls")[0]["number"] == 1
    assert stand.must("GET", "git/ref/heads/main")["object"]["sha"] == merged["sha"]


@pytest.mark.parametrize(
    ("method", "subjects"),
    [
        ("squash", ["Try topic (#1)", "Move main", "Begin"]),
        ("rebase", ["Second", "Change on topic", "Move main", "Begin"]),
    ],
)
def test_squash_and_rebase(stand: Stand, method: str, subjects: list[str]) -> None:
    ada = first(stand)
    propose(stand, ada)
    ada.commit("Second", **{"more.txt": "x"})
    stand.push(ada, "topic")
    move_main(stand, ada, "9\n", "9 moved\n")
    stand.must("PUT", "pulls/1/merge", {"merge_method": method})
    stand.fetch(ada)
    assert ada.git("log", "--format=%s", "origin/main").split("\n") == subjects
    assert ada.git("show", "origin/main:data.txt") == "1 changed\n2\n3\n4\n5\n6\n7\n8\n9 moved"
    assert ada.git("show", "origin/main:more.txt") == "x"


def test_a_conflict_and_an_old_head_do_not_merge(stand: Stand) -> None:
    ada = first(stand)
    propose(stand, ada)
    got = stand.api("PUT", "pulls/1/merge", {"sha": "0" * 40})
    assert (got.status, got.body["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    move_main(stand, ada, "1\n2\n", "1 otherwise\n2\n")
    pull = stand.must("GET", "pulls/1")
    assert (pull["mergeable"], pull["mergeable_state"], pull["merge_commit_sha"]) == (False, "dirty", None)
    got = stand.api("PUT", "pulls/1/merge", {})
    assert (got.status, got.body["message"]) == (405, "Pull Request is not mergeable")
    assert stand.must("GET", "pulls/1")["state"] == "open"


def test_a_pull_request_from_a_fork(stand: Stand) -> None:
    ada = first(stand)
    fork = stand.must("POST", "forks", {}, token="eve-token")
    assert (fork["full_name"], fork["fork"]) == ("eve/model", True)
    eve = stand.clone("eve-token", "eve/model")
    stand.fetch(eve, "eve-token")
    assert eve.git("rev-parse", "origin/main") == ada.git("rev-parse", "origin/main")
    eve.git("checkout", "--quiet", "-b", "mine", "origin/main")
    eve.commit("From outside", **{"eve.txt": "x"})
    head = stand.push(eve, "mine", "eve-token")
    pull = stand.open_pull("eve:mine", token="eve-token")
    assert (pull["head"]["repo"]["full_name"], pull["head"]["label"]) == ("eve/model", "eve:mine")
    assert (pull["head"]["sha"], pull["changed_files"], pull["user"]["login"]) == (head, 1, "eve")
    stand.fetch(ada, "ada-token", "refs/pull/1/head:outside")
    assert ada.git("rev-parse", "outside") == head
    eve.commit("More", **{"eve.txt": "y"})
    assert stand.push(eve, "mine", "eve-token") == stand.must("GET", "pulls/1")["head"]["sha"]
    assert stand.gateway.events.last("pull_request.synchronize").repository == "acme/model"
    assert stand.api("PUT", "pulls/1/merge", {}, token="eve-token").status == 403
    stand.must("PUT", "pulls/1/merge", {})
    stand.fetch(ada)
    assert ada.git("show", "origin/main:eve.txt") == "y"


def test_a_deleted_branch_closes_its_pull_request(stand: Stand) -> None:
    ada = first(stand)
    propose(stand, ada)
    stand.git(ada, "ada-token", "push", "--quiet", "origin", "--delete", "topic")
    pull = stand.must("GET", "pulls/1")
    assert (pull["state"], pull["merged"], pull["head"]["sha"]) == (
        "closed",
        False,
        ada.git("rev-parse", "HEAD"),
    )
    assert stand.api("PATCH", "pulls/1", {"title": "Still editable"}).status == 200


# ---- cleaning up


def test_nothing_is_left_running(make_stand: MakeStand) -> None:
    stand = make_stand(tokens={"ada-token": Token("ada")})
    emulate = stand.gateway.emulate.process
    stand.close()
    assert emulate.poll() is not None
    with pytest.raises(ConnectionRefusedError):
        stand.api("GET", "")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells who listens")
def test_everything_listens_on_loopback_alone(stand: Stand) -> None:
    ports = {stand.gateway.server.port, stand.gateway.emulate.port}
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()
    ]
    # The local address in hexadecimal, and 0A for listening.
    listening = [fields[1].rpartition(":") for fields in lines if fields[3] == "0A"]
    found = sorted(place for place, _, port in listening if int(port, 16) in ports)
    assert found == ["0100007F"] * 2
