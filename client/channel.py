"""How the gRPC channel is set up: address, sizes, retries, reconnection."""

from __future__ import annotations

import json

DEFAULT_PORT = 50051

# To retry a call gRPC has to keep its request; by default it keeps 256 KiB, less than most photos.
RETRY_BUFFER_BYTES = 32 * 2**20
# Enough for 256 replies with all answers of a 3,000-answer model; gRPC accepts 4 MiB by default.
MAX_RESPONSE_BYTES = 64 * 2**20

SERVICE_CONFIG = {
    "methodConfig": [
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
}

CHANNEL_OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
    # The limit is the server's; photos are checked against it before they are sent.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),  # reconnects within seconds after the server restarts
    ("grpc.max_reconnect_backoff_ms", 5000),
)


def complete_target(target: str) -> str:
    """Give the address in the form that gRPC takes; a missing port becomes 50051.

    Raises ValueError for an empty address and for a web address.
    """
    if not target.strip():
        raise ValueError('The address is empty. Give host:port, as in "localhost:50051".')
    if target.startswith(("http://", "https://", "grpc://", "grpcs://")):
        bare = target.split("://", 1)[1].rstrip("/")
        raise ValueError(f'{target!r} is a web address; give host:port alone, as in "{bare}".')
    if "/" in target or target.startswith("unix:"):  # a gRPC name such as dns:///host:port or unix:/path
        return target
    host, colon, port = target.rpartition(":")
    if target.endswith("]") or not colon:  # [::1] or localhost
        return f"{target}:{DEFAULT_PORT}"
    if ":" in host and not host.endswith("]"):  # an IPv6 address such as ::1 without a port
        return f"[{target}]:{DEFAULT_PORT}"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f'{target!r} has no port from 1 to 65535, as in "localhost:50051".')
    return target


def bearer(token: str | None) -> tuple[tuple[str, str], ...]:
    """Give the `authorization` metadata for a token, nothing for None. Raises ValueError for a malformed token."""
    if token is None:
        return ()
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise ValueError(
            "The token has characters that no token can have. Give it exactly as you got it from the server's owner."
        )
    return (("authorization", f"Bearer {token.strip()}"),)
