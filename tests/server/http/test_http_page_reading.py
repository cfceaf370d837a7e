"""What is written in a photo, over HTTP and on the page: shown line by line, spoken, copied; shut to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import overflows, violations
from page_visit import NARROW
from playwright.sync_api import expect
from text_photos import SIGN, written

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant

ROWS = [text for text, _ in SIGN]


@pytest.fixture(scope="module")
def address(reading: LocalAssistant) -> Iterator[str]:
    with Gateway(reading, Desk(reading.assistant.admission), port=0) as gateway:
        yield f"http://127.0.0.1:{gateway.port}"


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    path = tmp_path / "sign.jpg"
    path.write_bytes(written())
    return path


def test_json_has_each_line_with_its_place(address: str, sign: Path) -> None:
    answer = httpx.post(
        f"{address}/v1/ask",
        files={"image": sign.read_bytes()},
        data={"question": "Read this", "locale": "de"},
        timeout=60,
    ).json()
    assert answer["spoken"].startswith("Da steht")
    lines = answer["textLines"]
    assert [line["text"] for line in lines] == ROWS
    assert all(0 < line["confidence"] <= 1 for line in lines)
    assert sorted(lines[0]["box"]) == ["height", "left", "top", "width"]
    assert httpx.get(f"{address}/v1/model").json()["readsText"]


def test_the_page_shows_says_and_copies_what_is_written(visit: Any, sign: Path) -> None:
    tab = visit()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.choose(sign)
    tab.ask("What is the price?", "2.49")
    lines = tab.page.locator("#written-lines li span:first-child")
    expect(lines).to_have_text(ROWS)
    expect(tab.page.locator("#others")).to_be_hidden()
    tab.page.get_by_role("button", name="Say it aloud").click()
    assert "2.49" in tab.page.evaluate("window.said[0]")
    tab.page.get_by_role("button", name="Copy the text").click()
    expect(tab.page.locator("#copied")).to_have_text("Copied.")
    assert tab.page.evaluate("navigator.clipboard.readText()") == "\n".join(ROWS)
    assert violations(tab.page) == []
    tab.page.set_viewport_size(NARROW)
    assert not overflows(tab.page)
    tab.ask("What colour is the sign?", "I have not learned")
    expect(tab.page.locator("#written")).to_be_hidden()
    assert [one for one in tab.complaints if "404" not in one] == []  # read only, it was to be sent again


def test_where_nothing_can_be_copied_the_text_is_selected(visit: Any, sign: Path) -> None:
    tab = visit()
    tab.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    tab.choose(sign)
    tab.ask("What does this say?", "GREEN MARKET")
    tab.page.get_by_role("button", name="Copy the text").click()
    expect(tab.page.locator("#copied")).to_contain_text("copy it now")
    assert "GREEN MARKET" in tab.page.evaluate("getSelection().toString()")
