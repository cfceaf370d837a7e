"""LitServe: HTTP, JSON with the photo in base64, JSON back.

As its documentation recommends (https://lightning.ai/docs/litserve/features/batching and /scale): batches up to the
engine's largest, without waiting; on a CPU one worker per core, with one thread each; as many API servers as workers;
`fast_queue` (ZeroMQ) for high loads. FastAPI evaluates the annotations, so this file does not postpone them.
"""

import base64
import os
from pathlib import Path
from typing import Any

import litserve
from fastapi import Request

from .work import LARGEST_BATCH, Answers, arguments, work

CORES = len(os.sched_getaffinity(0))


class Api(litserve.LitAPI):
    """Answers POST /predict."""

    def __init__(self, kind: str, bundle: Path) -> None:
        super().__init__(max_batch_size=LARGEST_BATCH, batch_timeout=0.0)
        self._kind = kind
        self._bundle = bundle

    def setup(self, device: str) -> None:
        self._answer = work(self._kind, self._bundle, threads=1)

    def decode_request(self, request: Request) -> tuple[bytes, str]:
        asked: Any = request  # LitServe gives the parsed JSON
        return base64.b64decode(asked["photo"]), asked["question"]

    def batch(self, inputs: list[tuple[bytes, str]]) -> list[tuple[bytes, str]]:
        return inputs

    def predict(self, x: list[tuple[bytes, str]]) -> list[Answers]:
        return self._answer([photo for photo, _ in x], [question for _, question in x])

    def unbatch(self, output: list[Answers]) -> list[Answers]:
        return output

    def encode_response(self, output: Answers) -> dict[str, Any]:
        return {"answers": output}


if __name__ == "__main__":
    given = arguments()
    server = litserve.LitServer(
        Api(given.work, given.bundle),
        accelerator="cpu",
        workers_per_device=CORES,
        fast_queue=True,
        timeout=False,
    )
    server.run(
        host="127.0.0.1",
        port=given.port,
        num_api_servers=CORES,
        generate_client_file=False,
        log_level="warning",
    )
