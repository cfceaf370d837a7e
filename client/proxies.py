"""Which proxy of the environment stands between a client and its server: none, where both are on one machine.

gRPC goes by grpc_proxy, https_proxy and http_proxy, in lower case and in this order, and leaves them out for what
no_grpc_proxy or no_proxy names (https://github.com/grpc/grpc/blob/master/doc/environment_variables.md).
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping

from .targets import hosts

PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


def on_this_machine(target: str) -> bool:
    """Whether a complete target is this machine, as far as can be said without asking a name server."""
    named = hosts(target)
    return all(map(_own, named))  # none: a socket's path


def proxy_used(target: str, environment: Mapping[str, str] = os.environ) -> str:
    """The variable whose proxy gRPC goes through to this target; empty where it goes straight there."""
    if on_this_machine(target):
        return ""
    found = next((name for name in PROXIES if environment.get(name)), "")
    spared = next((environment[name] for name in EXCEPTIONS if environment.get(name)), "")
    endings = [one.strip() for one in spared.split(",") if one.strip()]
    if not found or all(any(host.endswith(one) for one in endings) for host in hosts(target)):
        return ""
    return found


def _own(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower():
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
