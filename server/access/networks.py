"""Where callers come from: an address of IPv4, or of IPv6 the network of 64 bits, all of which one caller has.

RFC 4291, 2.5.4: what follows the first 64 bits is the caller's own to choose, and phones change it by themselves.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

NETWORK_BITS = 64
# Callers of IPv4, to a server that speaks IPv6 alone (RFC 6052, 2.1).
TRANSLATED = IPv6Network("64:ff9b::/96")


def network(host: str) -> str:
    """The caller that an address stands for; what is none stands for itself."""
    try:
        address = plain(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(IPv6Network((int(address), NETWORK_BITS), strict=False))


def network_of(peer: str) -> str:
    """The same of what gRPC calls a peer, as in "ipv6:%5B::1%5D:50000"; without the port, one for each connection."""
    return network(split(peer)[0])


def split(peer: str) -> tuple[str, str]:
    """Its host, which may be the name of something else, and its port."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    return host.strip("[]"), port


def plain(host: str) -> IPv4Address | IPv6Address:
    """One address for each: a socket of IPv6 may have callers of IPv4. Raises ValueError."""
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address
