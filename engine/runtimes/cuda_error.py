"""A CUDA call that failed, and whether the context is lost with it."""

from __future__ import annotations

from ..errors import EngineError

# After these the context is lost and every later call fails too: CUDA calls them sticky.
STICKY = (
    "illegal memory",
    "illegal address",
    "illegal instruction",
    "launch failed",
    "launch failure",
    "launch timed out",
    "misaligned",
    "ecc",
    "assert",
    "context is destroyed",
)


class CudaError(EngineError):
    """A CUDA call failed; `sticky` says that the context is lost with it."""

    def __init__(self, call: str, text: str, *, sticky: bool | None = None) -> None:
        """`sticky` None means that the text says so."""
        self.call = call
        self.sticky = any(mark in text.lower() for mark in STICKY) if sticky is None else sticky
        advice = "The engine is opened anew." if self.sticky else "Ask again."
        if "out of memory" in text:
            advice = "Serve with smaller batches, or free the card of other programs."
        super().__init__(f"CUDA failed in {call}: {text}. {advice}")
