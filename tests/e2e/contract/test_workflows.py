"""A15 of the contract: zizmor, as the auditor, finds nothing in what this repository runs, writes or shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_workflows import ACTION, ROOT, WORKFLOWS, begun, checked, documented

AUDIT = ("zizmor", "--offline", "--no-progress", "--persona", "auditor")


def test_a15_zizmor_finds_nothing_in_the_action_and_the_workflows() -> None:
    done = checked(*AUDIT, ACTION.parent, *WORKFLOWS, ROOT / ".github")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("write", [begun, documented], ids=["what init writes", "what the documents show"])
def test_a15_zizmor_finds_nothing_in_the_examples(write: Callable[[Path], Path], tmp_path: Path) -> None:
    done = checked(*AUDIT, write(tmp_path))
    assert done.returncode == 0, done.stdout


def test_a15_zizmor_finds_what_is_there_to_be_found(tmp_path: Path) -> None:
    """The same call over a workflow that is unsafe: a run that looks at nothing would find nothing."""
    path = begun(tmp_path) / ".github" / "workflows" / "mlops-ci.yml"
    path.write_text(
        path.read_text()
        + "\n  other:\n    runs-on: ubuntu-latest\n    steps: [{run: 'echo ${{ github.head_ref }}'}]\n"
    )
    done = checked(*AUDIT, tmp_path)
    assert done.returncode != 0
    assert "template-injection" in done.stdout
