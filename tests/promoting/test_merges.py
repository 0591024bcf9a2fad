"""Who approved and merged the last promotion, out of the embedded forge."""

from __future__ import annotations

from dataclasses import replace

from mlops_ci.promoting import merges
from mlops_ci.promotion import marker, marks
from mlops_ci.promotion.marker import Marker
from mlops_ci.promotion.record import Approval
from tests.promoting.conftest import IRIS, Place, of


def test_the_last_merge_with_the_approvals_of_what_was_merged(place: Place) -> None:
    hidden = marker.written(Marker(ids=("a", "b"), records=("sha256:1", "sha256:2")))
    mine, next_one = (replace(one, body=f"{hidden}\nwords") for one in (IRIS, of("staging", version="v3")))
    first = place.run(mine)[IRIS.branch]
    place.forge.review(1, "eve")
    newer = place.run(next_one)[IRIS.branch]
    assert newer.commit != first.commit
    place.forge.review(1, "bob")
    place.forge.review(1, "kim", "changes")
    assert merges.bringing(place.forge.promotions(marks.PREFIX), "sha256:2") is None
    place.forge.merge(1, by="ada")
    pulls = place.forge.promotions(marks.PREFIX)
    assert merges.bringing(pulls, "sha256:3") is None
    merged = merges.bringing(pulls, "sha256:2")
    assert merged is not None
    found = merges.of(place.forge, merged.number)
    said = place.forge.reviews(1)[1]
    assert found.approvals == (Approval(user="bob", at=said.at, commit=newer.commit),)
    assert (found.pull_request, found.merged_by, found.commit) == (1, "ada", place.base)
    assert found.merged_at.endswith("Z")
