"""The HTTP face in front of a server on a random bundle, on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from browser import browser
from http_rig import MakeWeb, Web
from page_visit import Visit
from playwright.sync_api import Browser
from server_rig import MakeRig, release

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant


@pytest.fixture
def make_web(make_rig: MakeRig) -> Iterator[MakeWeb]:
    with ExitStack() as cleanup:

        def make(limits: Limits | None = None) -> Web:
            rig = make_rig(limits)
            gateway = Gateway(rig.local, Desk(rig.local.assistant.admission), port=0)
            address = f"http://127.0.0.1:{gateway.start()}"
            cleanup.callback(gateway.stop, 1)
            for engine in (rig.encoder, rig.answerer):
                cleanup.callback(release, engine)
            http = cleanup.enter_context(httpx.Client(base_url=address, timeout=30, trust_env=False))
            return Web(rig, gateway, http, address)

        yield make


@pytest.fixture
def web(make_web: MakeWeb) -> Web:
    return make_web()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ExitStack() as stack:
        local = stack.enter_context(LocalAssistant.open("scenes"))
        gateway = stack.enter_context(Gateway(local, Desk(local.assistant.admission), port=0))
        yield f"http://127.0.0.1:{gateway.port}"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def visit(chrome: Browser, address: str) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(**options: Any) -> Visit:
            made = Visit(chrome, address, **options)
            stack.callback(made.context.close)
            return made

        yield make
