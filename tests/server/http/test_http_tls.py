"""The page and its interface over HTTPS, with the certificates of the gRPC port, read again when they change."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from certificates import Pair, make_authority, sign
from server_rig import WAIT_S

from asksight.server.access.calls import Desk
from asksight.server.access.tls import Certificates, TlsFiles
from asksight.server.http.connections import ConnectionLimits
from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant

MakeSecure = Callable[..., str]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def make_secure() -> Iterator[MakeSecure]:
    gateways: list[Gateway] = []
    local = LocalAssistant()
    desk = Desk(local.assistant.admission)

    def make(tls: TlsFiles, limits: ConnectionLimits | None = None) -> str:
        gateway = Gateway(local, desk, port=0, limits=limits, certificates=Certificates(tls))
        gateways.append(gateway)
        return f"https://localhost:{gateway.start()}/"

    yield make
    for gateway in gateways:
        gateway.stop(0)
    local.close()


def trusting(authority: Pair, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


def get(address: str, context: ssl.SSLContext) -> httpx.Response:
    return httpx.get(address, verify=context, trust_env=False, timeout=30)


def test_the_page_comes_over_https_alone(authority: Pair, make_secure: MakeSecure, tmp_path: Path) -> None:
    server = sign(authority, tmp_path, "server")
    address = make_secure(TlsFiles(certificate=server.certificate, key=server.key))
    assert "AskSight" in get(address, trusting(authority)).text
    with pytest.raises(httpx.ConnectError):
        get(address, ssl.create_default_context())  # which does not know this authority
    with pytest.raises(httpx.HTTPError):
        httpx.get(address.replace("https", "http"), trust_env=False)


def test_with_an_authority_for_clients_they_need_a_certificate(
    authority: Pair, make_secure: MakeSecure, tmp_path: Path
) -> None:
    server, client = sign(authority, tmp_path, "server"), sign(authority, tmp_path, "client")
    files = TlsFiles(certificate=server.certificate, key=server.key, client_authority=authority.certificate)
    address = make_secure(files)
    assert get(address, trusting(authority, client)).status_code == 200
    with pytest.raises(httpx.HTTPError):
        get(address, trusting(authority))
    other = make_authority(tmp_path, "others")
    stranger = sign(other, tmp_path, "stranger")
    in_force = tmp_path / "in_force.pem"
    shutil.copy(authority.certificate, in_force)
    address = make_secure(TlsFiles(certificate=server.certificate, key=server.key, client_authority=in_force))
    assert get(address, trusting(authority, client)).status_code == 200
    shutil.copy(other.certificate, in_force)  # from now on the old authority's clients are strangers
    assert get(address, trusting(authority, stranger)).status_code == 200
    with pytest.raises(httpx.HTTPError):
        get(address, trusting(authority, client))


def test_a_certificate_that_changes_is_taken_and_a_broken_one_is_not(
    authority: Pair, make_secure: MakeSecure, tmp_path: Path
) -> None:
    old, other = sign(authority, tmp_path, "old"), make_authority(tmp_path, "other")
    new = sign(other, tmp_path, "new")
    address = make_secure(TlsFiles(certificate=old.certificate, key=old.key))
    assert get(address, trusting(authority)).status_code == 200
    shutil.copy(new.key, old.key)
    shutil.copy(new.certificate, old.certificate)
    assert _in_time(lambda: get(address, trusting(other)).status_code == 200)
    old.certificate.write_text("no certificate")
    assert get(address, trusting(other)).status_code == 200


def _in_time(holds: Callable[[], bool]) -> bool:
    for _ in range(int(WAIT_S / 0.1)):
        try:
            if holds():
                return True
        except httpx.ConnectError:
            pass
        threading.Event().wait(0.1)
    return False


def test_a_handshake_that_never_begins_ends_in_time(
    authority: Pair, make_secure: MakeSecure, tmp_path: Path
) -> None:
    server = sign(authority, tmp_path, "server")
    files = TlsFiles(certificate=server.certificate, key=server.key)
    address = make_secure(files, ConnectionLimits(handshake_within_s=0.1))
    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("localhost", port), timeout=WAIT_S) as line:
        assert line.recv(1) == b""


def test_handshakes_that_stall_give_way_to_newcomers_the_oldest_first(
    authority: Pair, make_secure: MakeSecure, tmp_path: Path
) -> None:
    server = sign(authority, tmp_path, "server")
    files = TlsFiles(certificate=server.certificate, key=server.key)
    address = make_secure(files, ConnectionLimits(connections=8, handshake_within_s=WAIT_S))
    port = int(address.rsplit(":", 1)[1].rstrip("/"))

    def dial(source: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S, source_address=(source, 0))

    with ExitStack() as stack:
        other = stack.enter_context(dial("127.0.0.3"))
        stalled = [stack.enter_context(dial("127.0.0.2")) for _ in range(50)]
        for one in stalled[:-2]:  # of four that may shake hands at once two are of one address
            assert one.recv(1) == b""
        assert get(address, trusting(authority)).status_code == 200
        for one in (other, *stalled[-2:]):
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.recv(1)
