"""Proposals in, and the embedded forge matches: twice, after people did something, and after the base moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import Comment
from mlops_ci.promoting.apply import BaseMovedError, check
from mlops_ci.promotion import marks
from tests.promoting.conftest import IRIS, Place, of

BRANCH = IRIS.branch


def test_a_proposal_becomes_a_branch_a_commit_and_a_pull_request(place: Place) -> None:
    base = place.base
    done = place.run(IRIS)[BRANCH]
    assert (done.happened, done.number, done.notes) == ("opened", 1, ())
    assert place.at(BRANCH) == done.commit
    place.checkout(BRANCH)
    assert place.ada.git("rev-parse", "HEAD^") == base
    changed = place.ada.git("diff", "--name-only", "HEAD^", "HEAD").splitlines()
    assert sorted(changed) == sorted(IRIS.files)
    assert place.text(BRANCH, "deploy/staging/iris.yaml") == "image: iris:v2"
    (pull,) = place.forge.promotions(marks.PREFIX)
    assert (pull.title, pull.base, pull.head_commit, pull.state) == (IRIS.title, "main", done.commit, "open")
    assert pull.body == f"{IRIS.body}\n\n<!-- mlops-ci:promotion {IRIS.id} -->\n"
    assert pull.labels == ("promotion", "env: staging", "mlops-ci/promotion")


def test_again_it_changes_nothing(place: Place) -> None:
    first = place.run(IRIS)[BRANCH]
    state = place.forge.folder.joinpath("forge.json").read_bytes()
    again = place.run(IRIS)[BRANCH]
    assert (again.happened, again.commit, again.number) == ("unchanged", first.commit, 1)
    assert place.forge.folder.joinpath("forge.json").read_bytes() == state


def test_a_newer_release_takes_over_the_pull_request(place: Place) -> None:
    first = place.run(IRIS)[BRANCH]
    newer = of("staging", version="v3")
    done = place.run(newer)[BRANCH]
    assert (done.happened, done.number) == ("updated", 1)
    assert done.commit != first.commit
    (pull,) = place.forge.promotions(marks.PREFIX)
    assert (pull.title, marks.id_of(pull.body)) == (newer.title, newer.id)
    # One commit, on the base.
    place.checkout(BRANCH)
    assert place.ada.git("rev-list", "--count", "origin/main..HEAD") == "1"


def test_two_models_in_one_environment_do_not_touch_each_other(place: Place) -> None:
    wine = of("staging", "wine")
    assert place.happened(IRIS, wine) == {BRANCH: "opened", wine.branch: "opened"}
    place.forge.merge(1, by="ada")
    # The base has moved under the other one, which brings the same all the same; the merged branch goes.
    before = place.at(wine.branch)
    assert place.happened(wine) == {wine.branch: "unchanged", BRANCH: "closed"}
    assert (place.branches(), place.at(wine.branch)) == (["main", wine.branch], before)
    place.forge.merge(2, by="ada")
    assert place.text("main", "deploy/staging/iris.yaml") == "image: iris:v2"
    assert place.text("main", "deploy/staging/wine.yaml") == "image: wine:v2"
    assert place.happened() == {wine.branch: "closed"}
    assert place.happened() == {}


def test_where_the_base_changes_what_is_proposed_it_is_built_anew(place: Place) -> None:
    place.run(IRIS)
    place.person("main", deploy__staging__iris_dot_yaml="image: iris:v1\nreplicas: 2\n")
    files = {**IRIS.files, "deploy/staging/iris.yaml": "image: iris:v2\nreplicas: 2\n"}
    assert place.happened(replace(IRIS, files=files)) == {BRANCH: "updated"}
    place.checkout(BRANCH)
    assert place.ada.git("rev-parse", "HEAD^") == place.base
    # The same texts on another base are another change.
    place.person("main", deploy__staging__iris_dot_yaml="image: iris:v1\n")
    assert place.happened(replace(IRIS, files=files)) == {BRANCH: "updated"}
    assert place.git.parents(place.at(BRANCH)) == (place.base,)


def test_a_base_that_was_rewritten_is_built_on(place: Place) -> None:
    place.run(IRIS)
    place.checkout("main")
    place.ada.git("commit", "--quiet", "--amend", "-m", "Rewritten")
    place.ada.git("push", "--quiet", "--force", "origin", "HEAD:main")
    assert place.happened(IRIS) == {BRANCH: "updated"}
    assert place.git.parents(place.at(BRANCH)) == (place.base,)


def test_the_base_moved_between_reading_and_pushing(place: Place) -> None:
    base = place.base
    place.checkout("main")
    moved = place.person("main", other="1")
    with pytest.raises(BaseMovedError) as caught:
        place.run(IRIS, base=base)
    assert caught.value.now == moved
    assert caught.value.message == (
        f"the branch main moved while this ran, from {base[:10]}: it is at {moved[:10]} by now; nothing was proposed"
    )
    assert place.branches() == ["main"]


@pytest.mark.parametrize("how", ["added", "amended", "message"])
def test_a_branch_that_a_person_changed_is_left_alone(place: Place, how: str) -> None:
    place.run(IRIS)
    place.checkout(BRANCH)
    if how == "added":
        sha = place.person(BRANCH, note="1")
    else:
        text = "image: iris:v9\n" if how == "amended" else "image: iris:v2\n"
        place.ada.write("deploy/staging/iris.yaml", text)
        place.ada.git("commit", "--quiet", "--all", "--amend", "-m", "Mine")
        place.ada.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
        sha = place.ada.git("rev-parse", "HEAD")
    for proposal in (IRIS, of("staging", version="v3")):
        done = place.run(proposal)[BRANCH]
        assert (done.happened, done.words) == ("stopped", f"Ada has changed the branch {BRANCH} ({sha[:10]})")
    assert place.at(BRANCH) == sha
    (comment,) = place.forge.comments(1)
    assert "⏸ **Paused**: Ada has changed this branch" in comment.body
    (pull,) = place.forge.promotions(marks.PREFIX)
    assert (pull.title, pull.labels[-1]) == (IRIS.title, "mlops-ci/paused")
    # Nothing asks for it any more: it is a person's all the same.
    assert place.happened() == {BRANCH: "stopped"}
    assert place.forge.pull_request(1).state == "open"


def test_who_takes_the_label_away_has_the_branch_built_anew(place: Place) -> None:
    first = place.run(IRIS)[BRANCH]
    place.person(BRANCH, note="1")
    place.run(IRIS)
    place.forge.remove_label(1, marks.PAUSED)
    done = place.run(IRIS)[BRANCH]
    assert (done.happened, place.at(BRANCH)) == ("updated", first.commit)
    # And of the next change it is said again.
    sha = place.person(BRANCH, note="2")
    assert place.happened(IRIS) == {BRANCH: "stopped"}
    assert [sha[:10] in one.body for one in place.forge.comments(1)] == [False, True]
    # A person who takes the change back is thanked by going on.
    place.ada.git("push", "--quiet", "--force", "origin", f"{first.commit}:refs/heads/{BRANCH}")
    assert place.happened(IRIS) == {BRANCH: "updated"}
    assert marks.PAUSED not in place.forge.pull_request(1).labels


def test_closed_by_a_person_means_no_to_this_and_not_to_the_next(place: Place) -> None:
    place.run(IRIS)
    place.forge.close(1)
    done = place.run(IRIS)[BRANCH]
    assert (done.happened, done.words, done.number) == ("refused", "#1 was closed without merging", 1)
    assert marks.refused(place.forge.promotions(marks.PREFIX)) == {IRIS.id}
    # It may be opened again: its branch stays.
    assert place.happened() == {}
    assert place.branches() == ["main", BRANCH]
    newer = place.run(of("staging", version="v3"))[BRANCH]
    assert (newer.happened, newer.number) == ("opened", 2)


def test_what_nothing_asks_for_is_closed_with_a_reason_and_may_come_again(place: Place) -> None:
    place.run(IRIS)
    reason = "production is held by the rollback of `v3`: <b>"
    assert place.happened(reasons={BRANCH: reason}) == {BRANCH: "closed"}
    pull = place.forge.pull_request(1)
    assert (pull.state, place.branches()) == ("closed", ["main"])
    (comment,) = place.forge.comments(1)
    assert "🚪 **Closed by mlops-ci**: production is held by the rollback" in comment.body
    assert "<b>" not in comment.body
    assert marks.refused([pull]) == frozenset()
    assert place.happened() == {}
    done = place.run(IRIS)[BRANCH]
    assert (done.happened, done.number) == ("opened", 2)


def test_what_is_kept_or_outside_of_this_run_stays(place: Place) -> None:
    production = of("production")
    place.run(IRIS, production)
    assert place.happened(keep=[BRANCH], within=BRANCH) == {}
    assert place.happened(within=production.branch) == {production.branch: "closed"}
    assert place.branches() == ["main", BRANCH]


def test_one_that_merges_itself(place: Place) -> None:
    mine = replace(IRIS, automatic=True)
    done = place.run(mine)[BRANCH]
    assert done.happened == "merged"
    assert done.words == f"merged as {place.base[:10]}"
    assert place.branches() == ["main"]
    place.checkout("main")
    assert place.ada.git("log", "-1", "--format=%B|%an|%ae") == (
        f"{IRIS.message}|mlops-ci|mlops-ci@users.noreply.github.com"
    )
    pull = place.forge.pull_request(1)
    assert (pull.state, pull.merge_commit, pull.merged_by) == ("merged", place.base, "mlops-ci")
    assert place.happened(mine) == {BRANCH: "unchanged"}


def test_what_the_base_says_already_is_not_proposed(place: Place) -> None:
    place.run(IRIS)
    place.person("main", **{path.replace("/", "__"): str(text) for path, text in IRIS.files.items()})
    assert place.happened(IRIS) == {BRANCH: "closed"}
    assert place.happened(IRIS) == {BRANCH: "unchanged"}


def test_one_that_fails_stops_no_other(place: Place) -> None:
    place.checkout("main")
    place.ada.path.joinpath("deploy/staging/iris.yaml").unlink()
    place.ada.path.joinpath("deploy/staging/iris.yaml").symlink_to("wine.yaml")
    place.ada.git("commit", "--quiet", "--all", "-m", "A link")
    place.ada.git("push", "--quiet", "origin", "HEAD:main")
    done = place.run(IRIS, of("production"))
    assert [one.happened for one in done.values()] == ["failed", "opened"]
    with pytest.raises(ToolError) as caught:
        check(done.values())
    assert caught.value.message == (
        "1 of 2 promotions failed: deploy/staging/iris.yaml: is a symbolic link in the repository, "
        "and only a file can be changed"
    )
    assert caught.value.hint == "name the file itself"
    check(one for one in done.values() if one.happened == "opened")


def test_a_dry_run_tells_and_writes_nothing(place: Place) -> None:
    production = of("production")
    assert place.happened(IRIS, production, dry_run=True) == {BRANCH: "opened", production.branch: "opened"}
    assert (place.branches(), place.forge.promotions(marks.PREFIX)) == (["main"], ())
    place.run(IRIS, production)
    state = place.forge.folder.joinpath("forge.json").read_bytes()
    newer = of("staging", version="v3")
    assert place.happened(newer, dry_run=True) == {BRANCH: "updated", production.branch: "closed"}
    assert place.happened(IRIS, production, dry_run=True) == {
        BRANCH: "unchanged",
        production.branch: "unchanged",
    }
    place.person(BRANCH, note="1")
    assert place.happened(newer, keep=[production.branch], dry_run=True) == {BRANCH: "stopped"}
    assert place.forge.folder.joinpath("forge.json").read_bytes() == state


def test_two_proposals_for_one_branch_are_a_mistake(place: Place) -> None:
    with pytest.raises(ConfigError, match=f"two promotions would have the branch {BRANCH}"):
        place.run(IRIS, replace(IRIS, id="another"))


def test_a_comment_that_two_runs_wrote_at_once_stands_once(place: Place) -> None:
    place.run(IRIS)
    place.person(BRANCH, note="1")

    class Slow(type(place.forge)):  # type: ignore[misc]
        """Another run writes between our look and our word."""

        def create_comment(self, number: int, body: str) -> Comment:
            super().create_comment(number, body)
            return super().create_comment(number, body)  # type: ignore[no-any-return]

    place.forge = Slow(place.forge.folder)
    place.run(IRIS)
    assert len(place.forge.comments(1)) == 1


def test_what_merges_itself_waits_for_its_approvals(place: Place) -> None:
    mine = replace(IRIS, automatic=True, approvals=2)
    done = place.run(mine)[BRANCH]
    assert (done.happened, done.words) == (
        "opened",
        "merges itself later: 0 of 2 people have approved its commit",
    )
    place.forge.review(1, "eve")
    place.forge.review(1, "kim", "changes")
    assert place.run(mine)[BRANCH].words == "merges itself later: 1 of 2 people have approved its commit"
    # Approvals are for a commit: another release asks anew.
    newer = replace(of("staging", version="v3"), automatic=True, approvals=2)
    place.forge.review(1, "bob")
    assert place.run(newer)[BRANCH].words == "merges itself later: 0 of 2 people have approved its commit"
    for person in ("eve", "bob"):
        place.forge.review(1, person)
    assert place.run(newer)[BRANCH].happened == "merged"
