"""Proxies of the environment: never to the own machine, and named where they may be why nobody is reached."""

from __future__ import annotations

import pytest
from fake_service import FakeService, serving

from asksight.client import UnavailableError, connect
from asksight.client.channel import channel_options
from asksight.client.proxies import on_this_machine, proxy_used

NOWHERE = "http://me:secret@127.0.0.1:9"  # nothing listens on the discard port


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "127.0.0.1:1",
        "127.8.9.9:1",
        "[::1]:1",
        "dns:///localhost:1",
        "ipv4:127.0.0.1:1",
        "unix:/s",
    ],
)
def test_the_own_machine_is_told_by_name_and_number(target: str) -> None:
    assert on_this_machine(target)
    assert ("grpc.enable_http_proxy", 0) in channel_options(target)
    assert proxy_used(target, {"http_proxy": NOWHERE}) == ""


@pytest.mark.parametrize(
    "target", ["10.0.0.7:1", "vqa.example.org:1", "ipv4:127.0.0.1:1,10.0.0.7:1", "[fe80::1]:1"]
)
def test_other_machines_are_asked_through_the_proxy(target: str) -> None:
    assert "grpc.enable_http_proxy" not in dict(channel_options(target))
    assert proxy_used(target, {"http_proxy": NOWHERE}) == "http_proxy"


def test_the_proxy_that_grpc_takes_is_named_unless_the_host_is_spared() -> None:
    both = {"http_proxy": NOWHERE, "grpc_proxy": NOWHERE}
    assert proxy_used("vqa.example.org:1", both) == "grpc_proxy"
    assert proxy_used("vqa.example.org:1", {**both, "no_proxy": "x.org, example.org"}) == ""
    assert (
        proxy_used("vqa.example.org:1", {**both, "no_grpc_proxy": "x.org", "no_proxy": "example.org"}) != ""
    )
    assert proxy_used("vqa.example.org:1", {}) == ""


@pytest.mark.parametrize("variable", ["http_proxy", "grpc_proxy", "https_proxy"])
def test_a_server_on_this_machine_answers_whatever_proxy_there_is(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, NOWHERE)
    with serving(FakeService()) as address, connect(address) as client:
        assert client.ask(b"one", "red?").answer == "red?"


def test_a_proxy_on_the_way_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", NOWHERE)
    with (
        connect("192.0.2.1:50051", wait_for_server=False) as client,  # RFC 5737: of no machine
        pytest.raises(UnavailableError, match="proxy of the variable http_proxy") as caught,
    ):
        client.ask(b"one", "red?")
    assert "secret" not in str(caught.value)
