"""A uv without a package registry: what the tests' own environment holds stands for what there is to download.

Virtual environments are real ones. A requirement is met by a package of the tests' environment in exactly that version, else
the installation fails and says which was not to be had; a new environment then sees the packages through a `.pth` file.
Knows the calls of action/install.sh: `uv venv`, `uv pip install`, `uv pip check`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

# What was installed so far, one name a line: `uv pip check` is about these.
INSTALLED = "installed-by-the-stand.txt"
WITH_VALUE = ("--python", "-r")
SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


class UnavailableError(Exception):
    """Something cannot be installed, with what uv would say."""


def split(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options with their values (a flag's is empty), and the other words."""
    options: dict[str, str] = {}
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in WITH_VALUE:
            options[word] = next(rest)
        elif word.startswith("-"):
            options[word] = ""
        else:
            others.append(word)
    return options, others


def venv(words: list[str]) -> None:
    """A real virtual environment of a Python of the same version as the tests' own."""
    options, (target,) = split(words)
    python = options["--python"]
    asked = [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
    try:
        version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(f"No interpreter found for {python}") from error
    if version != sysconfig.get_python_version():
        raise UnavailableError(
            f"Python {version} has no packages here, only {sysconfig.get_python_version()} has"
        )
    subprocess.run([python, "-m", "venv", "--without-pip", target], check=True)


def install(words: list[str]) -> None:
    """Everything of a requirements file, or one folder with a project."""
    options, folders = split(words)
    root = Path(options["--python"]).parents[1]
    if file := options.get("-r"):
        requirements = list(read(Path(file).read_text(encoding="utf-8"), "--require-hashes" in options))
        found = [have(requirement) for requirement in requirements]
        link(root, "1-environment.pth", sysconfig.get_path("purelib"))
        note(root, found)
    for folder in folders:
        link(root, "0-project.pth", str(Path(folder).resolve()))
        note(root, [scripts(root, Path(folder))])


def read(text: str, hashed: bool) -> Iterator[Requirement]:
    """The requirements of a file that count on this machine."""
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)(^|\s)#.*$", "", text)).splitlines():
        words, *hashes = re.split(r"\s--hash=", line)
        if not words.strip():
            continue
        requirement = Requirement(words.strip())
        if hashed and not (hashes and str(requirement.specifier).startswith("==")):
            raise UnavailableError(
                f"In `--require-hashes` mode, all requirements must have a hash and be pinned: {requirement}"
            )
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def have(requirement: Requirement) -> str:
    """The name of a requirement that the tests' environment meets."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError as error:
        raise UnavailableError(
            f"Because {requirement.name} was not found in the package registry, it cannot be installed"
        ) from error
    if not requirement.specifier.contains(version, prereleases=True):
        raise UnavailableError(
            f"Because there is only {requirement.name}=={version}, {requirement} is not met"
        )
    return requirement.name


def link(root: Path, name: str, target: str) -> None:
    """Let an environment import what stands in a folder."""
    (site,) = root.glob("lib/python3*/site-packages")
    (site / name).write_text(f"{target}\n", encoding="utf-8")


def scripts(root: Path, folder: Path) -> str:
    """Write a project's commands into an environment; gives the project's name."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, entry in project.get("scripts", {}).items():
        module, _, function = entry.partition(":")
        file = root / "bin" / name
        file.write_text(SCRIPT.format(python=root / "bin" / "python", module=module, function=function))
        file.chmod(0o755)
    return str(project["name"])


def note(root: Path, names: list[str]) -> None:
    """Remember what is installed."""
    with (root / INSTALLED).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in names)


def check(words: list[str]) -> None:
    """Whether what is installed fits together."""
    options, _ = split(words)
    root = Path(options["--python"]).parents[1]
    for name in sorted(set((root / INSTALLED).read_text(encoding="utf-8").split())):
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                have(requirement)


def main(words: list[str]) -> int:
    """One call of the command line."""
    verbs = {("venv",): venv, ("pip", "install"): install, ("pip", "check"): check}
    for names, verb in verbs.items():
        if tuple(words[: len(names)]) == names:
            try:
                verb(words[len(names) :])
            except UnavailableError as error:
                sys.stderr.write(f"error: {error}\n")
                return 1
            return 0
    sys.stderr.write(f"error: the stand's uv does not know: {' '.join(words)}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
