"""Which engine runs a graph: by name, or the best one that is here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .base import Engine
from .errors import EngineError


def _onnxruntime(path: Path, max_batch: int, threads: int | None) -> Engine:
    from .runtimes.onnxruntime_engine import (
        OnnxRuntimeEngine,  # imported late: `inspect` and `tokens` run no graph
    )

    return OnnxRuntimeEngine(path, max_batch=max_batch, threads=threads)


# In order of preference for "auto".
ENGINES: dict[str, Callable[[Path, int, int | None], Engine]] = {"onnxruntime": _onnxruntime}


def open_engine(kind: str, path: Path, *, max_batch: int, threads: int | None = None) -> Engine:
    """Open the ONNX graph at `path` on the engine called `kind`; "auto" takes the first that there is.

    `threads` None means every core that this process may use. Raises EngineError for an unknown name and when
    the graph cannot be loaded.
    """
    opener = next(iter(ENGINES.values())) if kind == "auto" else ENGINES.get(kind)
    if opener is None:
        known = ", ".join(["auto", *ENGINES])
        raise EngineError(f"There is no engine called {kind!r}; choose one of: {known}.")
    return opener(path, max_batch, threads)
