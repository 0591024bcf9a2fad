"""`mlops-ci evidence`: from a commit to what was measured on its dvc.lock."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Json
from mlops_ci.errors import ConfigError
from mlops_ci.session import Session


def evidence(
    commit: Annotated[str, typer.Argument(help="Commit or branch.")] = "HEAD", json: Json = False
) -> int:
    """Find the evidence of a commit by its dvc.lock, without a re-run.

    Works for a merged commit too: main holds the dvc.lock that the pull request was judged on.
    """
    terminal = Terminal(json_output=json)
    session = Session.open(terminal)
    found = session.project.git.resolve(commit)
    if found is None:
        raise ConfigError(f"{commit!r} is no commit of this repository", "name a commit, a branch or a tag")
    digest = lock_digest(session.project.dvc.lock_files(found))
    document = session.store.find(digest)
    if document is None:
        raise ConfigError(
            f"no evidence is kept for the dvc.lock of {found[:10]}", "measure it with `mlops-ci run`"
        )
    terminal.result(
        f"{document.digest}\nmeasured {document.created} on {document.repository.commit[:10]}"
        f" ({document.repository.branch or 'detached'}), dvc.lock {digest[7:19]}",
        document.model_dump(mode="json", by_alias=True),
    )
    return 0
