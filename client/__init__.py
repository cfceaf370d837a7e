"""Ask a server, or a bundle in this process, through one interface.

from asksight.client import connect

with connect("localhost:50051") as client:
    reply = client.ask("photo.jpg", "What colour is the circle?")
    print(reply.verdict, reply.answers[0].label, reply.answers[0].probability)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .asynchronous import AsyncClient, AsyncGrpcTransport
from .blocking import DEFAULT_TIMEOUT_S, Client
from .errors import (
    AskCancelledError,
    AskSightError,
    ClosedError,
    DeadlineError,
    InternalError,
    InvalidAskError,
    LoadError,
    ModelNotFoundError,
    OverloadedError,
    PhotoFileError,
    PhotoNotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from .grpc_transport import GrpcTransport
from .photo_bytes import Photo
from .results import (
    Answer,
    ImageId,
    Limits,
    Model,
    ModelCard,
    ModelFigure,
    ModelSource,
    PhotoIssue,
    PhotoIssueKind,
    Reply,
    Skill,
    Timings,
    Unfamiliar,
    Verdict,
)

if TYPE_CHECKING:
    import os

    import grpc

__all__ = [
    "Answer",
    "AskCancelledError",
    "AskSightError",
    "AsyncClient",
    "Client",
    "ClosedError",
    "DeadlineError",
    "ImageId",
    "InternalError",
    "InvalidAskError",
    "Limits",
    "LoadError",
    "Model",
    "ModelCard",
    "ModelFigure",
    "ModelNotFoundError",
    "ModelSource",
    "OverloadedError",
    "Photo",
    "PhotoFileError",
    "PhotoIssue",
    "PhotoIssueKind",
    "PhotoNotFoundError",
    "Reply",
    "Skill",
    "Timings",
    "TooLargeError",
    "UnauthenticatedError",
    "UnavailableError",
    "Unfamiliar",
    "Verdict",
    "connect",
    "connect_async",
    "load",
]


def connect(
    target: str,
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    model: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
) -> Client:
    """Give a client of the server at `target`, as in "localhost:50051". It connects with the first ask.

    `timeout` is the default deadline of an ask, in seconds. `model` names the served model to ask; empty, the
    server picks its default. With `credentials` (grpc.ssl_channel_credentials()) the channel is encrypted.
    `token` is sent with every ask; a server that was given tokens requires one. Without `credentials` the token
    travels unencrypted, so leave them out only on a network that you trust.
    Raises ValueError where `target` is not an address.
    """
    return Client(GrpcTransport(target, credentials=credentials, token=token), timeout=timeout, model=model)


def connect_async(
    target: str,
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    model: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
) -> AsyncClient:
    """Give the asyncio form of connect(). Use the client within one event loop only."""
    return AsyncClient(
        AsyncGrpcTransport(target, credentials=credentials, token=token), timeout=timeout, model=model
    )


def load(
    bundle: str | os.PathLike[str] = "scenes", *, engine: str = "auto", timeout: float = DEFAULT_TIMEOUT_S
) -> Client:
    """Give a client of a bundle that runs in this process, with no server.

    `bundle` is a folder, or "scenes" for the built-in bundle. Raises LoadError where it cannot be opened.
    """
    from .local_transport import LocalTransport

    return Client(LocalTransport(bundle, engine=engine), timeout=timeout)
