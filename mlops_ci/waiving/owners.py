"""Who may waive: the owners that the base branch names, in mlops-ci.yaml or in CODEOWNERS (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_ci import codeowners


@dataclass(frozen=True)
class Rules:
    """Who may waive and for at most how many days; ``source`` is where the owners stand."""

    owners: tuple[str, ...]
    max_days: int
    source: str

    @property
    def closed(self) -> str:
        """Why nobody may waive here, if so."""
        if self.max_days < 1:
            return "nobody may waive here: waivers.max_days is 0"
        if not self.owners:
            return (
                "nobody may waive here: no owner stands in waivers.owners, and none of the file in CODEOWNERS"
            )
        return ""

    @property
    def logins(self) -> frozenset[str]:
        """The people, in lower case and without the sign."""
        return frozenset(
            owner[1:].lower() for owner in self.owners if owner.startswith("@") and "/" not in owner
        )

    @property
    def teams(self) -> tuple[tuple[str, str], ...]:
        """The teams: organization and name."""
        return tuple(
            (organization, team)
            for owner in self.owners
            if owner.startswith("@") and "/" in owner
            for organization, _, team in (owner[1:].partition("/"),)
        )

    @property
    def addresses(self) -> bool:
        """Whether an owner is named by an address, which GitHub tells nobody whose it is."""
        return any(not owner.startswith("@") for owner in self.owners)


def rules(named: Sequence[str], max_days: int, path: str, read: Callable[[str], str | None]) -> Rules:
    """The rules of a base branch: ``named`` in its mlops-ci.yaml at ``path``, else the owners of that file.

    ``read`` gives the text of a file of the base branch, None where there is none.
    """
    if named:
        return Rules(tuple(named), max_days, f"waivers.owners of {path}")
    place, text = codeowners.found(read)
    return Rules(codeowners.owners(text, path), max_days, place)
