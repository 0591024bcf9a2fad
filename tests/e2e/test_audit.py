"""`mlops-ci audit` on a real project: Git, DVC, a model store; a clean history, and each way to tamper with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import cli, evidence, manifests, trailers
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.model_store import ModelStore
from mlops_ci.evidence import Evidence
from mlops_ci.promotion.record import (
    Approval,
    Edit,
    Input,
    Merge,
    Metric,
    Named,
    Previous,
    Record,
    Source,
    State,
    Summary,
)
from mlops_ci.yaml_edit import changes
from tests.e2e.conftest import Answer, Call, Toy
from tests.repositories import Repo

CONFIG = """\
version: 1
environments:
  staging: {manifest: "deploy/{environment}/{model}.yaml"}
  production: {manifest: "deploy/{environment}/{model}.yaml", after: staging}
promotion: {store: releases}
"""
MANIFEST = """\
# What serves the toy.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: toy
spec:
  predictor:
    minReplicas: 2
    model:
      modelFormat: {name: sklearn}
      storageUri: ""
"""
ENVIRONMENTS = ("staging", "production")


@dataclass
class Story:
    """A main branch with promotions; every method commits."""

    toy: Toy
    records: dict[str, list[Record]] = field(default_factory=dict)
    documents: dict[str, Evidence] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.toy.author.path

    def begin(self) -> None:
        """Manifests, rules, and nothing promoted yet."""
        files = {f"deploy/{one}/toy.yaml": MANIFEST for one in ENVIRONMENTS}
        for name, text in {**files, "mlops-ci.yaml": CONFIG}.items():
            self.toy.author.write(name, text)
        (self.path / ".gitignore").open("a").write("/releases\n")
        self.toy.author.commit("Deploy")

    def release(self) -> Named:
        """What main's dvc.lock makes, published with its evidence."""
        dvc = Dvc.open(self.path)
        try:
            md5 = dvc.graph("HEAD").recorded["model.json"]
            assert md5 is not None
            store = ModelStore.of("releases", dvc)
            told = store.publish("toy", "model.json", md5)
            document = evidence.read((self.path / ".dvc/tmp/mlops-ci/evidence.json").read_bytes())
            self.documents[store.write_evidence(document)] = document
            commit = self.toy.author.git("rev-list", "-1", "HEAD", "--", "dvc.lock")
            return Named(
                digest=told.digest,
                uri=told.uri,
                version=commit[:10],
                commit=commit,
                lock=document.lock.digest,
                md5=md5,
                evidence=document.digest,
            )
        finally:
            dvc.close()

    def record(self, environment: str, to: Named, **more: Any) -> tuple[Record, str]:
        """The next record of an environment, and the manifest that it makes."""
        log = self.records.setdefault(environment, [])
        path = f"deploy/{environment}/toy.yaml"
        text = self.toy.author.git("show", f"HEAD:{path}") + "\n"
        after = more.pop("after", State(stable=to))
        kind = manifests.kind_of(None, text)
        made = kind.write(text, after.rollout, kind.Options())
        metrics = self.documents[to.evidence].models[0].metrics
        fields: dict[str, Any] = {
            "number": len(log) + 1,
            "environment": environment,
            "model": "toy",
            "action": "promote",
            "before": log[-1].after if log else State(),
            "after": after,
            "release": to,
            "source": Source(commit=to.commit, stage="train", output="model.json", dvcfile="dvc.yaml"),
            "data": (
                Input(path="data.csv", md5=Dvc.open(self.path).graph("HEAD").recorded["data.csv"] or ""),
            ),
            "evidence": Summary(
                digest=to.evidence,
                verdict="passed",
                metrics=tuple(Metric(name=m.name, file=m.file, candidate=m.head) for m in metrics),
            ),
            "edits": tuple(
                Edit(file=path, place=str(one.address), old=one.old, new=one.new)
                for one in changes(text, made)
            ),
            "previous": Previous(number=log[-1].number, digest=log[-1].digest) if log else None,
        }
        one = Record.model_validate({**fields, **more})
        log.append(one)
        return one, made

    def promote(self, environment: str, to: Named, how: str = "merge", **more: Any) -> Record:
        """A promotion, merged as GitHub's three buttons do."""
        forged = more.pop("forged", {})
        one, made = self.record(environment, to, **more)
        git, branch = self.toy.author.git, f"mlops-ci/promote/{environment}/toy"
        git("checkout", "--quiet", "-B", branch, "main")
        for name, text in {
            one.current_path: one.text(),
            one.log_path: one.text(),
            f"deploy/{environment}/toy.yaml": made,
        }.items():
            self.toy.author.write(name, text)
        told = {
            "Mlops-Record": one.current_path,
            "Mlops-Action": one.action,
            "Mlops-Model": "toy",
            "Mlops-Environment": environment,
            "Mlops-Model-Digest": to.digest,
            "Mlops-Evidence": to.evidence,
            **forged,
        }
        self.toy.author.commit(trailers.write(f"Promote toy to {environment}", "Words.", told))
        git("checkout", "--quiet", "main")
        number = len(git("log", "--format=%H").split())
        if how == "merge":
            git("merge", "--quiet", "--no-ff", branch, "-m", f"Merge pull request #{number} from {branch}")
        elif how == "rebase":
            self.toy.author.commit("Something else in between", code_dot_txt=str(number))
            git("cherry-pick", branch)
        else:
            git("merge", "--quiet", "--squash", branch)
            message = f"Promote toy to {environment} (#{number})\n\n* Promote\n\n---------\n\nCo-authored-by: x <x@y>"
            git("commit", "--quiet", "-m", message)
        git("branch", "--quiet", "-D", branch)
        return one

    def push(self) -> None:
        """What is looked at is the branch as the remote has it."""
        self.toy.author.git("push", "--quiet", "origin", "main")

    def retrain(self, noise: str) -> None:
        """Another model on main."""
        path = self.path / "params.yaml"
        path.write_text(path.read_text().replace("noise: 0.3", f"noise: {noise}"))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path)
            assert cli.run(["run"]) == 0
        self.toy.author.commit(f"Train with {noise}")
        dvc = Dvc.open(self.path)
        dvc.push()
        dvc.close()


@pytest.fixture(scope="module")
def played(toy_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Staging and production by all three ways to merge, a canary, a rollback; only to be copied."""
    folder = tmp_path_factory.mktemp("audit") / "toy"
    shutil.copytree(toy_template, folder, symlinks=True)
    story = Story(Toy(folder))
    story.begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(story.path)
        assert cli.run(["run"]) == 0
    first = story.release()
    story.promote("staging", first, "merge")
    story.promote("production", first, "squash", requested_by="ada")
    story.retrain("0.4")
    second = story.release()
    assert second.digest != first.digest
    story.promote("staging", second, "rebase")
    merge = Merge(
        pull_request=7, merged_by="mia", merged_at="2026-01-01T00:00:00Z", approvals=(Approval(user="bo"),)
    )
    production = story.records["production"]
    previous = Previous(number=1, digest=production[0].digest, merge=merge)
    canary = State(stable=first, candidate=second, traffic=10)
    story.promote("production", second, "merge", after=canary, action="ramp", previous=previous)
    story.promote("production", first, "squash", action="rollback", reason="scores are all zero")
    story.push()
    return story


@pytest.fixture
def story(played: Story, tmp_path: Path) -> Story:
    """A copy of it; the model store is shared."""
    folder = tmp_path / "toy"
    shutil.copytree(played.toy.folder, folder, symlinks=True)
    records = {name: list(found) for name, found in played.records.items()}
    return Story(Toy(folder), records, dict(played.documents))


def links(answer: Answer, status: str = "broken") -> list[tuple[str, str, str]]:
    """Target, link and sentence of the links of one status."""
    return [
        (f"{one['environment']}/{one['model']}", one["link"], one["sentence"])
        for one in answer.document["links"]
        if one["status"] == status
    ]


def verify(story: Story, call: Call, *options: str) -> Answer:
    """Verify what stands on the branch now."""
    story.push()
    return call(story.path, "audit", "verify", "--json", *options)


def test_a_clean_history_holds_in_every_link(story: Story, call: Call) -> None:
    answer = verify(story, call, "--all")
    assert links(answer) == []
    assert answer.code == 0
    ok = {(target, name) for target, name, _ in links(answer, "ok")}
    names = (
        *("manifest", "record", "log", "append-only", "edits", "trailers"),
        *("evidence", "lock", "model", "remote", "data", "code"),
    )
    assert {("staging/toy", name) for name in names} <= ok
    assert {("production/toy", name) for name in names} <= ok


def test_an_edited_manifest_is_named_with_its_commit(story: Story, call: Call) -> None:
    path = story.path / "deploy/staging/toy.yaml"
    path.write_text(path.read_text().replace("storageUri: ", "storageUri: s3://elsewhere/model #"))
    commit = story.toy.author.commit("Hotfix")
    answer = verify(story, call)
    assert answer.code == 1
    (_, first, now), (_, second, then) = links(answer)
    assert (first, second) == ("manifest", "edits")
    assert now.startswith("says s3://elsewhere/model, but record 2 says")
    assert f"commit {commit[:10]} (Ada, " in then
    assert "changed the manifest by hand, without a record" in then


def test_an_edited_record_is_named_with_its_commit(story: Story, call: Call) -> None:
    one = story.records["production"][0]
    path = story.path / one.log_path
    path.write_text(path.read_text().replace("requested_by: ada", "requested_by: eve"))
    commit = story.toy.author.commit("Tidy")
    answer = verify(story, call)
    assert answer.code == 1
    assert [(target, name) for target, name, _ in links(answer)] == [
        ("production/toy", "log"),
        ("production/toy", "append-only"),
    ]
    assert links(answer)[0][2] == "record 1 is not what record 2 names: its sha256 differs"
    assert f"commit {commit[:10]}" in links(answer)[1][2]


@pytest.fixture
def shared(played: Story) -> Iterator[Path]:
    """The model store that all copies share, given back as it was."""
    place = played.path / "releases"
    kept = place.with_name("kept")
    shutil.copytree(place, kept)
    yield place
    shutil.rmtree(place)
    kept.rename(place)


def test_swapped_bytes_of_the_model(story: Story, shared: Path, call: Call) -> None:
    live = story.records["production"][-1].release
    (path,) = (shared / "toy").glob(f"{live.digest.replace(':', '-')}/model.json")
    path.write_bytes(path.read_bytes().replace(b"0.3", b"0.9"))
    answer = verify(story, call)
    assert answer.code == 1
    ((target, name, said),) = links(answer)
    assert (target, name) == ("production/toy", "model")
    assert "the published bytes are not those of the record" in said


def test_rewritten_evidence(story: Story, call: Call) -> None:
    live = story.records["staging"][-1].release
    path = story.path / "releases" / "evidence" / f"{live.evidence.replace(':', '-')}.json"
    path.write_bytes(path.read_bytes().replace(b'"head":0.', b'"head":1.'))
    answer = verify(story, call)
    assert answer.code == 1
    ((target, name, said),) = links(answer)
    assert (target, name) == ("staging/toy", "evidence")
    assert "the evidence was rewritten: it hashes to sha256:" in said


def test_missing_data_and_swapped_bytes_in_the_remote(story: Story, call: Call) -> None:
    live = story.records["staging"][-1]
    store = story.toy.folder / "store" / "files" / "md5"
    data, model = ((store / md5[:2] / md5[2:]) for md5 in (live.data[0].md5, live.release.md5))
    data.unlink()
    model.chmod(0o600)
    model.write_bytes(b"other")
    answer = verify(story, call)
    assert answer.code == 1
    found = {(target, name): said for target, name, said in links(answer)}
    # The data is the same in both environments, the model of one is another.
    assert set(found) == {("staging/toy", "remote"), ("staging/toy", "data"), ("production/toy", "data")}
    assert "what DVC keeps of it is damaged" in found["staging/toy", "remote"]
    assert "data.csv: is no longer there: the DVC remote s does not have" in found["staging/toy", "data"]
    offline = call(story.path, "audit", "verify", "--json", "--offline")
    assert (offline.code, links(offline)) == (0, [])
    assert ("staging/toy", "data") in {one[:2] for one in links(offline, "unknown")}


def test_a_forged_trailer(story: Story, call: Call) -> None:
    first = story.records["production"][0].release
    forged = {"Mlops-Model-Digest": "sha256:" + "0" * 64}
    story.promote("staging", first, "merge", action="rollback", forged=forged)
    answer = verify(story, call)
    assert answer.code == 1
    ((target, name, said),) = links(answer)
    assert (target, name) == ("staging/toy", "trailers")
    assert said.endswith(f"says Mlops-Model-Digest: sha256:{'0' * 64}, and record 3 says {first.digest}")


def test_a_promotion_commit_without_a_record(story: Story, call: Call) -> None:
    first = story.records["production"][0].release
    one, made = story.record("staging", first)
    story.toy.author.write("deploy/staging/toy.yaml", made)
    message = trailers.write("Promote toy to staging", "", {"Mlops-Record": one.current_path})
    commit = story.toy.author.commit(message)
    answer = verify(story, call, "staging/toy")
    assert answer.code == 1
    assert [name for _, name, _ in links(answer)] == ["manifest", "edits", "trailers"]
    assert (
        "claims by its trailers to bring promotions/staging/toy.yaml, and brings no record"
        in links(answer)[2][2]
    )
    assert all(commit[:10] in said for _, _, said in links(answer)[1:])


def test_it_is_made_again_from_scratch(story: Story, call: Call) -> None:
    answer = verify(story, call, "staging/toy", "--deep")
    assert answer.code == 0
    (said,) = (sentence for _, name, sentence in links(answer, "ok") if name == "reproduction")
    assert "are the same byte by byte, run again from scratch" in said


def test_what_was_promoted_in_words_and_for_machines(story: Story, call: Call) -> None:
    words = call(story.path, "audit", "log")
    assert words.code == 0
    assert [line.split()[2:4] for line in words.out.splitlines()[1:]] == [
        ["staging/toy", "promote"],
        ["production/toy", "promote"],
        ["staging/toy", "promote"],
        ["production/toy", "ramp"],
        ["production/toy", "rollback"],
    ]
    rolled = call(story.path, "audit", "log", "production", "--action", "rollback", "--json").document
    (entry,) = rolled["entries"]
    assert entry["reason"] == "scores are all zero"
    assert entry["is_live"] is True
    lines = call(story.path, "audit", "log", "--csv", "--since", "2026-01-01").out.splitlines()
    assert lines[0].startswith("when,environment,model,number,action,digest")
    assert len(lines) == 6


def test_options_of_another_action_are_refused(story: Story, call: Call) -> None:
    answer = call(story.path, "audit", "log", "--deep")
    assert (answer.code, answer.err.splitlines()[0]) == (2, "mlops-ci: --deep says nothing to `audit log`")
    assert "is no day" in call(story.path, "audit", "log", "--since", "soon").err
    assert "there is no action 'deploy'" in call(story.path, "audit", "log", "--action", "deploy").err
    assert "no record of such a target" in call(story.path, "audit", "verify", "nowhere/toy").err


def test_a_card_of_what_is_live(story: Story, call: Call) -> None:
    path = story.path / "dvc.yaml"
    answer = call(story.path, "audit", "card", "production/toy")
    assert answer.code == 0
    live = story.records["production"][-1].release
    assert answer.out.replace("&#8203;", "").startswith(f"# toy {live.version}\n")
    assert "| production | all requests |" in answer.out
    assert "| rollback |" in answer.out
    assert "| accuracy | 0.7" in answer.out
    assert "Nobody wrote what the model is for" in answer.out
    # What people wrote at the release's commit, and another release by its digest.
    text = path.read_text().replace(
        "type: model}", 'type: model, desc: "Says yes.", labels: [toy], meta: {by: ada}}'
    )
    path.write_text(text)
    story.toy.author.commit("Describe")
    described = story.release().model_copy(update={"commit": story.toy.author.git("rev-parse", "HEAD")})
    story.promote("staging", described, "rebase", action="rollback")
    story.push()
    out = story.toy.folder / "card.md"
    digest = described.digest.removeprefix("sha256:")[:10]
    assert call(story.path, "audit", "card", "staging/*", "--release", digest, "-o", str(out)).code == 0
    told = out.read_text()
    assert "Says yes." in told
    assert "Labels: toy" in told
    assert "- by: ada" in told
    assert "of that digest" in call(story.path, "audit", "card", "--release", "0" * 64).err
    assert "a card is of one release" in call(story.path, "audit", "card").err
    changed = story.path / "releases" / "evidence" / f"{described.evidence.replace(':', '-')}.json"
    changed.write_bytes(changed.read_bytes().replace(b'"tool"', b'"tooI"'))
    assert "The whole evidence is not here" in call(story.path, "audit", "card", "staging/toy").out


def test_manifests_in_a_repository_of_their_own(story: Story, call: Call, tmp_path: Path) -> None:
    """Only what a deployment repository holds: its records name commits that are elsewhere."""
    other = Repo.init(tmp_path / "deployments")
    for environment in ENVIRONMENTS:
        other.write(f"deploy/{environment}/toy.yaml", MANIFEST)
    other.commit("Deploy")
    for one in story.records["staging"]:
        path = "deploy/staging/toy.yaml"
        other.write(path, edited(other, path, one))
        for name in (one.current_path, one.log_path):
            other.write(name, one.text())
        other.commit("Promote")
    alone = call(other.path, "audit", "verify", "--json")
    assert (alone.code, links(alone)) == (0, [])
    unknown = {name: said for _, name, said in links(alone, "unknown")}
    assert "name a clone of the models' repository with --models" in unknown["model"]
    assert {name for _, name, _ in links(alone, "ok")} >= {"manifest", "edits", "log", "record"}
    whole = call(other.path, "audit", "verify", "--json", "--models", str(story.path))
    assert (whole.code, links(whole)) == (0, [])
    assert {name for _, name, _ in links(whole, "ok")} >= {"lock", "model", "remote", "data", "code"}


def edited(repo: Repo, path: str, one: Record) -> str:
    text = (repo.path / path).read_text()
    kind = manifests.kind_of(None, text)
    return kind.write(text, one.after.rollout, kind.Options())


def test_a_shallow_clone_tells_less_and_says_so(story: Story, call: Call) -> None:
    story.push()
    runner = story.toy.runner("main", "--depth=1", "--no-local")
    answer = call(runner, "audit", "verify", "--json")
    assert (answer.code, links(answer)) == (0, [])
    unknown = {name: said for _, name, said in links(answer, "unknown")}
    assert "fetch-depth: 0" in unknown["history"]
    assert "is not in this shallow clone" in unknown["lock"]


def test_without_a_token_nobody_is_asked_who_approved(story: Story, call: Call) -> None:
    story.push()
    story.toy.author.git("remote", "set-url", "origin", "https://github.com/acme/toy.git")
    answer = call(story.path, "audit", "verify", "production/toy", "--json")
    said = [sentence for _, name, sentence in links(answer, "unknown") if name == "approvals"]
    assert len(said) == 1
    assert "who approved is not in Git yet: pull requests of acme/toy are on https://github.com" in said[0]
    # What the next record says of the first one needs nobody.
    assert ("production/toy", "approvals", "record 1: merged, no approval is asked for") in links(
        answer, "ok"
    )
    assert answer.code == 0


def test_approvals_are_held_to_the_rules_and_the_owners_of_the_branch(story: Story, call: Call) -> None:
    author = story.toy.author
    rules = CONFIG.replace("after: staging", "after: staging, approvals: 1") + "base: main\n"
    author.write("mlops-ci.yaml", rules)
    author.write("CODEOWNERS", "/deploy/production/ @bo @Al\n")
    author.commit("One approval")
    first = verify(story, call, "production", "--offline")
    assert links(first) == []
    assert ("production/toy", "approvals", "record 1: merged, with 1 approval or more") in links(first, "ok")
    author.write("CODEOWNERS", "/deploy/production/ @al\n")
    author.commit("Another owner")
    second = verify(story, call, "production", "--offline")
    assert [(name, said) for _, name, said in links(second)] == [
        ("approvals", "record 1 (pull request 7): 0 approvals of the owners, and 1 approval asked for")
    ]


def test_what_does_not_come_out_again_is_told(story: Story, call: Call) -> None:
    path = story.path / "train.py"
    path.write_text(
        path.read_text().replace('random.Random(int(re.search(r"seed: (\\d+)", text)[1]))', "random.Random()")
    )
    assert "random.Random()" in path.read_text()
    story.retrain("0.5")
    story.promote("staging", story.release())
    answer = verify(story, call, "staging", "--deep")
    assert answer.code == 1
    ((_, name, said),) = links(answer)
    assert name == "reproduction"
    assert "when run again from scratch" in said


def test_the_log_in_a_file(story: Story, call: Call) -> None:
    place = story.toy.folder / "log.csv"
    story.push()
    answer = call(story.path, "audit", "log", "staging", "--csv", "-o", str(place))
    assert answer.out == f"{place}: 2 promotions\n"
    assert len(place.read_text().splitlines()) == 3
