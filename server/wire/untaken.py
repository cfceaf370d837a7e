"""Answers that their callers do not take: how many bytes of them are held, and whose they are.

gRPC holds an answer until its caller gives room for it (HTTP/2's window, RFC 9113, 5.2), by which time its call is over
for everybody else. So whoever does not take its answers gets no more of them. Lives in the event loop.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..errors import Overloaded
from ..limits import MEBI

Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version

OF_CALLER_BYTES = 16 * MEBI  # as much as one answer may have
OF_ALL_BYTES = 64 * MEBI
LITTLE_BYTES = 64 * 1024  # whoever has no more is let in nevertheless
RETRY_S = 1.0  # nobody knows when it will take them


class Untaken:
    """Counts answers from when they are given to gRPC until their calls have ended."""

    def __init__(self) -> None:
        self._of_caller: Counter[str] = Counter()

    def check(self, caller: str) -> None:
        """Say whether a caller may have another answer. Raises Overloaded."""
        own = self._of_caller[caller]
        if own >= OF_CALLER_BYTES or (own > LITTLE_BYTES and self.size_bytes >= OF_ALL_BYTES):
            raise Overloaded(
                retry_after_s=RETRY_S, what=f"{own} bytes of answers wait for you; take them first"
            )

    def note(self, caller: str, size: int, context: Context) -> None:
        """Count an answer of so many bytes that is given to a call now."""
        self.hold(caller, size)
        context.add_done_callback(lambda _: self.let_go(caller, size))

    def hold(self, caller: str, size: int) -> None:
        """Count an answer of so many bytes until it is `let_go`."""
        self._of_caller[caller] += size

    @property
    def size_bytes(self) -> int:
        """Of all answers that are held."""
        return self._of_caller.total()

    def let_go(self, caller: str, size: int) -> None:
        """It was taken, or is wanted no more."""
        self._of_caller[caller] -= size
        if not self._of_caller[caller]:
            del self._of_caller[caller]
