"""From a stranger's repository to the first comment, by the commands that the README shows."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.github.runner import UV
from tests.repositories import WHO, Repo

from .conftest import Begin
from .credit import CREDIT, PRODUCT, Credit, commanded
from .test_pull_request import GREEN, README, VERDICT

COMMANDS = commanded("README.md", "In your repository")
# `gh pr create --fill`, with a title from the commit, as it is done by the API.
GH = """\
import json, os, subprocess, sys, urllib.request

assert sys.argv[1:] == ["pr", "create", "--fill"], sys.argv
git = lambda *words: subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()
body = {"title": git("log", "-1", "--format=%s"), "head": git("branch", "--show-current"), "base": "main"}
request = urllib.request.Request(os.environ["PULLS"], json.dumps(body).encode(), {
    "Authorization": "Bearer " + os.environ["GH_TOKEN"], "Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["html_url"])
"""


def installed(acme: Credit, folder: Path) -> Path:
    """mlops-ci in an environment of its own, from its repository; gives the folder of its commands."""
    venv, product = folder / "venv", acme.stand.clone("product-token", PRODUCT).path
    (folder / "needed.txt").write_text("dvc\nrich\ntyper\n")
    install = ["pip", "install", "--python", str(venv / "bin" / "python")]
    for words in (
        ["venv", "--python", sys.executable, str(venv)],
        [*install, "-r", str(folder / "needed.txt")],
        [*install, str(product)],
    ):
        subprocess.run([sys.executable, UV, *words], check=True)
    (venv / "bin" / "gh").write_text(f"#!{sys.executable}\n{GH}")
    (venv / "bin" / "gh").chmod(0o755)
    return venv / "bin"


@pytest.mark.slow
def test_the_readmes_commands_lead_to_the_first_comment(begin: Begin, tmp_path: Path) -> None:
    acme = begin()
    # Before mlops-ci came: a pipeline, its data, and nothing of ours.
    acme.ada.git("rm", "--quiet", "mlops-ci.yaml")
    acme.ada.commit("A repository of strangers")
    acme.stand.push(acme.ada, "main")
    acme.stand.runner.skip()
    address = acme.stand.gateway.address
    header = f"Authorization: Basic {base64.b64encode(b'x-access-token:ada-token').decode()}"
    environ = {
        **os.environ,
        **WHO,
        "PATH": f"{installed(acme, tmp_path)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{address}/.extraHeader",
        "GIT_CONFIG_VALUE_0": header,
        "GH_TOKEN": "ada-token",
        "PULLS": f"{address}/repos/{CREDIT}/pulls",
    }
    mine = tmp_path / "mine"
    subprocess.run(["git", "clone", "--quiet", f"{address}/{CREDIT}.git", mine], env=environ, check=True)
    said = []
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", command], cwd=mine, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        said.append(done.stdout)
    # With reading the comment that is five steps.
    assert len(COMMANDS) <= 4
    assert said[0].startswith("wrote .github/workflows/mlops-ci.yml\nwrote mlops-ci.yaml\n")
    written = (mine / ".github/workflows/mlops-ci.yml").read_text()
    assert written == README.partition("\n")[2].replace("COMMIT", acme.commit)
    played = acme.played()
    assert played.conclusion == "success", played.log
    [body] = acme.bodies(1)
    assert body.split("\n")[1] == "✅ **Passed**: nothing that feeds a model changed; nothing had to run."
    head = Repo(mine).git("rev-parse", "HEAD")
    assert acme.checks(head) == GREEN | {VERDICT: "success"}
    # The next one changes the model. Nobody has set a limit, so a worse metric warns.
    Repo(mine).git("checkout", "--quiet", "-b", "worse")
    params = mine / "params.yaml"
    params.write_text(params.read_text().replace("noise: 0.3", "noise: 1.5"))
    Repo(mine).commit("Try")
    subprocess.run(["git", "push", "--quiet", "origin", "worse"], cwd=mine, env=environ, check=True)
    subprocess.run(["gh", "pr", "create", "--fill"], cwd=mine, env=environ, check=True)
    played = acme.played()
    assert played.conclusion == "success", played.log
    [body] = acme.bodies(2)
    assert body.split("\n")[1].startswith("⚠️ **Passed with warnings**: `toy`: accuracy fell by 0.23")
