"""The watermark is the one that CML 0.20.6 writes, and finds what CML would find."""

from __future__ import annotations

import pytest

from mlops_ci import watermark
from mlops_ci.forge import Comment, Placement

SHA = "0123456789abcdef0123456789abcdef01234567"


def comment(number: int, body: str, *, ours: bool = True) -> Comment:
    return Comment(number, "bot" if ours else "mallory", body, ours)


def marked(number: int, title: str = "mlops-ci", *, ours: bool = True) -> Comment:
    return comment(number, watermark.signed("text", commit=SHA, title=title), ours=ours)


def test_the_body_is_cmls_to_the_byte() -> None:
    assert watermark.signed("# Report\n", commit=SHA, title="mlops-ci") == (
        f'# Report\n\n\n![](https://cml.dev/watermark.png#{SHA} "CML watermark mlops-ci")'
    )


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("", "CML watermark"),
        ("train_v1", r"CML watermark train\_v1"),
        ('train_v1 [a](b) "q"', r'CML watermark train\_v1 \[a](b) "q"'),
        ("a*b<c>", r"CML watermark a\*b\<c>"),
    ],
)
def test_a_title_is_escaped_as_cml_does_it(title: str, written: str) -> None:
    assert watermark.signed("", commit=SHA, title=title).endswith(f'#{SHA} "{written}")')


@pytest.mark.parametrize(
    ("name", "title"),
    [("", "mlops-ci"), ("census", "mlops-ci census"), ("{workflow} x\n{run}", "mlops-ci workflow x run")],
)
def test_a_title_has_nothing_that_cml_would_fill_in(name: str, title: str) -> None:
    assert watermark.titled(name) == title


@pytest.mark.parametrize("title", ["mlops-ci", 'train_v1 [a](b) "q"', "a.b+c"])
def test_cml_finds_the_newest_with_its_title_whoever_wrote_it(title: str) -> None:
    comments = [marked(1, title), marked(2, "other"), marked(3, title, ours=False), comment(4, "talk")]
    assert watermark.found(comments, title) == comments[2]


def test_cml_does_not_look_past_its_first_page() -> None:
    talk = [comment(number, "talk") for number in range(1, 31)]
    assert watermark.found([*talk, marked(31)], "mlops-ci") is None
    assert watermark.found([*talk[:29], marked(31)], "mlops-ci") == marked(31)


def test_cml_is_right_where_it_would_replace_ours_or_create_the_first() -> None:
    ours = marked(2)
    assert watermark.wrong([ours], Placement("update", ours), "mlops-ci") == ""
    assert watermark.wrong([comment(1, "talk")], Placement("create"), "mlops-ci") == ""


def test_cml_is_wrong_past_thirty_comments() -> None:
    comments = [*(comment(number, "talk") for number in range(1, 32)), marked(40)]
    assert watermark.wrong(comments, Placement("update", comments[-1]), "mlops-ci") == (
        "cml reads 30 comments, there are 32"
    )


def test_cml_is_wrong_where_a_stranger_copied_the_mark() -> None:
    ours, copied = marked(1), marked(2, ours=False)
    assert watermark.wrong([ours, copied], Placement("update", ours), "mlops-ci") == (
        "cml would replace another comment"
    )
    assert watermark.wrong([copied], Placement("create"), "mlops-ci") == "cml would replace another comment"


def test_cml_is_wrong_where_ours_lost_its_mark() -> None:
    ours = comment(1, "edited by hand")
    assert watermark.wrong([ours], Placement("update", ours), "mlops-ci") == (
        "cml would post a second comment"
    )
