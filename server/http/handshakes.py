"""The port of HTTPS: TLS handshakes are bounded from the moment that a connection is accepted; the oldest gives way.

The event loop's own servers tell of a connection once it has shaken hands: until then it would hold its descriptor, for
as long as a handshake may take, uncounted. Lives in the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from ..access.networks import network
from .connections import ConnectionLimits

log = logging.getLogger(__name__)

AT_ONCE = 100  # are accepted in one turn of the loop
REST_S = 1.0  # where no descriptor is left


class TlsPort:
    """Accepts connections and gives those that have shaken hands to a protocol, as an asyncio.Server does."""

    def __init__(
        self,
        where: socket.socket,
        context: ssl.SSLContext,
        made: Callable[[], asyncio.Protocol],
        limits: ConnectionLimits,
    ) -> None:
        """Half as many may shake hands as there may be connections, and half of these from one address."""
        self._where = where
        self._context = context
        self._made = made
        self._within_s = limits.handshake_within_s
        self._most = max(1, limits.connections // 2)
        self._most_of_one = min(self._most, limits.per_address or max(1, self._most // 2))
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[socket.socket, str] = {}  # the oldest first, with where they come from
        self._places: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        where.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Accept no more, and end the handshakes that are under way."""
        self._closed = True
        self._loop.remove_reader(self._where.fileno())
        while self._under_way:
            self._end_oldest(None)

    async def wait_closed(self) -> None:
        """Return when the last handshake is over."""
        await asyncio.gather(*self._tasks)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._where.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                one, address = self._where.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("No connection can be accepted: %s", error)
                self._loop.remove_reader(self._where.fileno())
                self._loop.call_later(REST_S, self._listen)
                return
            task = self._loop.create_task(self._shake(one, network(address[0])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _shake(self, one: socket.socket, place: str) -> None:
        if self._places[place] >= self._most_of_one:
            self._end_oldest(place)
        elif len(self._under_way) >= self._most:
            self._end_oldest(None)
        self._under_way[one] = place
        self._places[place] += 1
        try:
            one.setblocking(False)
            await self._loop.connect_accepted_socket(
                self._made, one, ssl=self._context, ssl_handshake_timeout=self._within_s
            )
        except OSError:  # no TLS, a certificate that is refused, too slow, gone
            one.close()
        finally:
            self._done(one)

    def _end_oldest(self, place: str | None) -> None:
        oldest = next(one for one, its in self._under_way.items() if place in (None, its))
        self._done(oldest)
        with suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)

    def _done(self, one: socket.socket) -> None:
        place = self._under_way.pop(one, None)
        if place is not None:
            self._places[place] -= 1
            self._places += Counter()  # forgets who has none
