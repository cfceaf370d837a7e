"""Assistants and servers on a random bundle, closed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from bundles import write_random_bundle
from server_rig import WAIT_S, MakeRig, MakeServed, Rig, Served, Shop

from asksight.engine import Bundle
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.server.observer import Observer
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2_grpc


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


@pytest.fixture(scope="session")
def reading() -> Iterator[LocalAssistant]:
    """One that reads: its models are opened once for all tests of a run."""
    with LocalAssistant.open("scenes", reader=True) as local:
        yield local


@pytest.fixture
def make_rig(bundle: Bundle) -> Iterator[MakeRig]:
    with ExitStack() as cleanup:

        def make(
            limits: Limits | None = None,
            *,
            of: Bundle = bundle,
            calls: int = 256,
            observer: Observer | None = None,
        ) -> Rig:
            shop = Shop(of)
            local = LocalAssistant(limits=limits, calls=calls, observer=observer)
            cleanup.callback(local.close, timeout_s=WAIT_S)
            cleanup.callback(shop.release)
            local.add_engines(of, shop.encoder, shop.answerer)
            return Rig(local, shop)

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()


@pytest.fixture
def make_served(make_rig: MakeRig) -> Iterator[MakeServed]:
    with ExitStack() as cleanup:

        def make(
            limits: Limits | None = None,
            *,
            calls: int = 256,
            observer: Observer | None = None,
            **options: Any,
        ) -> Served:
            """`options` are the server's."""
            rig = make_rig(limits, calls=calls, observer=observer)
            server = Server(rig.local, port=0, **options)
            port = server.start()
            cleanup.callback(server.stop, 0)
            cleanup.callback(rig.shop.release)
            channel = cleanup.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
            return Served(rig, server, port, channel, vqa_pb2_grpc.VqaServiceStub(channel))

        yield make


@pytest.fixture
def served(make_served: MakeServed) -> Served:
    return make_served()
