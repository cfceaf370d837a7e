"""How the gRPC channel is set up: address, sizes, retries, reconnection."""

from __future__ import annotations

import json

DEFAULT_PORT = 50051

# A retry needs the whole request kept; gRPC keeps only 256 KiB by itself, less than most photos.
RETRY_BUFFER_BYTES = 32 * 2**20
# 256 asks that each want all answers of a 3,000-answer model; gRPC takes only 4 MiB by itself.
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
                # UNAVAILABLE: the server could not be reached, ended, or lost its connection. CANCELLED, unless the
                # caller cancelled: gRPC says so of a call that reached a server while that was closing its port.
                # Asking twice does no harm.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ]
}

CHANNEL_OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
    ("grpc.max_send_message_length", -1),  # the limit is the server's; photos are measured before they go
    ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),  # a server that restarts is found again within seconds
    ("grpc.max_reconnect_backoff_ms", 5000),
)


def complete_target(target: str) -> str:
    """Give the address that gRPC understands; without a port it is 50051.

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
    if ":" in host and not host.endswith("]"):  # ::1, whose last group is no port
        return f"[{target}]:{DEFAULT_PORT}"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f'{target!r} has no port from 1 to 65535, as in "localhost:50051".')
    return target


def bearer(token: str | None) -> tuple[tuple[str, str], ...]:
    """Give the metadata that says who asks; none without a token. Raises ValueError for what is no token."""
    if token is None:
        return ()
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise ValueError("The token holds characters that no token has; give it as the server's owner did.")
    return (("authorization", f"Bearer {token.strip()}"),)
