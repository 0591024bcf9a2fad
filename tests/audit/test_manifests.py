"""The manifest says what the newest record says, and records alone changed it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from mlops_ci.audit.links import Link
from mlops_ci.audit.manifests import Manifest, edits, live
from mlops_ci.audit.trails import trails
from mlops_ci.errors import ManifestError
from mlops_ci.promotion.record import Edit, State
from tests.audit.story import MANIFEST, PATH, PLACE, Story, begun, manifest, read, release, told

TARGET = ("production", "toy")


def now(story: Story, found: Manifest | None = MANIFEST) -> list[Link]:
    history = story.history()
    return [link for trail in trails(history) for link in live(history, trail, found)]


def then(story: Story, found: Manifest | None = MANIFEST) -> list[Link]:
    history = story.history()
    return list(edits(history, trails(history), {TARGET: found} if found else {}))


def sentences(links: list[Link]) -> list[tuple[str, str]]:
    return [(link.status, link.sentence) for link in links]


# ---- now ------------------------------------------------------------------------------------------


def test_a_manifest_that_says_what_the_record_says() -> None:
    assert sentences(now(told())) == [("ok", "says what record 3 says: sha256:cccccccccccc")]


def test_a_manifest_that_was_edited() -> None:
    story = told()
    commit = story.commit({PATH: manifest(release("e"))})
    (link,) = now(story)
    assert (link.status, link.where, link.commit) == ("broken", PATH, commit.sha)
    assert link.sentence == "says sha256:eeeeeeeeeeee, but record 3 says sha256:cccccccccccc"


def test_a_manifest_that_is_gone() -> None:
    story = told()
    commit = story.commit({PATH: None})
    assert [(one.sentence, one.commit) for one in now(story)] == [("the manifest is gone", commit.sha)]


def test_a_manifest_that_cannot_be_read() -> None:
    story = told()
    story.commit({PATH: "spec: {}\n"})
    assert sentences(now(story)) == [("unknown", "cannot be read: has no model")]


def test_nobody_knows_where_the_manifest_is() -> None:
    assert sentences(now(told(), None)) == [
        ("unknown", "no environment of mlops-ci.yaml says where its manifest is")
    ]


def test_without_a_record_there_is_nothing_to_say() -> None:
    story = begun()
    story.commit({"promotions/production/toy.yaml": "x"})
    assert now(story) == []


def test_a_canary_in_words() -> None:
    story = begun()
    after = State(stable=release("a"), candidate=release("b"), traffic=10)
    text = manifest(release("a"), candidate=release("b").uri, traffic=20)
    one = story.record(release("b"), after=after)
    story.commit({**story.promoted(one), PATH: text})
    both = "sha256:aaaaaaaaaaaa, and sha256:bbbbbbbbbbbb for"
    said = f"says {both} 20 % of requests, but record 1 says {both} 10 % of requests"
    assert sentences(now(story)) == [("broken", said)]


def test_what_is_hidden_and_what_is_mirrored_in_words() -> None:
    story = begun()
    after = State(candidate=release("b"), traffic=10, mirror=50)
    story.promote(release("a"), "rebase", after=after)
    hidden = "nothing, and sha256:bbbbbbbbbbbb for 10 % of requests and copies of 50 %"
    said = f"says none, but record 1 says {hidden}"
    assert sentences(now(story)) == [("broken", said)]


# ---- every change -----------------------------------------------------------------------------------


def test_every_promotion_changed_what_it_says() -> None:
    assert [(one.status, one.sentence, one.where) for one in then(told())] == [
        (
            "ok",
            "records 1 to 3: the same commit changed the manifest as the record says, and no other did",
            PATH,
        )
    ]
    assert then(told(), None)[0].where == PATH


def test_a_change_by_hand_is_named_with_its_commit() -> None:
    story = told()
    commit = story.commit({PATH: manifest(release("e"))})
    (link,) = then(story)
    assert link.status == "broken"
    assert link.commit == commit.sha
    assert link.sentence == (
        f"commit {commit.short} (Eve, 2026-01-01) changed the manifest by hand, without a record: "
        f"{PLACE} from {release('c').uri} to {release('e').uri}"
    )


def test_a_change_by_hand_that_was_taken_back_is_two_changes() -> None:
    story = told()
    text = story.files[PATH]
    story.commit({PATH: manifest(release("e"))})
    story.commit({PATH: text})
    assert [one.status for one in then(story)] == ["broken", "broken"]
    assert sentences(now(story)) == [("ok", "says what record 3 says: sha256:cccccccccccc")]


def test_a_change_of_something_else_is_nobodys_business() -> None:
    story = told()
    story.commit({PATH: manifest(release("c"), replicas=3)})
    story.commit({PATH: "# words\n" + story.files[PATH]})
    assert [one.status for one in then(story)] == ["ok"]


def test_a_share_that_no_record_ever_named_is_found_by_what_it_does() -> None:
    story = told()
    story.commit({PATH: manifest(release("c"), candidate=release("e").uri, traffic=5)})
    (link,) = then(story)
    assert link.sentence.endswith("and says sha256:cccccccccccc, and sha256:eeeeeeeeeeee for 5 % of requests")
    assert [one.status for one in then(story, None)] == ["ok"]


def test_a_manifest_that_can_no_longer_be_read() -> None:
    def refuses(text: str) -> object:
        if "strange" in text:
            raise ManifestError("no")
        return read(text)

    story = told()
    story.commit({PATH: manifest(release("c"), strange=1)})
    (link,) = then(story, Manifest(PATH, refuses))  # type: ignore[arg-type]
    assert link.sentence.endswith("it said sha256:cccccccccccc and says nothing that can be read")
    story.commit({PATH: manifest(release("c"))})
    assert len(then(story, Manifest(PATH, refuses))) == 1  # type: ignore[arg-type]


def test_a_manifest_that_was_removed_and_came_back() -> None:
    story = told()
    text, commit = story.files[PATH], story.commit({PATH: None})
    story.commit({PATH: text})
    first, second = sentences(then(story))
    assert first == (
        "broken",
        f"commit {commit.short} (Eve, 2026-01-01) removed the manifest, and brought no record",
    )
    assert second[0] == "broken"
    assert second[1].endswith(f"{PLACE} from nothing to {release('c').uri}")


def test_what_people_did_before_the_first_record_is_where_it_began() -> None:
    story = begun()
    story.commit({PATH: manifest(release("e"))})
    story.promote(release("a"))
    assert [one.status for one in then(story)] == ["ok"]


def test_yaml_that_nobody_can_read_is_not_told() -> None:
    story = told()
    story.commit({PATH: "a: [\n"})
    story.commit({PATH: manifest(release("c"))})
    assert [one.status for one in then(story)] == ["unknown", "unknown"]
    assert "cannot be told" in then(story)[0].sentence


def test_a_promotion_of_yaml_that_nobody_can_read_is_not_told() -> None:
    story = begun()
    one = story.record(release("a"))
    story.commit(story.promoted(one, "a: [\n"))
    status, said = sentences(then(story))[0]
    assert status == "unknown"
    assert "brought record 1, and what it changed cannot be told" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, f"did not change {PLACE} to {release('a').uri}, which the record says"),
        (
            manifest(release("e")),
            f"changed {PLACE} to {release('e').uri}, and the record says {release('a').uri}",
        ),
        (
            manifest(release("a"), replicas=3),
            "also changed InferenceService/toy:spec.replicas from nothing to 3, which no record says",
        ),
    ],
)
def test_a_promotion_that_did_something_else_than_it_says(text: str | None, said: str) -> None:
    story = begun()
    one = story.record(release("a"))
    files = {**story.promoted(one), PATH: text or story.files[PATH]}
    commit = story.commit(files, "Promote", "Ada")
    assert sentences(then(story)) == [
        ("broken", f"commit {commit.short} (Ada, 2026-01-01) brought record 1, but {said}")
    ]


def test_a_record_that_says_it_was_something_else_before() -> None:
    story = begun()
    story.promote(
        release("a"), "rebase", edits=(Edit(file=PATH, place=PLACE, old="x", new=release("a").uri),)
    )
    assert then(story)[0].sentence.endswith(f"but {PLACE} was none before, and the record says x")


def test_true_is_not_one() -> None:
    story = begun()
    place = "InferenceService/toy:spec.ready"
    one = story.record(release("a"))
    more = Edit(file=PATH, place=place, new=1)
    one = one.model_copy(update={"edits": (*one.edits, more)})
    story.commit(story.promoted(one, manifest(release("a"), ready=True)))
    assert then(story)[0].sentence.endswith(f"but changed {place} to True, and the record says 1")


def test_several_promotions_in_one_merge_are_told_together() -> None:
    story = begun()
    first = story.record(release("a"))
    second = story.record(
        release("b"), edits=(Edit(file=PATH, place=PLACE, old=release("a").uri, new=release("b").uri),)
    )
    story.commit({**story.promoted(first), **story.promoted(second)})
    assert [one.sentence.split(":")[0] for one in then(story)] == ["records 1 to 2"]


def test_there_and_back_in_one_merge_changes_nothing() -> None:
    story = begun()
    story.promote(release("a"))
    to = release("b").uri
    first = story.record(release("b"))
    back = Edit(file=PATH, place=PLACE, old=to, new=release("a").uri)
    second = story.record(release("a"), action="rollback", edits=(back,))
    files = {**story.promoted(first), **story.promoted(second)}
    story.commit({**files, PATH: story.files[PATH]})
    assert [one.status for one in then(story)] == ["ok"]


def test_models_in_one_file_answer_for_their_own_places() -> None:
    def both(a: str, b: str) -> str:
        return "---\n".join(
            yaml.safe_dump({"kind": "I", "metadata": {"name": name}, "spec": {"model": uri}})
            for name, uri in (("toy", a), ("other", b))
        )

    story = begun()
    story.commit({PATH: both("x", "u")})
    one = story.record(release("a"), edits=(Edit(file=PATH, place="I/toy:spec.model", old="x", new="p"),))
    other = one.model_copy(
        update={"model": "other", "edits": (Edit(file=PATH, place="I/other:spec.model", old="u", new="q"),)}
    )
    files = {
        name: text for each in (one, other) for name, text in story.promoted(each).items() if name != PATH
    }
    story.commit({**files, PATH: both("p", "q")})
    assert [(one.model, one.status) for one in then(story, None)] == [("other", "ok"), ("toy", "ok")]
    story.commit({PATH: both("p", "z")})
    assert [(one.model, one.status) for one in then(story, None)] == [("other", "broken"), ("toy", "ok")]


def test_a_record_that_no_commit_brought_is_not_told_here() -> None:
    story = told()
    history = replace(story.history(), base=())
    (link,) = edits(history, trails(history), {TARGET: MANIFEST})
    assert (link.status, link.sentence) == (
        "unknown",
        "records 1 to 3: the commits that brought them are not in this clone",
    )


def test_in_a_shallow_clone_what_came_after_its_end_is_told() -> None:
    story = told()
    # Where the clone ends, one commit seems to bring everything.
    end = replace(story.base[0], parents=(), changes=tuple(c for one in story.base for c in one.changes))
    story.base = [end]
    story.commit({PATH: manifest(release("e"))})
    history = story.history(shallow=True)
    found = list(edits(history, trails(history), {TARGET: MANIFEST}))
    assert [one.status for one in found] == ["broken", "unknown"]
    assert "by hand" in found[0].sentence
