"""`asksight ask` of a server with TLS, tokens and certificates of its clients; what it is not told is said in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import Pair, make_authority, sign
from served import PHOTOS
from token_lines import line

from asksight.cli.connecting import credentials
from asksight.server.access.authentication import Authentication
from asksight.server.access.tls import Certificates, TlsFiles
from asksight.server.access.tokens import TokenFile
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PHOTO = PHOTOS / "shapes.jpg"
QUESTION = "What colour is this?"


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    return make_authority(tmp_path)


@pytest.fixture
def closed(bundle: Path, authority: Pair, tmp_path: Path) -> Iterator[str]:
    """The address of a server that wants a token and a certificate."""
    pair = sign(authority, tmp_path, "server")
    files = TlsFiles(certificate=pair.certificate, key=pair.key, client_authority=authority.certificate)
    (tmp_path / "tokens").write_text(line("me", "secret"))
    authentication = Authentication(TokenFile(tmp_path / "tokens"))
    with (
        LocalAssistant.open(bundle) as local,
        Server(local, port=0, certificates=Certificates(files), authentication=authentication) as server,
    ):
        yield f"localhost:{server.port}"


def test_a_closed_server_is_asked_with_all_that_it_wants(
    run: Run, here: Run, closed: str, authority: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = sign(authority, tmp_path, "client")
    shown = ["--tls-certificate", own.certificate, "--tls-key", own.key]
    asked = ["ask", PHOTO, QUESTION, "--server", closed, *shown, "--ca", authority.certificate]
    assert "%" in run(*asked, "--token", "secret").stdout
    assert "token" in here(*asked, "--token", "wrong", code=1).stderr
    monkeypatch.setenv("ASKSIGHT_TOKEN", "secret")
    monkeypatch.setenv("ASKSIGHT_CA", str(authority.certificate))
    assert "%" in here("ask", PHOTO, QUESTION, "--server", closed, *shown).stdout


def test_what_does_not_go_together_is_said(here: Run, tmp_path: Path) -> None:
    refused = here("ask", PHOTO, QUESTION, "--server", "a:1", "--tls-key", "x", code=2).stderr
    assert "go together" in refused
    assert "--server" in here("ask", PHOTO, QUESTION, "--tls", code=2).stderr
    missing = ["ask", PHOTO, QUESTION, "--server", "a:1", "--ca", tmp_path / "none.pem"]
    assert "none.pem" in here(*missing, code=1).stderr


def test_files_that_are_no_certificates_are_not_taken_for_a_server_that_is_away(
    here: Run, authority: Pair, tmp_path: Path
) -> None:
    asked = ["ask", PHOTO, QUESTION, "--server", "a:1"]
    said = here(*asked, "--ca", authority.key, code=2).stderr
    assert "holds no certificate in PEM" in " ".join(said.replace("│", "").split())
    one, other = (sign(authority, tmp_path, name) for name in ("one", "other"))
    mixed = here(*asked, "--tls-certificate", one.certificate, "--tls-key", other.key, code=2).stderr
    assert "are not a certificate and its key" in " ".join(mixed.replace("│", "").split())


def test_what_grpc_takes_is_not_refused(authority: Pair, tmp_path: Path) -> None:
    """An authority from a pipe, as a shell's <(...) gives it, which is read once; and a key that others call short."""
    reading, writing = os.pipe()
    os.write(writing, authority.certificate.read_bytes())
    os.close(writing)
    short = Pair(tmp_path / "short.pem", tmp_path / "short.key")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=short"]
    subprocess.run([*made, "-keyout", short.key, "-out", short.certificate], check=True, capture_output=True)
    try:
        piped = Path(f"/dev/fd/{reading}")
        assert credentials(tls=False, authority=piped, certificate=short.certificate, key=short.key)
    finally:
        os.close(reading)


def test_of_an_untrusted_certificate_nothing_but_the_sentence_is_said(
    run: Run, closed: str, tmp_path: Path
) -> None:
    (tmp_path / "strangers").mkdir()
    stranger = make_authority(tmp_path / "strangers", "stranger")
    address = closed.replace("localhost", "127.0.0.1")  # of several addresses gRPC tells why any one failed
    ran = run("ask", PHOTO, QUESTION, "--server", address, "--ca", stranger.certificate, code=1)
    assert ran.stderr.startswith(f"asksight: The certificate of the server at {address} is not trusted (")
    assert len(ran.stderr.splitlines()) == 1
