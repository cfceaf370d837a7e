"""What does not go together with `ray`: settings whose work Ray Serve does, or that its proxies cannot be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import ServerError

if TYPE_CHECKING:
    from .settings import Settings

REPLICAS = re.compile(r"([0-9]{1,4})(?::([0-9]{1,4}))?")
ALL_ADDRESSES = ("0.0.0.0", "::")
TLS = "Ray's proxies speak no TLS; put a proxy that does before them (deploy/envoy.yaml)"
BY_PROXIES = "what comes is received by Ray's proxies"
# What a setting would do, and why it cannot.
IDLE = {
    "http": "Ray's proxies carry gRPC alone here; run one more `asksight serve --http` for the page",
    "cors": "there is no HTTP",
    "tls_certificate": TLS,
    "tls_key": TLS,
    "tls_client_authority": TLS,
    "processes": "Ray Serve has `replicas` instead",
    "receiving_mb": BY_PROXIES,
    "receive_within": BY_PROXIES,
    "connections": BY_PROXIES,
    "http_connections": "there is no HTTP",
    "http_connections_per_address": "there is no HTTP",
    "tracing": "Ray Serve traces by its own settings",
}


def replicas_of(text: str) -> tuple[int, int]:
    """How many replicas at least and at most, of "3" or "1:4". Raises ServerError."""
    found = REPLICAS.fullmatch(text)
    if found is not None:
        least, most = int(found[1]), int(found[2] or found[1])
        if 1 <= least <= most:
            return least, most
    raise ServerError(f"replicas is {text!r}; write a number, as in 3, or the least and the most, as in 1:4.")


def ray_faults(settings: Settings, defaults: Settings) -> Iterator[str]:
    """Give what is wrong with `ray` and `replicas`, a line each."""
    try:
        replicas_of(settings.replicas)
    except ServerError as error:
        yield str(error)
    if not settings.ray:
        if settings.replicas != defaults.replicas:
            yield "replicas needs ray: they are Ray Serve's. Without it there is processes."
        return
    for name, why in IDLE.items():
        if getattr(settings, name) != getattr(defaults, name):
            yield f"{name} does nothing with ray: {why}. Leave it out."
    if settings.port == 0:
        yield "port is 0; with ray it must be a number, the same on every machine."
    if settings.host not in ALL_ADDRESSES:
        yield (
            f"host is {settings.host!r}, and with ray the port is open at all addresses of each machine: Ray Serve "
            "lets nobody choose. Say --host 0.0.0.0, and have a firewall or a NetworkPolicy before it."
        )
