"""One sticky comment by either way: who posts it, what stands in it, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlops_ci import watermark
from mlops_ci.adapters.cml import Cml
from mlops_ci.adapters.local import LocalForge
from mlops_ci.adapters.publishing import Published, Report, publish
from mlops_ci.errors import ToolError
from mlops_ci.report import marker, read_marker

SHA = "0123456789abcdef0123456789abcdef01234567"


def report(hour: int = 1, words: str = "text") -> Report:
    hidden = marker(commit=SHA, created=f"2026-11-28T{hour:02d}:00:00+00:00")
    return Report(f"{hidden}\n{words}\n", SHA)


def stamp(body: str) -> str | None:
    found = read_marker(body)
    return found.created if found else None


@dataclass(frozen=True)
class Command(Cml):
    """A cml that does to the embedded forge what the real one does to GitHub, or fails."""

    forge: LocalForge = field(default_factory=lambda: LocalForge(Path()))
    broken: bool = False

    def update(self, pull_request: int, text: str, *, commit: str, title: str) -> str:
        if self.broken:
            raise ToolError("cml could not post the comment (exit code 1): no network")
        body = watermark.signed(text, commit=commit, title=title)
        there = watermark.found(self.forge.comments(pull_request), title)
        if there is None:
            return self.forge.create_comment(pull_request, body).url
        return self.forge.update_comment(pull_request, there.id, body).url


@pytest.fixture
def forge(tmp_path: Path) -> LocalForge:
    made = LocalForge(tmp_path)
    made.open(head="t", base="main", head_commit=SHA, title="T")
    return made


def cml(forge: LocalForge, *, broken: bool = False) -> Cml:
    return Command("cml", "https://github.com/acme/census", "t", forge, broken)


def bodies(forge: LocalForge) -> list[str]:
    return [one.body for one in forge.comments(1)]


def test_a_newer_comment_and_an_equal_one_are_kept(forge: LocalForge) -> None:
    url = publish(forge, 1, report(5), stamp).url
    assert publish(forge, 1, report(3), stamp, cml=cml(forge)) == Published(
        url, note="a newer run has reported already"
    )
    assert publish(forge, 1, report(5), stamp) == Published(url, note="it says the same already")
    assert bodies(forge) == [report(5).body]


@pytest.mark.parametrize("others", [31, 101])
def test_past_cmls_first_page_the_api_updates_in_place(forge: LocalForge, others: int) -> None:
    for number in range(others):
        forge.create_comment(1, f"talk {number}")
    publish(forge, 1, report(1), stamp)
    found = publish(forge, 1, report(2), stamp, cml=cml(forge))
    assert (found.by, found.note) == (
        "api",
        f"posted by the API: cml reads 30 comments, there are {others + 1}",
    )
    assert [body for body in bodies(forge) if stamp(body)] == [report(2).body]


def test_a_strangers_copy_is_left_alone(forge: LocalForge) -> None:
    stranger = LocalForge(forge.folder, account="mallory")
    stranger.create_comment(1, report(9).body)
    found = publish(forge, 1, report(1), stamp, cml=cml(forge))
    assert (found.by, found.note) == ("api", "posted by the API: cml would replace another comment")
    assert bodies(forge) == [report(9).body, report(1).body]


def test_where_cml_fails_the_api_posts_and_the_reason_is_told(forge: LocalForge) -> None:
    found = publish(forge, 1, report(), stamp, cml=cml(forge, broken=True))
    assert (found.by, bodies(forge)) == ("api", [report().body])
    assert found.note == "posted by the API: cml could not post the comment (exit code 1): no network"


@pytest.mark.parametrize("with_cml", [True, False])
def test_a_comment_that_nobody_needs_is_updated_and_not_begun(forge: LocalForge, with_cml: bool) -> None:
    way = cml(forge) if with_cml else None
    assert publish(forge, 1, report(1), stamp, cml=way, create=False) == Published("")
    assert bodies(forge) == []
    publish(forge, 1, report(2), stamp)
    assert publish(forge, 1, report(3), stamp, cml=way, create=False).by == ("cml" if with_cml else "api")
    assert bodies(forge) == [report(3).body]


def test_what_was_asked_for_is_told_where_it_is_not_done(forge: LocalForge) -> None:
    assert publish(forge, 1, report(1), stamp).note == ""
    found = publish(forge, 1, report(2), stamp, way="cml")
    assert found.note == "posted by the API: there is no usable cml command"
    assert publish(forge, 1, report(3), stamp, cml=cml(forge), way="api") == Published(
        forge.comments(1)[0].url, "api"
    )
