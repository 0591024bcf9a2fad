"""Who approved and merged the last promotion, out of the embedded forge."""

from __future__ import annotations

from dataclasses import replace

from mlops_ci.promoting import merges
from mlops_ci.promotion import marker, marks
from mlops_ci.promotion.marker import Marker
from mlops_ci.promotion.record import Approval
from tests.promoting.conftest import IRIS, Place, of


def test_the_last_merge_with_the_approvals_of_what_was_merged(place: Place) -> None:
    first = place.run(IRIS)[IRIS.branch]
    place.forge.review(1, "eve")
    newer = place.run(of("staging", version="v3"))[IRIS.branch]
    assert newer.commit != first.commit
    place.forge.review(1, "bob")
    place.forge.review(1, "kim", "changes")
    place.forge.merge(1, by="ada")
    found = merges.of(place.forge, 1)
    said = place.forge.reviews(1)[1]
    assert found.approvals == (Approval(user="bob", at=said.at, commit=newer.commit),)
    assert (found.pull_request, found.merged_by, found.commit) == (1, "ada", place.base)
    assert found.merged_at.endswith("Z")


def test_the_merge_of_a_record_is_found_by_its_digest(place: Place) -> None:
    digests = [f"sha256:{letter * 64}" for letter in "ab"]
    body = marker.written(Marker(("staging/iris/promote/1/0.0.1",), records=(digests[0],)))
    place.run(replace(IRIS, body=f"{body}\nPromote iris"))
    pulls = place.forge.promotions(marks.PREFIX)
    assert merges.of_record(place.forge, pulls, digests[0]) is None
    place.forge.merge(1, by="ada")
    pulls = place.forge.promotions(marks.PREFIX)
    found = merges.of_record(place.forge, pulls, digests[0])
    assert found is not None
    assert (found.pull_request, found.merged_by) == (1, "ada")
    assert merges.of_record(place.forge, pulls, digests[1]) is None
