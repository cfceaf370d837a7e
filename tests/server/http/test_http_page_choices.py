"""The newest choice counts, in whatever order photos are chosen, prepared and asked about; what is no photo is said.

ASKSIGHT_PAGE_ORDERS=50 runs fifty random orders instead of two.
"""

from __future__ import annotations

import base64
import io
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import violations
from page_visit import DESKTOP, NARROW, PHONE, Visit
from PIL import Image
from playwright.sync_api import expect
from served import PHOTOS

SHAPES = PHOTOS / "shapes.jpg"
QUESTION = "What colour is the circle?"
ORDERS = int(os.environ.get("ASKSIGHT_PAGE_ORDERS", "2"))
SLOWER = 6  # times, as a cheap phone's processor is


@pytest.fixture(scope="module")
def big_blue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene with a blue circle for its red one, of more bytes than are sent as they are."""
    with Image.open(SHAPES) as shapes:
        large = shapes.convert("RGB").resize((1300, 1300))
    pixels = np.asarray(large)[..., ::-1].astype(np.int16)
    noise = np.random.default_rng(0).normal(0, 5, pixels.shape)
    path = tmp_path_factory.mktemp("photos") / "blue.png"
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path, compress_level=1)
    assert path.stat().st_size > 3_000_000
    return path


def slowed(tab: Visit) -> Visit:
    session = tab.context.new_cdp_session(tab.page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return tab


def press(tab: Visit) -> None:
    tab.page.get_by_role("button", name="Ask", exact=True).click()


def sent_photo(tab: Visit, ask: Callable[[], object]) -> bytes:
    """The photo that goes over with an ask; the browser does not show the bodies of blobs that a page has made."""
    tab.page.evaluate(
        """() => {
          const append = FormData.prototype.append;
          FormData.prototype.append = function (name, value, ...more) {
            if (name === "image") window.sent = value;
            return append.call(this, name, value, ...more);
          };
        }"""
    )
    ask()
    return bytes(tab.page.evaluate("async () => [...new Uint8Array(await window.sent.arrayBuffer())]"))


def rows(tab: Visit) -> list[str]:
    """The history, oldest first."""
    return list(reversed(tab.page.locator("#history li").all_inner_texts()))


def test_an_ask_waits_for_the_photo_that_is_being_prepared(visit: Any, big_blue: Path) -> None:
    tab = slowed(visit())
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    tab.page.locator("#file").set_input_files(big_blue)
    press(tab)
    expect(tab.page.get_by_role("status")).to_contain_text("blue")
    assert [row.split(":")[0] for row in rows(tab)] == ["Photo 1", "Photo 2"]
    assert ["Red" in rows(tab)[0], "Blue" in rows(tab)[1]] == [True, True]


def test_a_photo_that_is_prepared_later_does_not_win_over_a_newer_one(visit: Any, big_blue: Path) -> None:
    tab = slowed(visit())
    tab.page.locator("#file").set_input_files(big_blue)
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    # All that the browser had to do for the older one is done: it has drawn what it was given.
    tab.page.evaluate("async () => { await new Promise((resolve) => setTimeout(resolve)); }")
    expect(tab.page.locator("#photo-name")).to_contain_text("shapes.jpg")
    tab.ask(QUESTION, "red")


@pytest.mark.parametrize("order", range(ORDERS))
def test_in_any_order_answers_are_about_the_newest_photo(visit: Any, big_blue: Path, order: int) -> None:
    chance = random.Random(order)
    tab = slowed(visit())
    tab.page.get_by_label("What do you want to know?").fill(QUESTION)
    said = {SHAPES: "red", big_blue: "blue"}
    newest: Path | None = None
    for _ in range(6):
        step = chance.choice(["choose", "choose", "paste", "drop", "ask", "ask", "moment"])
        if step in ("choose", "paste", "drop"):
            newest = chance.choice([SHAPES, big_blue])
            hand_over(tab, step, newest)
        elif step == "ask" and newest is not None:
            press(tab)
        else:
            tab.page.evaluate("() => new Promise(requestAnimationFrame)")
    newest = newest or big_blue
    hand_over(tab, chance.choice(["choose", "paste", "drop"]), newest)
    press(tab)
    expect(tab.page.get_by_role("status")).to_contain_text(re.compile(r"red|blue"))
    expect(tab.page.get_by_role("status")).to_contain_text(said[newest])
    expect(tab.page.locator("#photo-name")).to_contain_text(newest.name)
    assert tab.complaints == []


def give(tab: Visit, how: str, name: str, data: bytes, kind: str) -> None:
    """Paste or drop a file."""
    tab.page.evaluate(
        """([how, name, data, kind]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: kind }));
          document.body.dispatchEvent(how === "paste"
            ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
            : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [how, name, base64.b64encode(data).decode(), kind],
    )


def hand_over(tab: Visit, how: str, photo: Path) -> None:
    """Choose, paste or drop a photo."""
    if how == "choose":
        tab.page.locator("#file").set_input_files(photo)
    else:
        give(
            tab, how, photo.name, photo.read_bytes(), "image/png" if photo.suffix == ".png" else "image/jpeg"
        )


@pytest.mark.parametrize("how", ["choose", "camera", "paste", "drop"])
def test_what_is_no_photo_is_refused_at_once_whatever_way_it_came(visit: Any, how: str) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.page.get_by_label("What do you want to know?").fill(QUESTION)
    alert = tab.page.get_by_role("alert")
    for name, data, kind, why in (
        ("notes.txt", b"Milk, bread", "text/plain", "is no photo"),
        ("photo.jpg", b"Milk, bread", "image/jpeg", "is no photo"),
        ("nothing.jpg", b"", "image/jpeg", "is empty"),
    ):
        if how in ("paste", "drop"):
            give(tab, how, name, data, kind)
        else:
            field = "#file" if how == "choose" else "#camera"
            tab.page.locator(field).set_input_files([{"name": name, "mimeType": kind, "buffer": data}])
        expect(alert).to_contain_text(f"“{name}” {why}")
        expect(alert).to_contain_text("you ask about photo 1")
        expect(tab.page.locator("#photo-name")).to_contain_text("Photo 1: shapes.jpg")
        assert tab.posted == []
    assert violations(tab.page) == []
    press(tab)
    expect(tab.page.get_by_role("status")).to_contain_text("red")


def test_an_ask_that_waits_for_what_is_no_photo_asks_nothing(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.page.get_by_label("What do you want to know?").fill(QUESTION)
    tab.page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["Milk"], "notes.txt", { type: "text/plain" }));
          const given = { dataTransfer: transfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", given));
          document.getElementById("ask").requestSubmit();
        }"""
    )
    expect(tab.page.get_by_role("alert")).to_contain_text("notes.txt")
    expect(tab.page.locator("#send")).not_to_have_attribute("aria-disabled", "true")
    assert tab.posted == []


def test_other_kinds_of_picture_that_the_browser_reads_are_sent_as_jpeg(visit: Any, tmp_path: Path) -> None:
    tab = visit()
    gif = tmp_path / "shapes.gif"
    with Image.open(SHAPES) as shapes:
        shapes.convert("P").save(gif)
    tab.choose(gif)
    assert sent_photo(tab, lambda: tab.ask(QUESTION, "red"))[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(("size", "sent"), [((9000, 1500), (2048, 341)), ((1080, 12000), (256, 2844))])
def test_what_is_large_on_one_side_only_is_made_smaller(
    visit: Any, tmp_path: Path, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    tab = visit()
    photo = tmp_path / "long.jpg"
    Image.new("RGB", size, (200, 30, 30)).save(photo, quality=60)
    assert photo.stat().st_size < 3_000_000
    tab.choose(photo)
    data = sent_photo(tab, lambda: tab.ask(QUESTION, re.compile(r"\w\.")))
    with Image.open(io.BytesIO(data)) as came:
        assert came.size == sent


def test_the_history_outlives_a_reload_until_it_is_forgotten(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    before = rows(tab)
    tab.page.reload()
    expect(tab.page.locator("#history li")).to_have_count(1)
    assert rows(tab) == before
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    assert [row.split(":")[0] for row in rows(tab)] == ["Photo 1", "Photo 2"]
    tab.page.get_by_role("button", name="Forget it now").click()
    tab.page.reload()
    expect(tab.page.locator("#history li")).to_have_count(0)
    assert visit().page.locator("#history li").count() == 0  # another tab's


def test_on_a_phone_the_answer_comes_into_view_and_into_focus(visit: Any) -> None:
    tab = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    expect(tab.page.locator("#answer-title")).to_be_focused()
    expect(tab.page.locator("#spoken")).to_be_in_viewport(ratio=1)
    tab.next_ask(lambda route: route.abort())
    tab.page.evaluate("scrollTo(0, 0)")
    press(tab)
    expect(tab.page.get_by_role("alert")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("window", [NARROW, PHONE, DESKTOP])
def test_what_is_missing_is_said_where_it_is_to_be_given(visit: Any, window: Any) -> None:
    tab = visit(viewport=window, locale="de")
    alert = tab.page.get_by_role("alert")

    def said_below(field: str) -> None:
        expect(tab.page.locator(field)).to_be_focused()
        for shown in (tab.page.locator(field), alert):
            expect(shown).to_be_in_viewport(ratio=0.99)  # pixels are not whole

    asking = tab.page.locator("#send")
    tab.page.locator("#question").fill(QUESTION)
    asking.click()
    said_below("#file")
    tab.choose(SHAPES)
    tab.page.locator("#question").fill("")
    asking.click()
    said_below("#question")
    needs = {"status": 401, "content_type": "application/problem+json", "body": '{"detail": "A token."}'}
    tab.page.route("**/v1/*", lambda route: route.fulfill(**needs))
    tab.page.locator("#question").fill(QUESTION)
    asking.click()
    said_below("#token")
    assert violations(tab.page) == []
    tab.page.unroute("**/v1/*")
    tab.page.locator("#token").fill("right")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#spoken")).to_contain_text("Red", ignore_case=True)
    expect(alert).to_be_hidden()


def test_an_answer_has_the_language_that_it_is_in(visit: Any) -> None:
    tab = visit(locale="de-CH")
    tab.choose(SHAPES)
    tab.ask(QUESTION, "red")
    expect(tab.page.locator("#spoken")).to_have_attribute("lang", "de")
    expect(tab.page.locator("#history li p")).to_have_attribute("lang", "de")
    french = visit(locale="fr")
    french.choose(SHAPES)
    french.ask(QUESTION, "red")
    expect(french.page.locator("#spoken")).to_have_attribute("lang", "en")  # what the server answers in


def test_nobody_is_told_of_headers(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    needs = {
        "status": 401,
        "content_type": "application/problem+json",
        "body": '{"detail": "Send it as `authorization: Bearer TOKEN`."}',
    }
    tab.page.route("**/v1/*", lambda route: route.fulfill(**needs))
    tab.page.get_by_label("What do you want to know?").fill(QUESTION)
    press(tab)
    expect(tab.page.get_by_role("alert")).to_contain_text("only those who have an access token")
    tab.page.get_by_label("Access token").fill("wrong")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("alert")).to_contain_text("does not know that access token")
    tab.page.get_by_text("About this model").click()
    expect(tab.page.locator("#about-name")).to_contain_text("access token")
    assert "Bearer" not in tab.page.content()
