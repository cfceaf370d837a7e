"""A line to a server on which the first answer takes its time, as a handshake over a far or busy network does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def slow_line(port: int, first_answer_s: float) -> Iterator[int]:
    """Pass connections on to `port` of the loopback; gives the port to connect to."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=_pass_on, args=(near, far, first_answer_s), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.close()


def _pass_on(near: socket.socket, far: socket.socket, first_answer_s: float) -> None:
    with near, far:
        back = threading.Thread(target=_copy, args=(far, near, first_answer_s), daemon=True)
        back.start()
        _copy(near, far, 0.0)
        back.join()


def _copy(source: socket.socket, target: socket.socket, wait_s: float) -> None:
    with suppress(OSError):
        data = source.recv(65536)
        time.sleep(wait_s)
        while data:
            target.sendall(data)
            data = source.recv(65536)
        target.shutdown(socket.SHUT_WR)
