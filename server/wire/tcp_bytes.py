"""How many bytes have come by a connection of this process, as the kernel counts them; on Linux only.

gRPC says nothing of a message before it is whole, so the kernel is asked: tcpi_bytes_received of TCP_INFO, tcp(7).
"""

from __future__ import annotations

import ctypes
import resource
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from ..access.networks import plain, split

TCP_INFO_BYTES = 256  # at least what is read of it
RECEIVED_AT = 128  # of tcpi_bytes_received, a 64-bit number; since Linux 4.1
DESCRIPTORS = Path("/proc/self/fd")

Address = tuple[str, int]


class TcpBytes:
    """Knows the connections by what gRPC calls their peers, as in "ipv4:127.0.0.1:50000"."""

    def __init__(self) -> None:
        self._descriptors: dict[Address, int] = {}
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def received(self, peer: str) -> int | None:
        """So many since the connection began; None where there is none (any more), or the kernel does not say."""
        address = _address(peer)
        if self._libc is None or address is None:
            return None
        descriptor = self._descriptors.get(address)
        if (
            descriptor is None or _peer_of(descriptor) != address
        ):  # closed meanwhile, and perhaps taken by another
            self._descriptors = _connections()
            descriptor = self._descriptors.get(address)
            if descriptor is None:
                return None
        return self._received(descriptor)

    def _received(self, descriptor: int) -> int | None:
        info = ctypes.create_string_buffer(TCP_INFO_BYTES)
        size = ctypes.c_uint(TCP_INFO_BYTES)
        assert self._libc is not None
        failed = self._libc.getsockopt(
            descriptor, socket.IPPROTO_TCP, socket.TCP_INFO, info, ctypes.byref(size)
        )
        if failed or size.value < RECEIVED_AT + 8:
            return None
        received: int = struct.unpack_from("=Q", info, RECEIVED_AT)[0]
        return received


def _connections() -> dict[Address, int]:
    """The descriptors of all connections of this process, by where they lead to."""
    found = {}
    for one in _descriptors():
        address = _peer_of(one)
        if address is not None:
            found[address] = one
    return found


def _descriptors() -> Iterable[int]:
    """Those that are open; where not one is left to look with, those that may be."""
    try:
        return [int(one.name) for one in DESCRIPTORS.iterdir()]
    except OSError:
        return range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _peer_of(descriptor: int) -> Address | None:
    """Where a descriptor leads to, if it is a connection's."""
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:  # a file, or closed
        return None
    try:
        name = connection.getpeername()
        return (str(plain(name[0])), name[1]) if isinstance(name, tuple) and len(name) >= 2 else None
    except OSError:  # it listens
        return None
    finally:
        connection.detach()  # it stays its owner's


def _address(peer: str) -> Address | None:
    host, port = split(peer)
    if not peer.startswith(("ipv4:", "ipv6:")) or not port.isdecimal():
        return None
    try:
        return str(plain(host)), int(port)
    except ValueError:
        return None
