"""Evidence, lock, bytes, data and code are what the record names; else it is said which is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlops_ci.audit.links import Gone, Link, Unseen
from mlops_ci.audit.origin import Bytes, Lock, Origin, Repeated, check, live_releases
from mlops_ci.audit.trails import Trail, trails
from mlops_ci.evidence import Base, Environment, Evidence, Metric, ModelEvidence, Repository
from mlops_ci.evidence import Lock as Measured
from mlops_ci.promotion import record
from mlops_ci.promotion.record import Input, Source, State, Summary
from tests.audit.story import Story, begun, release

LOCK = "sha256:" + "1" * 64
MD5 = "d" * 32


def document(**more: Any) -> Evidence:
    model = ModelEvidence(
        name="toy",
        digest=MD5,
        metrics=(Metric(name="accuracy", file="m.json", head=0.9), Metric(name="n", file="m.json")),
    )
    fields: dict[str, Any] = {
        "created": "2026-01-01T00:00:00Z",
        "tool": "mlops-ci",
        "repository": Repository(name="toy", commit="9" * 40),
        "base": Base(),
        "lock": Measured(mode="report", digest=LOCK),
        "models": (model,),
        "environment": Environment(python="3.11", platform="linux", cpu_count=2),
    }
    return Evidence(**{**fields, **more})


EVIDENCE = document()
NAMED = release("a", lock=LOCK, md5=MD5, evidence=EVIDENCE.digest)
GOOD = Origin(
    evidence=EVIDENCE.canonical(),
    lock=Lock(LOCK, {"model.json": MD5, "data.csv": "f" * 32}, {"train.py": ("c", "c")}),
    published=Bytes(NAMED.digest, place="s3://m"),
    kept=Bytes(NAMED.digest, MD5, "the DVC remote s"),
    data={},
)


def trail(**more: Any) -> Trail:
    story = begun()
    promote(story, **more)
    return trails(story.history())[0]


def promote(story: Story, **more: Any) -> None:
    fields: dict[str, Any] = {
        "source": Source(output="model.json"),
        "data": (Input(path="data.csv", md5="f" * 32),),
        "evidence": Summary(
            digest=EVIDENCE.digest,
            metrics=(
                record.Metric(name="accuracy", file="m.json", candidate=0.9),
                record.Metric(name="n", file="m.json"),
                record.Metric(name="other", file="m.json", candidate=1.0),
            ),
        ),
    }
    story.promote(more.pop("to", NAMED), "rebase", **{**fields, **more})


def told(found: Trail, origin: Origin) -> list[tuple[str, str, str]]:
    links = check(found, {NAMED.digest: origin})
    return [(one.name, one.status, one.sentence.removeprefix("sha256:aaaaaaaaaaaa (va): ")) for one in links]


def one(name: str, found: Trail, origin: Origin) -> list[tuple[str, str]]:
    return [(status, sentence) for which, status, sentence in told(found, origin) if which == name]


def test_everything_is_as_the_record_says() -> None:
    assert told(trail(), GOOD) == [
        (
            "evidence",
            "ok",
            "the evidence hashes to its digest and is of this model, measured at 9999999999",
        ),
        ("lock", "ok", "dvc.lock at aaaaaaaaaa has the record's digest, and names the model's md5"),
        ("model", "ok", "the bytes at s3://m hash to the sha256 of the record"),
        ("remote", "ok", "the bytes in the DVC remote s have the md5 and the sha256 of the record"),
        ("data", "ok", "1 input: the data is there by its md5"),
        ("code", "ok", "at aaaaaaaaaa 1 file of code has the md5 that dvc.lock was made with"),
    ]


def test_a_link_says_which_file_names_the_release() -> None:
    links: list[Link] = list(check(trail(), {NAMED.digest: GOOD}))
    assert {one.where for one in links} == {f"promotions/log/production/toy/0001-promote-{'a' * 12}.yaml"}


def without(part: str, found: Any) -> Origin:
    return replace(GOOD, **{part: found})


@pytest.mark.parametrize("part", ["evidence", "lock", "published", "kept"])
def test_what_could_not_be_looked_at_breaks_nothing_and_what_is_gone_does(part: str) -> None:
    name = {"published": "model", "kept": "remote"}.get(part, part)
    assert one(name, trail(), without(part, Unseen("offline"))) == [("unknown", "offline")]
    assert one(name, trail(), without(part, Gone("it is gone"))) == [("broken", "it is gone")]


# ---- evidence ------------------------------------------------------------------------------------


def test_evidence_that_was_rewritten() -> None:
    other = document(created="2027-01-01T00:00:00Z")
    ((status, said),) = one("evidence", trail(), replace(GOOD, evidence=other.canonical()))
    assert status == "broken"
    assert (
        said == f"the evidence was rewritten: it hashes to {other.digest}, the record names {EVIDENCE.digest}"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ()}, "the evidence has no model toy"),
        (
            {"models": (ModelEvidence(name="toy", digest="e" * 32),)},
            f"the evidence is of the model {'e' * 32}, the record's is {MD5}",
        ),
        (
            {
                "models": (
                    ModelEvidence(name="toy", metrics=(Metric(name="accuracy", file="m.json", head=0.8),)),
                )
            },
            "the evidence has accuracy 0.8, the record says 0.9",
        ),
        (
            {"models": (ModelEvidence(name="toy", metrics=(Metric(name="n", file="m.json", head=0.8),)),)},
            "the evidence has n 0.8, the record says None",
        ),
    ],
)
def test_evidence_of_something_else(changed: dict[str, Any], said: str) -> None:
    other = document(**changed)
    to = NAMED.model_copy(update={"evidence": other.digest})
    metrics = trail().records[0].evidence.metrics
    found = trail(to=to, evidence=Summary(digest=other.digest, metrics=metrics))
    assert one("evidence", found, replace(GOOD, evidence=other.canonical())) == [("broken", said)]


def test_evidence_that_cannot_be_read() -> None:
    raw = b"{}"
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    to = NAMED.model_copy(update={"evidence": digest})
    found = trail(to=to, evidence=Summary())
    assert one("evidence", found, replace(GOOD, evidence=raw)) == [
        ("broken", f"the evidence cannot be read: {digest}: has no evidence schema version")
    ]


def test_evidence_of_a_lock_where_no_md5_tells_more() -> None:
    other = document(lock=Measured(mode="report", digest="sha256:2"))
    to = NAMED.model_copy(update={"md5": "", "evidence": other.digest})
    found = trail(to=to, evidence=Summary())
    said = f"the evidence is of the dvc.lock sha256:2, the record's is {LOCK}"
    assert one("evidence", found, replace(GOOD, evidence=other.canonical())) == [("broken", said)]
    found = trail(to=NAMED.model_copy(update={"evidence": other.digest}), evidence=Summary())
    assert one("evidence", found, replace(GOOD, evidence=other.canonical()))[0][0] == "ok"
    found = trail(to=release("a", evidence=EVIDENCE.digest), evidence=Summary())
    assert one("evidence", found, GOOD)[0][0] == "ok"


def test_a_record_without_evidence() -> None:
    found = trail(to=NAMED.model_copy(update={"evidence": ""}), evidence=Summary())
    assert one("evidence", found, GOOD) == [("unknown", "the record names no evidence")]


# ---- lock, code, data ------------------------------------------------------------------------------


def test_a_lock_that_says_something_else() -> None:
    lock = Lock("sha256:2", {"model.json": "e" * 32, "data.csv": None})
    assert one("lock", trail(), replace(GOOD, lock=lock)) == [
        ("broken", f"dvc.lock at aaaaaaaaaa hashes to sha256:2, the record names {LOCK}"),
        ("broken", f"dvc.lock at aaaaaaaaaa has model.json as {'e' * 32}, the record as {MD5}"),
        ("broken", f"dvc.lock at aaaaaaaaaa has data.csv as None, the record as {'f' * 32}"),
    ]


def test_a_record_that_names_little_asks_little() -> None:
    found = trail(to=release("a"), source=Source(), data=())
    assert one("lock", found, replace(GOOD, lock=Lock("sha256:2", {})))[0][0] == "ok"
    assert one("data", found, GOOD) == [("unknown", "the record names no data")]


def test_code_that_is_not_what_the_lock_was_made_with() -> None:
    lock = Lock(LOCK, {}, {"train.py": ("c", "d"), "prepare.py": ("e", "e")})
    assert one("code", trail(), replace(GOOD, lock=lock)) == [
        ("broken", "train.py at aaaaaaaaaa has the md5 d, dvc.lock was made with c")
    ]


def test_code_of_which_nobody_can_tell() -> None:
    lock = Lock(LOCK, {}, {"a.py": ("c", "c"), "b.py": ("d", "d")}, ("src",))
    assert one("code", trail(), replace(GOOD, lock=lock)) == [
        ("ok", "at aaaaaaaaaa 2 files of code have the md5 that dvc.lock was made with"),
        ("unknown", "src at aaaaaaaaaa may have held files that Git does not have"),
    ]
    assert one("code", trail(), replace(GOOD, lock=Lock(LOCK, {}))) == [
        ("unknown", "dvc.lock at aaaaaaaaaa names no code that lies in Git")
    ]
    assert one("code", trail(), replace(GOOD, lock=Unseen("x"))) == [
        ("unknown", "what code made it is in dvc.lock, which could not be checked")
    ]


def test_data_that_is_gone() -> None:
    gone = {"data.csv": Gone("is no longer there: the DVC remote s does not have ffff")}
    assert one("data", trail(), replace(GOOD, data=gone)) == [
        ("broken", "data.csv: is no longer there: the DVC remote s does not have ffff")
    ]
    assert one("data", trail(), replace(GOOD, data=Unseen("offline"))) == [("unknown", "offline")]
    two = (Input(path="data.csv", md5="f" * 32), Input(path="more.csv", md5="e" * 32))
    assert one("data", trail(data=two), GOOD) == [("ok", "2 inputs: the data is there by its md5")]
    outside = {"more.csv": Unseen("it lies outside")}
    assert one("data", trail(data=two), replace(GOOD, data=outside)) == [
        ("unknown", "more.csv: it lies outside"),
        ("ok", "1 input: the data is there by its md5"),
    ]


# ---- bytes -----------------------------------------------------------------------------------------


def test_bytes_that_were_swapped() -> None:
    other = Bytes("sha256:0", place="s3://m")
    assert one("model", trail(), replace(GOOD, published=other)) == [
        ("broken", "the bytes at s3://m were swapped: they hash to sha256:0")
    ]
    assert one("remote", trail(), replace(GOOD, kept=Bytes("sha256:0", "e" * 32, "the cache"))) == [
        ("broken", f"the cache has bytes of the md5 {'e' * 32} in place of {MD5}")
    ]
    assert one("remote", trail(), replace(GOOD, kept=Bytes("sha256:0", MD5, "the cache"))) == [
        ("broken", "the cache has other bytes of the same md5: their sha256 is sha256:0")
    ]


@pytest.mark.parametrize(
    ("repeated", "said"),
    [
        (Repeated(same=True, sentence="All the same."), ("ok", "All the same.")),
        (Repeated(same=False, sentence="Other bytes."), ("broken", "Other bytes.")),
        (Unseen("frozen"), ("unknown", "frozen")),
    ],
)
def test_a_second_run(repeated: Repeated | Unseen, said: tuple[str, str]) -> None:
    assert one("reproduction", trail(), replace(GOOD, repeated=repeated)) == [said]


# ---- which releases --------------------------------------------------------------------------------


def test_of_earlier_releases_it_is_said_that_nobody_looked() -> None:
    story = begun()
    promote(story)
    promote(story, to=release("b"))
    found = trails(story.history())[0]
    assert told(found, GOOD) == [
        (
            "earlier",
            "unknown",
            "the bytes, evidence and code of 2 earlier releases were not looked at: --all does",
        )
    ]
    both = {NAMED.digest: GOOD, release("b").digest: GOOD}
    assert [one.name for one in check(found, both)][-1] == "earlier"
    assert "1 earlier release " in list(check(found, both))[-1].sentence
    assert "earlier" not in [one.name for one in check(found, both, every=True)]


def test_the_live_releases_are_those_of_the_newest_records() -> None:
    story = begun()
    story.promote(release("a"))
    story.promote(release("b"))
    after = State(stable=release("b"), candidate=release("c"), traffic=5)
    story.promote(release("c"), after=after)
    story.promote(release("d"), environment="staging", after=State(stable=release("e")))
    story.commit({"promotions/nowhere/toy.yaml": "x"})
    found = live_releases(trails(story.history()))
    assert [named.version for _, named in found] == ["vb", "vc"]
