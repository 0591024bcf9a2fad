"""The product's push and fetch over the stand's Git: permissions as on GitHub, and where the token is seen."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_ci.adapters import git_push
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_access import Access
from mlops_ci.errors import ToolError
from tests.repositories import Repo

from .calls import Token
from .stand import Stand

READ = "ghs_reads_and_no_more"
WRITE = "ghs_may_write_contents"


@dataclass
class Job:
    """A checkout without credentials, as the workflow makes it, with a commit that is to be pushed."""

    stand: Stand
    clone: Repo
    seen: str

    @property
    def environ(self) -> dict[str, str]:
        address = self.stand.gateway.address
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/model",
            "GITHUB_SERVER_URL": address,
            "GITHUB_API_URL": address,
            "GITHUB_TOKEN": READ,
        }

    def git(self, **more: str) -> Git:
        return Git.open(self.clone.path, Access.of({**self.environ, **more}))

    def push(self, **more: str) -> str:
        git = self.git(**more)
        self.clone.write("dvc.lock", "new\n")
        made = git.commit_onto(self.seen, ["dvc.lock"], "Update dvc.lock\n")
        git_push.push(git, made, "topic", expected=self.seen)
        return made

    def topic(self) -> str | None:
        return self.stand.gateway.forge.bare("acme/model").branch("topic")

    def pushes(self) -> list[tuple[str, int]]:
        return [(one.login, one.status) for one in self.stand.gateway.asked("git/git-receive-pack")]


@pytest.fixture
def job(stand: Stand) -> Job:
    for secret, level in ((READ, "read"), (WRITE, "write")):
        stand.gateway.issue(secret, Token("promoter[bot]", {"contents": level}, bot=True))
    ada = stand.clone()
    ada.commit("Begin", data_dot_csv="1\n")
    stand.push(ada, "main")
    ada.git("checkout", "--quiet", "-b", "topic")
    seen = ada.commit("Change", data_dot_csv="2\n")
    stand.push(ada, "topic")
    clone = Repo.init(stand.folder / "job")
    clone.git("remote", "add", "origin", f"{stand.gateway.address}/acme/model")
    stand.fetch(clone)
    clone.git("checkout", "--quiet", "--detach", "origin/topic")
    return Job(stand, clone, seen)


def test_the_token_that_pushes_pushes(job: Job) -> None:
    made = job.push(MLOPS_CI_PUSH_TOKEN=WRITE)
    assert (job.topic(), job.pushes()[-1]) == (made, ("promoter[bot]", 200))
    assert job.stand.events()[-1] == "push"


def test_the_jobs_own_token_pushes_where_it_may(job: Job) -> None:
    assert job.push(GITHUB_TOKEN=WRITE) == job.topic()


def test_a_header_that_the_checkout_left_gives_way_to_the_token_that_pushes(job: Job) -> None:
    header = base64.b64encode(f"x-access-token:{READ}".encode()).decode()
    key = f"http.{job.stand.gateway.address}/.extraheader"
    job.clone.git("config", key, f"AUTHORIZATION: basic {header}")
    with pytest.raises(ToolError, match=r"the token may not push to topic \(403\)"):
        job.push(GITHUB_TOKEN=WRITE)
    assert job.push(MLOPS_CI_PUSH_TOKEN=WRITE) == job.topic()


def test_a_token_that_reads_is_told_how_to_mend_it(job: Job) -> None:
    with pytest.raises(ToolError) as caught:
        job.push()
    assert (caught.value.message, caught.value.hint) == (
        "the token may not push to topic (403)",
        git_push.MEND,
    )
    assert job.topic() == job.seen


def test_a_token_that_is_no_longer_known(job: Job) -> None:
    with pytest.raises(
        ToolError, match=r"the server does not know the token .* a GitHub App's lives one hour"
    ):
        job.push(MLOPS_CI_PUSH_TOKEN="ghs_yesterday")


def test_no_token_at_all(job: Job) -> None:
    with pytest.raises(ToolError) as caught:
        job.push(GITHUB_TOKEN="")
    assert caught.value.message == (
        "there is no token to push to topic with (there is no GitHub token: GITHUB_TOKEN is not set)"
    )


def test_outside_of_a_job_the_token_stays_where_it_is(job: Job) -> None:
    with pytest.raises(ToolError, match="there is no token to push to topic with"):
        job.push(GITHUB_ACTIONS="", GITHUB_TOKEN=WRITE)


def test_a_remote_on_another_server_is_shown_nothing(job: Job) -> None:
    """The same machine by another name: whoever listens there must not be told."""
    other = job.stand.gateway.address.replace("127.0.0.1", "localhost")
    job.clone.git("remote", "set-url", "origin", f"{other}/acme/model")
    with pytest.raises(ToolError, match="there is no token to push to topic with"):
        job.push(MLOPS_CI_PUSH_TOKEN=WRITE)
    assert {one.login for one in job.stand.gateway.requests[-2:]} == {""}


def test_a_persons_push_in_between_is_not_overwritten(job: Job) -> None:
    bob = job.stand.clone("bob-token")
    job.stand.fetch(bob, "bob-token")
    bob.git("checkout", "--quiet", "-b", "topic", "origin/topic")
    moved = bob.commit("Meanwhile", note_dot_txt="x")
    job.stand.push(bob, "topic", "bob-token")
    with pytest.raises(
        ToolError, match="the branch topic moved while this ran, so nothing was pushed over it"
    ):
        job.push(MLOPS_CI_PUSH_TOKEN=WRITE)
    assert job.topic() == moved


def test_a_rule_of_the_repository_is_told(job: Job) -> None:
    rule = {"type": "pull_request"}
    body = {
        "name": "No push",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/heads/topic"], "exclude": []}},
        "rules": [rule],
    }
    job.stand.must("POST", "rulesets", body)
    with pytest.raises(ToolError, match="git push to topic: GH006: Protected branch update failed"):
        job.push(MLOPS_CI_PUSH_TOKEN=WRITE)


@pytest.mark.parametrize("kind", ["cut-after", "cut-middle"])
def test_a_lost_answer_is_no_lost_push(job: Job, kind: str) -> None:
    job.stand.gateway.fault("POST", "/git-receive-pack$", kind)
    assert job.push(MLOPS_CI_PUSH_TOKEN=WRITE) == job.topic()
    assert {login for login, _ in job.pushes()[2:]} == {"promoter[bot]"}


def test_a_push_that_never_arrived_is_an_error(job: Job) -> None:
    job.stand.gateway.fault("POST", "/git-receive-pack$", "cut-before", times=2)
    with pytest.raises(ToolError, match="git push to topic: "):
        job.push(MLOPS_CI_PUSH_TOKEN=WRITE)
    assert job.topic() == job.seen


def test_a_private_repository_is_fetched_with_the_jobs_token(job: Job) -> None:
    """The workflow's checkout leaves no credentials, and the base branch has to be brought up to date."""
    ada = job.stand.clone()
    moved = ada.commit("More", more_dot_txt="x")
    job.stand.push(ada, "topic")
    refspec = "+refs/heads/topic:refs/remotes/origin/topic"
    with pytest.raises(ToolError, match="could not read Username"):
        job.git(GITHUB_TOKEN="").fetch(refspec)
    assert job.git().fetch(refspec) is True
    assert job.clone.git("rev-parse", "origin/topic") == moved


# ---- where the token is


WRAPPER = """\
#!/bin/sh
case " $* " in
  *" push "*|*" ls-remote "*|*" fetch "*) ;;
  *) env | grep -c 'MLOPS_CI_GIT_TOKEN\\|{secret}' >> '{folder}/others';;
esac
printf '%s\\n' "$@" >> '{folder}/arguments'
exec '{git}' "$@"
"""


@pytest.mark.parametrize("refused", [False, True])
def test_the_token_is_in_one_process_and_in_no_file_argument_or_message(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    import shutil

    git, seen = shutil.which("git"), tmp_path / "seen"
    assert git
    seen.mkdir()
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER.format(git=git, secret=WRITE, folder=seen))
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=":")
    # All that Git can be made to tell, as somebody who looks for a mistake would; the environment of its
    # children is not among it, their arguments are.
    for name in ("GIT_TRACE", "GIT_TRACE_CURL", "GIT_TRACE2_EVENT", "GIT_TRACE_SETUP"):
        monkeypatch.setenv(name, str(seen / name))
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    if refused:
        job.stand.gateway.issue(WRITE, Token("promoter[bot]", {"contents": "read"}, bot=True))
    said = ""
    try:
        job.push(MLOPS_CI_PUSH_TOKEN=WRITE)
    except ToolError as error:
        said = f"{error!r} {error.message} {error.hint}"
    assert bool(said) is refused
    secrets = [WRITE, base64.b64encode(f"x-access-token:{WRITE}".encode()).decode()]
    written = [
        path
        for folder in (seen, job.clone.path, Path.home())
        for path in folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets)
    ]
    assert (written, [secret for secret in secrets if secret in said]) == ([], [])
    # Git did tell what it did, and no other call of it was given the token.
    assert "git-receive-pack" in (seen / "GIT_TRACE_CURL").read_text()
    assert "ask get" in (seen / "GIT_TRACE").read_text()
    assert set((seen / "others").read_text().split()) == {"0"}
