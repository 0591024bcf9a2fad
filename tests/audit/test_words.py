"""The timeline as a table and for spreadsheets, the chain in words and for machines."""

from __future__ import annotations

import csv

from mlops_ci.audit import words
from mlops_ci.audit.links import Link, counted, numbers
from mlops_ci.audit.manifests import Manifest
from mlops_ci.audit.timeline import Timeline, timeline
from mlops_ci.audit.trails import trails
from mlops_ci.audit.verify import ORDER, Chain, World, verify
from mlops_ci.promotion.record import Approval, Hold, Merge, Previous, Summary
from tests.audit.story import MANIFEST, PATH, begun, manifest, read, release, told


def test_a_table() -> None:
    story = begun()
    one = story.promote(release("a"), evidence=Summary(verdict="passed"), requested_by="ada")
    merged = Merge(pull_request=3, merged_by="mia", approvals=(Approval(user="bo"), Approval(user="mia")))
    held = story.record(
        release("a"),
        action="hold",
        after=one.after,
        edits=(),
        hold=Hold(reason="wait", by="bo"),
        previous=Previous(number=1, digest=one.digest, merge=merged),
    )
    story.commit(story.promoted(held), "Hold (#9)")
    story.promote(release("b"), "rebase", reason="better")
    lines = words.table(timeline(story.history())).splitlines()
    first, second, third = (story.base[at].short for at in (2, 1, 0))
    assert [" ".join(line.split()) for line in lines] == [
        "when where action what by evidence live commit why",
        f"2026-01-01 01:00 production/toy promote va ada, bo, mia passed 2 h {first} #3",
        f"2026-01-01 02:00 production/toy hold va Eve none {second} #9 wait",
        f"2026-01-01 03:00 production/toy promote vb Ada none now {third} better",
    ]


def test_nothing_to_tell_and_what_was_not_read() -> None:
    assert words.table(Timeline(())).startswith("Nothing fits: no promotion has been recorded")
    assert words.table(Timeline((), ("x: is no record",))).endswith("\nnot read: x: is no record\n")


def test_an_entry_without_a_commit_is_told_too() -> None:
    story = told()
    assert "production/toy  promote  va" in words.table(timeline(story.history(base=())))


def test_for_a_spreadsheet_no_cell_is_a_formula() -> None:
    story = begun()
    one = story.promote(release("a"), requested_by="@SUM(1)", reason='=HYPERLINK("http://x")\nand "more"')
    merged = Merge(pull_request=3, approvals=(Approval(user="+bo"), Approval(user="al")))
    story.promote(release("b"), previous=Previous(number=1, digest=one.digest, merge=merged))
    text = words.comma_separated(timeline(story.history()).entries)
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    assert rows[0]["reason"] == '\'=HYPERLINK("http://x")\nand "more"'
    assert rows[0]["requested_by"] == "'@SUM(1)"
    assert rows[0]["approved_by"] == "'+bo al"
    assert rows[0]["number"] == "1"
    assert rows[1]["live_seconds"] == ""
    assert list(rows[0]) == list(timeline(story.history()).entries[0].document())
    assert words.comma_separated(()) == text.partition("\n")[0] + "\n"


def world() -> World:
    return World(told().history(), {("production", "toy"): MANIFEST})


def test_the_chain_in_words() -> None:
    found = verify(world(), trails(world().history))
    lines = words.chain(found).splitlines()
    assert lines[0] == "production/toy"
    assert lines[1].split()[:2] == ["ok", "manifest"]
    assert lines[1].endswith(f"says what record 3 says: sha256:cccccccccccc [{PATH}]")
    assert lines[-1] == "No link is broken: 6 ok, 2 that nobody can tell from here, over 3 records."
    assert words.document(found)["ok"] is True
    assert words.document(found)["counts"] == {"ok": 6, "broken": 0, "unknown": 2}
    assert words.document(found)["targets"] == ["production/toy"]
    assert words.document(found)["links"][0] == {
        "environment": "production",
        "model": "toy",
        "link": "manifest",
        "status": "ok",
        "sentence": "says what record 3 says: sha256:cccccccccccc",
        "where": PATH,
        "commit": "",
    }


def test_a_broken_chain_in_words() -> None:
    story = told()
    story.commit({PATH: manifest(release("e"))})
    found = verify(
        World(story.history(shallow=True), {("production", "toy"): MANIFEST}), trails(story.history())
    )
    assert found.is_broken
    text = words.chain(found)
    assert text.splitlines()[0] == "the repository"
    assert "this clone's history is cut off" in text
    assert text.splitlines()[-1].startswith("The chain is broken: 2 broken, 4 ok, 3 that nobody can tell")


def test_nothing_to_verify() -> None:
    assert words.chain(Chain((), ())) == (
        "There is nothing to verify: no promotion has been recorded below promotions/log.\n"
    )


def test_only_the_targets_that_are_asked_for_and_their_shared_manifests() -> None:
    story = told()
    story.promote(release("a"), environment="staging")
    history = story.history()
    both = {("production", "toy"): MANIFEST, ("staging", "toy"): Manifest("deploy/staging/toy.yaml", read)}
    found = verify(World(history, both), trails(history), lambda target: target[0] == "staging")
    assert {(link.environment, link.model) for link in found.links} == {("staging", "toy")}
    assert [trail.target for trail in found.trails] == [("staging", "toy")]


def test_every_link_has_its_place_in_the_order() -> None:
    found = verify(world(), trails(world().history))
    places = [ORDER.index(link.name) for link in found.links]
    assert places == sorted(places)


def test_links_are_counted() -> None:
    links = [Link("a", "b", "x", "ok", ""), Link("a", "b", "x", "broken", ""), Link("a", "b", "x", "ok", "")]
    assert counted(links) == {"ok": 2, "broken": 1, "unknown": 0}


def test_numbers_of_records_in_words() -> None:
    assert numbers([3]) == "record 3"
    assert numbers([1, 2]) == "records 1 to 2"
    assert numbers([7, 1, 3, 2]) == "records 1 to 3 and 7"
    assert numbers([1, 3, 5, 6]) == "records 1, 3 and 5 to 6"
