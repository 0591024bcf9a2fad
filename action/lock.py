"""Which locked packages some extras need: a requirements file with hashes, out of constraints-dev.txt.

`packages.json` names the packages of the core and of every extra; a test holds it against what is installed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
# What every installation takes: the dependencies, and what builds mlops-ci itself.
ALWAYS = ("core", "build")


def chosen(text: str) -> list[str]:
    """The extras in an input such as ``checks, duckdb``.

    Raises:
        ValueError: there is no such extra.
    """
    known = json.loads((HERE / "packages.json").read_text(encoding="utf-8"))
    names = [name for name in re.split(r"[\s,]+", text) if name]
    if unknown := sorted(set(names) - set(known)):
        extras = ", ".join(sorted(set(known) - set(ALWAYS)))
        raise ValueError(f"extras: there is no {unknown[0]!r}; there are {extras}")
    return sorted({package for name in (*ALWAYS, *names) for package in known[name]})


def locked(packages: Iterable[str], lock: str) -> str:
    """The entries of a lock for these packages, each with its marker and hashes."""
    wanted = set(packages)
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^#.*\n", "", lock))
    return "".join(entry for entry in entries if re.split(r"[=\[ ;]", entry, maxsplit=1)[0] in wanted)


def main(arguments: list[str]) -> int:
    """Print the requirements of the extras that the first argument names."""
    try:
        packages = chosen(arguments[0] if arguments else "")
    except ValueError as error:
        sys.stderr.write(f"mlops-ci: {error}\n")
        return 2
    sys.stdout.write(locked(packages, (HERE.parent / "constraints-dev.txt").read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
