"""What hangs on a pull request on GitHub: its labels and its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_wire import Fields


@dataclass(frozen=True)
class ChangedFile:
    """A file that a pull request changes; ``previous`` is its old name where it was renamed."""

    path: str
    status: str
    additions: int
    deletions: int
    previous: str = ""


def labels(github: GitHub, number: int) -> tuple[str, ...]:
    """The labels of a pull request.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    return _names(github.http.pages(github.path("issues", number, "labels")))


def add_labels(github: GitHub, number: int, names: Iterable[str]) -> tuple[str, ...]:
    """Put labels on a pull request, made where there are none; gives all that it has then.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    path = github.path("issues", number, "labels")
    return _names(github.http.post(path, {"labels": list(names)}, repeatable=True).items())


def remove_label(github: GitHub, number: int, name: str) -> None:
    """Take a label off a pull request; that it is not there is no error.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    try:
        github.http.delete(github.path("issues", number, "labels", name))
    except GitHubError as error:
        if error.status != 404 or name in labels(github, number):
            raise


def changed_files(github: GitHub, number: int) -> tuple[ChangedFile, ...]:
    """The files that a pull request changes; GitHub lists the first 3,000.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    found = github.http.pages(github.path("pulls", number, "files"))
    return tuple(
        ChangedFile(
            path=file.text("filename"),
            status=file.text("status"),
            additions=file.number("additions"),
            deletions=file.number("deletions"),
            previous=file.text("previous_filename", default=""),
        )
        for file in found
    )


def _names(found: Iterable[Fields]) -> tuple[str, ...]:
    return tuple(label.text("name") for label in found)
