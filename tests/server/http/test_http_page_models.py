"""What the page offers to try: sample photos, and the models that are served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from browser import violations
from playwright.sync_api import expect

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ExitStack() as stack:
        local = stack.enter_context(LocalAssistant.open("scenes"))
        local.add("scenes", name="second")
        gateway = stack.enter_context(Gateway(local, Desk(local.assistant.admission), port=0))
        yield f"http://127.0.0.1:{gateway.port}"


def test_the_models_are_listed_the_default_first(address: str) -> None:
    answer = httpx.get(f"{address}/v1/models")
    assert answer.json() == {"models": ["scenes", "second"]}
    assert answer.headers["x-request-id"]


def test_a_sample_is_asked_about_with_the_model_that_is_chosen(visit: Any) -> None:
    tab = visit()
    tab.page.get_by_role("button", name="Shapes in a row").click()
    expect(tab.page.locator("#photo-name")).to_have_text("Photo 1: Shapes in a row. Ask about it below.")
    expect(tab.page.locator("#question")).to_be_focused()
    tab.page.get_by_label("Model", exact=True).select_option("second")
    assert violations(tab.page) == []
    tab.page.get_by_role("button", name="Ask", exact=True).click()
    expect(tab.page.get_by_role("status")).to_contain_text("3")
    tab.ask("Is there a small heart?", "yes")
    assert re.search(
        rb'name="model"\s+second\s', tab.posted[1]
    )  # the first holds a photo: not to be seen here
    with tab.page.expect_response("**/v1/model?model=second"):
        tab.page.get_by_text("About this model").click()
    with tab.page.expect_response("**/v1/model?model=scenes"):
        tab.page.get_by_label("Model", exact=True).select_option("scenes")


def test_a_sample_that_cannot_be_had_is_said(visit: Any) -> None:
    tab = visit()
    tab.page.route("**/page/samples/*", lambda route: route.abort())
    tab.page.get_by_role("button", name="A star").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("cannot be reached")
