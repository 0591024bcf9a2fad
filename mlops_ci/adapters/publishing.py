"""How a report reaches its pull request: by CML's command where it is right, else by the forge's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlops_ci import watermark
from mlops_ci.adapters.cml import Cml
from mlops_ci.errors import ToolError
from mlops_ci.forge import Comment, Forge, Placement, place

Way = Literal["auto", "cml", "api"]


@dataclass(frozen=True)
class Report:
    """A report that is to be posted: the text, the commit it is about, and the name among several."""

    text: str
    commit: str
    name: str = ""

    @property
    def title(self) -> str:
        """The title of its watermark."""
        return watermark.titled(self.name)

    @property
    def body(self) -> str:
        """What stands in the comment, the same by either way."""
        return watermark.signed(self.text, commit=self.commit, title=self.title)


@dataclass(frozen=True)
class Published:
    """Where the comment stands, who posted it (empty: it stood there), and what a person should know."""

    url: str
    by: Literal["", "cml", "api"] = ""
    note: str = ""


def publish(
    forge: Forge,
    pull_request: int,
    report: Report,
    stamp: Callable[[str], str | None],
    *,
    cml: Cml | None = None,
    way: Way = "auto",
    create: bool = True,
) -> Published:
    """Bring the sticky comment of a pull request up to date.

    A newer run's comment is kept, and so is one that says the same; without ``create`` none is made where
    there is none. ``way``: ``auto`` asks CML's command where it is there and would do the right thing;
    ``cml`` says why where it does not; ``api`` never asks.

    Raises:
        ToolError: the forge could not be reached or refused.
    """
    comments = forge.comments(pull_request)
    placement = place(comments, report.body, stamp)
    if placement.action == "keep" and placement.comment is not None:
        return Published(placement.comment.url, note=placement.reason)
    if placement.comment is None and not create:
        return Published("")
    why = _not_by_cml(cml, way) or watermark.wrong(comments, placement, report.title)
    if cml is not None and not why:
        try:
            url = cml.update(pull_request, report.text, commit=report.commit, title=report.title)
            return Published(url, "cml")
        except ToolError as error:
            why = error.message
    posted = _by_api(forge, pull_request, report.body, placement)
    asked = way == "cml" or (cml is not None and way == "auto")
    return Published(posted.url, "api", f"posted by the API: {why}" if asked else "")


def _not_by_cml(cml: Cml | None, way: Way) -> str:
    if way == "api":
        return "as asked"
    return "" if cml else "there is no usable cml command"


def _by_api(forge: Forge, pull_request: int, body: str, placement: Placement) -> Comment:
    if placement.comment is None:
        return forge.create_comment(pull_request, body)
    return forge.update_comment(pull_request, placement.comment.id, body)
