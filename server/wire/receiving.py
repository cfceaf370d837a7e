"""Messages on their way: how many bytes of them are held, whose they are, and for how long; what is too much ends.

gRPC hands a message over once it is whole, and holds all that came of it until then. So the handlers here read their
messages themselves, once the caller is known: what nobody reads stays with the sender, but for `AHEAD_BYTES` of each
stream. How much has come is known from the kernel's count for each connection, less the messages that were whole.
Lives in the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from ..access.calls import Call
from ..core.arrivals import Arrival, Arrivals
from ..errors import AskError, DeadlineExceeded, InvalidAsk
from .status import abort
from .tcp_bytes import TcpBytes
from .untaken import Untaken

Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version

LOOK_EVERY_S = 0.02  # at what is on its way
MOST_LOOKING = 1 / 20  # of the loop's time: thousands of connections take milliseconds to look at
COUNT_ANEW_S = 1.0  # frames and headers are counted as bytes of messages, until a connection is found empty
# Taken for frames and headers with each message: what waits in a conversation keeps a connection from ever being empty.
FRAMES_BYTES = 256
AHEAD_BYTES = 256 * 1024  # HTTP/2's window of a stream that nobody reads yet: most photos
MOST_CONNECTIONS = 8192  # that are remembered without a message on its way


@dataclass(slots=True, eq=False)
class Connection:
    """What came by one connection."""

    peer: str
    counted_s: float  # when its bytes were counted while nothing was on its way, or it was new
    began_at: int  # the kernel's count then; 0 where it did not say
    whole_bytes: int = 0  # of messages since then, with what came around them
    under_way: dict[Receipt, None] = field(default_factory=dict)

    def beyond_whole(self, count: int) -> int:
        """How many of the bytes that the kernel has counted by now are of no whole message."""
        if count < self.began_at:  # another connection, of the same name
            self.began_at = self.whole_bytes = 0
        self.whole_bytes = min(self.whole_bytes, count - self.began_at)
        return count - self.began_at - self.whole_bytes


class Receipt(Arrival):
    """One message that is on its way over gRPC."""

    __slots__ = ("_call", "began_s", "connection", "context", "ending")

    def __init__(
        self, context: Context, caller: str, connection: Connection, call: Call | None, *, idle: bool
    ) -> None:
        super().__init__(caller, idle=idle)
        self.context = context
        self.connection = connection
        self.began_s = time.monotonic()
        self.ending: asyncio.Task[None] | None = None
        self._call = call

    def end(self, error: AskError) -> None:
        """Refuse it from a task: only then has gRPC let go of what its reading coroutine waits for."""
        self.ending = asyncio.get_running_loop().create_task(self._abort(error))

    async def _abort(self, error: AskError) -> None:
        if self._call is not None:
            self._call.refused(error)
        more = self._call.trailing() if self._call is not None else ()
        # AbortError is for handlers, which this is not; the others say that the call has ended by itself, or its caller
        # has left, and a server that stops must not stop stopping for that.
        with suppress(grpc.aio.BaseError):
            await abort(self.context, error, more)


class Receiving:
    """Reads the one message of each call."""

    def __init__(self, arrivals: Arrivals, received: Callable[[str], int | None] | None = None) -> None:
        """`received` says how many bytes have come from a peer, as TcpBytes does."""
        self._arrivals = arrivals
        self._limits = arrivals.limits
        self._received = received or TcpBytes().received
        self._connections: dict[str, Connection] = {}
        self._under_way: dict[Receipt, None] = {}  # the oldest first
        self._looking = False
        self._look_took_s = 0.0
        self.untaken = Untaken()  # whoever does not take answers sends no more messages

    async def message(self, context: Context, caller: str, call: Call | None = None) -> bytes:
        """The call's one message, as `next` gives it. Raises InvalidAsk where there is none."""
        message = await self.next(context, caller, call)
        if message is None:
            raise InvalidAsk("The call ended without a message. Send one.", field="")
        return message

    async def next(
        self, context: Context, caller: str, call: Call | None = None, *, idle: bool = False
    ) -> bytes | None:
        """The next message, once it is whole, or None after the last; `caller` is whose it is. Raises Overloaded.

        What then takes too long, or becomes too much, ends with its status, and gRPC's AbortError is raised here. One
        that may be `idle` takes as long as it likes: whether a message has begun to come nobody can tell.
        """
        receipt = Receipt(context, caller, self._connection(context.peer()), call, idle=idle)
        self._arrivals.begin(receipt)
        self._under_way[receipt] = receipt.connection.under_way[receipt] = None
        if not self._looking:
            self._look_soon()
        message: Any = None
        try:
            message = await context.read()
        finally:
            if message is None:  # it was given up, and what came of it is let go
                self._arrivals.trimming.ended(self._limits.max_message_bytes)
            del self._under_way[receipt], receipt.connection.under_way[receipt]
            self._arrivals.left(receipt)
        if not isinstance(message, bytes):  # gRPC's EOF
            return None
        receipt.connection.whole_bytes += len(message) + len(message) // 1024 + FRAMES_BYTES
        self._arrivals.trimming.ended(len(message))
        return message

    async def end_all(self, error: AskError) -> None:
        """Refuse all that is on its way."""
        for receipt in self._under_way:
            if receipt.ending is None:
                self._arrivals.refuse(receipt, error)
        await asyncio.gather(*(one.ending for one in self._under_way if one.ending is not None))

    def _connection(self, peer: str) -> Connection:
        now_s = time.monotonic()
        known = self._connections.get(peer)
        if known is None:
            if len(self._connections) >= MOST_CONNECTIONS:
                self._connections = {name: one for name, one in self._connections.items() if one.under_way}
            known = self._connections[peer] = Connection(peer, now_s, 0)
            self._count_anew(peer, known, now_s)
        elif not known.under_way and now_s - known.counted_s > COUNT_ANEW_S:
            self._count_anew(peer, known, now_s)
        return known

    def _count_anew(self, peer: str, connection: Connection, now_s: float) -> None:
        """Of what has come by now, as much as comes of a message before it is read may be of the one that begins."""
        count = self._received(peer)
        if count is not None:
            ahead = min(connection.beyond_whole(count), AHEAD_BYTES)
            connection.began_at, connection.counted_s, connection.whole_bytes = count - ahead, now_s, 0

    def _look_soon(self) -> None:
        self._looking = True
        wait_s = max(LOOK_EVERY_S, self._look_took_s / MOST_LOOKING)
        asyncio.get_running_loop().call_later(wait_s, self._look)

    def _look(self) -> None:
        """End what has been on its way for too long, and what is too much."""
        self._looking = False
        if not self._under_way:
            return
        now_s, began_s = time.monotonic(), time.thread_time()
        self._look_soon()
        slow: set[Connection] = set()
        for receipt in self._under_way:
            if now_s - receipt.began_s < LOOK_EVERY_S:  # whatever is younger holds little
                break
            if receipt.ending is not None:
                continue
            if not receipt.idle and now_s - receipt.began_s > self._limits.receive_within_s:
                self._arrivals.refuse(receipt, _too_slow(self._limits.receive_within_s))
            else:
                slow.add(receipt.connection)
        for connection in slow:
            self._count(connection)
        self._arrivals.end_what_is_too_much()
        # Not by the clock: threads that took turns meanwhile would put off the next look, where most is on its way.
        self._look_took_s = time.thread_time() - began_s

    def _count(self, connection: Connection) -> None:
        """What messages on their way by a connection hold, at most; of each nobody knows how much."""
        count = self._received(connection.peer)
        if count is None:
            return
        most = len(connection.under_way) * self._limits.max_message_bytes
        share = min(connection.beyond_whole(count), most) // len(connection.under_way)
        for receipt in connection.under_way:
            if receipt.ending is None:
                self._arrivals.hold(receipt, share)


def _too_slow(within_s: float) -> AskError:
    return DeadlineExceeded(
        f"The message did not come whole within {within_s:g} seconds. Send a smaller photo, or over a better line."
    )
