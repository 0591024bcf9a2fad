"""What the cml command is asked, in which environment, and what becomes of its answers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.cml import Cml
from mlops_ci.errors import ToolError

SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "ghs_secretsecretsecret"
WORDS = """\
import json, os, pathlib, subprocess, sys
report = pathlib.Path(sys.argv[-1])
subprocess.run(["git", "config", "--global", "--add", "safe.directory", "*"], check=True)
pathlib.Path({record!r}).write_text(json.dumps({{
    "arguments": sys.argv[1:-1], "report": report.read_text(encoding="utf-8"), "environment": dict(os.environ),
}}))
{end}
"""
ANSWER = 'print("a line of talk")\nprint("https://github.com/acme/census/pull/7#issuecomment-1")'


def installed(folder: Path, end: str = ANSWER) -> dict[str, str]:
    """A recorder called cml on a PATH of its own; gives the runner's environment."""
    command = folder / "bin" / "cml"
    command.parent.mkdir(exist_ok=True)
    words = WORDS.format(record=str(folder / "record.json"), end=end)
    command.write_text(f"#!{sys.executable}\n{words}")
    command.chmod(0o755)
    return {"PATH": str(command.parent), "GITHUB_REPOSITORY": "acme/census"}


def recorded(folder: Path) -> Any:
    return json.loads((folder / "record.json").read_text())


def command(environ: dict[str, str], token: str = TOKEN) -> Cml:
    found = Cml.of(environ, token=token)
    assert found is not None
    return found


def test_the_call_is_the_one_that_cml_does_right(tmp_path: Path) -> None:
    url = command(installed(tmp_path)).update(7, "> [!WARNING]\n> ä\n", commit=SHA, title="mlops-ci a_b")
    assert url == "https://github.com/acme/census/pull/7#issuecomment-1"
    called = recorded(tmp_path)
    assert called["report"] == "> [!WARNING]\n> ä\n"
    assert called["arguments"] == [
        *("comment", "update", "--target", "pr/7", "--watermark-title", "mlops-ci a_b"),
        *("--publish=false", "--repo", "https://github.com/acme/census"),
    ]


def test_the_environment_names_commit_and_token_and_a_home_of_its_own(tmp_path: Path) -> None:
    command(installed(tmp_path)).update(7, "text", commit=SHA, title="mlops-ci")
    told = recorded(tmp_path)["environment"]
    wanted = {
        "CML_TOKEN": TOKEN,
        "REPO_TOKEN": TOKEN,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SHA": SHA,
        "ITERATIVE_DO_NOT_TRACK": "1",
    }
    assert {name: told.get(name) for name in wanted} == wanted
    assert told["HOME"] == told["XDG_CONFIG_HOME"] != os.environ["HOME"]
    assert not Path(told["HOME"]).exists()


def test_the_token_is_in_no_argument_and_no_words(tmp_path: Path) -> None:
    found = command(installed(tmp_path))
    found.update(7, "text", commit=SHA, title="mlops-ci")
    assert TOKEN not in json.dumps(recorded(tmp_path)["arguments"])
    assert TOKEN not in repr(found)


def test_the_global_git_configuration_stays_as_it_is(tmp_path: Path) -> None:
    """Where a variable names that file, too, which Git prefers to the home's."""
    home = Path(os.environ["HOME"])
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    assert os.environ["GIT_CONFIG_GLOBAL"] == str(home / ".gitconfig")
    command(installed(tmp_path)).update(7, "text", commit=SHA, title="mlops-ci")
    assert {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            f"print('HttpError: Resource not accessible {TOKEN}', file=sys.stderr); sys.exit(1)",
            "cml could not post the comment (exit code 1): HttpError: Resource not accessible ***",
        ),
        ("print('done')", "cml could not post the comment (exit code 0): done"),
    ],
)
def test_a_failure_is_one_line_without_the_token(tmp_path: Path, end: str, said: str) -> None:
    with pytest.raises(ToolError) as caught:
        command(installed(tmp_path, end)).update(7, "text", commit=SHA, title="mlops-ci")
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("server", "api", "url"),
    [
        ("https://github.com", "https://api.github.com", "https://github.com/acme/census"),
        ("https://git.acme.org", "https://git.acme.org/api/v3", "https://git.acme.org/acme/census"),
        ("https://git.acme.org/", "https://git.acme.org/api/v3/", "https://git.acme.org/acme/census"),
        ("http://127.0.0.1:4710", "http://127.0.0.1:4710", None),
        ("https://acme.ghe.com", "https://api.acme.ghe.com", None),
    ],
)
def test_cml_is_offered_where_it_would_find_the_api(
    tmp_path: Path, server: str, api: str, url: str | None
) -> None:
    environ = installed(tmp_path) | {"GITHUB_SERVER_URL": server, "GITHUB_API_URL": api}
    found = Cml.of(environ, token=TOKEN)
    assert (found.url if found else None) == url


def test_without_command_repository_or_token_there_is_no_cml(tmp_path: Path) -> None:
    environ = installed(tmp_path)
    assert Cml.of(environ | {"PATH": str(tmp_path)}, token=TOKEN) is None
    assert Cml.of(environ | {"GITHUB_REPOSITORY": ""}, token=TOKEN) is None
    assert Cml.of(environ, token="") is None


@pytest.mark.needs_cml
def test_the_real_command_knows_these_options(tmp_path: Path) -> None:
    real = shutil.which("cml")
    if real is None:
        pytest.skip("the cml command is not on PATH: it comes with the action iterative/setup-cml")
    found = Cml(real, "https://127.0.0.1:9/acme/census", TOKEN)
    with pytest.raises(ToolError) as caught:
        found.update(7, "text", commit=SHA, title="mlops-ci")
    assert "Unknown argument" not in caught.value.message
    assert TOKEN not in caught.value.message
