"""An engine made of a Python function, for tests: it can fail, wait, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ..base import Arrays, EngineSpec
from ..errors import EngineError


class FakeEngine:
    """Answers with `function(arrays)`; set `failure` to make it raise, `gate` to make it wait.

    `batch_sizes` lists the rows of each call in order of arrival, failed ones too; `entered` is set as soon
    as a call is inside, so that a test can wait for that instead of sleeping.
    """

    precision = "float32"

    def __init__(
        self, spec: EngineSpec, function: Callable[[Arrays], dict[str, NDArray[Any]]], *, name: str = "fake"
    ) -> None:
        self.spec = spec
        self.name = name
        self.failure: Exception | None = None
        self.gate: threading.Event | None = None
        self.entered = threading.Event()
        self.batch_sizes: list[int] = []
        self.closed = False
        self._function = function

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Record the batch, wait for `gate` if there is one, raise `failure` if there is one, else answer."""
        if self.closed:
            raise EngineError(f"The engine {self.name} is closed; open it again.")
        self.batch_sizes.append(len(arrays[self.spec.inputs[0].name]))
        self.entered.set()
        if self.gate is not None:
            self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self._function(arrays)

    def close(self) -> None:
        """Refuse every call from now on."""
        self.closed = True
