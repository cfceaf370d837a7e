"""How the gRPC channel is set up: sizes, retries, reconnection, balancing, and no proxy to the own machine."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias, get_args

from .photo_place import ring_config
from .proxies import on_this_machine
from .targets import DEFAULT_PORT, complete_target

__all__ = [
    "DEFAULT_PORT",
    "Balancing",
    "Metadata",
    "bearer",
    "channel_options",
    "complete_target",
    "straight",
]

Metadata: TypeAlias = tuple[tuple[str, str], ...]
Balancing: TypeAlias = Literal["round_robin", "pick_first", "photo"]

# To retry a call gRPC has to keep its request; by default it keeps 256 KiB, less than most photos.
RETRY_BUFFER_BYTES = 32 * 2**20
# Enough for 256 replies with all answers of a 3,000-answer model; gRPC accepts 4 MiB by default.
MAX_RESPONSE_BYTES = 64 * 2**20

METHODS = [
    {
        "name": [{"service": "asksight.v1.VqaService"}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 3,
            # UNAVAILABLE: the server cannot be reached, has ended, or the connection broke. CANCELLED: gRPC
            # also gives this code to calls that reach a server while it closes its port; calls that the
            # caller cancels are not retried. An ask changes nothing on the server, so it may be sent twice.
            "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
        },
    }
]


def channel_options(target: str, balancing: Balancing = "round_robin") -> list[tuple[str, Any]]:
    """The options of a channel to a complete target. Raises ValueError for a way of balancing that there is not."""
    if balancing not in get_args(Balancing):
        raise ValueError(f"balancing is {balancing!r}; choose {' or '.join(get_args(Balancing))}.")
    picked = ring_config() if balancing == "photo" else {balancing: {}}
    config = {"loadBalancingConfig": [picked], "methodConfig": METHODS}
    return [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        # The limit is the server's; photos are checked against it before they are sent.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 200),  # reconnects within seconds after the server restarts
        ("grpc.max_reconnect_backoff_ms", 5000),
        *straight(target),
    ]


def straight(target: str) -> list[tuple[str, Any]]:
    """The options that keep a channel to the own machine off the environment's proxies."""
    return [("grpc.enable_http_proxy", 0)] if on_this_machine(target) else []


def bearer(token: str | None) -> Metadata:
    """Give the `authorization` metadata for a token, nothing for None. Raises ValueError for a malformed token."""
    if token is None:
        return ()
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise ValueError(
            "The token has characters that no token can have. Give it exactly as you got it from the server's owner."
        )
    return (("authorization", f"Bearer {token.strip()}"),)
