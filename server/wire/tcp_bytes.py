"""How many bytes have come by a connection of this process, as the kernel counts them; on Linux only.

gRPC says nothing of a message before it is whole, so the kernel is asked: tcpi_bytes_received of TCP_INFO, tcp(7).
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable

from ..access.networks import TRANSLATED, plain, split

TCP_INFO_BYTES = 256  # at least what is read of it
RECEIVED_AT = 128  # of tcpi_bytes_received, a 64-bit number; since Linux 4.1
DESCRIPTORS = "/proc/self/fd"
ADDRESS_BYTES = 128  # of sockaddr_storage, socket(7)
# What stands before the four bytes of an address of IPv4 in one of IPv6.
OF_IPV4 = (bytes(10) + b"\xff\xff", TRANSLATED.network_address.packed[:12])
MOST_SEARCHING = 1 / 20  # of the time: with thousands of connections a search takes ten milliseconds

Address = tuple[bytes, int]  # 4 or 16 bytes, and the port


class TcpBytes:
    """Knows the connections by what gRPC calls their peers, as in "ipv4:127.0.0.1:50000"."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """`worked` tells the seconds that this thread has had of the processor: others' turns are not its cost."""
        self._clock = clock
        self._worked = worked
        self._search_from_s = clock()  # not before
        self._descriptors: dict[Address, int] = {}
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def received(self, peer: str) -> int | None:
        """So many since the connection began; None where there is none (any more), or nobody says.

        Connections that are not known yet are searched for among all; too soon after another search: None.
        """
        address = _address(peer)
        if self._libc is None or address is None:
            return None
        descriptor = self._descriptors.get(address)
        # Where another has it by now, this one was closed.
        if descriptor is None or _peer_of(self._libc, descriptor) != address:
            self._search()
            descriptor = self._descriptors.get(address)
            if descriptor is None or _peer_of(self._libc, descriptor) != address:
                return None
        return _received(self._libc, descriptor)

    def _search(self) -> None:
        """Find the descriptors of all connections of this process, by where they lead to."""
        assert self._libc is not None
        if self._clock() < self._search_from_s:
            return
        began_s = self._worked()
        found = ((_peer_of(self._libc, one), one) for one in _descriptors())
        self._descriptors = {address: one for address, one in found if address is not None}
        self._search_from_s = self._clock() + (self._worked() - began_s) / MOST_SEARCHING


def _received(libc: ctypes.CDLL, descriptor: int) -> int | None:
    info = ctypes.create_string_buffer(TCP_INFO_BYTES)
    size = ctypes.c_uint(TCP_INFO_BYTES)
    failed = libc.getsockopt(descriptor, socket.IPPROTO_TCP, socket.TCP_INFO, info, ctypes.byref(size))
    if failed or size.value < RECEIVED_AT + 8:
        return None
    received: int = struct.unpack_from("=Q", info, RECEIVED_AT)[0]
    return received


def _descriptors() -> Iterable[int]:
    """Those that are open; where not one is left to look with, those that may be."""
    try:
        return [int(one) for one in os.listdir(DESCRIPTORS)]  # noqa: PTH208 - of thousands
    except OSError:
        return range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _peer_of(libc: ctypes.CDLL, descriptor: int) -> Address | None:
    """Where a descriptor leads to, if it is a connection's. Python's own sockets take ten times as long."""
    name = ctypes.create_string_buffer(ADDRESS_BYTES)
    size = ctypes.c_uint(ADDRESS_BYTES)
    if libc.getpeername(descriptor, name, ctypes.byref(size)):  # a file, or closed, or it listens
        return None
    raw = name.raw
    family, port = struct.unpack_from("=H", raw)[0], struct.unpack_from(">H", raw, 2)[0]
    if family == socket.AF_INET:  # ip(7)
        return raw[4:8], port
    if family == socket.AF_INET6:  # ipv6(7)
        host = raw[8:24]
        return (host[12:] if host[:12] in OF_IPV4 else host), port
    return None


def _address(peer: str) -> Address | None:
    host, port = split(peer)
    if not peer.startswith(("ipv4:", "ipv6:")) or not port.isdecimal():
        return None
    try:
        return plain(host).packed, int(port)
    except ValueError:
        return None
