"""Who approved and merged the last promotion, out of the embedded forge."""

from __future__ import annotations

from mlops_ci.promoting import merges
from mlops_ci.promotion import marks
from mlops_ci.promotion.record import Approval
from tests.promoting.conftest import IRIS, Place, of


def test_the_last_merge_with_the_approvals_of_what_was_merged(place: Place) -> None:
    first = place.run(IRIS)[IRIS.branch]
    place.forge.review(1, "eve")
    newer = place.run(of("staging", version="v3"))[IRIS.branch]
    assert newer.commit != first.commit
    place.forge.review(1, "bob")
    place.forge.review(1, "kim", "changes")
    assert merges.last(place.forge, place.forge.promotions(marks.PREFIX), IRIS.branch) is None
    place.forge.merge(1, by="ada")
    found = merges.last(place.forge, place.forge.promotions(marks.PREFIX), IRIS.branch)
    assert found is not None
    said = place.forge.reviews(1)[1]
    assert found.approvals == (Approval(user="bob", at=said.at, commit=newer.commit),)
    assert (found.pull_request, found.merged_by, found.commit) == (1, "ada", place.base)
    assert found.merged_at.endswith("Z")
