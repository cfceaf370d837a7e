"""TLS and mutual TLS at the port: who is refused, and certificates that change while it serves."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from certificates import Pair, make_authority, sign
from photo_files import photo
from server_rig import WAIT_S, MakeRig

from asksight.client import Client, UnavailableError, connect
from asksight.server.access.authentication import Authentication
from asksight.server.access.tls import Certificates, TlsFiles
from asksight.server.errors import ServerError
from asksight.server.wire.server import CONNECTIONS, Server


@contextmanager
def served(rig_of: MakeRig, pair: Pair, authority: Pair | None = None) -> Iterator[str]:
    files = TlsFiles(
        certificate=pair.certificate,
        key=pair.key,
        client_authority=None if authority is None else authority.certificate,
    )
    authentication = Authentication(certificates=authority is not None)
    with Server(
        rig_of().local, port=0, certificates=Certificates(files), authentication=authentication
    ) as server:
        yield f"localhost:{server.port}"


def client(address: str, trusted: Pair, own: Pair | None = None) -> Client:
    return connect(
        address,
        timeout=8,
        wait_for_server=False,
        credentials=grpc.ssl_channel_credentials(
            trusted.certificate.read_bytes(),
            None if own is None else own.key.read_bytes(),
            None if own is None else own.certificate.read_bytes(),
        ),
    )


def refuses(asking: Client, why: str | None = None) -> bool:
    with asking, pytest.raises(UnavailableError, match=why):
        asking.ask(photo(), "what?")
    return True


def test_a_right_certificate_is_served_and_wrong_ones_refused(make_rig: MakeRig, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    good = sign(authority, tmp_path, "good")
    with served(make_rig, good) as address:
        with client(address, authority) as asking:
            assert asking.ask(photo(), "what?").answers
        assert refuses(
            client(address, make_authority(tmp_path, "another"))
        )  # or self-signed: not one we trust
        with connect(address, timeout=5, wait_for_server=False) as plain, pytest.raises(UnavailableError):
            plain.ask(photo(), "what?")
    with served(make_rig, sign(authority, tmp_path, "elsewhere", host="elsewhere.example")) as address:
        assert refuses(client(address, authority))
    with served(make_rig, sign(authority, tmp_path, "old", expired=True)) as address:
        number = address.replace("localhost", "127.0.0.1")  # localhost may be ::1 first, where nobody listens
        assert refuses(client(number, authority), "not trusted .certificate has expired.. Give the authority")


def test_with_mutual_tls_clients_need_a_certificate_too(make_rig: MakeRig, tmp_path: Path) -> None:
    authority, strangers = make_authority(tmp_path), make_authority(tmp_path, "strangers")
    own = sign(authority, tmp_path, "phone")
    with served(make_rig, sign(authority, tmp_path, "good"), authority) as address:
        with client(address, authority, own) as asking:
            assert asking.ask(photo(), "what?").answers
        assert refuses(client(address, authority))
        assert refuses(client(address, authority, sign(strangers, tmp_path, "stranger")))


def test_new_certificates_are_taken_without_a_restart_and_broken_ones_refused(
    make_rig: MakeRig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_authority(tmp_path, "first"), make_authority(tmp_path, "second")
    in_use = Pair(tmp_path / "server.pem", tmp_path / "server.key")
    one, two = sign(first, tmp_path, "one"), sign(second, tmp_path, "two")

    def use(pair: Pair) -> None:
        shutil.copyfile(pair.certificate, in_use.certificate)
        shutil.copyfile(pair.key, in_use.key)

    use(one)
    with served(make_rig, in_use) as address:
        with client(address, first) as asking:
            assert asking.ask(photo(), "what?").answers
        in_use.certificate.write_text("nonsense")
        with client(address, first) as asking:
            assert asking.ask(photo(), "what?").answers
        assert "stay in force" in caplog.text
        use(two)
        with client(address, second) as asking:
            assert asking.ask(photo(), "what?").answers


def test_files_that_do_not_belong_together_are_one_line(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    one, two = sign(authority, tmp_path, "one"), sign(authority, tmp_path, "two")
    for certificate, key in ((one.certificate, two.key), (tmp_path / "missing.pem", one.key)):
        with pytest.raises(ServerError, match="TLS files"):
            Certificates(TlsFiles(certificate=certificate, key=key))


def test_a_handshake_that_never_begins_ends_in_time(
    make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = {name: 300 if name == "grpc.server_handshake_timeout_ms" else it for name, it in CONNECTIONS}
    monkeypatch.setattr("asksight.server.wire.server.CONNECTIONS", tuple(sooner.items()))
    authority = make_authority(tmp_path)
    with served(make_rig, sign(authority, tmp_path, "good")) as address:
        port = int(address.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as silent,
            socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as slow,
        ):
            slow.sendall(b"\x16\x03\x01")  # a handshake begins (RFC 8446, 5.1), and comes no further
            assert silent.recv(1) == b""
            assert slow.recv(1) == b""
        with client(address, authority) as asking:
            assert asking.ask(photo(), "what?").answers
