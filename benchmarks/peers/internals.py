"""Everything that the peers' benchmark uses of AskSight's internals; the server is imported only where needed.

The interpreters of the other peers have only `ext`, `photos` and `engine`: no server, and often no protobuf.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle, Engine, FakeEngine, load_bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.engine.runtimes.warm import warm_within
from asksight.ext import WordTable
from asksight.photos.decode import check_photo, decode
from asksight.photos.input import PhotoInput
from asksight.photos.limits import PhotoLimits

LARGEST_BATCH = 32

__all__ = ["Bundle", "Engine", "load_bundle"]


def open_stages(bundle: Bundle, threads: int | None) -> tuple[Engine, Engine]:
    """The encoder and the answerer in float32 on onnxruntime, warmed up, as the server opens them."""
    engines = []
    for path in (bundle.encoder_path, bundle.answerer_path):
        engine = OnnxRuntimeEngine(path, max_batch=LARGEST_BATCH, threads=threads)
        warm_within(engine, LARGEST_BATCH)
        engines.append(engine)
    return engines[0], engines[1]


def word_table(bundle: Bundle) -> WordTable:
    """Questions → vectors [N, T, D] and lengths [N]."""
    return WordTable(**bundle.word_table)


def picture_maker(bundle: Bundle) -> Callable[[bytes], NDArray[Any]]:
    """A function from a photo file's bytes to the encoder's input [H, W, 3]."""
    wanted = PhotoInput.of(bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing)
    limits = PhotoLimits()

    def picture(photo: bytes) -> NDArray[Any]:
        return wanted(decode(photo, check_photo(photo, limits), smallest_px=wanted.smallest_px))["image"]

    return picture


def constant_engines(bundle: Bundle) -> tuple[Engine, Engine]:
    """Engines with the bundle's input and output shapes that compute nothing."""
    encoder, answerer = open_stages(bundle, threads=1)
    features = np.zeros((LARGEST_BATCH, *bundle.feature_shape), np.float32)
    logits = np.zeros((LARGEST_BATCH, len(bundle.answers)), np.float32)
    logits[:, 0] = 8
    return (
        FakeEngine(encoder.spec, lambda arrays: {"features": features[: len(arrays["image"])]}),
        FakeEngine(answerer.spec, lambda arrays: {"logits": logits[: len(arrays["lengths"])]}),
    )


def serve_constant(port: int, *, wire_only: bool) -> None:
    """Run `asksight serve` with engines that compute nothing; with `wire_only`, the assistant does nothing either.

    Everything else runs as usual: admission, limits, log, metrics, and (unless `wire_only`) the photo's hash, the
    cache, the batcher, the words, the probabilities and the sentence.
    """
    from asksight.engine.plans.pick import Chosen
    from asksight.server import local
    from asksight.server.asks import Ask
    from asksight.server.core.assistant import Assistant
    from asksight.server.running.serving import serve
    from asksight.server.running.settings import Settings
    from asksight.v1 import vqa_pb2

    def engines(bundle: Bundle, *_: Any, **__: Any) -> tuple[Callable[[], Chosen], Callable[[], Chosen]]:
        encoder, answerer = constant_engines(bundle)
        return lambda: Chosen(engine=encoder), lambda: Chosen(engine=answerer)

    vars(local)["bundle_engines"] = engines
    if wire_only:
        response = vqa_pb2.AskResponse(
            answers=[vqa_pb2.Answer(label=f"answer {one}", probability=0.5**one) for one in range(1, 6)]
        )

        async def ask(_: Assistant, __: Ask) -> vqa_pb2.AskResponse:
            return response

        type.__setattr__(Assistant, "ask", ask)
    serve(Settings(model=("scenes",), port=port, calls_per_caller=0), print)


def serve_command(python: str, bundle: Path, port: int, engine: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment of `asksight serve`. Load limits are off, since the other peers have none."""
    command = [python, "-P", "-c", "from asksight.cli.main import main; main()", "serve", "--port", str(port)]
    command += ["--model", str(bundle), "--engine", engine, "--calls-per-caller", "0", "--no-watch"]
    return command, {"ASKSIGHT_LONGEST_WAIT_S": "120", **os.environ}


def fill_cache(entries: int, numbers: int) -> tuple[Any, list[str]]:
    """The server's feature cache with `entries` photos of `numbers` numbers each, and their ids."""
    from asksight.server.core.cache import Encoded, PhotoCache

    cache = PhotoCache[Encoded](2**62)
    keys = [f"{number:064x}" for number in range(entries)]
    for key in keys:
        cache.remember(key, Encoded(np.frombuffer(bytes(4 * numbers), np.float32), ()))
    return cache, keys
