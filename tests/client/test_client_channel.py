"""Addresses as people write them, and what importing the client costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from served import served
from slow_line import slow_line

from asksight.client import connect
from asksight.client.channel import complete_target


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("localhost:50051", "localhost:50051"),
        ("localhost", "localhost:50051"),
        ("10.0.0.7:1", "10.0.0.7:1"),
        ("[::1]:8000", "[::1]:8000"),
        ("[::1]", "[::1]:50051"),
        ("::1", "[::1]:50051"),
        ("vqa.example.org:443", "vqa.example.org:443"),
        ("dns:///vqa.example.org:443", "dns:///vqa.example.org:443"),
        ("unix:/run/asksight.sock", "unix:/run/asksight.sock"),
        ("unix:///run/asksight.sock", "unix:///run/asksight.sock"),
        ("unix-abstract:asksight", "unix-abstract:asksight"),
        ("vsock:2:50051", "vsock:2:50051"),
        ("dns:///vqa.example.org", "dns:///vqa.example.org:50051"),
        ("dns:vqa.example.org:443", "dns:vqa.example.org:443"),
        ("dns://8.8.8.8/vqa.example.org:443", "dns://8.8.8.8/vqa.example.org:443"),
        ("dns:50051", "dns:50051"),  # a host of that name
        ("ipv4:10.0.0.7:1,10.0.0.8", "ipv4:10.0.0.7:1,10.0.0.8:50051"),
        ("ipv6:[::1]:1", "ipv6:[::1]:1"),
        (" localhost ", "localhost:50051"),
        ("10.0.0.7:1, 10.0.0.8,", "ipv4:10.0.0.7:1,10.0.0.8:50051"),
        ("[::1]:1,::2", "ipv6:[::1]:1,[::2]:50051"),
    ],
)
def test_an_address_is_completed(written: str, meant: str) -> None:
    assert complete_target(written) == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("http://localhost:50051/", 'as in "localhost:50051"'),
        ("localhost:", "no port"),
        ("localhost:http", "no port"),
        ("localhost:70000", "65535"),
        (":50051", "no port"),
        ("dns:///", "names no host"),
        ("passthrough:///localhost:1", "dns:///host:port"),
        ("localhost:50051/ask", "dns:///host:port"),
        ("10.0.0.7,two.example.org", "one name that stands for all"),
        ("10.0.0.7,::1", "not of both"),
    ],
)
def test_what_is_no_address_is_refused_at_once(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        connect(written)


def test_a_line_on_which_connecting_takes_half_a_second_is_used() -> None:
    with (
        served("scenes") as address,
        slow_line(int(address.rsplit(":", 1)[1]), 0.6) as port,
        connect(f"127.0.0.1:{port}", timeout=20) as client,
    ):
        assert client.model().name == "scenes"


def test_importing_the_client_imports_nothing_heavy() -> None:
    code = (
        "import asksight.client, sys; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "{'numpy', 'PIL', 'onnxruntime', 'tensorflow', 'keras', 'spacy', 'onnx'} "
        "or m.startswith(('asksight.server', 'asksight.engine', 'asksight.ext'))))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
