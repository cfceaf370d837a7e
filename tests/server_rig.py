"""An assistant whose engines can be held, broken and counted, and a server in front of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc

from asksight.engine import FakeEngine, open_engine
from asksight.server.assistant import Assistant
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


def fake_engine(path: Path) -> FakeEngine:
    """The real engine of a graph, behind a fake."""
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


def until(true: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < ends_s
        time.sleep(0.002)  # between two looks; nothing tells of it


def health_stub(channel: grpc.Channel) -> Any:
    """The health service's stub, which ships no types."""
    return health_pb2_grpc.HealthStub(channel)
