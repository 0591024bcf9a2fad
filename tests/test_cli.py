"""The command line: help, unknown verbs, errors and exit codes, and that heavy imports are lazy."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mlops_ci import __version__, cli
from mlops_ci.errors import ConfigError, InterruptError, MlopsError, ToolError


def test_help_lists_every_verb_with_its_own_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb, line in cli.VERBS.items():
        doc = getattr(import_module(f"mlops_ci.commands.{verb}"), verb).__doc__
        assert doc.split("\n")[0] == line
        assert len(line) <= 90
        assert f"  {verb:<10} {line}\n" in shown
    assert cli.run([]) == 0
    assert capsys.readouterr().out == shown


def test_every_command_module_is_a_verb() -> None:
    folder = Path(cli.__file__).parent / "commands"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "options"}
    assert modules == set(cli.VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"mlops-ci {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (["pln"], "mlops-ci: there is no verb 'pln'\n  → did you mean 'plan'?\n"),
        (["qqq"], "mlops-ci: there is no verb 'qqq'\n  → see `mlops-ci --help`\n"),
        (
            ["-C", "\x1b[2J\u202enowhere", "plan"],
            "mlops-ci: -C \ufffdnowhere: No such file or directory\n  → name an existing folder\n",
        ),
        (["-C"], "mlops-ci: -C needs a folder\n  → mlops-ci -C DIR VERB\n"),
        (
            ["-C", "nowhere", "plan"],
            "mlops-ci: -C nowhere: No such file or directory\n  → name an existing folder\n",
        ),
    ],
)
def test_misuse_is_one_line_and_a_hint(
    arguments: list[str],
    err: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err == err


def test_in_actions_what_a_verb_prints_is_no_command_and_a_version_is_only_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"mlops-ci {__version__}\n"
    assert cli.run(["plan", "--::error::"]) == 2
    shown = capsys.readouterr()
    word = shown.out.splitlines()[0].rpartition(":")[2]
    assert shown.out == f"::stop-commands::{word}\n::{word}::\n"
    assert shown.err.startswith("mlops-ci: No such option: --::error::")
    # The document has standard output for itself.
    assert cli.run(["plan", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert (lines[0].rpartition(":")[0], lines[-1]) == (
        "::stop-commands:",
        f"::{lines[0].rpartition(':')[2]}::",
    )


def test_an_unknown_option_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", "--jason"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("mlops-ci: No such option: --jason")
    assert "see `mlops-ci plan --help`" in err


def test_the_folder_is_changed_first(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    assert cli.run(["-C", str(tmp_path), "plan"]) == 2
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(MlopsError("m"), 2), (ConfigError("m"), 2), (ToolError("m"), 3), (InterruptError("m"), 130)],
)
def test_each_error_knows_its_exit_code(error: MlopsError, code: int) -> None:
    assert (error.exit_code, error.message, error.hint, str(error)) == (code, "m", "", "m")


def test_a_bug_shows_its_traceback_and_where_to_report_it(tmp_path: Path) -> None:
    """A verb whose module is broken stands for any bug of ours."""
    script = (
        "import sys, mlops_ci.commands as c; from mlops_ci import cli;"
        "cli.VERBS['broken'] = 'x'; c.__path__.append(sys.argv[1]); sys.exit(cli.run(['broken']))"
    )
    (tmp_path / "broken.py").write_text("def broken() -> int:\n    raise ValueError('inside')\n")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-2:] == [
        f"mlops-ci: this is a bug in mlops-ci {__version__}: ValueError('inside')",
        f"  → please report it: {cli.ISSUES}",
    ]


def test_a_cancelled_job_ends_like_ctrl_c_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A verb that waits for a forked task stands for a running stage."""
    script = (
        "import sys, mlops_ci.commands as c; from mlops_ci import cli;"
        "cli.VERBS['hang'] = 'x'; c.__path__.append(sys.argv.pop(1)); cli.main()"
    )
    (tmp_path / "hang.py").write_text(
        "import os\nfrom pathlib import Path\nfrom mlops_ci.adapters import process\n"
        "def hang(folder: str) -> int:\n"
        "    task = lambda: os.system(f'echo $PPID $$ > {folder}/fifo; sleep 60; true')\n"
        "    return process.forked(task, log=Path(folder) / 'log').code\n"
    )
    os.mkfifo(tmp_path / "fifo")
    arguments = [sys.executable, "-c", script, str(tmp_path), "hang", str(tmp_path)]
    job = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watched = [os.pidfd_open(int(pid)) for pid in (tmp_path / "fifo").read_text().split()]
    job.terminate()
    assert job.communicate() == (
        "",
        "mlops-ci: interrupted\n  → what was finished is kept: run it again to go on\n",
    )
    assert job.returncode == 130
    for pidfd in watched:
        assert select.select([pidfd], [], [], 5)[0]
        os.close(pidfd)


def test_an_interrupt_while_a_verb_is_loaded_is_one_line_too(tmp_path: Path) -> None:
    script = (
        "import sys, mlops_ci.commands as c; from mlops_ci import cli;"
        "cli.VERBS['slow'] = 'x'; c.__path__.append(sys.argv.pop(1)); cli.main()"
    )
    (tmp_path / "slow.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), "slow"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "mlops-ci: interrupted\n")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from mlops_ci import cli; cli.run(['--help']);"
        "heavy = {'dvc', 'numpy', 'scipy', 'pandas', 'sklearn', 'pydantic', 'typer', 'rich', 'jinja2', 'yaml'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m mlops_ci --help | head -c 1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ci", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"mlops-ci {__version__}\n"
