"""A bare grpcio server: threads, AskSight's messages, one ask at a time through the engine, nothing else.

As grpcio's performance guide recommends (https://grpc.io/docs/guides/performance/, Python): unary calls, since
"streaming RPCs create extra threads", and a thread for each concurrent call. The engine runs one call at a time with
all cores: two at once would share the cores and take twice the memory.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .work import CALLERS, Work, arguments, work


class Service(vqa_pb2_grpc.VqaServiceServicer):
    """Answers Ask."""

    def __init__(self, answer: Work) -> None:
        self._answer = answer
        self._engine = Lock()

    def Ask(self, request: vqa_pb2.AskRequest, context: grpc.ServicerContext) -> vqa_pb2.AskResponse:  # noqa: N802
        with self._engine:
            (answers,) = self._answer([request.image_data], [request.question])
        return vqa_pb2.AskResponse(
            answers=[vqa_pb2.Answer(label=label, probability=value) for label, value in answers]
        )


def main() -> None:
    given = arguments()
    server = grpc.server(ThreadPoolExecutor(CALLERS))
    service = Service(work(given.work, given.bundle))  # type: ignore[abstract]  # the rest is UNIMPLEMENTED
    vqa_pb2_grpc.add_VqaServiceServicer_to_server(service, server)
    server.add_insecure_port(f"127.0.0.1:{given.port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
