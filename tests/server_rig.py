"""An assistant whose engines can be held, broken and counted, and a server in front of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2_grpc
from waiting import WAIT_S as WAIT_S
from waiting import until as until

from asksight.engine import Bundle, EngineError, FakeEngine
from asksight.engine.plans.pick import Chosen
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.server.core.assistant import Assistant
from asksight.server.core.model import Model
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2_grpc

T = TypeVar("T")


class Shop:
    """Opens engines, real ones behind fakes, another at each opening; an encoder's opening can be held, or fail."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.encoders: list[FakeEngine] = []
        self.answerers: list[FakeEngine] = []
        self.open_now = Event()
        self.open_now.set()
        self.broken = False

    def encoder(self) -> Chosen:
        assert self.open_now.wait(WAIT_S)
        if self.broken:
            raise EngineError("There is no card.")
        self.encoders.append(fake_engine(self._bundle.encoder_path))
        return Chosen(engine=self.encoders[-1])

    def answerer(self) -> Chosen:
        self.answerers.append(fake_engine(self._bundle.answerer_path))
        return Chosen(engine=self.answerers[-1])

    def release(self) -> None:
        """Let everybody go on who is held anywhere."""
        self.open_now.set()
        for engine in (*self.encoders, *self.answerers):
            release(engine)


@dataclass(frozen=True)
class Rig:
    """An assistant in a loop of its own, and its engines."""

    local: LocalAssistant
    shop: Shop

    @property
    def assistant(self) -> Assistant:
        """The one in the loop; what changes is to be looked at by `look`."""
        return self.local.assistant

    @property
    def model(self) -> Model:
        return self.assistant.models[""]

    @property
    def encoder(self) -> FakeEngine:
        """The first one."""
        return self.shop.encoders[0]

    @property
    def answerer(self) -> FakeEngine:
        return self.shop.answerers[0]

    @property
    def encoded_rows(self) -> int:
        return sum(sum(one.batch_sizes) for one in self.shop.encoders)

    @property
    def answered_rows(self) -> int:
        return sum(sum(one.batch_sizes) for one in self.shop.answerers)

    def look(self, see: Callable[[], T]) -> T:
        """What it says in the loop, between two turns."""

        async def seen() -> T:
            return see()

        return self.local.thread.run(seen())

    @property
    def waiting_photos(self) -> int:
        """How many wait for the encoder, without those that it has."""
        return self.look(lambda: self.model.encoder.waiting)

    @property
    def shares(self) -> list[int]:
        """How many wait for each photo that is being made."""
        return self.look(lambda: [len(one.awaited_by) for one in self.model.photos.in_flight.values()])

    @property
    def left(self) -> dict[str, int]:
        """What calls have left behind; see `NOTHING`."""
        admission, decoders, model = self.assistant.admission, self.assistant.decoders, self.model
        return self.look(
            lambda: {
                "calls": admission.calls,
                "asks": admission.asks,
                "bytes": admission.size_bytes,
                "photos": len(model.photos.in_flight),
                "decodings": decoders.waiting + decoders.taken_bytes,
                "rows": model.encoder.waiting + model.answerer.waiting,
            }
        )


NOTHING = dict.fromkeys(("calls", "asks", "bytes", "photos", "decodings", "rows"), 0)


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


def fake_engine(path: Path) -> FakeEngine:
    """The real engine of a graph, behind a fake."""
    real = OnnxRuntimeEngine(path, max_batch=32, threads=1)
    return FakeEngine(real.spec, real.infer)


def hold(engine: FakeEngine) -> None:
    """Have every call wait inside the engine until `release`."""
    engine.entered.clear()
    engine.gate = Event()


def release(engine: FakeEngine) -> None:
    """Let the held calls go on, and later ones through."""
    if engine.gate is not None:
        engine.gate.set()


def health_stub(channel: grpc.Channel) -> Any:
    """The health service's stub, which ships no types."""
    return health_pb2_grpc.HealthStub(channel)
