"""The rules of the house, held: sizes, names, imports, what is committed, what is installed."""

from __future__ import annotations

import ast
import io
import json
import re
import statistics
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlops_ci import __version__
from mlops_ci.adapters import process

ROOT = Path(__file__).parents[1]
PACKAGES = ("mlops_ci", "pipeline", "benchmarks")
FILE_LINES, FUNCTION_LINES, FUNCTION_MEDIAN, DOCSTRING_WIDTH = 300, 60, 12, 90
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "misc"}

# Tokens that are no code by themselves.
IDLE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

# Brackets keep these patterns from matching themselves.
REGISTRY_HOST = re.compile(
    r"(py[p]i\.org|python[h]osted|np[m]js|deb\.de[b]ian|files\.py[t]hon)", re.IGNORECASE
)
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.-])/(wo[r]k|ro[o]t|ho[m]e|Us[e]rs|op[t])/")


def tracked() -> list[Path]:
    """Everything Git has or would take."""
    names = process.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    ).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@cache
def text_of(path: Path) -> str:
    raw = path.read_bytes()
    return "" if b"\0" in raw else raw.decode("utf-8")


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstring_lines(tree: ast.AST) -> set[int]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [
        node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    ]
    return {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def code_lines(text: str) -> set[int]:
    """Lines that are neither blank nor comment nor docstring."""
    found = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in IDLE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return found - docstring_lines(ast.parse(text))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function's place and its lines, without decorators and docstring."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node):
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield f"{relative(path)}:{node.lineno} {node.name}", lines


# ---- code --------------------------------------------------------------------------------------


def test_no_module_is_too_long() -> None:
    sizes = {relative(path): len(code_lines(text_of(path))) for path in modules(*PACKAGES)}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_no_function_is_too_long_and_most_are_short() -> None:
    sizes = dict(place for path in modules(*PACKAGES) for place in functions(path))
    assert {place: size for place, size in sizes.items() if size > FUNCTION_LINES} == {}
    assert statistics.median(sizes.values()) <= FUNCTION_MEDIAN


def test_every_module_says_first_what_it_is_for() -> None:
    silent = [
        relative(path)
        for path in modules(*PACKAGES, "tests")
        if text_of(path).strip() and not ast.get_docstring(ast.parse(text_of(path)))
    ]
    assert silent == []


def test_what_help_and_documents_show_of_a_verb_or_a_kind_is_short() -> None:
    """The first line of a verb is its line in --help, that of a kind its line in the documents."""
    long = [
        f"{relative(path)}: {first}"
        for path in modules("mlops_ci/commands", "mlops_ci/gates")
        for node in ast.parse(text_of(path)).body
        if isinstance(node, ast.FunctionDef) and node.name in (path.stem, "check")
        for first in [(ast.get_docstring(node) or "").partition("\n")[0]]
        if not 0 < len(first) <= DOCSTRING_WIDTH
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [relative(path) for path in modules(*PACKAGES, "tests") if path.stem in EMPTY_NAMES] == []


def test_no_test_patches_a_module() -> None:
    pattern = re.compile(r"\b(unittest\.mo[c]k|mo[c]k\.patch|mo[c]ker)\b")
    assert [relative(path) for path in modules("tests") if pattern.search(text_of(path))] == []


# ---- imports -----------------------------------------------------------------------------------


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project()["tool"]["importlinter"]["contracts"]
    return found


@cache
def project() -> dict[str, Any]:
    return tomllib.loads(text_of(ROOT / "pyproject.toml"))


def test_the_import_contracts_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    code = lint_imports(no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


def test_every_module_is_known_to_the_contracts() -> None:
    """A new module must say whether it is pure; nothing is left out by being new."""
    layered = {name for layer in contracts()[0]["layers"] for name in layer.split(" | ")}
    pure = set(contracts()[1]["source_modules"])
    package = ROOT / "mlops_ci"
    tops = {f"mlops_ci.{path.stem}" for path in package.glob("*.py") if path.stem != "__init__"}
    tops |= {f"mlops_ci.{path.parent.name}" for path in package.glob("*/__init__.py")}
    assert sorted(tops - layered - pure) == []
    assert sorted((layered | pure) - tops) == []


# ---- what is committed -------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry host", "machine path"])
def test_no_file_names_a_registry_or_a_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{relative(path)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_readme_says_both_commands() -> None:
    readme = text_of(ROOT / "README.md")
    assert [command for command in ("make demo", "make test") if command not in readme] == []


def links(path: Path) -> list[str]:
    """Targets of relative links outside of code."""
    prose = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", text_of(path))
    return re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", prose)


def test_relative_links_in_documents_lead_somewhere() -> None:
    broken = [
        f"{relative(path)}: {target}"
        for path in tracked()
        if path.suffix == ".md" and "golden" not in path.parts
        for target in links(path)
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert sorted(set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", text_of(folder / "README.md")))) == pages
    numbers = [name[:4] for name in pages]
    assert numbers == sorted(set(numbers))


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in text_of(ROOT / "CHANGELOG.md")


def test_the_example_names_a_schema_that_accepts_it() -> None:
    text = text_of(ROOT / "mlops-ci.yaml")
    reference = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert reference
    schema = json.loads(text_of(ROOT / reference[1]))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


# ---- what is installed -------------------------------------------------------------------------


def pins(name: str) -> dict[str, tuple[str, ...]]:
    """The pinned versions of every package in a constraints file, with their markers."""
    lines = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?(==\S+[^\\\n]*)", text_of(ROOT / name))
    return {package: tuple(p.strip() for n, p in lines if n == package) for package, _ in lines}


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-dev.txt"])
def test_every_package_is_locked_by_hash_and_none_by_address(name: str) -> None:
    text = text_of(ROOT / name)
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^#.*\n", "", text))[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"\S*://\S*|--\w*index\S*|--find-links\S*| @ \S*", text) == []


def test_the_development_set_contains_the_other_with_the_same_versions() -> None:
    small, large = pins("constraints.txt"), pins("constraints-dev.txt")
    assert {name: large.get(name) for name in small} == small


def test_every_direct_dependency_is_locked() -> None:
    wanted = [
        *project()["project"]["dependencies"],
        *(line for extra in project()["project"]["optional-dependencies"].values() for line in extra),
        *(line for group in project()["dependency-groups"].values() for line in group),
    ]
    names = {re.sub(r"[._]", "-", re.split(r"[<>=!~\[; ]", line, maxsplit=1)[0].lower()) for line in wanted}
    assert sorted(names - pins("constraints-dev.txt").keys() - {"mlops-ci"}) == []


def test_the_wheel_takes_only_files_that_are_in_git() -> None:
    sources = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    known = {relative(path) for path in tracked()}
    absent = [name for name in sources if not any(k == name or k.startswith(f"{name}/") for k in known)]
    assert absent == []


def test_make_help_lists_every_target() -> None:
    makefile = text_of(ROOT / "Makefile")
    phony = re.search(r"(?m)^\.PHONY: (.*)$", makefile)
    assert phony
    assert sorted(phony[1].split()) == sorted(re.findall(r"(?m)^([a-z]+):.*## ", makefile))
