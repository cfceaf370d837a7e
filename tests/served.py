"""A real server on a bundle, on the loopback, for tests that ask over the wire."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "cli" / "demo_photos"


@contextmanager
def served(bundle: str | Path, *, port: int = 0) -> Iterator[str]:
    """Serve one bundle; gives host:port."""
    with LocalAssistant.open(bundle) as local:
        server = Server(local, port=port)
        bound = server.start()
        try:
            yield f"127.0.0.1:{bound}"
        finally:
            server.stop(0)


def shell_environment() -> dict[str, str]:
    """The environment in which `asksight`, `grpcurl` and `buf` are those of this checkout."""
    folders = [sysconfig.get_path("scripts"), str(ROOT / "node_modules" / ".bin"), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(folders), "COLUMNS": "200", "NO_COLOR": "1"}
