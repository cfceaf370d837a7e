"""`asksight serve` with a constant answer; with the whole work it is served by its own command."""

from __future__ import annotations

from .internals import serve_constant
from .work import arguments

if __name__ == "__main__":
    given = arguments()
    serve_constant(given.port, wire_only=given.work == "wire")
