"""A remote over SSH: what is needed comes, what is missing goes, and troubles are told apart."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.errors import ToolError

asyncssh = pytest.importorskip("asyncssh", reason="asyncssh is not installed")
pytest.importorskip("dvc_ssh", reason="dvc-ssh is not installed")

Open = Callable[[Path], Dvc]
RAW, MODEL, FOLDER = "data/raw.csv", "model-lin-1.txt", "report/eval"


class _Door(asyncssh.SSHServer):  # type: ignore[misc, name-defined, unused-ignore]
    """Lets one user in by a password."""

    def password_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return False

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("ci", "right")


@pytest.fixture
def port(clone: Path) -> Iterator[int]:
    """A server on loopback whose top is the folder beside the clone."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Door,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(clone.parent)),
        )

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    yield int(server.get_port())
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _configure(root: Path, port: int, password: str = "right") -> None:
    (root / ".dvc" / "config.local").write_text(
        f"['remote \"store\"']\n    url = ssh://ci@127.0.0.1:{port}/store\n"
        f"    password = {password}\n    allow_agent = false\n"
    )


def _nobody(*_args: object) -> str:
    raise EOFError


def _object(clone: Path, oid: str) -> Path:
    return clone.parent / "store" / "files" / "md5" / oid[:2] / oid[2:]


def test_what_is_needed_comes_and_what_is_missing_goes(clone: Path, port: int, opened: Open) -> None:
    _configure(clone, port)
    dvc = opened(clone)
    assert dvc.missing_in_remote() == ()
    dvc.fetch([MODEL, FOLDER])
    model = str(dvc.graph().recorded[MODEL])
    # The listings that the question above needed are not fetched again.
    cached = [path for path in (clone / ".dvc" / "cache").rglob("*") if path.is_file()]
    assert len(cached) == 5
    assert dvc.pulled == sum(path.stat().st_size for path in cached)
    shutil.rmtree(_object(clone, model).parent)
    assert dvc.missing_in_remote() == (MODEL,)
    assert dvc.push() == 1
    assert _object(clone, model).read_text().startswith("lin-1:")
    dvc.remote_write("evidence/a.json", b"{}")
    assert dvc.remote_read("evidence/a.json") == b"{}"
    assert dvc.remote_list() == ("evidence/a.json",)


def test_a_wrong_password_a_missing_object_and_a_damaged_one_are_told_apart(
    clone: Path, port: int, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(clone, port, "wrong")
    # A job has no terminal where DVC could ask.
    monkeypatch.setattr("dvc_ssh.client.getpass", _nobody)
    with pytest.raises(ToolError, match="it asks for a password, and nobody is there to type it"):
        opened(clone).fetch([RAW])
    _configure(clone, port)
    dvc = opened(clone)
    raw, model = dvc.graph().sources[RAW], str(dvc.graph().recorded[MODEL])
    _object(clone, raw).unlink()
    with pytest.raises(ToolError, match=rf"does not have {RAW} \({raw[:8]}\)"):
        dvc.fetch([RAW])
    _object(clone, model).chmod(0o600)
    _object(clone, model).write_text("other")
    with pytest.raises(ToolError, match=rf"{MODEL} \({model[:8]}\): the object in the DVC remote store"):
        dvc.fetch([MODEL])
    assert [path for path in (clone / ".dvc" / "cache").rglob("*") if path.is_file()] == []
