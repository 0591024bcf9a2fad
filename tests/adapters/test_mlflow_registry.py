"""An MLflow registry follows Git: once per release, whatever happened to it, in a file and on a server."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mlops_ci.adapters.mlflow_registry import Registry
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.promotion.record import Record
from mlops_ci.promotion.registry import Arrived, Changes, Found, Target, Wanted, wanted
from tests.promotion.records import record

pytest.importorskip("mlflow", reason="mlflow is not installed")
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
CHAIN = (Target("staging"), Target("production", after="staging"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Path:
    """A database; every test has a model of its own in it."""
    return Path(shutil.copy(mlflow_database, tmp_path_factory.mktemp("registry")))


@pytest.fixture
def registry(file: Path) -> Registry:
    return Registry("sqlite:///mlflow.db", file.parent)


def asked(model: str, *records: Record, proposed: tuple[Record, ...] = ()) -> tuple[Wanted, ...]:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    arrived = [Arrived(one, begin + timedelta(hours=place)) for place, one in enumerate(records)]
    return wanted(arrived, CHAIN, proposed)


def story(model: str) -> tuple[Record, ...]:
    """Two releases went through; a third one is in staging."""
    return (
        record(1, "a", model=model, environment="staging", pulls=(41,)),
        record(1, "a", model=model, pulls=(41,)),
        record(2, "b", model=model, environment="staging"),
        record(2, "b", model=model),
        record(3, "c", model=model, environment="staging"),
    )


def same(name: str) -> str:
    return name


def said(registry: Registry, name: str) -> tuple[list[tuple[int, str, dict[str, str]]], dict[str, int]]:
    found = registry.found(name)
    assert found is not None
    ordered = sorted(found.versions, key=lambda one: one.number)
    return [(one.number, one.digest, dict(one.tags)) for one in ordered], dict(found.aliases)


def check_the_story(registry: Registry, model: str) -> None:
    proposed = (record(3, "c", model=model),)
    [(name, changes)] = registry.sync(asked(model, *story(model), proposed=proposed), same)
    assert name == model
    assert (changes.create, len(changes.register), changes.tags, changes.drop) == (True, 3, (), ())
    versions, aliases = said(registry, model)
    assert [(number, digest) for number, digest, _ in versions] == [(1, A), (2, B), (3, C)]
    assert versions[0][2] == {
        "mlops-ci.digest": A,
        "mlops-ci.commit": "a" * 40,
        "mlops-ci.pull_request": "41",
        "mlops-ci.source": f"s3://models/iris/sha256-{'a' * 64}/model.pkl",
    }
    assert aliases == {"staging": 3, "production": 2, "champion": 2, "challenger": 3}
    assert registry.sync(asked(model, *story(model), proposed=proposed), same) == ((model, Changes()),)


def test_git_is_mirrored_in_a_file(registry: Registry) -> None:
    check_the_story(registry, "mirrored")


def test_step_by_step_and_from_nothing_give_the_same(registry: Registry) -> None:
    for count in range(1, 6):
        registry.sync(asked("steps", *story("steps")[:count]), same)
    assert said(registry, "steps")[1] == {"staging": 3, "production": 2, "champion": 2}
    client: Any = registry._client
    before = said(registry, "steps")
    client.delete_registered_model("steps")
    registry.sync(asked("steps", *story("steps")), same)
    assert said(registry, "steps") == before


def test_a_model_that_is_not_there(registry: Registry) -> None:
    assert registry.found("nothing") is None


def test_what_a_person_did_is_left_or_mended(registry: Registry) -> None:
    registry.sync(asked("people's", *story("people's")), same)
    client: Any = registry._client
    client.set_registered_model_alias("people's", "mine", "1")
    client.set_registered_model_alias("people's", "champion", "1")
    client.create_model_version("people's", "s3://somewhere/else", await_creation_for=0)
    client.set_model_version_tag("people's", "2", "note", "by hand")
    client.set_model_version_tag("people's", "2", "mlops-ci.commit", "forged")
    [(_, changes)] = registry.sync(asked("people's", *story("people's")), same)
    assert changes == Changes(tags=((2, "mlops-ci.commit", "b" * 40),), aliases=(("champion", B),))
    versions, aliases = said(registry, "people's")
    assert aliases == {"staging": 3, "production": 2, "champion": 2, "mine": 1}
    assert [digest for _, digest, _ in versions] == [A, B, C, ""]
    assert versions[1][2]["note"] == "by hand"


def test_an_alias_that_git_no_longer_knows_goes(registry: Registry) -> None:
    one = story("going")
    registry.sync(asked("going", *one, proposed=(record(3, "c", model="going"),)), same)
    [(_, changes)] = registry.sync(asked("going", *one), same)
    assert (changes.drop, changes.aliases) == (("challenger",), ())
    assert said(registry, "going")[1] == {"staging": 3, "production": 2, "champion": 2}


def test_killed_between_any_two_writes_it_is_the_same_in_the_end(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    client: Any = registry._client
    writes = [
        name for name in dir(client) if name.startswith(("create_", "set_", "delete_")) and "model" in name
    ]

    def dying(real: Any, left: list[int]) -> Any:
        def write(*args: Any, **more: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*args, **more)

        return write

    for survive in range(20):
        model, left = f"killed-{survive}", [survive]
        with monkeypatch.context() as patch:
            for name in writes:
                patch.setattr(client, name, dying(getattr(client, name), left))
            try:
                registry.sync(asked(model, *story(model)[:3]), same)
            except Killed:
                pass
            else:
                assert survive == 7, "one model, two versions, the list of aliases, three aliases"
                break
        registry.sync(asked(model, *story(model)[:3]), same)
        versions, aliases = said(registry, model)
        assert [digest for _, digest, _ in versions] == [A, B]
        assert aliases == {"staging": 2, "production": 1, "champion": 1}


def test_two_runs_at_once_register_a_release_once(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked("twice", *story("twice")[:1])
    real = Registry.found

    def late(self: Registry, name: str) -> Found | None:
        found = real(self, name)
        if found is not None and not found.versions:
            # The other run is done between our look and our write.
            monkeypatch.setattr(Registry, "found", real)
            registry.sync(wanted, same)
        return found

    client: Any = registry._client
    client.create_registered_model("twice")
    monkeypatch.setattr(Registry, "found", late)
    registry.sync(wanted, same)
    versions, aliases = said(registry, "twice")
    assert [(number, digest) for number, digest, _ in versions] == [(1, A)]
    assert aliases == {"staging": 1}


def test_a_dry_run_changes_nothing(registry: Registry) -> None:
    [(name, changes)] = registry.sync(asked("dry", *story("dry")), lambda model: f"our-{model}", dry_run=True)
    assert name == "our-dry"
    assert len(changes.register) == 3
    assert registry.found("our-dry") is None


def test_many_versions_are_read_page_by_page(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_ci.adapters.mlflow_registry._PAGE", 2)
    registry.sync(asked("pages", *story("pages")), same)
    assert [number for number, _, _ in said(registry, "pages")[0]] == [1, 2, 3]


def test_a_server_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    uri = f"http://user:topsecret@127.0.0.1:{port}"
    with pytest.raises(ToolError) as found:
        Registry(uri, tmp_path).sync(asked("down", *story("down")), same)
    assert found.value.message.startswith(f"the MLflow registry http://***@127.0.0.1:{port}, reading down: ")
    assert "topsecret" not in found.value.message
    assert "\n" not in found.value.message
    assert "promotion.registry.uri" in found.value.hint


def test_without_mlflow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow.tracking", None)
    with pytest.raises(ConfigError) as found:
        Registry("sqlite:///mlflow.db", tmp_path)
    assert found.value.message == "the registry sqlite:///mlflow.db needs mlflow.tracking"
    assert found.value.hint == "pip install 'mlops-ci[registry]'"


@pytest.fixture
def server(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """MLflow's own server, in this process."""
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{file}")
    monkeypatch.setenv("_MLFLOW_SERVER_REGISTRY_STORE", f"sqlite:///{file}")
    from mlflow.server import app
    from werkzeug.serving import make_server

    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()


@pytest.mark.slow
def test_git_is_mirrored_on_a_server(server: str, tmp_path: Path) -> None:
    check_the_story(Registry(server, tmp_path), "served")
    by_folder = record(1, "a", model="folder").model_copy(
        update={"release": record(1, "a").release.model_copy(update={"uri": "file:///srv/models/m"})}
    )
    with pytest.raises(
        ToolError, match=r"changing folder: .*Invalid model version source: 'file:///srv/models/m'"
    ):
        Registry(server, tmp_path).sync(asked("folder", by_folder), same)
