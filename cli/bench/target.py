"""What is asked: a running server, reached as it wants to be, or a bundle to start one on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc
import typer

from ..connecting import check_option, credentials
from .processor import check_process


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
    check_option("--server", complete_target, server)
    check_option("--token", bearer, token)
    if pid is not None:
        check_process(pid)
    channel = credentials(tls=tls, authority=authority, certificate=certificate, key=key)
    return Target(server=server, pid=pid, token=token, credentials=channel)
