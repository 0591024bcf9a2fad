"""`mlops-ci doctor`: what is missing here for each verb, and how to mend it."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_ci import checkup
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.checkup import Answer
from mlops_ci.checkup.place import Place
from mlops_ci.commands.options import Json

SIGNS = {"good": "ok", "missing": "MISSING", "advice": "better", "unknown": "unknown"}


def doctor(json: Json = False) -> int:
    """Say what is missing here for each verb, and how to mend it.

    Reads the repository, the DVC remote and, with a token, GitHub; changes nothing. The exit code is 1 where
    something is missing that a verb needs. What cannot be seen from here is said to be unknown.
    """
    terminal = Terminal(json_output=json)
    with terminal.step("Looking") as update:
        answers = []
        for answer in checkup.run(Place(Path.cwd(), os.environ)):
            update(answer.check.name)
            answers.append(answer)
    terminal.result("\n".join([*map(_line, answers), "", _end(answers)]), _document(answers))
    return 1 if _blocked(answers) else 0


def _line(answer: Answer) -> str:
    """What one check found; its mend stands below it."""
    found = answer.found
    first = f"{SIGNS[found.state]:<8} {answer.check.name:<15} {' '.join(found.words.split())}"
    return f"{first}\n{'':<25}→ {found.mend}" if found.mend and found.state != "good" else first


def _blocked(answers: list[Answer]) -> dict[str, list[str]]:
    """Verb -> the checks that it needs and that found something missing."""
    blocked: dict[str, list[str]] = {}
    for answer in answers:
        if answer.found.state == "missing":
            for verb in answer.check.verbs:
                blocked.setdefault(verb, []).append(answer.check.name)
    return blocked


def _end(answers: list[Answer]) -> str:
    blocked = _blocked(answers)
    if not blocked:
        return "Nothing is missing."
    return "\n".join(f"mlops-ci {verb} needs: {', '.join(names)}" for verb, names in blocked.items())


def _document(answers: list[Answer]) -> dict[str, object]:
    checks = [
        {
            "check": answer.check.name,
            "verbs": list(answer.check.verbs),
            "state": answer.found.state,
            "found": answer.found.words,
            "mend": answer.found.mend,
        }
        for answer in answers
    ]
    return {"checks": checks, "missing": _blocked(answers)}
