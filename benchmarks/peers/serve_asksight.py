"""`asksight serve` with a constant answer. For all other work the command itself is started."""

from __future__ import annotations

from .internals import serve_constant
from .work import arguments

if __name__ == "__main__":
    given = arguments()
    serve_constant(given.port, wire_only=given.work == "wire")
