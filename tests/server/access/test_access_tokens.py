"""Tokens: read, found, revoked, refused at the port with one message, compared in a way whose time tells nothing."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from photo_files import photo
from server_rig import WAIT_S, MakeRig, health_stub

from asksight.client import UnauthenticatedError, connect
from asksight.server.access import tokens as token_module
from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile, match, read_tokens
from asksight.server.errors import ServerError
from asksight.server.watched_files import MOST_BYTES
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc


def line(name: str, token: str, rate: str = "") -> str:
    return f"{name} {hashlib.sha256(token.encode()).hexdigest()} {rate}\n"


def test_lines_are_read_and_wrong_ones_named() -> None:
    read, wrong = read_tokens(f"# ours\r\n\n{line('app', 'one', '2.5')}{line('web', 'two')}")
    assert [(token.name, token.asks_per_s) for token in read] == [("app", 2.5), ("web", None)]
    assert wrong == ()
    for bad in ("app", "app nothex", f"a/b {'0' * 64}", f"app {'0' * 64} often", f"app {'0' * 64} -1"):
        read, wrong = read_tokens(f"{line('web', 'two')}{bad}\n{line('app', 'one')}")
        assert [token.name for token in read] == ["web", "app"]
        assert wrong == (2,)
    assert read_tokens("# nobody\n") == ((), ())


def test_a_start_with_a_wrong_line_or_without_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    with pytest.raises(ServerError, match="There is no file of tokens"):
        TokenFile(file)
    file.write_text(line("app", "one") + "nonsense\nsecret-by-mistake\n")
    with pytest.raises(ServerError, match=r"lines 2, 3: expected NAME SHA256") as refused:
        TokenFile(file)
    assert "secret-by-mistake" not in str(refused.value)


def test_only_the_token_itself_is_known() -> None:
    known, _ = read_tokens(line("app", "one") + line("web", "two"))
    found = match(known, "two")
    assert found is not None
    assert found.name == "web"
    for wrong in ("", "tw", "two ", "TWO", "three", "\udcff"):
        assert match(known, wrong) is None


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "LOOK_EVERY_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_token_whose_line_is_gone_is_revoked_whatever_else_the_file_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tokens"
    file.write_text(line("app", "one") + line("web", "two"))
    known = TokenFile(file)
    assert known.find("two")
    assert known.fault == ""
    file.write_text(line("app", "one") + "# web is gone, and this is a\ntypo\n")
    assert known.find("two") is None
    assert known.find("one")
    assert "line 3: expected NAME SHA256" in known.fault
    assert caplog.text.count("line 3") == 1  # once a change, not once a look
    file.write_text(line("new", "three"))
    assert known.find("one") is None
    assert known.find("three")
    assert known.fault == ""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("left", ["", "\n", "# app 00\n#\n"])
def test_a_file_without_a_line_lets_nobody_in(tmp_path: Path, left: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(line("app", "one"))
    known = TokenFile(file)
    file.write_text(left)
    assert known.find("one") is None
    assert known.find("") is None
    assert known.fault == ""
    assert TokenFile(file).find("one") is None  # nor from a start on


@pytest.mark.usefixtures("at_once")
def test_a_file_that_is_gone_lets_nobody_in_and_one_that_cannot_be_read_changes_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tokens"
    file.write_text(line("app", "one"))
    known = TokenFile(file)
    file.unlink()
    file.mkdir()  # which cannot be read, not even by root
    assert known.find("one")
    assert "cannot be read" in known.fault
    file.rmdir()
    assert known.find("one") is None
    assert "There is no file" in known.fault
    file.write_text(line("app", "one"))
    assert known.find("one")
    assert known.fault == ""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("put", "said"),
    [
        (os.mkfifo, "Not a regular file"),
        (lambda file: file.symlink_to("/dev/zero"), "Not a regular file"),
        (lambda file: file.write_text(line("app", "other") + "#" * MOST_BYTES), "at most 1048576"),
    ],
    ids=["pipe", "device", "large"],
)
def test_what_would_keep_its_reader_is_not_read(
    tmp_path: Path, put: Callable[[Path], object], said: str
) -> None:
    file = tmp_path / "tokens"
    file.write_text(line("app", "one"))
    known = TokenFile(file)
    file.unlink()
    put(file)
    assert known.find("one")
    assert said in known.fault
    with pytest.raises(ServerError, match=said):
        TokenFile(file)


@pytest.mark.parametrize(
    ("bytes_of", "known"),
    [
        (lambda text: b"\xef\xbb\xbf" + text.encode(), True),
        (lambda text: text.replace("\n", "\r\n").encode(), True),
        (lambda text: b"# \xff\n" + text.encode(), True),
        (lambda text: text.encode("utf-16"), False),
    ],
    ids=["mark", "lines of windows", "a broken comment", "utf-16"],
)
def test_how_editors_write_it(tmp_path: Path, bytes_of: Callable[[str], bytes], known: bool) -> None:
    file = tmp_path / "tokens"
    file.write_bytes(bytes_of(line("app", "one")))
    tokens = TokenFile(file, forgiving=True)
    assert bool(tokens.find("one")) is known
    assert bool(tokens.fault) is not known


def test_the_port_lets_in_who_has_a_token_and_health_asks_nobody(make_rig: MakeRig, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(line("app", "secret", "1000") + line("slow", "rare", "0.001"))
    with Server(make_rig().local, port=0, authentication=Authentication(TokenFile(file))) as server:
        address = f"127.0.0.1:{server.port}"
        with connect(address, token="secret") as client:
            assert client.ask(photo(), "what?").answers
        for wrong in (None, "wrong", "secre"):
            with connect(address, token=wrong) as client, pytest.raises(UnauthenticatedError) as refused:
                client.ask(photo(), "what?")
            assert "valid token" in refused.value.message
        with connect(address, token="rare") as client:
            assert client.ask(photo(), "what?").answers
            with pytest.raises(Exception, match=r"0.001 asks a second"):
                client.ask(photo(), "what?")
        with grpc.insecure_channel(address) as channel:
            assert health_stub(channel).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status == 1
            with pytest.raises(grpc.RpcError) as bare:
                vqa_pb2_grpc.VqaServiceStub(channel).GetModel(vqa_pb2.GetModelRequest(), timeout=WAIT_S)
            assert bare.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_every_hash_is_compared_in_constant_time_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    known, _ = read_tokens("".join(line(f"n{i}", f"token-{i}") for i in range(50)))
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return real(ours, given)

    monkeypatch.setattr("asksight.server.access.tokens.hmac.compare_digest", compare)
    for given in ("token-0", "token-49", "nothing-at-all"):
        compared.clear()
        match(known, given)
        assert compared == [token.digest for token in known]  # an early end would tell where it was


def test_a_process_that_is_started_again_takes_what_is_right_in_a_file_with_a_fault(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(line("app", "one") + "nonsense\n")
    with pytest.raises(ServerError, match="line 2"):
        TokenFile(tmp_path / "tokens")
    forgiving = TokenFile(tmp_path / "tokens", forgiving=True)
    assert forgiving.find("one")
    assert "line 2" in forgiving.fault
