"""CML's watermark: the image link under a comment by which `cml comment update` finds it again.

Written and read here as CML 0.20.6 does it (``src/watermark.js``, ``src/drivers/github.js``), so that its
command and the forge's API each update what the other posted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlops_ci.forge import Comment, Placement

IMAGE = "https://cml.dev/watermark.png"
# CML reads one page of comments and no further.
PAGE = 30
# GitHub changes these in what it gives back, so CML escapes them.
_ESCAPED = re.compile(r"([_*\[<])")


def titled(name: str = "") -> str:
    """The watermark's title: whose comment it is, and which one where a pull request has several.

    Braces are left out: CML puts the workflow's and the run's name in for some of them.
    """
    return re.sub(r"[{}\s]+", " ", f"mlops-ci {name}").strip()


def signed(text: str, *, commit: str, title: str) -> str:
    """The body that is posted: the text and, below it, the watermark; no line ends it."""
    return f'{text}\n\n![]({IMAGE}#{commit} "{_label(title)}")'


def found(comments: Sequence[Comment], title: str) -> Comment | None:
    """The comment that `cml comment update` would replace: the newest of the first page, whoever wrote it."""
    mark = re.compile(rf'!\[\]\({re.escape(IMAGE)}#[0-9a-fA-F]+ "{re.escape(_label(title))}"\)')
    return next((one for one in reversed(comments[:PAGE]) if mark.search(one.body)), None)


def wrong(comments: Sequence[Comment], placement: Placement, title: str) -> str:
    """Why CML's command would not do what is to be done, empty where it would."""
    theirs = found(comments, title)
    if placement.comment is None and theirs is None:
        return ""
    if placement.comment is not None and theirs is not None and theirs.id == placement.comment.id:
        return ""
    if len(comments) > PAGE:
        return f"cml reads {PAGE} comments, there are {len(comments)}"
    return "cml would replace another comment" if theirs else "cml would post a second comment"


def _label(title: str) -> str:
    return _ESCAPED.sub(r"\\\1", f"CML watermark {title}".strip())
