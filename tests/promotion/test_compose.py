"""Integration: whole pull requests against golden files; their commits, files, labels and sizes."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_ci import trailers, yaml_edit
from mlops_ci.errors import ConfigError
from mlops_ci.promotion import marker, marks
from mlops_ci.promotion.compose import branch_of, edits_of
from mlops_ci.promotion.context import Context, Shipped
from mlops_ci.promotion.record import Edit, Input, Judgement, Metric, Summary, read
from mlops_ci.rollout import Rollout
from tests.e2e.hostile import inert
from tests.promotion.samples import (
    CONTEXT,
    NEW,
    OLD,
    SETTING,
    SUMMARY,
    asks,
    decided,
    live,
    planned,
    record,
    serving,
    staged,
    state,
)
from tests.promotion.stories import STORIES, Story, group, rollback, story

GOLDEN = Path(__file__).parent / "golden"
OURS = ("https://github.com/acme/iris",)


def check_golden(name: str, text: str) -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 writes it, for the reviewer to read in the diff."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", STORIES)
def test_the_body_is_as_reviewed(name: str) -> None:
    found = STORIES[name]().proposal()
    # A new field of the record changes its digest and nothing that a reader sees.
    shown = re.sub(r"records=\S+", "records=...", found.body)
    check_golden(f"{name}.md", f"{found.title}\n\n{shown}")
    assert inert.markdown(found.body, OURS) == []


@pytest.mark.parametrize("name", ["canary", "rollback", "group"])
def test_the_commit_s_message_is_as_reviewed(name: str) -> None:
    check_golden(f"{name}.txt", STORIES[name]().proposal().message)


@pytest.mark.parametrize("name", STORIES)
def test_two_runs_give_the_same_pull_request(name: str) -> None:
    assert STORIES[name]().proposals() == STORIES[name]().proposals()


# ---- what a pull request is ------------------------------------------------------------------------


def test_a_pull_request_is_one_branch_with_the_manifest_and_its_record_twice() -> None:
    found = STORIES["canary"]().proposal()
    assert (found.branch, found.base) == ("mlops-ci/promote/production/iris", "main")
    assert found.id == "production/iris/promote/bbbbbbbbbbbb/10.0.1"
    assert found.title == "Promote iris v8 in production: 10 % of requests (step 1 of 3)"
    assert (found.labels, found.reviewers) == (("mlops-ci", "promotion", "production"), ("@grace",))
    current, log = (
        "promotions/production/iris.yaml",
        "promotions/log/production/iris/0002-promote-bbbbbbbbbbbb.yaml",
    )
    assert list(found.files) == ["deploy/production/iris.yaml", current, log]
    assert found.files["deploy/production/iris.yaml"] == CONTEXT.text
    assert found.files[current] == found.files[log]


@pytest.mark.parametrize(
    ("name", "title", "labels", "automatic"),
    [
        ("promoted", "Promote iris v8 to staging", ("mlops-ci", "promotion", "staging"), True),
        (
            "ramp",
            "Ramp iris v8 in production: 50 % of requests (step 2 of 3)",
            ("mlops-ci", "promotion", "production"),
            True,
        ),
        (
            "ramp_end",
            "Ramp iris v8 in production: all requests (step 3 of 3)",
            ("mlops-ci", "promotion", "production"),
            False,
        ),
        (
            "shadow",
            "Shadow iris v8 in production: copies of 100 % of requests (step 1 of 2)",
            ("mlops-ci", "promotion", "production"),
            False,
        ),
        (
            "blue_green",
            "Promote iris v8 in production: deployed beside the live one (step 1 of 2)",
            ("mlops-ci", "promotion", "production"),
            False,
        ),
        ("rollback", "Roll back iris in production to v7", ("mlops-ci", "rollback", "production"), False),
        ("hold", "Hold iris in production", ("mlops-ci", "hold", "production"), False),
        ("unhold", "End the hold of iris in production", ("mlops-ci", "hold", "production"), False),
        ("group", "Promote 3 models of shop in staging", ("mlops-ci", "promotion", "staging"), False),
    ],
)
def test_titles_and_labels(name: str, title: str, labels: tuple[str, ...], automatic: bool) -> None:
    found = STORIES[name]().proposal()
    assert (found.title, found.labels, found.automatic) == (title, labels, automatic)


def test_a_hold_changes_no_manifest() -> None:
    assert list(STORIES["hold"]().proposal().files) == [
        "promotions/production/iris.yaml",
        "promotions/log/production/iris/0002-hold-aaaaaaaaaaaa.yaml",
    ]


def test_a_release_without_a_version_goes_by_its_digest() -> None:
    plain = replace(decided(staged(), serving()), release=replace(NEW, version=""))
    assert story(plain).proposal().title.startswith("Promote iris bbbbbbbbbbbb in production")


# ---- the record ------------------------------------------------------------------------------------


def recorded(told: Story) -> dict[str, object]:
    """The newest record of the only pull request, as plain data."""
    found = told.proposal()
    path = "promotions/production/iris.yaml"
    return read(found.files[path] or "", path).model_dump()


def test_the_record_says_what_was_and_what_will_be() -> None:
    decision = decided(staged(), serving())
    found = story(decision, replace(CONTEXT, previous="sha256:" + "9" * 64)).proposal()
    path = "promotions/production/iris.yaml"
    said = read(found.files[path] or "", path)
    assert (said.before.rollout, said.after.rollout) == (decision.before, decision.after)
    assert said.release.size == 1_234_567
    assert said.previous is not None
    assert (said.previous.number, said.previous.digest) == (1, "sha256:" + "9" * 64)
    assert said.before.stable is not None
    assert said.before.stable.version == "v7"
    assert said.source.stage == "train"


def test_a_rollback_holds_and_names_how_what_it_takes_back_was_merged() -> None:
    said = recorded(rollback())
    assert said["hold"] == {"reason": "Scores are all zero since noon.", "by": "ada"}
    assert said["step"] is None
    previous = said["previous"]
    assert isinstance(previous, dict)
    assert previous["merge"]["pull_request"] == 7
    assert "Mlops-Reverts: production/iris/2\n" in rollback().proposal().message


def test_a_hold_keeps_what_is_known_of_the_release_and_its_step() -> None:
    target = serving(traffic=10)
    assert target.record is not None
    known = target.record.model_copy(
        update={"evidence": SUMMARY, "params": {"lr": 1}, "data": (Input(path="d", md5="e"),)}
    )
    decision = decided(staged(), replace(target, record=known), asked=asks("hold"))
    said = recorded(story(decision, Context()))
    assert said["step"] == {"strategy": "canary", "number": 1, "of": 3}
    assert said["evidence"] == SUMMARY.model_dump()
    assert (said["params"], said["data"]) == ({"lr": 1}, ({"path": "d", "md5": "e", "size": None},))
    assert said["hold"] == {"reason": "held by hand", "by": "ada"}


def test_a_size_that_is_known_stays_known() -> None:
    first = story(decided(staged(), serving())).proposal()
    path = "promotions/production/iris.yaml"
    said = read(first.files[path] or "", path)
    decision = decided(staged(), live("production", said, rollout=said.after.rollout))
    assert decision.action == "ramp"
    following = recorded(story(decision, replace(CONTEXT, size=None)))
    assert isinstance(following["release"], dict)
    assert following["release"]["size"] == 1_234_567
    fresh = recorded(story(decided(staged(), serving()), replace(CONTEXT, size=None)))
    assert isinstance(fresh["release"], dict)
    assert fresh["release"]["size"] is None


def test_what_was_there_without_a_digest_is_recorded_as_it_is() -> None:
    said = recorded(STORIES["edited"]())
    assert isinstance(said["before"], dict)
    assert said["before"]["stable"]["uri"] == "s3://somewhere/model.json"
    assert said["before"]["stable"]["digest"] == ""


# ---- groups ----------------------------------------------------------------------------------------


def test_a_group_is_one_branch_with_every_model_s_files() -> None:
    found = group().proposal()
    assert found.branch == "mlops-ci/promote/staging/group-shop"
    assert re.fullmatch(r"staging/group-shop/[0-9a-f]{12}", found.id)
    assert len(found.files) == 9
    assert found.message.count("Mlops-Record: ") == 3
    # Another composition is another pull request, which a person has not said no to.
    fewer = Story(group().parts[:2]).proposal()
    assert fewer.branch == found.branch
    assert fewer.id != found.id


def test_a_group_of_one_reads_like_any_other() -> None:
    found = Story(group().parts[:1]).proposal()
    assert found.title == "Promote churn v8 to staging"
    assert found.body.splitlines()[1].startswith("**Merging this puts `churn` `v8`")


def test_two_models_of_a_group_need_two_manifests() -> None:
    parts = tuple((replace(decision, manifest="one.yaml"), context) for decision, context in group().parts)
    with pytest.raises(ConfigError) as caught:
        Story(parts).proposals()
    assert caught.value.message == "one.yaml: two models of the group shop have this manifest"


def test_decisions_without_a_group_are_pull_requests_of_their_own() -> None:
    decisions = planned(live("staging", record("staging", state(OLD))), serving(traffic=10)).decisions
    found = Story(tuple((one, CONTEXT) for one in decisions)).proposals()
    assert [one.branch for one in found] == list(map(branch_of, decisions))


# ---- edits -----------------------------------------------------------------------------------------


def test_edits_are_what_differs_between_two_texts() -> None:
    before = "kind: Service\nmetadata: {name: iris}\nspec:\n  a: 1\n  b: old\n"
    after = "kind: Service\nmetadata: {name: iris}\nspec:\n  b: new\n  c: true\n"
    assert edits_of("x.yaml", before, after) == tuple(
        Edit(file="x.yaml", place=str(one.address), old=one.old, new=one.new)
        for one in yaml_edit.changes(before, after)
    )
    assert [(one.old, one.new) for one in edits_of("x.yaml", before, after)] == [
        ("old", "new"),
        (None, True),
        (1, None),
    ]


# ---- the message and the marker --------------------------------------------------------------------


def parsed(message: str) -> list[str]:
    """What Git itself takes for trailers."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", STORIES)
def test_git_reads_every_trailer(name: str) -> None:
    message = STORIES[name]().proposal().message
    block = message.rstrip().split("\n\n")[-1].split("\n")
    assert parsed(message) == block
    assert trailers.read(message)[trailers.ENVIRONMENT] in ("staging", "production")


HOSTILE = "x\n\nMlops-Action: hold\n---\n<b>@everyone</b> [a](https://evil.example) `y` #1 ![p](https://evil.example/p.png) --> \u202e"


def test_a_hostile_reason_is_no_trailer_and_no_markup() -> None:
    asked = asks("rollback", release=OLD, reason=HOSTILE, by="@ada\nMlops-Model: other")
    found = story(decided(staged(), serving(traffic=10), asked=asked), Context()).proposal()
    assert trailers.read(found.message)[trailers.ACTION] == "rollback"
    assert trailers.read(found.message)[trailers.MODEL] == "iris"
    assert len([line for line in parsed(found.message) if line.startswith("Mlops-Action")]) == 1
    assert inert.markdown(found.body, OURS) == []


def test_hostile_text_from_anywhere_stays_text() -> None:
    evil = "https://evil.example"
    context = Context(
        text="x: 1\n",
        edits=(Edit(file="a", place=HOSTILE, old=HOSTILE, new=[HOSTILE]),),
        evidence=Summary(
            verdict="warned",
            champion=OLD.digest,
            metrics=(Metric(name=HOSTILE, candidate=1, champion=2, low=-1, high=2, direction="higher"),),
            gates=tuple(
                Judgement(gate=HOSTILE, subject=HOSTILE, status=status, sentence=HOSTILE)
                for status in ("FAIL", "SKIP", "PASS", "ODD")
            ),
            waivers=SUMMARY.waivers,
        ),
        data=(Input(path=HOSTILE, md5=HOSTILE),),
        params={HOSTILE: {"a": HOSTILE}},
        ships=(Shipped(1, HOSTILE, evil), Shipped(2, HOSTILE, "javascript:alert(1)")),
        notes=(HOSTILE,),
        unknown=(HOSTILE,),
        reviewers=(),
    )
    decision = replace(decided(staged(), serving()), release=replace(NEW, version=HOSTILE, uri=HOSTILE))
    found = story(decision, context).proposal()
    assert inert.markdown(found.body, (*OURS, evil)) == []
    assert "\n" not in found.title
    told = marker.read(found.body)
    assert told is not None
    assert (told.ids, told.models, told.evidence) == ((decision.id,), (NEW.digest,), ("",))
    assert parsed(found.message) == found.message.rstrip().split("\n\n")[-1].split("\n")


@pytest.mark.parametrize(
    "found",
    [
        marker.Marker(("a/b/promote/x/10.0.1",), ("sha256:1",), ("",), ("sha256:2",)),
        marker.Marker(("--> <b>", "a--b,c"), ("", "sha256:\u00e9"), ("-", ""), ("x", "y")),
        marker.Marker(()),
    ],
)
def test_a_marker_is_read_back(found: marker.Marker) -> None:
    line = marker.written(found)
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert marker.read(f"{line}\nbody") == found
    assert marker.read(f"title\n{line}") is None


def test_the_marker_does_not_hide_what_the_pull_request_is_about() -> None:
    found = STORIES["canary"]().proposal()
    assert marks.id_of(found.body) == ""
    assert marks.id_of(marks.marked(found.body, found.id)) == found.id
    assert len(marks.superseded(marks.marked(found.body, found.id))) < len(found.body) + 500


# ---- size ------------------------------------------------------------------------------------------


def much(rows: int, text: str) -> Context:
    """A context in which everything is long."""
    return replace(
        CONTEXT,
        edits=tuple(Edit(file="a", place=f"{at}{text}", old=text, new=text) for at in range(rows)),
        evidence=SUMMARY.model_copy(
            update={
                "metrics": tuple(Metric(name=f"m{at}", candidate=0.5) for at in range(rows)),
                "gates": tuple(
                    Judgement(gate="g", subject="s", status=status, sentence=text)
                    for status in ("WARN", "PASS", "SKIP")
                    for _ in range(rows)
                ),
                "waivers": SUMMARY.waivers * rows,
            }
        ),
        data=tuple(Input(path=f"{at}{text}", md5="a", size=None) for at in range(rows)),
        params={f"{at}": text for at in range(rows)},
        ships=tuple(Shipped(at, text) for at in range(rows)),
        notes=(text,) * rows,
        unknown=(text,) * rows,
    )


@pytest.mark.parametrize(("rows", "text"), [(41, "a"), (41, "<" * 600), (41, "[x](y)" * 50)])
def test_a_body_has_a_largest_size_and_says_what_it_leaves_out(rows: int, text: str) -> None:
    found = story(decided(staged(), serving()), much(rows, text)).proposal()
    assert len(found.body) <= SETTING.limit
    assert found.body.splitlines()[1].startswith("**Merging this gives 10 % of the requests")
    assert " more\n" in found.body
    assert inert.markdown(found.body, OURS) == []


def test_a_full_group_fits_too() -> None:
    decision = group().parts[0][0]
    models = tuple((replace(decision, model=f"{'m' * 97}{at}"), much(4, "<" * 200)) for at in range(24))
    parts = tuple((replace(one, manifest=f"{one.model}.yaml"), about) for one, about in models)
    found = Story(parts).proposal()
    assert len(found.body) <= SETTING.limit
    assert "- and 4 more\n" in found.body
    assert found.body.count("**Merging this puts") == 20
    assert inert.markdown(found.body, OURS) == []


def test_where_nothing_fits_whole_lines_are_cut() -> None:
    parts = Story(group().parts).parts
    found = Story(parts, replace(SETTING, limit=1200)).proposal()
    head, *rest = found.body.splitlines()
    assert len(found.body) <= 1200
    assert marker.read(head) is not None
    assert rest[0] == "**Merging this changes 3 models in `staging`:**"
    assert rest == group().proposal().body.splitlines()[1 : len(rest) + 1]


# ---- words of one's own ----------------------------------------------------------------------------


def with_template(text: str) -> Story:
    decision = decided(staged(), serving())
    return Story(((decision, CONTEXT),), replace(SETTING, overrides={"promotion.md.j2": text}))


def test_a_block_may_be_replaced() -> None:
    own = '{% extends "mlops-ci/promotion.md.j2" %}{% block further %}Runbook: {{ promotion.one.decision.model }}{% endblock %}'
    found = with_template(own).proposal()
    assert "\nRunbook: iris\n" in found.body
    assert "**Merging this gives" in found.body


def test_a_template_that_never_fits_gives_way_to_ours() -> None:
    found = with_template("x" * (SETTING.limit + 1)).proposal()
    assert found.body == story(decided(staged(), serving())).proposal().body


def test_a_broken_template_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\.mlops-ci/promotion\.md\.j2:1: "):
        with_template("{% block").proposal()


def test_a_rollout_of_an_unknown_release_is_told_by_its_address() -> None:
    decision = decided(live("staging", None, rollout=Rollout(replace(OLD.served, digest=""))), at="staging")
    body = story(decision).proposal().body
    assert f"in place of `{OLD.uri}`." in body
    assert "Which bytes are live now: the address in the manifest names no digest." in body
