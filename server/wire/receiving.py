"""Messages on their way: how many bytes of them are held, whose they are, and for how long; what is too much ends.

gRPC hands a message over once it is whole, and holds all that came of it until then. So the handlers here read their
messages themselves, once the caller is known: what nobody reads stays with the sender, but for `AHEAD_BYTES` of each
stream. How much has come is known from the kernel's count for each connection, less the messages that were whole.
Lives in the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from ..access.calls import Call
from ..errors import AskError, DeadlineExceeded, InvalidAsk, Overloaded
from ..limits import Limits
from ..trimming import Trimming
from .status import abort
from .tcp_bytes import TcpBytes
from .untaken import Untaken

Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version

LOOK_EVERY_S = 0.02  # at what is on its way
MOST_LOOKING = 1 / 20  # of the loop's time: thousands of connections take milliseconds to look at
RETRY_S = 1.0  # nobody knows when others will have sent theirs
COUNT_ANEW_S = 1.0  # frames and headers are counted as bytes of messages, until a connection is found empty
STRANGER = "stranger "  # begins the name of a caller who needs no token, as for health; together they have half of all
# Taken for frames and headers with each message: what waits in a conversation keeps a connection from ever being empty.
FRAMES_BYTES = 256
AHEAD_BYTES = 256 * 1024  # HTTP/2's window of a stream that nobody reads yet: most photos
MOST_CONNECTIONS = 8192  # that are remembered without a message on its way


@dataclass(slots=True)
class Connection:
    """What came by one connection."""

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


@dataclass(slots=True, eq=False)
class Receipt:
    """One message that is on its way."""

    context: Context
    caller: str
    connection: Connection
    peer: str
    began_s: float
    call: Call | None
    idle: bool
    ending: asyncio.Task[None] | None = None


class Receiving:
    """Reads the one message of each call."""

    def __init__(self, limits: Limits, received: Callable[[str], int | None] | None = None) -> None:
        """`received` says how many bytes have come from a peer, as TcpBytes does."""
        self._limits = limits
        self._received = received or TcpBytes().received
        self._connections: dict[str, Connection] = {}
        self._under_way: dict[Receipt, None] = {}  # the oldest first
        self._of_caller: Counter[str] = Counter()
        self._strangers = 0
        self._looking = False
        self._look_took_s = 0.0
        self._trimming = Trimming()
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
        self._check_room(caller)
        peer = context.peer()
        connection = self._connection(peer)
        receipt = Receipt(context, caller, connection, peer, time.monotonic(), call, idle)
        self._under_way[receipt] = connection.under_way[receipt] = None
        self._of_caller[caller] += 1
        self._strangers += caller.startswith(STRANGER)
        if not self._looking:
            self._look_soon()
        message: Any = None
        try:
            message = await context.read()
        finally:
            if message is None:  # it was given up, and what came of it is let go
                self._trimming.ended(self._limits.max_message_bytes)
            del self._under_way[receipt], connection.under_way[receipt]
            self._strangers -= caller.startswith(STRANGER)
            self._of_caller[caller] -= 1
            if not self._of_caller[caller]:
                del self._of_caller[caller]
        if not isinstance(message, bytes):  # gRPC's EOF
            return None
        connection.whole_bytes += len(message) + len(message) // 1024 + FRAMES_BYTES
        self._trimming.ended(len(message))
        return message

    async def end_all(self, error: AskError) -> None:
        """Refuse all that is on its way."""
        for receipt in self._under_way:
            if receipt.ending is None:
                self._end(receipt, error)
        await asyncio.gather(*(one.ending for one in self._under_way if one.ending is not None))

    def _check_room(self, caller: str) -> None:
        most = self._limits.receiving
        if len(self._under_way) >= most:
            raise Overloaded(retry_after_s=RETRY_S, what=f"{most} messages are on their way already")
        if self._strangers >= most // 2 and caller.startswith(STRANGER):
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{most // 2} messages without a token are on their way already"
            )
        if self._of_caller[caller] >= most // 4:
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{most // 4} of your messages are on their way already"
            )

    def _connection(self, peer: str) -> Connection:
        now_s = time.monotonic()
        known = self._connections.get(peer)
        if known is None:
            if len(self._connections) >= MOST_CONNECTIONS:
                self._connections = {name: one for name, one in self._connections.items() if one.under_way}
            known = self._connections[peer] = Connection(now_s, 0)
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
        slow: list[Receipt] = []  # whatever is younger holds little
        for receipt in self._under_way:
            if now_s - receipt.began_s < LOOK_EVERY_S:
                break
            if receipt.ending is not None:
                continue
            if not receipt.idle and now_s - receipt.began_s > self._limits.receive_within_s:
                self._end(receipt, _too_slow(self._limits.receive_within_s))
            else:
                slow.append(receipt)
        if slow:
            self._end_what_is_too_much(slow)
        # Not by the clock: threads that took turns meanwhile would put off the next look, where most is on its way.
        self._look_took_s = time.thread_time() - began_s

    def _end_what_is_too_much(self, slow: list[Receipt]) -> None:
        held: dict[Receipt, int] = {}
        of_caller: Counter[str] = Counter()
        for connection in {id(one.connection): one.connection for one in slow}.values():
            share = self._held(connection) // len(connection.under_way)
            for receipt in connection.under_way:
                if receipt.ending is None:
                    held[receipt] = share
                    of_caller[receipt.caller] += share
        total, most = sum(held.values()), self._limits.receiving_bytes
        strangers = sum(count for caller, count in of_caller.items() if caller.startswith(STRANGER))
        # Of one connection's messages nobody knows which holds how much; one that may be idle goes last.
        for receipt in sorted(
            held, key=lambda one: (of_caller[one.caller], held[one], not one.idle), reverse=True
        ):
            stranger = receipt.caller.startswith(STRANGER)
            of_kind = strangers if stranger else of_caller[receipt.caller]
            if total <= most and of_kind <= most // 2:
                continue
            self._end(receipt, Overloaded(retry_after_s=RETRY_S, what="Too much of messages is on its way"))
            self._trimming.ended(held[receipt])
            total -= held[receipt]
            of_caller[receipt.caller] -= held[receipt]
            strangers -= held[receipt] if stranger else 0

    def _held(self, connection: Connection) -> int:
        """How many bytes of messages on their way came by a connection, at most."""
        peer = next(iter(connection.under_way)).peer
        count = self._received(peer)
        if count is None:
            return 0
        return min(connection.beyond_whole(count), len(connection.under_way) * self._limits.max_message_bytes)

    def _end(self, receipt: Receipt, error: AskError) -> None:
        """Refuse it from here: only then has gRPC let go of what its reading coroutine waits for."""
        receipt.ending = asyncio.get_running_loop().create_task(_abort(receipt, error))


async def _abort(receipt: Receipt, error: AskError) -> None:
    if receipt.call is not None:
        receipt.call.refused(error)
    more = receipt.call.trailing() if receipt.call is not None else ()
    # AbortError is for handlers, which this is not; the others say that the call has ended by itself, or its caller
    # has left, and a server that stops must not stop stopping for that.
    with suppress(grpc.aio.BaseError):
        await abort(receipt.context, error, more)


def _too_slow(within_s: float) -> AskError:
    return DeadlineExceeded(
        f"The message did not come whole within {within_s:g} seconds. Send a smaller photo, or over a better line."
    )
