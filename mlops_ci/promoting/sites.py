"""Where promotions go: the repository that holds the manifests and records, and its forge."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from mlops_ci.adapters import process, revisions, withheld
from mlops_ci.adapters.git import Git, complaint
from mlops_ci.adapters.git_access import Access
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_promotions import GitHubPromotions
from mlops_ci.adapters.github_settings import PUSH_TOKEN, TOKENS
from mlops_ci.adapters.local import LocalForge
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import Promotions

TARGET_TOKEN = withheld.TARGETS
Say = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """One repository with manifests: ``head`` is the newest commit of its base branch.

    ``address`` is empty for the model repository itself.
    """

    git: Git
    forge: Promotions
    branch: str
    head: str
    address: str = ""

    def refreshed(self) -> Site:
        """The same with the base branch as it is now.

        Raises:
            ToolError: the remote cannot be reached, or has no such branch.
        """
        return replace(self, head=newest(self.git, self.branch))


def own(git: Git, environ: Mapping[str, str], *, base: str = "", say: Say = lambda _: None) -> Site:
    """The repository that is checked out.

    Raises:
        ConfigError: no base branch is known, or a token is missing.
        ToolError: the remote cannot be reached.
    """
    branch = base or revisions.find(git, environ).base_branch
    if not branch:
        raise ConfigError(
            "no base branch was found to promote from", "name it: `base: main` in mlops-ci.yaml"
        )
    return Site(git, forge_of(git, environ, say), branch, newest(git, branch))


@contextmanager
def other(address: str, environ: Mapping[str, str], say: Say = lambda _: None) -> Iterator[Site]:
    """Another repository, cloned without its files for as long as the block runs.

    Its token is MLOPS_CI_TARGET_TOKEN of the environment, where that is set.

    Raises:
        ConfigError: it has no branch, or a token is missing.
        ToolError: it cannot be reached.
    """
    told = shown_there(environ)
    with _empty(address, told) as git:
        branch = _default(git, address)
        yield Site(git, forge_of(git, told, say), branch, newest(git, branch), address)


def reached(address: str, environ: Mapping[str, str]) -> str:
    """The default branch of another repository: that it is told shows that the repository can be read.

    Raises:
        ConfigError: it has no branch.
        ToolError: it cannot be reached.
    """
    with _empty(address, shown_there(environ)) as git:
        return _default(git, address)


def shown_there(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which another repository is spoken to: its own token alone, where there is one."""
    token = environ.get(TARGET_TOKEN, "").strip()
    return {**environ, TOKENS[0]: token, PUSH_TOKEN: ""} if token else dict(environ)


@contextmanager
def _empty(address: str, environ: Mapping[str, str]) -> Iterator[Git]:
    """A repository with nothing but a remote, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="mlops-ci-target-") as folder:
        process.run(["git", "init", "--quiet", folder], cwd=Path(folder))
        git = Git.open(Path(folder), Access.of(environ))
        git.run("remote", "add", "origin", "--", address)
        yield git


def forge_of(git: Git, environ: Mapping[str, str], say: Say = lambda _: None) -> Promotions:
    """Where pull requests of a repository are: on GitHub, or in the embedded forge beside a local one.

    Raises:
        ConfigError: it is on a server, and there is no token for it.
    """
    url = git.remote_url()
    repository = _repository(url)
    if not repository:
        return LocalForge.beside(git)
    server, name = repository
    told = {**environ, "GITHUB_REPOSITORY": name}
    if environ.get("GITHUB_ACTIONS") != "true":
        if not any(environ.get(variable) for variable in TOKENS):
            raise ConfigError(
                f"pull requests of {name} are on {server}, and there is no token for it",
                "set GH_TOKEN (`gh auth token` prints one), or comment `/mlops-ci` on a pull request",
            )
        told["GITHUB_SERVER_URL"] = server
    return GitHubPromotions(GitHub.of(told, say=say))


def _repository(url: str) -> tuple[str, str] | None:
    """Server and OWNER/NAME out of a remote's address; None where it is a folder on this machine."""
    if url.startswith("git@") and ":" in url:
        host, _, path = url.removeprefix("git@").partition(":")
        return f"https://{host}", path.removesuffix(".git")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ssh") or not parts.hostname:
        return None
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    return f"{scheme}://{parts.hostname}{port}", parts.path.strip("/").removesuffix(".git")


def newest(git: Git, branch: str) -> str:
    """The newest commit of a branch, fetched where there is a remote."""
    remote = git.remote()
    ref = f"refs/remotes/{remote}/{branch}" if remote else f"refs/heads/{branch}"
    if remote and not git.fetch(f"+refs/heads/{branch}:{ref}"):
        raise ToolError(f"the remote {remote} has no branch {branch}", "push it, or name another: `base:`")
    commit = git.resolve(ref)
    if commit is None:
        raise ConfigError(f"there is no branch {branch}", "commit to it first, or name another: `base:`")
    return commit


def _default(git: Git, address: str) -> str:
    """The branch that a remote's HEAD names."""
    done = git.remotely("ls-remote", "--symref", "origin", "HEAD")
    if done.code != 0:
        raise ToolError(
            f"{address} cannot be reached: {complaint(done.stderr)}",
            f"check the address, and that {TARGET_TOKEN} may read and write it",
        )
    for line in done.stdout.splitlines():
        if line.startswith("ref: refs/heads/"):
            return line.removeprefix("ref: refs/heads/").split("\t", 1)[0]
    raise ConfigError(f"{address} has no branch yet", "push its first commit")
