"""File descriptors: as many as the system gives, and no more connections than they suffice for."""

from __future__ import annotations

import logging
import resource
from contextlib import suppress
from dataclasses import replace

from .settings import Settings

log = logging.getLogger(__name__)

OWN = 128  # for all but connections: files that are read again, sockets that listen, pipes, engines


def raise_limit() -> int:
    """Have as many as this process may, and say how many; most systems begin with 1024, and allow far more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS allows fewer than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def within(settings: Settings, descriptors: int) -> Settings:
    """The settings with no more connections than there are descriptors for: without any left, nobody gets in."""
    if descriptors == resource.RLIM_INFINITY:
        return settings
    # As many HTTP connections again may be told to come later, and as many shake hands, or be over.
    http = 0 if settings.http is None else 3 * settings.http_connections
    free, wanted = max(descriptors - OWN, descriptors // 2), settings.connections + http
    if wanted <= free:
        return settings
    fewer = replace(
        settings,
        connections=max(1, settings.connections * free // wanted),
        http_connections=max(1, settings.http_connections * free // wanted),
    )
    log.warning(
        "%d file descriptors (ulimit -n) are too few for %d gRPC and %d HTTP connections: %d and %d are taken.",
        descriptors,
        settings.connections,
        settings.http_connections,
        fewer.connections,
        fewer.http_connections,
    )
    return fewer
