"""What is asked: a running server, reached as it wants to be, or a bundle to start one on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc
import typer

from .processor import check_process

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Target:
    server: str | None = None  # host:port
    model: str = "scenes"  # of a server to be started, where none is named
    pid: int | None = None  # the running server's process, on this machine
    token: str | None = None
    credentials: grpc.ChannelCredentials | None = None


def read_target(
    *,
    server: str | None,
    model: str | None,
    pid: int | None,
    token: str | None,
    tls: bool,
    authority: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> Target:
    """Check what was given together. Raises typer.BadParameter, BenchError or OSError."""
    from asksight.client.channel import bearer, complete_target

    if server is None:
        needless = {
            "--pid": pid,
            "--tls": tls,
            "--tls-authority": authority,
            "--tls-certificate": certificate,
            "--tls-key": key,
        }
        if given := [flag for flag, value in needless.items() if value]:
            raise typer.BadParameter(
                "goes with --server: a server of its own needs none.", param_hint=given[0]
            )
        return Target(model=model or "scenes")
    if model is not None:
        raise typer.BadParameter("give --server or --model, not both: a server has its own model")
    _check("--server", complete_target, server)
    _check("--token", bearer, token)
    if pid is not None:
        check_process(pid)
    if (certificate is None) != (key is None):
        raise typer.BadParameter("go together.", param_hint="--tls-certificate and --tls-key")
    credentials = None
    if tls or authority or certificate:
        credentials = grpc.ssl_channel_credentials(*map(_read, (authority, key, certificate)))
    return Target(server=server, pid=pid, token=token, credentials=credentials)


def _check(flag: str, check: Callable[[T], object], value: T) -> None:
    try:
        check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def _read(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()
