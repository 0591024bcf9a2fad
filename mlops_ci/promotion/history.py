"""What a target served before, out of its log of records: where a rollback may go (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_ci.errors import ConfigError
from mlops_ci.promotion.record import Named, Record

PREVIOUS, VERIFIED = "previous", "last-verified"
_SHORTEST = 6


def release_to(records: Sequence[Record], to: str) -> Named:
    """The release that a rollback goes to; ``records`` are a target's whole log, oldest first.

    ``previous`` is what was stable before the release that is live, and during a ramp the stable one.
    ``last-verified`` is the newest of them that nobody rolled back. Anything else is the begin of a digest,
    or of the commit that a release is of.

    Raises:
        ConfigError: there is none, or several fit, or it is live already.
    """
    if not records:
        raise ConfigError("nothing was ever promoted here", "`mlops-ci status` shows what is live where")
    newest, where = records[-1], f"{records[-1].environment}/{records[-1].model}"
    if to not in (PREVIOUS, VERIFIED):
        return _not_live(_by_digest(records, to, where), newest, where)
    if newest.after.candidate is not None and newest.after.stable is not None and _is_on_its_way(newest):
        return newest.after.stable
    bad = _rolled_back(records) if to == VERIFIED else frozenset[str]()
    live = newest.after.stable.digest if newest.after.stable else ""
    for one in reversed(_stable(records)):
        if one.digest != live and one.digest not in bad:
            return one
    said = "was not rolled back" if to == VERIFIED else "was live here before"
    raise ConfigError(
        f"{where}: no other release {said}",
        f"`mlops-ci audit log {where}` tells what was; name one by its digest: --to sha256:...",
    )


def _is_on_its_way(record: Record) -> bool:
    """Whether the candidate is being promoted, and is not what a switch left behind."""
    candidate = record.after.candidate
    return candidate is not None and candidate.digest == record.release.digest


def _stable(records: Sequence[Record]) -> list[Named]:
    """Every stable release in the order of their times; one that came back stands there again."""
    found: list[Named] = []
    for record in records:
        stable = record.after.stable
        if stable is not None and (not found or found[-1].digest != stable.digest):
            found.append(stable)
    return found


def _rolled_back(records: Sequence[Record]) -> frozenset[str]:
    """The digests that a rollback took away, whether stable or on their way."""
    taken = (
        named.digest
        for record in records
        if record.action == "rollback"
        for named in (record.before.stable, record.before.candidate)
        if named is not None and named.digest != record.release.digest
    )
    return frozenset(taken)


def _by_digest(records: Sequence[Record], to: str, where: str) -> Named:
    begin = to.removeprefix("sha256:").lower()
    every = [
        one
        for record in records
        for one in (record.release, record.after.stable, record.before.stable)
        if one is not None
    ]
    named = {one.digest: one for one in every}
    fits = {one.digest for one in every if _begins(one, begin)}
    fitting = [digest for digest in named if digest in fits]
    if len(begin) < _SHORTEST or not fitting:
        known = ", ".join(digest[7:19] for digest in named)
        raise ConfigError(
            f"{where}: --to {to!r} is no release that was ever live here",
            f"name {PREVIOUS}, {VERIFIED}, or one of {known}",
        )
    if len(fitting) > 1:
        raise ConfigError(f"{where}: --to {to!r} fits {len(fitting)} releases", "write more of its digest")
    return named[fitting[0]]


def _begins(named: Named, begin: str) -> bool:
    """Whether that is how its digest begins, or its commit: pull requests call a release by both."""
    return named.digest.removeprefix("sha256:").startswith(begin) or named.commit.startswith(begin)


def _not_live(named: Named, newest: Record, where: str) -> Named:
    after = newest.after
    idle = not after.traffic and not after.mirror
    if after.stable is not None and after.stable.digest == named.digest and idle:
        raise ConfigError(
            f"{where} serves {named.digest[7:19]} already, so there is nothing to roll back",
            "`mlops-ci status` shows what is live where",
        )
    return named
