"""Artifacts: kept as zip files, listed and downloaded as GitHub lets them be."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from .calls import Answer, Call, Operation, not_found, page, refusal, refuse
from .forge import Forge
from .runs import Run, Runs
from .server import Incoming


@dataclass
class Artifact:
    """One uploaded artifact, a zip file."""

    number: int
    run: int
    name: str
    data: bytes
    created: str
    expired: bool = False


class Artifacts:
    """Every artifact."""

    def __init__(self, forge: Forge, runs: Runs) -> None:
        self.forge = forge
        self.runs = runs
        self.kept: dict[int, Artifact] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "actions/list-artifacts-for-repo": self.list_artifacts,
            "actions/list-workflow-run-artifacts": self.list_artifacts,
            "actions/get-artifact": lambda call: Answer(200, self._artifact_seen(call, self._artifact(call))),
            "actions/download-artifact": self.download,
            "actions/delete-artifact": self.delete_artifact,
        }

    def keep(self, run: int, name: str, data: bytes) -> Artifact:
        """Take an artifact in; a run has each name once."""
        if any((one.run, one.name) == (run, name) for one in self.kept.values()):
            refuse(409, "an artifact with this name already exists on the workflow run")
        artifact = Artifact(self.forge.next_id(), run, name, data, self.forge.now())
        self.kept[artifact.number] = artifact
        return artifact

    def files(self, artifact: Artifact) -> dict[str, bytes]:
        """What an artifact holds."""
        with zipfile.ZipFile(BytesIO(artifact.data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _artifact(self, call: Call) -> Artifact:
        artifact = self.kept.get(int(call.params["artifact_id"]))
        return (
            artifact
            if artifact and self.runs.kept[artifact.run].repository == call.repository
            else not_found()
        )

    def _artifact_seen(self, call: Call, artifact: Artifact) -> dict[str, Any]:
        run, url = (
            self.runs.kept[artifact.run],
            self.forge.url(call.repository, "actions", "artifacts", artifact.number),
        )
        repository = self.forge.repository(call.repository)["id"]
        return {
            "id": artifact.number,
            "node_id": f"A_{artifact.number}",
            "name": artifact.name,
            "size_in_bytes": len(artifact.data),
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": artifact.expired,
            "created_at": artifact.created,
            "updated_at": artifact.created,
            "expires_at": artifact.created,
            "workflow_run": {
                "id": run.number,
                "repository_id": repository,
                "head_repository_id": repository,
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
            },
        }

    def list_artifacts(self, call: Call) -> Answer:
        wanted, name = call.params.get("run_id"), call.query.get("name")
        found = [
            self._artifact_seen(call, one)
            for one in reversed(self.kept.values())
            if self.runs.kept[one.run].repository == call.repository
            and wanted in (None, str(one.run))
            and name in (None, one.name)
        ]
        return page(call, found, self.forge.address, wrap="artifacts")

    def download(self, call: Call) -> Answer:
        """GitHub sends the client to another host, which must not get the token."""
        artifact = self._artifact(call)
        if artifact.expired:
            refuse(410, "Artifact has expired")
        elsewhere = self.forge.address.replace("127.0.0.1", "localhost")
        return Answer(
            302, headers={"Location": f"{elsewhere}/_stand/blobs/{artifact.number}?sig=signed"}, data=b""
        )

    def delete_artifact(self, call: Call) -> Answer:
        del self.kept[self._artifact(call).number]
        return Answer(204)

    # ---- what is no part of GitHub's API: the store behind the links, and what the stand-ins of actions upload to

    def special(self, incoming: Incoming) -> Answer | None:
        if match := re.fullmatch(r"/_stand/blobs/(\d+)", incoming.path):
            return self._blob(incoming, int(match[1]))
        if match := re.fullmatch(r"/_stand/artifacts/(\d+)/([^/]+)", incoming.path):
            return self._stored(incoming, self.runs.kept[int(match[1])], match[2])
        if match := re.fullmatch(r"/_stand/artifacts/(\d+)", incoming.path):
            return self._names(incoming, self.runs.kept[int(match[1])])
        return None

    def _names(self, incoming: Incoming, run: Run) -> Answer:
        if incoming.secret != run.runtime_secret:
            return refusal(401, "Bad credentials")
        return Answer(200, [one.name for one in self.kept.values() if one.run == run.number])

    def _blob(self, incoming: Incoming, number: int) -> Answer:
        if "authorization" in incoming.headers:
            return refusal(400, "InvalidAuthenticationInfo")
        return Answer(200, headers={"Content-Type": "application/zip"}, data=self.kept[number].data)

    def _stored(self, incoming: Incoming, run: Run, name: str) -> Answer:
        if incoming.secret != run.runtime_secret:
            return refusal(401, "Bad credentials")
        found = [one for one in self.kept.values() if (one.run, one.name) == (run.number, name)]
        if incoming.method == "GET":
            return Answer(200, data=found[0].data) if found else refusal(404, "Not Found")
        if found and incoming.method == "POST":
            del self.kept[found[0].number]
        elif found:
            return refusal(409, "an artifact with this name already exists on the workflow run")
        return Answer(201, {"id": self.keep(run.number, name, incoming.data).number})
