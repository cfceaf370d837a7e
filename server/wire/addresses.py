"""The address to listen on. It is tried first, since gRPC does not say why it cannot listen, and writes on stderr."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Any

from ..errors import ServerError


def check_address(host: str, port: int) -> None:
    """Raise ServerError, in one line for a person, where the address cannot be had."""
    where = join(host, port)
    if not 0 <= port <= 65535:
        raise ServerError(f"There is no port {port}; ports are 0 (any that is free) to 65535.")
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServerError(f"Cannot listen on {where}: {error.strerror}. Check the host's name.") from error
    failures = [error for error in map(_bind, addresses) if error is not None]
    # Of a name's several addresses (127.0.0.1 and ::1) some may not exist here, but none may be another server's.
    for failure in failures:
        if failure.errno == errno.EADDRINUSE:
            raise ServerError(
                f"{where} is in use by another program; stop it or take another port."
            ) from failure
        if failure.errno == errno.EACCES:
            raise ServerError(f"No permission to listen on {where}; take a port above 1023.") from failure
    if len(failures) == len(addresses):
        raise ServerError(f"Cannot listen on {where}: {failures[0].strerror}.") from failures[0]


def _bind(address: tuple[int, int, int, str, Any]) -> OSError | None:
    family, kind, protocol, _, place = address
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not stopped by closed connections
            probe.bind(place)
    except OSError as error:
        return error
    return None


def join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; False where that is not certain."""
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)
