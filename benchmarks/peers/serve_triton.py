"""NVIDIA Triton through PyTriton: the model `vqa`, and `encode` and `answer` for callers that keep the features.

As its documentation recommends (https://triton-inference-server.github.io/pytriton/latest/inference_callables/ and
binding_configuration/): @batch, dynamic batching with the engine's largest batch and no queue delay (batches form while
the instance is busy; "for latency-bound use, begin with the default"). One instance, whose engine uses all cores:
several would share the cores, and each would hold the weights. Tensors are passed through shared memory.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from .work import LARGEST_BATCH, TOP_K, Answers, Constant, Vqa, arguments, work

LABELS = Tensor(name="labels", dtype=bytes, shape=(TOP_K,))
PROBABILITIES = Tensor(name="probabilities", dtype=np.float32, shape=(TOP_K,))
PHOTO = Tensor(name="photo", dtype=bytes, shape=(1,))
QUESTION = Tensor(name="question", dtype=bytes, shape=(1,))


def texts(questions: NDArray[Any]) -> list[str]:
    return [one.decode() for one in questions[:, 0]]


def arrays(answers: list[Answers]) -> dict[str, NDArray[Any]]:
    return {
        "labels": np.array([[label.encode() for label, _ in row] for row in answers], dtype=object),
        "probabilities": np.array([[value for _, value in row] for row in answers], np.float32),
    }


def main() -> None:
    given = arguments()
    served = work(given.work, given.bundle)
    engine = threading.Lock()  # `vqa`, `encode` and `answer` run one at a time, since each uses all cores

    @batch
    def vqa(photo: NDArray[Any], question: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with engine:
            return arrays(served(photo[:, 0].tolist(), texts(question)))

    config = TritonConfig(
        grpc_port=given.port,
        grpc_address="127.0.0.1",
        allow_http=False,
        allow_metrics=False,
        log_verbose=0,
    )
    settings = ModelConfig(max_batch_size=LARGEST_BATCH, batcher=DynamicBatcher())
    with Triton(config=config) as triton:
        triton.bind("vqa", vqa, inputs=[PHOTO, QUESTION], outputs=[LABELS, PROBABILITIES], config=settings)
        if not isinstance(served, Constant):
            assert isinstance(served, Vqa)
            bind_stages(triton, served, engine, settings)
        triton.serve()


def bind_stages(triton: Triton, served: Vqa, engine: threading.Lock, settings: ModelConfig) -> None:
    """Serve each stage as a model of its own."""

    @batch
    def encode(photo: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with engine:
            return {"features": served.encode(photo[:, 0].tolist())}

    @batch
    def answer(features: NDArray[Any], question: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with engine:
            return arrays(served.answer(features, texts(question)))

    features = Tensor(name="features", dtype=np.float32, shape=(-1,))
    triton.bind("encode", encode, inputs=[PHOTO], outputs=[features], config=settings)
    triton.bind(
        "answer", answer, inputs=[features, QUESTION], outputs=[LABELS, PROBABILITIES], config=settings
    )


if __name__ == "__main__":
    main()
