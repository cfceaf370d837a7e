"""Ask a server, or a bundle in this process, through one interface.

from asksight.client import connect

with connect("localhost:50051") as client:
    reply = client.ask("photo.jpg", "What colour is the circle?")
    print(reply.verdict, reply.answers[0].label, reply.answers[0].probability)
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from .asynchronous import AsyncClient, AsyncGrpcTransport
from .blocking import DEFAULT_TIMEOUT_S, Client
from .channel import Balancing
from .conversation import AsyncConversation, Conversation
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
    WrongPlaceError,
)
from .grpc_transport import GrpcTransport
from .photo_bytes import Photo
from .results import (
    Answer,
    Attention,
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
    TextLine,
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
    "AsyncConversation",
    "Attention",
    "Client",
    "ClosedError",
    "Conversation",
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
    "TextLine",
    "Timings",
    "TooLargeError",
    "UnauthenticatedError",
    "UnavailableError",
    "Unfamiliar",
    "Verdict",
    "WrongPlaceError",
    "connect",
    "connect_async",
    "load",
    "load_async",
]


def connect(
    target: str,
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    model: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    balancing: Balancing = "round_robin",
    wait_for_server: bool = True,
) -> Client:
    """Give a client of the server at `target`, as in "localhost:50051". It connects with the first ask.

    `target` may be a name of gRPC's own too, such as dns:///host:port or unix:/path. `timeout` is the default deadline
    of an ask, in seconds. `model` names the served model to ask; empty, the server picks its default. With
    `credentials` (grpc.ssl_channel_credentials()) the channel is encrypted. `token` is sent with every ask; a server
    that was given tokens requires one. Without `credentials` the token travels unencrypted, so leave them out only on
    a network that you trust. `target` may stand for several servers: a name with several addresses, or addresses with
    commas between. Then `balancing` "round_robin" asks them in turn, "photo" asks about each photo where it is already
    known, "pick_first" asks one for as long as it is there. A server that cannot be reached is tried until the
    deadline, unless `wait_for_server` is False.
    Raises ValueError where `target`, `timeout` or `balancing` is none.
    """
    transport = GrpcTransport(target, credentials=credentials, token=token, balancing=balancing)
    return Client(transport, timeout=timeout, model=model, wait_for_server=wait_for_server)


def connect_async(
    target: str,
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    model: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    balancing: Balancing = "round_robin",
    wait_for_server: bool = True,
) -> AsyncClient:
    """Give the asyncio form of connect(). Use the client within one event loop only."""
    transport = AsyncGrpcTransport(target, credentials=credentials, token=token, balancing=balancing)
    return AsyncClient(transport, timeout=timeout, model=model, wait_for_server=wait_for_server)


def load(
    bundle: str | os.PathLike[str] = "scenes",
    *,
    engine: str = "auto",
    reader: bool = False,
    timeout: float = DEFAULT_TIMEOUT_S,
) -> Client:
    """Give a client of a bundle that runs in this process, with no server.

    `bundle` is a folder, or "scenes" for the built-in bundle; with `reader` text is read too. Raises LoadError where
    one of them cannot be opened. Its engines do not outlive a fork: load it in the process that asks it.
    """
    from .local_transport import LocalTransport

    return Client(LocalTransport(bundle, engine=engine, reader=reader), timeout=timeout)


async def load_async(
    bundle: str | os.PathLike[str] = "scenes",
    *,
    engine: str = "auto",
    reader: bool = False,
    timeout: float = DEFAULT_TIMEOUT_S,
) -> AsyncClient:
    """Give the asyncio form of load(): `client = await load_async()`. The loop goes on while the bundle is opened."""
    from .local_transport import AsyncLocalTransport, LocalTransport

    made: list[LocalTransport] = []
    left = threading.Event()

    def opened() -> None:
        made.append(LocalTransport(bundle, engine=engine, reader=reader))
        if left.is_set():
            made[0].close()

    try:
        await asyncio.to_thread(opened)
    except asyncio.CancelledError:  # the thread cannot be stopped: what it opens is closed again
        left.set()
        for one in made:
            one.close()
        raise
    return AsyncClient(AsyncLocalTransport(made[0]), timeout=timeout)
