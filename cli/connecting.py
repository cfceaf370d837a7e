"""How a server wants to be reached: a token, TLS, a certificate of the client's own; as `ask` and `bench` are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    import grpc

T = TypeVar("T")


def credentials(
    *, tls: bool, authority: Path | None, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """What a channel is made with; None: without TLS. Raises typer.BadParameter, or OSError for a missing file."""
    import grpc

    if (certificate is None) != (key is None):
        raise typer.BadParameter("go together.", param_hint="--tls-certificate and --tls-key")
    if not (tls or authority or certificate):
        return None
    return grpc.ssl_channel_credentials(*map(_read, (authority, key, certificate)))


def check_option(flag: str, check: Callable[[T], object], value: T) -> None:
    """Raises typer.BadParameter where `check` raises ValueError."""
    try:
        check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def _read(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()
