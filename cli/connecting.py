"""How a server wants to be reached: a token, TLS, a certificate of the client's own; as `ask` and `bench` are told."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    import grpc

T = TypeVar("T")

# gRPC's core looks for it when it is imported; by itself it writes a line of its own above what `ask` says.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def credentials(
    *, tls: bool, authority: Path | None, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """What a channel is made with; None: without TLS. Raises typer.BadParameter, or OSError for a missing file."""
    import grpc

    if (certificate is None) != (key is None):
        raise typer.BadParameter("go together.", param_hint="--tls-certificate and --tls-key")
    if not (tls or authority or certificate):
        return None
    files = [
        _read(file) for file in (authority, key, certificate)
    ]  # names one that is missing; ssl would not
    _check(authority, certificate, key)
    return grpc.ssl_channel_credentials(*files)


def _check(authority: Path | None, certificate: Path | None, key: Path | None) -> None:
    """Raises typer.BadParameter for what gRPC would tell of as of a server that cannot be reached."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # short keys are for gRPC to judge
    # A pipe, as of a shell's <(...), is empty once it was read.
    if authority is not None and authority.is_file():
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError:
            raise typer.BadParameter(
                f"{authority} holds no certificate in PEM.", param_hint="--tls-authority"
            ) from None
    if certificate is not None and key is not None and certificate.is_file() and key.is_file():
        try:
            context.load_cert_chain(certificate, key, password=lambda: b"")  # no password is asked for
        except ssl.SSLError:
            raise typer.BadParameter(
                f"{certificate} and {key} are not a certificate and its key, both in PEM and without a password.",
                param_hint="--tls-certificate and --tls-key",
            ) from None


def check_option(flag: str, check: Callable[[T], object], value: T) -> None:
    """Raises typer.BadParameter where `check` raises ValueError."""
    try:
        check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def _read(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()
