"""One comment, found again whatever stands around it: A1 to A4 and A13 of the contract, by either publisher."""

from __future__ import annotations

import pytest

from tests.e2e.contract.conftest import Desk, installed
from tests.report import samples
from tests.report.test_report import comment

FENCED = """\
> [!WARNING]
> The model lost.

```diff
- lr: 0.1
+ lr: 0.2
```

````text
```
äöü \u2212 | pipes | & <tags>
````
"""


@pytest.mark.parametrize("others", [31, 101])
def test_a01_the_update_finds_its_comment_after_many_others(desk: Desk, others: int) -> None:
    desk.others(others)
    first = desk.post(desk.text("first"))
    second = desk.post(desk.text("second", hour=2))
    assert desk.comments() == [desk.ours("second", hour=2)]
    assert first.url == second.url != ""
    assert len(desk.comments("eve")) == others


@pytest.mark.parametrize("name", ['train_v1 [a](b) "q"', "{workflow} *b* <i> {run}"])
def test_a02_an_odd_title_updates_in_place(desk: Desk, name: str) -> None:
    first = desk.publish(desk.text("first"), name)
    second = desk.publish(desk.text("second", hour=2), name)
    (body,) = desk.comments()
    assert body.startswith(desk.text("second", hour=2))
    assert first.url == second.url
    assert [first.by, second.by] == ["api" if desk.publisher == "api" else "cml"] * 2


def test_a03_a_strangers_copy_of_the_marker_is_ignored(desk: Desk) -> None:
    copy = desk.ours("I am no robot", hour=9)
    desk.stand.must("POST", f"issues/{desk.number}/comments", {"body": copy}, "eve-token")
    desk.post(desk.text("first"))
    desk.post(desk.text("second", hour=2))
    assert desk.comments() == [desk.ours("second", hour=2)]
    assert desk.comments("eve") == [copy]


def test_a04_alerts_and_fences_arrive_byte_for_byte(desk: Desk) -> None:
    desk.post(desk.text(FENCED))
    assert desk.comments() == [desk.ours(FENCED)]


def test_a04_a_whole_report_arrives_byte_for_byte(desk: Desk) -> None:
    text = comment(samples.refused())
    assert "```mermaid" in text
    desk.post(text)
    assert desk.comments() == [
        f'{text}\n\n![](https://cml.dev/watermark.png#{desk.sha} "CML watermark mlops-ci")'
    ]


def test_a13_an_older_run_that_finishes_last_changes_nothing(desk: Desk) -> None:
    newer = desk.post(desk.text("of the newer commit", hour=5))
    older = desk.post(desk.text("of the older commit", hour=3))
    assert desk.comments() == [desk.ours("of the newer commit", hour=5)]
    assert newer.url == older.url


def test_each_publisher_updates_what_the_other_posted(desk: Desk) -> None:
    """From the API to the publisher under test and back."""
    desk.record.parent.joinpath("cml").unlink(missing_ok=True)
    desk.post(desk.text("first"))
    installed(desk.record.parent, desk.publisher)
    desk.post(desk.text("second", hour=2))
    assert desk.comments() == [desk.ours("second", hour=2)]
    desk.record.parent.joinpath("cml").unlink(missing_ok=True)
    desk.post(desk.text("third", hour=3))
    assert desk.comments() == [desk.ours("third", hour=3)]
    assert len(desk.called) == (1 if desk.publisher == "cml" else 0)
