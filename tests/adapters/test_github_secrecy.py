"""The token is in no log, no error, no file, no list of processes and no frame that an error drags along."""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from mlops_ci.adapters import process
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.errors import ToolError
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Cut, Double, Reply
from tests.adapters.github_spec.contract import example

# Everything that somebody who looks for a mistake may switch on, in a process of its own.
NOISY = f"""\
import http.client, logging, os, sys, traceback
http.client.HTTPConnection.debuglevel = 9
logging.basicConfig(level=1, stream=sys.stdout, format="%(name)s %(message)s %(args)s")
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_http import Clock
github = GitHub.of(os.environ, clock=Clock(sleep=lambda _: None))
print(github, vars(github), github.http, github.http.settings)
for path in ("{ROOT}", "{ROOT}", "/elsewhere"):
    try:
        print(github.http.get(path).text("full_name"))
    except Exception as error:
        traceback.print_exc()
        print(repr(error), str(error), vars(error), error.__cause__, error.__context__)
print(open("/proc/self/cmdline").read() if os.path.exists("/proc/self/cmdline") else sys.argv)
"""


def test_nothing_that_can_be_switched_on_shows_the_token(double: Double, tmp_path: Path) -> None:
    double.on("GET", ROOT, Cut(), Reply(body=example("full-repository-default-response")))
    double.on("GET", ROOT, Reply(401, {"message": f"Bad credentials {TOKEN}"}, {"x-echo": TOKEN}))
    double.on("GET", "/elsewhere", Reply(302, headers={"location": "https://evil.invalid/"}, true=False))
    script = tmp_path / "noisy.py"
    script.write_text(textwrap.dedent(NOISY))
    environ = {
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": double.url + double.prefix,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = process.run([sys.executable, str(script)], cwd=tmp_path, env=environ)
    shown = done.stdout + done.stderr
    # It did speak: urllib3's log, the answer, and both errors.
    heard = ["urllib3.connectionpool", "octocat/Hello-World", "401: Bad credentials ***", "evil.invalid"]
    assert [word for word in heard if word not in shown] == []
    assert TOKEN not in shown
    written = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert written == []
    double.problems.remove("GET /elsewhere: there is no such operation")


def _failing(double: Double, github: GitHub) -> dict[str, Callable[[], object]]:
    double.on("GET", ROOT, *[Cut()] * 5)
    double.on("POST", f"{ROOT}/check-runs", Cut(middle=True))
    double.on("POST", "/graphql", Reply(403, {"message": TOKEN}))
    double.on("GET", "/user", Reply(302, headers={"location": "https://evil.invalid/"}))
    closed = double.github(environ={"GITHUB_API_URL": "http://127.0.0.1:9"})
    body = {"name": "x", "head_sha": "y"}
    return {
        "cut": lambda: github.http.get(ROOT),
        "doubt": lambda: github.http.post(f"{ROOT}/check-runs", body),
        "refused": github.account,
        "elsewhere": lambda: github.http.get("/user"),
        "closed": lambda: closed.http.get(ROOT),
    }


def _frames(error: BaseException | None) -> list[FrameType]:
    """The frames of an error and of every error behind it."""
    if error is None:
        return []
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames + _frames(error.__cause__) + _frames(error.__context__)


def test_no_error_drags_the_headers_along(double: Double, github: GitHub) -> None:
    """Crash reporters send the local variables of every frame: what is in them is shown to others."""
    for name, call in _failing(double, github).items():
        with pytest.raises(ToolError) as caught:
            call()
        inner = [
            frame for frame in _frames(caught.value) if "tests" not in Path(frame.f_code.co_filename).parts
        ]
        assert inner, name
        shown = [repr(value) for frame in inner for value in frame.f_locals.values()]
        assert [text for text in shown if TOKEN in text] == [], name
        assert TOKEN not in "".join(traceback.format_exception(caught.value)), name


def test_a_token_that_is_no_header_is_refused_before_it_is_sent(double: Double) -> None:
    with pytest.raises(Exception, match="GITHUB_TOKEN is no GitHub token") as caught:
        double.github(environ={"GITHUB_TOKEN": f"{TOKEN}\r\nx: y"})
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_an_error_keeps_nothing_but_its_words(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, Reply(401, {"message": "Bad credentials"}))
    with pytest.raises(GitHubError) as caught:
        github.http.get(ROOT)
    assert sorted(vars(caught.value)) == ["hint", "message", "status"]
