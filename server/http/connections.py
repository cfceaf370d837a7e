"""One HTTP connection: its head comes in time, what nobody reads is not kept, and when all places are taken it says so.

uvicorn bounds idle connections alone. One that has sent no whole head gives its place to a newcomer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..access.networks import network
from .problems import Problem, refused
from .turns import FREE_BYTES, UNREAD_BYTES_PER_S, Turns, TurnTaking

RETRY_S = 1.0  # nobody knows when others end
PIECE_BYTES = 4096  # of heads and chunks are parsed at once; where each chunk is a byte that takes 2 ms
FREE_S = 0.002  # of parsing, for one read and for one body; beyond it what came waits for its turn


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionLimits:
    """The bounds of all connections of one HTTP port."""

    connections: int = 256  # at once. Beyond them 503
    per_address: int = 0  # of them from one address; 0: half
    handshake_within_s: float = 10.0  # TLS's own; asyncio would wait a minute for one that never begins
    head_within_s: float = 10.0  # from the first byte, or from the connection's beginning
    unread_within_s: float = 2.0  # after an answer, for what is still sent of a body that nobody reads


def protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The class of connections that keep to `limits`, for uvicorn to make them of."""
    waiting: dict[Connection, str] = {}  # without a whole head, the oldest first, with where they come from
    places: Counter[str] = Counter()
    turns, unread_turns = Turns(), Turns(UNREAD_BYTES_PER_S)

    class Bounded(Connection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.limits, self.waiting, self.places = limits, waiting, places
            self.turns, self.unread_turns = turns, unread_turns

    return Bounded


class Connection(H11Protocol):
    """Lives in the event loop."""

    limits: ConnectionLimits
    waiting: dict[Connection, str]
    places: Counter[str]
    turns: Turns
    unread_turns: Turns  # of bodies that nobody reads
    _reading: TurnTaking  # the flow control, uvicorn's `flow`
    _body_bytes = 0  # of the body that is on its way
    _body_s = 0.0  # for which it was parsed
    _unparsed = b""  # what was read and waits for its turn
    _timer: asyncio.TimerHandle | None = None
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, that of one that waits where none is left."""
        super().connection_made(transport)
        self.flow = self._reading = TurnTaking(transport)
        self._address = network(self.client[0]) if self.client else ""
        most, total = self.limits.connections, self.places.total()
        if self.places[self._address] >= (self.limits.per_address or most // 2):
            room = self._evict(self._address)
        else:
            room = total < most or self._evict(None)
        self.places[self._address] += 1
        if not room:
            self.app = cast("Any", _full)
            if total >= 2 * most:  # not even room to say so
                transport.abort()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._end_timer()
        self.waiting.pop(self, None)
        self.places[self._address] -= 1
        if not self.places[self._address]:
            del self.places[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, at once or in turns."""
        waits = bool(self._unparsed)
        self._unparsed += data
        if not waits:
            self._parse()

    def _parse(self) -> None:
        """Take what came, unless an answer to it has been given already; what takes long waits for more turns."""
        began_s, spent_s, count = time.thread_time(), 0.0, 0
        while count < len(self._unparsed) and spent_s < FREE_S and not self.transport.is_closing():
            piece = len(self._unparsed) if self._of_stated_length() else PIECE_BYTES
            super().data_received(self._unparsed[count : count + piece])
            count += piece
            spent_s = time.thread_time() - began_s
        count = min(count, len(self._unparsed))
        self._unparsed = self._unparsed[count:]
        if self.transport.is_closing():
            self._unparsed = b""
            return
        self._watch()
        if self.conn.their_state is h11.SEND_BODY:
            self._body_bytes += count
            self._body_s += spent_s
        else:
            self._body_bytes, self._body_s = 0, 0.0
        long = max(spent_s, self._body_s) >= FREE_S
        if long or self._body_bytes > FREE_BYTES or self._unparsed:
            self._reading.rest()
            turns = self.unread_turns if self._unread() else self.turns
            turns.take(
                count if self._body_bytes > FREE_BYTES else 0, self._go_on, parsed_s=spent_s if long else 0.0
            )

    def _of_stated_length(self) -> bool:
        """Whether what comes is a body without chunks, of which pieces cost more than all at once."""
        coded = any(name == b"transfer-encoding" for name, _ in self.headers or ())
        return self.conn.their_state is h11.SEND_BODY and not coded

    def _go_on(self) -> None:
        """Parse what waits, and read more once nothing does."""
        if self._unparsed:
            self._parse()
        else:
            self._reading.go_on()

    def on_response_complete(self) -> None:
        """Wait for the next head, or for the end of what nobody reads, but not for long."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form that all refusals have."""
        self._say(refused(400, f"{msg} Send HTTP/1.1."))

    def _watch(self) -> None:
        """Have a timer for what the connection waits for, one for each head and each unread body."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            if self not in self.waiting:
                self._end_timer()
                self.waiting[self] = self._address
            if self.conn.trailing_data[0]:  # the next head has begun
                self._unset_keepalive_if_required()
            if self.timeout_keep_alive_task is None and self._timer is None:
                self._timer = self.loop.call_later(self.limits.head_within_s, self._too_slow)
            return
        self.waiting.pop(self, None)
        if not self._unread():
            self._end_timer()
        elif self._timer is None:
            self._unset_keepalive_if_required()
            self._timer = self.loop.call_later(self.limits.unread_within_s, self.transport.close)

    def _unread(self) -> bool:
        """Whether a body still comes that has been answered."""
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _evict(self, address: str | None) -> bool:
        """Close the oldest that waits, of that address if one is given; say whether there was one."""
        for one, place in self.waiting.items():
            if address in (None, place):
                del self.waiting[one]
                one.transport.abort()
                return True
        return False

    def _too_slow(self) -> None:
        within_s = self.limits.head_within_s
        self._say(
            refused(408, f"The request's head did not come whole within {within_s:g} seconds. Send it again.")
        )

    def _say(self, problem: Problem) -> None:
        """Answer where there is no request to answer, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its request's body has turned into something else
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # it has its answer already
            self.transport.close()
            return
        response = problem.response()
        headers = [*response.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=problem.status, headers=headers),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem(
        503,
        "RESOURCE_EXHAUSTED",
        "All connections are taken. Ask again in a second.",
        retry_after_s=RETRY_S,
        headers={"Connection": "close"},
    )
    await problem.response()(scope, receive, send)
