"""A bare grpc.aio server: coroutines, AskSight's messages, one ask at a time through the engine, nothing else.

As grpcio's performance guide recommends (https://grpc.io/docs/guides/performance/, Python): asyncio may be faster than
threads. Computation runs in a separate thread, so that the event loop stays free; the constant is answered in the loop.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .work import Constant, Work, arguments, work


class Service(vqa_pb2_grpc.VqaServiceServicer):
    """Answers Ask."""

    def __init__(self, answer: Work) -> None:
        self._answer = answer
        self._engine = ThreadPoolExecutor(1)

    async def Ask(self, request: vqa_pb2.AskRequest, context: Any) -> vqa_pb2.AskResponse:  # noqa: N802
        photos, questions = [request.image_data], [request.question]
        if isinstance(self._answer, Constant):
            (answers,) = self._answer(photos, questions)
        else:
            loop = asyncio.get_running_loop()
            (answers,) = await loop.run_in_executor(self._engine, self._answer, photos, questions)
        return vqa_pb2.AskResponse(
            answers=[vqa_pb2.Answer(label=label, probability=value) for label, value in answers]
        )


async def serve() -> None:
    given = arguments()
    server = grpc.aio.server()
    service = Service(work(given.work, given.bundle))  # type: ignore[abstract]  # the rest is UNIMPLEMENTED
    vqa_pb2_grpc.add_VqaServiceServicer_to_server(service, server)
    server.add_insecure_port(f"127.0.0.1:{given.port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
