"""What most people need, under one name: `asksight.connect`, `connect_async`, `load`, `load_async` and `__version__`.

Each is imported when it is first asked for: `import asksight.ext` loads no gRPC. Others may add packages to `asksight`,
as if this file were not there.
"""

from __future__ import annotations

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asksight.client import connect, connect_async, load, load_async

    __version__: str

__all__ = ["__version__", "connect", "connect_async", "load", "load_async"]
__path__ = extend_path(__path__, __name__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("asksight")
    if name in __all__:
        from asksight import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """With what is not imported yet, so that notebooks and shells complete it."""
    return sorted({*globals(), *__all__})
