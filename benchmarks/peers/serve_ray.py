"""Ray Serve behind its gRPC proxy, with AskSight's messages.

As its documentation recommends (https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html, grpc-guide.html
and performance.html): `serve.batch` up to the engine's largest batch; RAY_SERVE_THROUGHPUT_OPTIMIZED for throughput;
one replica with all cores, since each of several would hold the weights.
"""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.config import gRPCOptions

from asksight.v1 import vqa_pb2

from .work import CALLERS, LARGEST_BATCH, Answers, arguments, work

CORES = len(os.sched_getaffinity(0))


@serve.deployment(
    max_ongoing_requests=4 * CALLERS,
    ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(CORES)}}},
)
class Vqa:
    """Answers Ask."""

    def __init__(self, kind: str, bundle: Path) -> None:
        self._answer = work(kind, bundle)
        self._engine = ThreadPoolExecutor(1)

    async def Ask(self, request: vqa_pb2.AskRequest) -> vqa_pb2.AskResponse:  # noqa: N802
        answers = await self.batch(request.image_data, request.question)
        return vqa_pb2.AskResponse(
            answers=[vqa_pb2.Answer(label=label, probability=value) for label, value in answers]
        )

    @serve.batch(max_batch_size=LARGEST_BATCH, batch_wait_timeout_s=0.0)
    async def batch(self, photos: list[bytes], questions: list[str]) -> list[Answers]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._engine, self._answer, photos, questions)


def main() -> None:
    given = arguments()
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, configure_logging=False)
    options = gRPCOptions(
        port=given.port,
        grpc_servicer_functions=["asksight.v1.vqa_pb2_grpc.add_VqaServiceServicer_to_server"],
    )
    serve.start(grpc_options=options, http_options={"location": "NoServer"})
    deployment: Any = Vqa  # the decorator has made a deployment of the class
    serve.run(deployment.bind(given.work, given.bundle))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()


if __name__ == "__main__":
    main()
