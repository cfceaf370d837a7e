"""Reports long work as lines: each step with the seconds that it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class Progress:
    """Reports through `say`, which takes a line; `shown` may show a step while it lasts, as a terminal does."""

    def __init__(
        self,
        say: Callable[[str], object] = print,
        *,
        shown: Callable[[str], AbstractContextManager[object]] = nullcontext,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.say = say
        self._shown = shown
        self._clock = clock

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Report a step when it is done, as in "encoder: openvino bf16: building, 3.2 s"; nothing where it fails."""
        started_s = self._clock()
        with self._shown(what):
            yield
        self.say(f"{what}, {self._clock() - started_s:.1f} s")
