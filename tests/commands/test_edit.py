"""`mlops-ci edit` changes values of a file and not a byte else, or says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli

SERVICE = """\
apiVersion: serving.kserve.io/v1beta1\r
kind: InferenceService\r
metadata: {name: iris}\r
spec:\r
  predictor:\r
    model:\r
      storageUri: "s3://models/iris/1"   # moved by promotions\r
      args: [--a]\r
"""
URI = "InferenceService/iris:spec.predictor.model.storageUri"


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("iris.yaml")
    path.write_bytes(SERVICE.encode())
    return path


def test_values_are_set_and_taken_out(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        f"{URI}=s3://models/iris/2",
        ":spec.predictor.minReplicas=2",
        ':metadata.annotations."a.b/c"="5"',
        ":spec.predictor.model.args-",
    ]
    assert cli.run(["edit", "iris.yaml", *arguments]) == 0
    assert manifest.read_bytes() == (
        SERVICE.replace("iris/1", "iris/2")
        .replace("{name: iris}", '{name: iris, annotations: {a.b/c: "5"}}')
        .replace("      args: [--a]\r\n", "    minReplicas: 2\r\n")
        .encode()
    )
    assert capsys.readouterr().out == (
        "iris.yaml: 4 values changed\n"
        '  InferenceService/iris:metadata.annotations."a.b/c": nothing → "5"\n'
        f'  {URI}: "s3://models/iris/1" → "s3://models/iris/2"\n'
        '  InferenceService/iris:spec.predictor.model.args[0]: "--a" → nothing\n'
        "  InferenceService/iris:spec.predictor.minReplicas: nothing → 2\n"
    )


def test_what_is_so_already_leaves_the_file_alone(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = manifest.stat().st_mtime_ns
    assert cli.run(["edit", "iris.yaml", f"{URI}=s3://models/iris/1"]) == 0
    assert capsys.readouterr().out == "iris.yaml: says so already\n"
    assert cli.run(["edit", "iris.yaml", f"{URI}=s3://models/iris/1", "--dry-run"]) == 0
    assert capsys.readouterr().out == "iris.yaml: says so already\n"
    assert manifest.stat().st_mtime_ns == written


def test_a_dry_run_prints_the_difference_and_writes_nothing(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["edit", "iris.yaml", f"{URI}=s3://models/iris/2\x1b[2J", "--dry-run"]) == 0
    assert manifest.read_bytes() == SERVICE.encode()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["--- a/iris.yaml", "+++ b/iris.yaml"]
    assert [line for line in lines[2:] if line[0] in "-+"] == [
        '-      storageUri: "s3://models/iris/1"   # moved by promotions',
        '+      storageUri: "s3://models/iris/2\\u001b[2J"   # moved by promotions',
    ]


def test_a_machine_gets_one_document(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["edit", "iris.yaml", ":spec.limit=.inf", f"{URI}=s3://b", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == "iris.yaml"
    assert document["written"] is True
    assert document["changes"] == [
        {"address": URI, "old": "s3://models/iris/1", "new": "s3://b"},
        {"address": "InferenceService/iris:spec.limit", "old": None, "new": "inf"},
    ]
    assert document["difference"].count("\n+ ") == 2
    assert cli.run(["edit", "iris.yaml", f"{URI}=s3://c", "--json", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert b"s3://b" in manifest.read_bytes()


def test_a_number_in_place_of_text_is_noted(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.write_text("tag: 1.4.2\nother: '1.4.2'\n")
    assert cli.run(["edit", "iris.yaml", ":tag=1.5", ":other=1.5"]) == 0
    assert manifest.read_text() == "tag: 1.5\nother: '1.5'\n"
    shown = capsys.readouterr()
    assert shown.err == "note: :tag was text; '\"...\"' sets text, not 1.5\n"
    assert cli.run(["edit", "iris.yaml", ':tag="1.10"', ':other="1.10"']) == 0
    assert manifest.read_text() == "tag: \"1.10\"\nother: '1.10'\n"
    assert capsys.readouterr().err == ""


def test_what_only_takes_nothing_out_is_told(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.write_text("a: 1\nempty:\n")
    assert cli.run(["edit", "iris.yaml", ":empty-"]) == 0
    assert manifest.read_text() == "a: 1\n"
    assert capsys.readouterr().out == "iris.yaml: changed, but no value is another\n"


def test_a_link_stays_a_link(manifest: Path) -> None:
    link = Path("link.yaml")
    link.symlink_to(manifest)
    assert cli.run(["edit", "link.yaml", f"{URI}=s3://b"]) == 0
    assert link.is_symlink()
    assert b"s3://b" in manifest.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (
            ["iris.yaml", f"{URI}=s3://b", ":spec.predictor.model.runtime.x.y-"],
            "mlops-ci: iris.yaml: :spec.predictor.model.runtime.x.y: is not there\n  → nothing is deleted\n",
        ),
        (
            ["iris.yaml", "Deployment/iris:spec=1"],
            "mlops-ci: iris.yaml: there is no Deployment/iris\n  → there is: InferenceService/iris\n",
        ),
        (
            ["iris.yaml", ":a"],
            "mlops-ci: ':a' neither sets nor deletes anything\n"
            "  → ADDRESS=VALUE sets, ADDRESS- deletes; write Kind/name:path.to.key, or :path.to.key in a file "
            'with one document; quote odd keys: a."b.c/d"\n',
        ),
        (["none.yaml", ":a=1"], "mlops-ci: none.yaml: cannot be read (No such file or directory)\n  → name a YAML file\n"),
        (["latin.yaml", ":a=1"], "mlops-ci: latin.yaml: is no UTF-8 text (byte 4)\n  → save it as UTF-8\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    manifest: Path, arguments: list[str], err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("latin.yaml").write_bytes(b"a: \xe4\n")
    assert cli.run(["edit", *arguments]) == 2
    assert capsys.readouterr().err == err
    assert manifest.read_bytes() == SERVICE.encode()
