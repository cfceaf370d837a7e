"""The throughput of 32 normal clients beside clients that send their message at a byte per second."""

from __future__ import annotations

import socket
import struct
import threading
import time

import grpc
from raw_http2 import DATA, PREFACE, SETTINGS, frame, headers
from soak_fakes import end, new_photo, promise, server_process, short_form

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

SLOW = 500
NORMAL = 32
ROW_S = 0.004


def slow_clients(port: int, stopped: threading.Event) -> list[socket.socket]:
    """Open the connections and send single bytes until `stopped`; each message announces a megabyte."""
    connections = []
    for _ in range(SLOW):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + headers())
        connection.sendall(frame(DATA, 0, 1, b"\0" + struct.pack(">I", 2**20)))
        connections.append(connection)

    def drip() -> None:
        while not stopped.wait(1.0):
            for connection in connections:
                try:
                    connection.sendall(frame(DATA, 0, 1, b"\n"))
                except OSError:  # the server has closed the connection
                    continue

    threading.Thread(target=drip, daemon=True).start()
    return connections


def throughput(stub: vqa_pb2_grpc.VqaServiceStub, seconds: float, first: int) -> float:
    """Answers per second of the normal clients."""
    ends_s = time.perf_counter() + seconds
    counts = [0] * NORMAL

    def caller(number: int) -> None:
        while time.perf_counter() < ends_s:
            photo = new_photo(first + number + NORMAL * counts[number])
            stub.Ask(vqa_pb2.AskRequest(image_data=photo, question="what?"), timeout=30)
            counts[number] += 1

    callers = [threading.Thread(target=caller, args=(number,)) for number in range(NORMAL)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    return sum(counts) / seconds


ROUNDS = 3  # alone and beside the slow clients in turns, so that both are measured under the same conditions


def main() -> None:
    seconds = 2.0 if short_form() else 15.0
    alone: list[float] = []
    beside: list[float] = []
    with server_process(ROW_S) as (port, _), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        throughput(stub, 1.0, 10**8)
        for turn in range(ROUNDS):
            alone.append(throughput(stub, seconds, 2 * turn * 10**7))
            stopped = threading.Event()
            connections = slow_clients(port, stopped)
            beside.append(throughput(stub, seconds, (2 * turn + 1) * 10**7))
            stopped.set()
            for connection in connections:
                connection.close()
    kept = 100 * sum(beside) / sum(alone)
    said = f"{sum(beside) / ROUNDS:.1f}/s of {sum(alone) / ROUNDS:.1f}/s, {kept:.1f} %"
    promise("beside 500 slow clients", kept >= 90, said)


if __name__ == "__main__":
    main()
    end()
