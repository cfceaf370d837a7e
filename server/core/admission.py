"""Who is inside: calls, asks and the bytes of their photos, counted once; what does not fit is refused at once.

Lives in the server's event loop, as all that decides does: no locks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from ..errors import Overloaded, Stopping
from ..limits import MEBI

QUIET_S = 0.5  # without a new call: whoever was told that the server stops has gone elsewhere
LONGEST_UNQUIET_S = 5.0  # then a port closes all the same


class Admission:
    """Counts those inside, of every face and every model."""

    def __init__(self, *, calls: int = 256, asks: int = 1024, size_bytes: int = 512 * MEBI) -> None:
        self.calls = 0  # under way
        self.asks = 0  # in them; a batch has many
        self.size_bytes = 0  # of their photos, as they came
        self.came = 0  # calls so far, refused ones too
        self.stopping = False  # nobody is let in any more
        self.drained_in_s: Callable[[], float] = lambda: 0.5  # when those inside will be answered
        self._most_calls = calls
        self._most_asks = asks
        self._most_bytes = size_bytes

    def check_call(self) -> None:
        """Say whether a call that comes would be let in now. Raises Overloaded, and Stopping once the server stops."""
        self.came += 1
        self._check()

    def enter_call(self) -> None:
        """Let in one that was checked and is whole, which must `leave_call`. Raises what `check_call` does."""
        self._check()
        self.calls += 1

    def _check(self) -> None:
        if self.stopping:
            raise Stopping
        if self.calls >= self._most_calls:
            raise Overloaded(retry_after_s=self.drained_in_s(), what="Too many calls are under way")

    def leave_call(self) -> None:
        """Let it out."""
        self.calls -= 1

    async def nobody_comes(self, ends_s: float) -> None:
        """Wait until all calls have left and none comes any more, but not beyond `ends_s` of the monotonic clock."""
        while self.calls and time.monotonic() < ends_s:
            await asyncio.sleep(0.01)
        ends_s = min(ends_s, time.monotonic() + LONGEST_UNQUIET_S)
        came, since_s = self.came, time.monotonic()
        while (now_s := time.monotonic()) < min(ends_s, since_s + QUIET_S):
            await asyncio.sleep(0.05)
            if came != self.came:
                came, since_s = self.came, now_s

    def ask(self, size_bytes: int) -> Inside:
        """Let one ask with a photo of so many bytes in for as long as the block runs. Raises Overloaded.

        A photo larger than the whole bound is let in when no other ask is inside.
        """
        full = self.asks > 0 and self.size_bytes + size_bytes > self._most_bytes
        if full or self.asks >= self._most_asks:
            raise Overloaded(retry_after_s=self.drained_in_s())
        return Inside(self, size_bytes)


class Inside:
    """An ask that was let in."""

    __slots__ = ("_admission", "_size_bytes")

    def __init__(self, admission: Admission, size_bytes: int) -> None:
        self._admission = admission
        self._size_bytes = size_bytes

    def __enter__(self) -> None:
        self._admission.asks += 1
        self._admission.size_bytes += self._size_bytes

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.asks -= 1
        self._admission.size_bytes -= self._size_bytes
