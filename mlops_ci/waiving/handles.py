"""What a finding is called by the person who accepts it: ``model/gate.subject@value`` (pure).

The handle says what is accepted, so nothing has to be kept anywhere: not what was found when, nor by whom.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_ci.evidence import Direction, Finding, Status

# A stage that failed made no evidence, and a dvc.lock that is behind is not what was measured.
NEVER = frozenset({"stages", "lock"})
WHOLE = "-"  # in place of a model: the repository

_OTHER = re.compile(r"[^A-Za-z0-9._]+")
_LONGEST = 60
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Handle:
    """``key`` names the finding, ``value`` what was found."""

    key: str
    value: str

    def __str__(self) -> str:
        """As it is written in a comment."""
        return f"{self.key}@{self.value}"

    @classmethod
    def of(cls, text: str) -> Handle:
        """The handle that somebody wrote."""
        key, _, value = text.rpartition("@")
        return cls(key, value)

    @property
    def never(self) -> bool:
        """Whether it names what nobody can waive."""
        return self.key.partition("/")[2].partition(".")[0] in NEVER


def refuses(finding: Finding, *, strict: bool) -> bool:
    """Whether a finding alone refuses, were it not waived."""
    loud = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE) if strict else (Status.FAIL,)
    return finding.status in loud


def handles(findings: Sequence[Finding]) -> tuple[Handle, ...]:
    """The handle of every finding, in their order.

    What several would share is told apart: by the file of the metric, then by the sentence. All findings
    count, also those that pass, so that the name of one does not depend on how the others end.
    """
    keys = [_key(one) for one in findings]
    for more in (_with_file, _with_sentence):
        twins = {key for key, times in Counter(keys).items() if times > 1}
        keys = [more(key, one) if key in twins else key for key, one in zip(keys, findings, strict=True)]
    return tuple(Handle(key, _value(one)) for key, one in zip(keys, findings, strict=True))


def holds(accepted: str, now: str, direction: Direction | None) -> bool:
    """Whether what was accepted covers the value now: it is the same at six digits, or surely better."""
    if accepted == now:
        return True
    if direction is None or not (_NUMBER.fullmatch(accepted) and _NUMBER.fullmatch(now)):
        return False
    gain = float(now) - float(accepted)
    return gain > 0 if direction == "higher" else gain < 0


def _key(finding: Finding) -> str:
    subject = finding.subject
    if finding.metric and finding.metric not in subject:
        subject = f"{subject} {finding.metric}"
    model, about = finding.model or WHOLE, f"{finding.gate}.{subject}"
    parts = _slug(model) or "model", _slug(about)
    key = "/".join(parts)
    # A name that lost something is told from others that lose the same.
    return key if parts == (model, about) else _marked(key, model, about)


def _slug(text: str) -> str:
    return text if text == WHOLE else _OTHER.sub("-", text).strip("-")[:_LONGEST].rstrip("-")


def _with_file(key: str, finding: Finding) -> str:
    return _marked(key, finding.file)


def _with_sentence(key: str, finding: Finding) -> str:
    return _marked(key, finding.sentence)


def _marked(key: str, *what: str) -> str:
    return f"{key}~{_digest(*what)}"


def _value(finding: Finding) -> str:
    """The number, else what stands for all that is said, with an x: it must not look like a number."""
    if finding.value is not None:
        return f"{finding.value or 0.0:.6g}"
    return f"x{_digest(finding.model, finding.gate, finding.subject, finding.limit, finding.sentence)}"


def _digest(*what: str) -> str:
    return hashlib.sha256("\0".join(what).encode(errors="replace")).hexdigest()[:8]
