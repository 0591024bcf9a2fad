"""A history in memory: promotions as they are made, and what people do to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from mlops_ci.audit.history import Change, Commit, History
from mlops_ci.audit.manifests import Manifest
from mlops_ci.errors import ManifestError
from mlops_ci.promotion.record import Edit, Named, Previous, Record, State
from mlops_ci.rollout import Rollout, Served

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PATH = "deploy/production/toy.yaml"
PLACE = "InferenceService/toy:spec.model"


def release(letter: str, **more: Any) -> Named:
    """A release by one hex digit."""
    digest = letter * 64
    return Named(
        digest=f"sha256:{digest}",
        uri=f"s3://m/toy/sha256-{digest}/model.json",
        version=f"v{letter}",
        commit=letter * 40,
        **more,
    )


def manifest(stable: Named | None, environment: str = "production", **more: Any) -> str:
    """What a manifest of the story looks like."""
    spec = {"model": stable.uri if stable else "none", **more}
    head = {"apiVersion": "v1", "kind": "InferenceService", "metadata": {"name": "toy"}}
    text: str = yaml.safe_dump({**head, "spec": spec}, sort_keys=False)
    return text


def read(text: str) -> Rollout:
    """The kind of manifest that the story has."""
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ManifestError("is no YAML") from error
    if "model" not in plain.get("spec", {}):
        raise ManifestError("has no model")
    candidate = plain["spec"].get("candidate")
    return Rollout(
        Served.of(plain["spec"]["model"]),
        Served.of(candidate) if candidate else None,
        plain["spec"].get("traffic", 0),
    )


MANIFEST = Manifest(PATH, read)


def trailers(one: Record, **other: str) -> str:
    """The message of a promotion's commit."""
    found = {
        "Mlops-Record": one.current_path,
        "Mlops-Action": one.action,
        "Mlops-Model-Digest": one.release.digest,
        **{key.replace("_", "-"): value for key, value in other.items()},
    }
    block = "\n".join(f"{key}: {value}" for key, value in found.items())
    return f"Promote {one.model}\n\nWords.\n\n{block}\n"


def blob(text: str) -> str:
    """The name of an object."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Story:
    """What the branch went through; every method adds to it."""

    base: list[Commit] = field(default_factory=list)
    inner: list[Commit] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    records: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    claims: list[Commit] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def made(
        self, files: dict[str, str | None], message: str, parents: int = 1, author: str = "Ada"
    ) -> Commit:
        """A commit of these files on what there is, not yet on the branch."""
        changes = []
        for path, text in files.items():
            old = blob(self.files[path]) if path in self.files else ""
            new = blob(text) if text is not None else ""
            self.texts |= {old: self.files.get(path, ""), new: text or ""}
            if old != new:
                changes.append(Change(path, old, new))
        number = len(self.base) + len(self.inner) + len(self.claims) + 1
        when = BEGIN + timedelta(hours=len(self.base))
        sha = f"{number:02x}" * 20
        return Commit(
            sha, ("p",) * parents, author, "ada@example.org", author, when, when, message, tuple(changes)
        )

    def commit(self, files: dict[str, str | None], message: str = "By hand", author: str = "Eve") -> Commit:
        """A commit on the branch itself."""
        made = self.made(files, message, author=author)
        self.base.insert(0, made)
        self._apply(files)
        return made

    def merge(self, files: dict[str, str | None], message: str, subject: str) -> Commit:
        """A commit on a branch, merged."""
        own = self.made(files, message)
        self.inner.insert(0, own)
        merge = replace(self.made(files, subject, parents=2, author="Mia"), changes=own.changes)
        self.base.insert(0, merge)
        self._apply(files)
        return own

    def _apply(self, files: dict[str, str | None]) -> None:
        for path, text in files.items():
            if text is None:
                self.files.pop(path, None)
            else:
                self.files[path] = text

    def record(self, to: Named, environment: str = "production", **more: Any) -> Record:
        """The next record of a target."""
        log = self.records.setdefault((environment, "toy"), [])
        last = log[-1] if log else None
        before = last.after if last else State()
        path = f"deploy/{environment}/toy.yaml"
        old = None
        if path in self.files and "edits" not in more:
            old = yaml.safe_load(self.files[path])["spec"]["model"]
        fields: dict[str, Any] = {
            "number": last.number + 1 if last else 1,
            "environment": environment,
            "model": "toy",
            "action": "promote",
            "before": before,
            "after": State(stable=to),
            "release": to,
            "edits": (Edit(file=path, place=PLACE, old=old, new=to.uri),),
            "previous": Previous(number=last.number, digest=last.digest) if last else None,
        }
        one = Record(**{**fields, **more})
        log.append(one)
        return one

    def promoted(self, one: Record, text: str | None = None) -> dict[str, str | None]:
        """The files of a promotion."""
        path = f"deploy/{one.environment}/toy.yaml"
        found: dict[str, str | None] = {one.current_path: one.text(), one.log_path: one.text()}
        if one.edits:
            found[path] = text or manifest(one.after.stable, one.environment)
        return found

    def promote(self, to: Named, how: str = "merge", environment: str = "production", **more: Any) -> Record:
        """A promotion that came by a merge, a rebase or a squash."""
        one = self.record(to, environment, **more)
        message = trailers(one)
        if how == "merge":
            self.merge(self.promoted(one), message, f"Merge pull request #{len(self.base) + 1} from x")
        elif how == "rebase":
            self.commit(self.promoted(one), message, "Ada")
        else:
            self.commit(self.promoted(one), f"Promote toy (#{len(self.base) + 1})\n\n* Promote\n", "Ada")
        return one

    def history(self, **more: Any) -> History:
        """All of it as Git says it."""
        files = {path: blob(text) for path, text in self.files.items()}
        texts = {**self.texts, **{blob(text): text for text in self.files.values()}}
        texts.pop("", None)
        fields = {"base": tuple(self.base), "inner": self.inner, "files": files, "texts": texts}
        return History(**{"head": "h", **fields, "claims": self.claims, **more})


def begun() -> Story:
    """A manifest that people wrote."""
    story = Story()
    story.commit({PATH: manifest(None)}, "Deploy", "Ada")
    return story


def told() -> Story:
    """Three promotions: by a merge, a rebase and a squash."""
    story = begun()
    for letter, how in (("a", "merge"), ("b", "rebase"), ("c", "squash")):
        story.promote(release(letter), how)
    return story
