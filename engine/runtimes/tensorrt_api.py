"""Which TensorRT is here: the full one of 8.6 to 11, or TensorRT-RTX, which has the same calls.

What a version can do is asked with hasattr, never by its number.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import EngineError

MODULES = ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")
INSTALL = "In a copy of AskSight's repository, run: pip install -e '.[tensorrt]', or serve with --engine auto"


def import_tensorrt() -> Any:
    """The module, or an EngineError that says how to install it. Needs no GPU."""
    missing: list[str] = []
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            missing.append(str(error))
            continue
        if hasattr(module, "Builder"):  # the package index has empty placeholders under this name
            return module
        missing.append(f"{name} is a placeholder without a Builder")
    raise EngineError(f"TensorRT is not installed ({missing[0]}). {INSTALL}")


def is_rtx(api: Any) -> bool:
    """TensorRT-RTX plans for a GPU it has not seen; the full TensorRT times kernels on the one that is here."""
    return "rtx" in api.__name__


def collecting_logger(api: Any) -> Any:
    """A logger that keeps errors in `lines` instead of writing them to standard error."""

    class Collecting(api.ILogger):  # type: ignore[misc]  # its class is known at run time only
        def __init__(self) -> None:
            api.ILogger.__init__(self)
            self.lines: list[str] = []

        def log(self, severity: Any, text: str) -> None:
            if severity in (api.ILogger.INTERNAL_ERROR, api.ILogger.ERROR):
                self.lines.append(" ".join(text.split()))

    return Collecting()
