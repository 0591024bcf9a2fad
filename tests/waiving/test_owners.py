"""CODEOWNERS as GitHub reads it, and what the rules make of owners."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from mlops_ci.codeowners import owners as codeowners
from mlops_ci.waiving.owners import Rules, rules

PATH = "mlops-ci.yaml"

# Examples of GitHub's documentation: pattern, what it means, what it does not mean.
PATTERNS = [
    ("*", ["a", "a/b.py"], []),
    ("*.js", ["x.js", "a/b/x.js"], ["x.ts", "x.js.map"]),
    ("/build/logs/", ["build/logs/x", "build/logs/a/x"], ["a/build/logs/x", "build/logs"]),
    ("docs/*", ["docs/a.md"], ["docs/b/a.md", "x/docs/a.md"]),
    ("apps/", ["apps/x", "a/apps/b/x"], ["apps"]),
    ("/docs/", ["docs/a"], ["a/docs/a"]),
    ("/scripts/", ["scripts/a"], []),
    ("**/logs", ["logs", "build/logs/x", "deeply/nested/logs"], ["logsx"]),
    ("/apps/github", ["apps/github", "apps/github/x"], ["a/apps/github"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["x/a/b", "ab"]),
    ("a/**/**/b", ["a/b", "a/x/b"], []),
    ("a/**", ["a/x", "a/x/y"], ["b/a/x"]),
    ("**", ["a", "a/b"], []),
    ("**/**", ["a", "a/b"], []),
    ("a?c", ["abc", "x/abc"], ["a/c"]),
    ("a**c", ["abbc"], ["a/c"]),
    ("a.c", ["a.c"], ["abc"]),
    ("a\\ b", ["a b"], ["a"]),
    ("a\\*", ["a*"], ["ab"]),
    ("/*", ["a"], ["a/b"]),
    ("/", [], ["a", "a/b"]),
    ("A", ["A"], ["a"]),
]


@pytest.mark.parametrize(("pattern", "fits", "others"), PATTERNS)
def test_what_a_pattern_means(pattern: str, fits: list[str], others: list[str]) -> None:
    text = f"{pattern} @ada\n"
    assert [path for path in fits if codeowners(text, path) != ("@ada",)] == []
    assert [path for path in others if codeowners(text, path) != ()] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("# @ada\n\n* @bob @acme/ml # @eve\n", ("@bob", "@acme/ml")),
        ("* @bob\n/mlops-ci.yaml @ada\n", ("@ada",)),
        # The last line that fits counts, also where it names nobody.
        ("* @bob\nmlops-ci.yaml\n", ()),
        ("mlops-ci.yaml @ada\n* @bob\n", ("@bob",)),
        ("* ada@example.org\r\n", ("ada@example.org",)),
        # What GitHub skips.
        ("* @bob\n!mlops-ci.yaml @ada\n", ("@bob",)),
        ("* @bob\nmlops-ci.[xy]aml @ada\n", ("@bob",)),
        ("* @bob\n\\#x @ada\nmlops-ci.yaml ada\n", ("@bob",)),
        ("* @bob\n* @ada/b/c\n", ("@bob",)),
        ("   \n* #none\n", ()),
    ],
)
def test_whose_a_file_is(text: str, expected: tuple[str, ...]) -> None:
    assert codeowners(text, PATH) == expected


def reading(files: Mapping[str, str] | None = None) -> Callable[[str], str | None]:
    """The files of a base branch."""
    return lambda path: (files or {}).get(path)


def test_the_owners_of_the_configuration_go_before_codeowners() -> None:
    assert rules(["@ada"], 7, PATH, reading()) == Rules(("@ada",), 7, "waivers.owners of mlops-ci.yaml")


def test_codeowners_stands_in_three_places_and_the_first_counts() -> None:
    files = {"docs/CODEOWNERS": "* @docs", "CODEOWNERS": "* @root"}
    assert rules([], 30, PATH, reading(files)) == Rules(("@root",), 30, "CODEOWNERS")
    files[".github/CODEOWNERS"] = "x @ada"
    assert rules([], 30, PATH, reading(files)) == Rules((), 30, ".github/CODEOWNERS")
    assert rules([], 30, PATH, reading()) == Rules((), 30, "CODEOWNERS")


def test_what_kinds_of_owners_there_are() -> None:
    found = Rules(("@Ada", "@acme/ml-leads", "bob@example.org"), 30, "CODEOWNERS")
    assert found.logins == {"ada"}
    assert found.teams == (("acme", "ml-leads"),)
    assert found.addresses
    assert not Rules(("@Ada",), 30, "CODEOWNERS").addresses


@pytest.mark.parametrize(
    ("owners", "days", "closed"),
    [
        (("@ada",), 1, ""),
        (("@ada",), 0, "nobody may waive here: waivers.max_days is 0"),
        (
            (),
            30,
            "nobody may waive here: no owner stands in waivers.owners, and none of the file in CODEOWNERS",
        ),
    ],
)
def test_whether_anybody_may_waive(owners: tuple[str, ...], days: int, closed: str) -> None:
    assert Rules(owners, days, "x").closed == closed
