"""The event loop of the server: while it has work at hand, it looks at its sockets only now and then.

A look gives Python's lock away, to whichever thread wants it, and asyncio looks before each round of callbacks, of
which gRPC needs four to accept a call. Under load each of them waited for a thread that decoded a photo.
"""

from __future__ import annotations

import asyncio
import selectors

MOST_UNSEEN = 32  # rounds between two looks; some milliseconds of work


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self._unseen = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        at_work = timeout is not None and timeout <= 0  # asyncio's way to say that it has callbacks to run
        if at_work and self._unseen < MOST_UNSEEN:
            self._unseen += 1
            return []
        self._unseen = 0
        return super().select(timeout)


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop that is not yet running."""
    return asyncio.SelectorEventLoop(_Selector())
