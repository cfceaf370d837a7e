"""An assistant on a random bundle whose engines can be held, broken and counted, and a server in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import grpc
import pytest
from bundles import write_random_bundle

from asksight.engine import Bundle, FakeEngine, open_engine
from asksight.server.assistant import Assistant
from asksight.server.limits import Limits
from asksight.server.server import Server
from asksight.v1 import vqa_pb2_grpc

WAIT_S = 30.0  # for what comes at once; long, so that a slow machine fails no test


@dataclass(frozen=True)
class Rig:
    """An assistant whose engines are real ones behind fakes."""

    assistant: Assistant
    encoder: FakeEngine
    answerer: FakeEngine

    @property
    def encoded_rows(self) -> int:
        return sum(self.encoder.batch_sizes)

    @property
    def answered_rows(self) -> int:
        return sum(self.answerer.batch_sizes)


@dataclass(frozen=True)
class Served:
    """A rig behind a port of its own, and a channel to it."""

    rig: Rig
    server: Server
    port: int
    channel: grpc.Channel
    stub: vqa_pb2_grpc.VqaServiceStub


MakeRig = Callable[..., Rig]
MakeServed = Callable[..., Served]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


@pytest.fixture
def make_rig(bundle: Bundle) -> Iterator[MakeRig]:
    with ExitStack() as cleanup:

        def make(limits: Limits | None = None, *, of: Bundle = bundle) -> Rig:
            encoder, answerer = (_fake(path) for path in (of.encoder_path, of.answerer_path))
            assistant = Assistant(of, encoder=encoder, answerer=answerer, limits=limits)
            cleanup.callback(assistant.close, timeout_s=WAIT_S)
            cleanup.callback(release, encoder)
            cleanup.callback(release, answerer)
            return Rig(assistant, encoder, answerer)

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()


@pytest.fixture
def make_served(make_rig: MakeRig) -> Iterator[MakeServed]:
    with ExitStack() as cleanup:

        def make(limits: Limits | None = None, *, workers: int = 64) -> Served:
            rig = make_rig(limits)
            server = Server({"random": rig.assistant}, port=0, workers=workers)
            port = server.start()
            cleanup.callback(server.stop, 0)
            for engine in (rig.encoder, rig.answerer):
                cleanup.callback(release, engine)
            channel = cleanup.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
            return Served(rig, server, port, channel, vqa_pb2_grpc.VqaServiceStub(channel))

        yield make


@pytest.fixture
def served(make_served: MakeServed) -> Served:
    return make_served()


def _fake(path: Path) -> FakeEngine:
    real = open_engine("onnxruntime", path, max_batch=32, threads=1)
    return FakeEngine(real.spec, real.infer)


def hold(engine: FakeEngine) -> None:
    """Have every call wait inside the engine until `release`."""
    engine.entered.clear()
    engine.gate = Event()


def release(engine: FakeEngine) -> None:
    """Let the held calls go on, and later ones through."""
    if engine.gate is not None:
        engine.gate.set()
