"""The command line: loads one verb, prints its errors, picks the exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import wraps
from importlib import import_module
from typing import Any, NoReturn

from mlops_ci import __version__
from mlops_ci.errors import InterruptError, MlopsError

VERBS = {
    "pr": "Run, measure, judge and report this branch as a pull request.",
    "plan": "Show which stages would run and why, without any data.",
    "repro": "Run the pipeline as `dvc repro` does, stages at once; only what they read is pulled.",
    "run": "Run the stages that must run, measure, and write the evidence.",
    "join": "Take in what the jobs of a spread run handed over, run the rest, and go on as `pr` does.",
    "check": "Judge the evidence by the base branch's rules; the exit code is the verdict.",
    "comment": "Write the report of the evidence and post it to the pull request.",
    "conclude": "End the checks that a run left open.",
    "evidence": "Find the evidence of a commit by its dvc.lock, without a re-run.",
    "drift": "Compare two tables column by column; exit code 1 where something drifted.",
    "profile": "Write the profile of a table, so that later comparisons need not read it.",
    "data": "Write the schema of a table (infer), or hold a table to its schema (check).",
    "schema": "Compile the CRDs of a cluster into schemas (add), or hold manifests to them (check).",
    "command": "Carry out what a comment on a pull request asks for, such as /mlops-ci rerun.",
    "promote": "Open and update the pull requests that change what is live; merging one promotes.",
    "status": "Show what is live in each environment, what is proposed, and what waits for what.",
    "rollback": "Open a pull request that names an older release again, and hold newer ones.",
    "hold": "Open a pull request that keeps newer releases out of an environment, with a reason.",
    "unhold": "Open a pull request that ends a hold, so that newer releases are proposed again.",
    "audit": "Tell what was promoted (log), check the chain behind it (verify), write a model card.",
    "publish": "Copy the models of dvc.lock to the model store, by the sha256 of their bytes.",
    "edit": "Change values of a YAML file by their addresses, and not a byte else.",
    "registry": "Bring an MLflow registry to what Git says of releases.",
    "init": "Write the workflow and a configuration for this repository; nothing is overwritten.",
    "doctor": "Say what is missing here for each verb, and how to mend it.",
    "demo": "Play the whole story in a sandbox, on real data, from pull requests to the audit.",
}
ISSUES = "https://github.com/mlops-ci/mlops-ci/issues"
HELP = """\
usage: mlops-ci [-C DIR] VERB [OPTIONS]

GitOps CI/CD for machine learning: pull requests are run, measured, judged and reported.

{verbs}

Start here:
  mlops-ci demo          see it work, nothing to set up
  mlops-ci pr            in a repository with a dvc.yaml, on a branch

  -C DIR                 work in DIR
  --version              print the version
  VERB --help            what a verb does, with its options

Exit codes: 0 passed or warned, 1 refused or incomplete, 2 misuse or bad configuration,
3 an outside tool failed, 70 a bug of ours, 130 interrupted.
"""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


def _interrupt(*_: object) -> NoReturn:
    """A cancelled CI job ends like Ctrl-C; a second SIGTERM must not interrupt the clearing up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """Run one verb; gives the exit code and lets nothing escape but an interpreter's end."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not set(VERBS) & set(arguments):
        return _run(list(arguments))
    from mlops_ci.adapters.actions import silent

    # What stages, tables and names print is foreign text: none of it is a command to the runner.
    is_document = {"--json", "--matrix"} & set(arguments)
    with silent(os.environ, sys.stderr if is_document else sys.stdout):
        return _run(list(arguments))


def _run(rest: list[str]) -> int:
    try:
        if rest[:1] == ["-C"]:
            rest = _go_to(rest)
        return _dispatch(rest)
    except MlopsError as error:
        return _complain(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        # Outside of a verb, while it is loaded.
        return _complain("interrupted", "", InterruptError.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) went away; Python must not fail again while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            verb = rest[0] if rest else ""
            return _complain(error.format_message(), f"see `mlops-ci {verb} --help`", 2)
        traceback.print_exc()
        return _complain(
            f"this is a bug in mlops-ci {__version__}: {error!r}", f"please report it: {ISSUES}", 70
        )


def _dispatch(rest: list[str]) -> int:
    verb = rest[0] if rest else "--help"
    if verb in ("--help", "-h", "help"):
        sys.stdout.write(HELP.format(verbs="\n".join(f"  {name:<10} {line}" for name, line in VERBS.items())))
        return 0
    if verb == "--version":
        sys.stdout.write(f"mlops-ci {__version__}\n")
        return 0
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1)
        return _complain(
            f"there is no verb {verb!r}", f"did you mean {near[0]!r}?" if near else "see `mlops-ci --help`", 2
        )
    return _call(verb, rest[1:])


def _call(verb: str, rest: list[str]) -> int:
    """Give one verb's function to Typer as an application of its own, so no other verb is loaded."""
    import typer

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name=verb)(_interruptible(getattr(import_module(f"mlops_ci.commands.{verb}"), verb)))
    code = app(args=rest, prog_name=f"mlops-ci {verb}", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _interruptible(function: Callable[..., int]) -> Callable[..., int]:
    """Say what Ctrl-C or SIGTERM left behind; Typer alone would end without a word."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> int:
        try:
            return function(*args, **options)
        except KeyboardInterrupt:
            raise InterruptError("interrupted", "what was finished is kept: run it again to go on") from None

    return call


def _go_to(rest: list[str]) -> list[str]:
    try:
        os.chdir(rest[1])
    except IndexError:
        raise MlopsError("-C needs a folder", "mlops-ci -C DIR VERB") from None
    except OSError as error:
        raise MlopsError(f"-C {rest[1]}: {error.strerror}", "name an existing folder") from error
    return rest[2:]


def _complain(message: str, hint: str, code: int) -> int:
    from mlops_ci.writing import visible

    sys.stdout.flush()
    text = f"mlops-ci: {message}\n" + (f"  → {hint}\n" if hint else "")
    # It may quote what a file or an answer holds.
    sys.stderr.write(visible.lines(text))
    return code
