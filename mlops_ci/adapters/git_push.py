"""A commit is pushed: only over what was seen, and what the remote says is told in words that mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_ci.adapters import process
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ToolError

PATIENCE = 300.0  # seconds for one push
_GRANT = (
    "hand a token with `contents: write` to the called workflow, `secrets: {token: ${{ secrets.NAME }}}`, "
    "or to the action as `push-token`"
)
MEND = f"{_GRANT} (docs/lock.md says which), or set `lock: report`"


@dataclass(frozen=True)
class Hints:
    """How to mend a push that failed: a token that may not, a branch that moved, the rest."""

    token: str
    moved: str
    rest: str


LOCK = Hints(
    MEND, "the run for the newer commit will do it", "mend it, or set `lock: report` in mlops-ci.yaml"
)
PROMOTION = Hints(
    f"{_GRANT} (docs/promotion.md says which)",
    "the next run of `mlops-ci promote` looks anew",
    "mend it, and run `mlops-ci promote` again",
)


class MovedError(ToolError):
    """A branch of the remote is no longer where it was seen, so nothing was pushed over it."""


_DENIED = r"returned error: 403|[Pp]ermission to .* denied|[Ww]rite access to repository not granted"
_UNKNOWN = r"Authentication failed|returned error: 401|Invalid username or (?:token|password)"
_NOBODY = r"could not read (?:Username|Password)"
# What somebody says, before what Git says of it; that it failed is known.
_WORDS = (
    r"^remote: +(?:error: *)?(?P<said>\S.*)",
    r"^ *! .*\((?P<said>.+)\)$",
    r"^(?:fatal|error): (?P<said>.+)",
)
_EMPTY = r"failed to push some refs"


def push(git: Git, commit: str, branch: str, *, expected: str) -> str:
    """Move a remote branch to ``commit``, only where it still stands at ``expected``.

    Gives the branch's commit: another one where an earlier attempt has pushed the same change. No hook
    of the work tree runs, as a stage could have put it there.

    Raises:
        ToolError: the branch moved or is gone, or the remote refused or cannot be reached.
    """
    said, now = _pushed(git, commit, branch, expected)
    if now == commit:
        return commit  # Also where the answer was lost; the push was not.
    if now and now != expected and _is_same(git, remote(git), now, commit):
        return now  # The run that pushed it was lost.
    raise _stopped(git, branch, expected, said, now, LOCK)


def place(git: Git, commit: str, branch: str, *, expected: str) -> None:
    """Bring a remote branch to ``commit``, whatever it holds, where it still is at ``expected``.

    Empty: it is new. That it stands at ``commit`` already is no error. No hook runs.

    Raises:
        MovedError: the branch is somewhere else by now.
        ToolError: the remote refused or cannot be reached.
    """
    said, now = _pushed(git, commit, branch, expected)
    if now != commit:
        raise _stopped(git, branch, expected, said, now, PROMOTION)


def remove(git: Git, branch: str, *, expected: str) -> None:
    """Delete a remote branch, where it still is at ``expected``; that it is gone is no error.

    Raises:
        MovedError: the branch is somewhere else by now.
        ToolError: the remote refused or cannot be reached.
    """
    said, now = _pushed(git, "", branch, expected)
    if now != "":
        raise _stopped(git, branch, expected, said, now, PROMOTION)


def _pushed(git: Git, commit: str, branch: str, expected: str) -> tuple[str, str | None]:
    """Push, or delete where there is no commit: what was said, and where the branch is then (`_tip`)."""
    where, ref = remote(git), f"refs/heads/{branch}"
    lease = f"--force-with-lease={ref}:{expected}"
    done = git.remotely(
        "push", "--quiet", "--no-verify", lease, where, f"{commit}:{ref}", push=True, timeout=PATIENCE
    )
    return done.stderr, commit if done.code == 0 else _tip(git, where, ref)


def _stopped(git: Git, branch: str, expected: str, said: str, now: str | None, hints: Hints) -> ToolError:
    """The error of a push that did nothing."""
    if now == "" and expected:
        return MovedError(f"the branch {branch} is gone, so nothing was pushed")
    if now not in (None, expected) or "stale info" in said:
        return MovedError(
            f"the branch {branch} moved while this ran, so nothing was pushed over it", hints.moved
        )
    return refusal(git, branch, said, hints)


def remote(git: Git) -> str:
    """Where to push: to an address of the job's own server as it is, whatever else is set for the remote."""
    url = git.remote_url(push=True)
    return url if git.access.opens(url) else git.remote() or str(git.git_dir())


def _tip(git: Git, remote: str, ref: str) -> str | None:
    """Where a branch of the remote stands now; empty where it is gone, None where it cannot be told."""
    found = git.remotely("ls-remote", "--quiet", remote, ref, push=True, timeout=PATIENCE)
    if found.code != 0:
        return None
    # It takes the name for the end of one.
    return next((line[:40] for line in found.stdout.splitlines() if line[41:] == ref), "")


def _is_same(git: Git, remote: str, one: str, other: str) -> bool:
    """Whether two commits make the same change to the same commit; the first is the remote's."""
    if git.resolve(one) is None:
        git.remotely("fetch", "--quiet", "--no-tags", "--depth=1", remote, one, push=True, timeout=PATIENCE)
    if git.resolve(one) is None:
        return False
    trees = {git.run("rev-parse", f"{commit}^{{tree}}").stdout for commit in (one, other)}
    return len(trees) == 1 and git.parents(one) == git.parents(other)


def refusal(git: Git, branch: str, said: str, hints: Hints = LOCK) -> ToolError:
    """What Git and the server wrote when a push failed, in words that mend it."""
    if re.search(_DENIED, said):
        return ToolError(f"the token may not push to {branch} (403)", hints.token)
    if re.search(_UNKNOWN, said):
        return ToolError(
            f"the server does not know the token that should push to {branch} (401): it has expired, was "
            "revoked or belongs elsewhere; a GitHub App's lives one hour",
            hints.token,
        )
    if re.search(_NOBODY, said):
        why = f" ({git.access.trouble})" if git.access.trouble else ""
        return ToolError(f"there is no token to push to {branch} with{why}", hints.token)
    return ToolError(f"git push to {branch}: {_words(said)}", hints.rest)


def _words(said: str) -> str:
    """The line that tells most of what Git and the server wrote."""
    lines = process.clean(said)
    for pattern in _WORDS:
        for line in lines:
            found = re.match(pattern, line)
            if found and not re.search(_EMPTY, line):
                return found["said"].strip()
    return lines[-1].strip() if lines else "no message"
