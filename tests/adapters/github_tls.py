"""A certificate authority of our own, and a proxy that lets TLS through, for tests."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "ghe.invalid"


@dataclass(frozen=True)
class Identity:
    """What a server shows, and the authority that stands for it."""

    server: ssl.SSLContext
    authority: Path


def identity(folder: Path) -> Identity:
    """A server certificate for ``HOST`` and this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    return Identity(context, authority)


def _usage() -> x509.KeyUsage:
    """What Python 3.13 wants to see in an authority's certificate."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Proxy:
    """A proxy that sends every tunnel to one server, and what was asked of it."""

    url: str
    heads: list[str] = field(default_factory=list)
    seen: bytearray = field(default_factory=bytearray)


@contextmanager
def proxy(target: str, *, refuse: bool = False) -> Iterator[Proxy]:
    """Listen for CONNECT; ``refuse`` asks for a password instead."""
    host, _, port = target.rpartition("/")[2].partition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Proxy(f"127.0.0.1:{listener.getsockname()[1]}")

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    _tunnel(client, (host, int(port)), found, refuse=refuse)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _tunnel(client: socket.socket, target: tuple[str, int], found: Proxy, *, refuse: bool) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1 << 16)
    found.heads.append(head.decode())
    if refuse:
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        client.close()
        return
    server = socket.create_connection(target)
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for source, sink in ((client, server), (server, client)):
        threading.Thread(target=_pass, args=(source, sink, found), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, found: Proxy) -> None:
    with suppress(OSError):
        while block := source.recv(1 << 16):
            found.seen += block
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
