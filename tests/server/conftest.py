"""Assistants and servers on a random bundle, closed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from bundles import write_random_bundle
from server_rig import WAIT_S, MakeRig, MakeServed, Rig, Served, fake_engine, release

from asksight.engine import Bundle
from asksight.server.assistant import Assistant
from asksight.server.limits import Limits
from asksight.server.server import Server
from asksight.v1 import vqa_pb2_grpc


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


@pytest.fixture
def make_rig(bundle: Bundle) -> Iterator[MakeRig]:
    with ExitStack() as cleanup:

        def make(limits: Limits | None = None, *, of: Bundle = bundle) -> Rig:
            encoder, answerer = (fake_engine(path) for path in (of.encoder_path, of.answerer_path))
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
