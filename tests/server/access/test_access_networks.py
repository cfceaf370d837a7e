"""Callers over IPv6 are told apart by their networks of 64 bits, those over IPv4 by their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from asksight.server.access.authentication import Authentication
from asksight.server.access.networks import network_of


@dataclass
class From:
    """Where a call comes from."""

    place: str

    def peer(self) -> str:
        return self.place

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return {}


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:192.0.2.1:50000", "192.0.2.1"),
        ("http:192.0.2.1:50000", "192.0.2.1"),
        ("ipv6:%5B2001:db8:0:7::1%5D:50000", "2001:db8:0:7::/64"),
        ("ipv6:[2001:db8:0:7:ffff::2]:1", "2001:db8:0:7::/64"),
        ("http:2001:db8:0:7::3:50000", "2001:db8:0:7::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:50000", "fe80::/64"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:50000", "192.0.2.1"),
        ("ipv6:%5B64:ff9b::192.0.2.1%5D:50000", "192.0.2.1"),
        ("ipv6:%5B::1%5D:50000", "::1"),
        ("unix:/run/asksight:", "/run/asksight"),
        ("http:somewhere:0", "somewhere"),
        ("http:", ""),
    ],
)
def test_a_caller_is_a_network(peer: str, network: str) -> None:
    assert network_of(peer) == network
    assert Authentication().who((), From(peer)).key == network


def test_neighbours_are_others() -> None:
    one, other = (
        Authentication().who((), From(f"ipv6:%5B2001:db8:0:{number}::1%5D:50000")).key for number in range(2)
    )
    assert one != other
