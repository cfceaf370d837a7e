"""The page in a real browser: photo in, question in, answer out, by keyboard, voice, paste and drop; shut to nobody."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from browser import overflows, violations
from page_visit import DESKTOP, NARROW, PHONE
from playwright.sync_api import Locator, Route, expect
from served import PHOTOS

from asksight.engine.bundle.about import CALIBRATED

SHAPES, STAR, DARK = (PHOTOS / f"{name}.jpg" for name in ("shapes", "star", "dark"))
RED = "What colour is the circle?"


def test_photo_and_question_in_answer_and_follow_up_out(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.ask_and_read(RED, "red")
    expect(tab.page.locator("#alternatives li").first).to_have_text(re.compile(r"red.*\d %"))
    tab.ask_and_read("What shape is the small blue thing?", "square")
    assert tab.replies[0]["imageId"] == hashlib.sha256(SHAPES.read_bytes()).hexdigest()  # sent byte for byte
    assert b'name="image_id"' in tab.posted[1]
    assert len(tab.posted[1]) < 2000  # the follow-up sends the photo's id alone
    assert tab.replies[1]["timings"]["featuresCached"]
    expect(tab.page.locator("#history li")).to_have_count(2)
    assert all(url.startswith(("http://127.0.0.1", "blob:")) for url in tab.requests)
    assert tab.complaints == []


def test_a_forgotten_photo_is_sent_again_by_itself(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.ask(RED, "red")
    gone = {"status": 404, "content_type": "application/problem+json", "body": '{"detail": "gone"}'}
    tab.next_ask(lambda route: route.fulfill(**gone))
    tab.ask("What shape is the small blue thing?", "square")
    assert [b'name="image_id"' in body for body in tab.posted] == [False, True, False]


def test_by_keyboard_alone(visit: Any) -> None:
    tab = visit()
    seen: list[str] = []
    for _ in range(13):
        tab.page.keyboard.press("Tab")
        seen.append(tab.page.evaluate("document.activeElement.id || document.activeElement.className"))
    samples = ["sample"] * 4
    assert seen[:10] == ["skip", "camera", "file", *samples, "question", "send", "voice"]
    with tab.page.expect_file_chooser() as chooser:
        tab.page.locator("#file").focus()
        tab.page.keyboard.press("Enter")
    chooser.value.set_files(SHAPES)
    expect(tab.page.locator("#question")).to_be_focused()  # the next thing to do
    tab.page.keyboard.type(RED)
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("status")).to_contain_text("red")
    tab.page.keyboard.type(
        "What shape is the small blue thing?"
    )  # replaces the first question, which is selected
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("status")).to_contain_text("square")


def test_spoken_aloud_on_request_and_asked_by_voice(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    tab.page.evaluate("(question) => { window.hears = question; }", RED)
    tab.page.get_by_role("button", name="Speak the question").click()
    expect(tab.page.get_by_role("status")).to_contain_text("red")
    assert tab.page.evaluate("window.said") == []
    tab.page.get_by_role("button", name="Say it aloud").click()
    assert "red" in tab.page.evaluate("window.said[0]").lower()
    tab.page.get_by_role("button", name="Say every answer aloud").click()
    tab.ask("What shape is the small blue thing?", "square")
    assert "square" in tab.page.evaluate("window.said.at(-1)").lower()
    tab.page.evaluate("() => { window.hears = null; }")
    tab.page.get_by_role("button", name="Speak the question").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("not heard")


def test_pasted_and_dropped(visit: Any) -> None:
    tab = visit()
    give = """([kind, data]) => {
      const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], kind + ".jpg", { type: "image/jpeg" }));
      const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
        : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    for kind, photo, said in (("paste", SHAPES, "red"), ("drop", STAR, None)):
        tab.page.evaluate(give, [kind, base64.b64encode(photo.read_bytes()).decode()])
        expect(tab.page.locator("#photo-name")).to_contain_text(f"{kind}.jpg")
        tab.ask(RED, said or re.compile("."))


def test_errors_are_told_and_nothing_is_lost(visit: Any, tmp_path: Path) -> None:
    tab = visit()
    alert = tab.page.get_by_role("alert")
    tab.page.get_by_role("button", name="Ask", exact=True).click()
    expect(alert).to_contain_text("no photo")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(SHAPES.read_bytes()[:300])
    tab.choose(broken)
    tab.page.get_by_label("What do you want to know?").fill(RED)
    tab.page.keyboard.press("Enter")
    expect(alert).to_contain_text("broken or cut short")
    tab.choose(SHAPES)
    expect(alert).to_be_hidden()
    tab.next_ask(lambda route: route.abort())
    tab.page.keyboard.press("Enter")
    expect(alert).to_contain_text("cannot be reached")
    expect(tab.page.locator("#question")).to_have_value(RED)
    tab.ask(RED, "red")


def test_after_a_question_that_failed_nothing_but_itself_is_about_the_question_before(visit: Any) -> None:
    tab = visit()
    alert = tab.page.get_by_role("alert")
    tab.choose(STAR)
    tab.ask("What is this?", "star")
    colour = "What colour is it?"
    for failing, then in (([colour], "pink"), (["What is the square?", colour], "I cannot tell")):
        for question in failing:
            tab.next_ask(lambda route: route.abort())
            tab.page.locator("#question").fill(question)
            tab.page.keyboard.press("Enter")
            expect(alert).to_contain_text("cannot be reached")
        tab.ask(colour, then)


def test_a_server_with_tokens_asks_for_one(visit: Any) -> None:
    tab = visit()
    tab.choose(SHAPES)
    needs = {
        "status": 401,
        "content_type": "application/problem+json",
        "body": '{"detail": "A token is needed."}',
    }

    def guard(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer secret":
            route.continue_()
        else:
            route.fulfill(**needs)

    tab.page.route("**/v1/ask", guard)
    tab.page.get_by_label("What do you want to know?").fill(RED)
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_label("Access token")).to_be_focused()
    assert violations(tab.page) == []
    tab.page.keyboard.insert_text("sécret")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("alert")).to_contain_text("a character that no token has")
    expect(tab.page.get_by_label("Access token")).to_be_focused()
    tab.page.get_by_label("Access token").fill("secret")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("status")).to_contain_text("red")


def test_it_says_what_is_served(visit: Any) -> None:
    tab = visit()
    about = tab.page.locator("#about")
    expect(about.locator("li")).to_have_count(0)
    tab.page.get_by_text("About this model").click()
    expect(about.locator("li").first).to_have_text(CALIBRATED)
    expect(about).to_contain_text("scenes")
    expect(about).to_contain_text("It chooses from 27 answers, such as yes, no, large,")
    assert violations(tab.page) == []
    assert not any("/v1/model?" in one for one in visit().requests)  # who does not ask for it loads nothing
    tab.page.route("**/v1/model?*", lambda route: route.abort())
    tab.page.get_by_text("About this model").click()
    tab.page.get_by_text("About this model").click()
    expect(about).to_contain_text("The server cannot be reached.")
    expect(about.locator("li")).to_have_count(0)


LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True},
    "narrow": {"viewport": NARROW},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
    "high-contrast": {"viewport": DESKTOP, "forced_colors": "active"},
    "more-contrast": {"viewport": DESKTOP, "contrast": "more"},
    # 400 % of a window 1280 px wide is one 320 px wide with letters of the same number of px.
    "zoom-400": {"viewport": {"width": 320, "height": 225}, "device_scale_factor": 4},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state_and_nothing_overflows(visit: Any, look: str, tmp_path: Path) -> None:
    tab = visit(**LOOKS[look])

    def fits(state: str) -> None:
        tab.picture(f"page-{look}-{state}")
        assert violations(tab.page) == [], state
        assert not overflows(tab.page), state

    fits("start")
    tab.choose(SHAPES)
    fits("photo")
    held: list[Route] = []
    tab.next_ask(held.append)
    tab.ask(RED, "Looking")
    fits("waiting")
    held[0].continue_()
    tab.ask(RED, "red")
    fits("answered")
    tab.ask("What colour is the heart?", "cannot tell")
    fits("cannot-tell")
    tab.choose(DARK)
    tab.ask("What is in the picture?", "dark")
    fits("coached")
    tab.ask("Is it safe to cross?", "cannot tell whether it is safe")
    expect(tab.page.locator("#others")).to_be_hidden()
    fits("not-made-for-it")
    broken = tmp_path / "a-photo-with-a-very-long-name-as-phones-give-them-20260101-120000.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    tab.choose(broken)
    tab.page.get_by_label("What do you want to know?").fill(RED)
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("alert")).to_be_visible()
    fits("failed")


@pytest.mark.parametrize("viewport", [NARROW, DESKTOP])
def test_the_documents_page_is_whole_and_open_to_all(
    visit: Any, viewport: dict[str, int], address: str
) -> None:
    tab = visit(viewport=viewport)
    tab.page.goto(f"{address}/docs")
    expect(tab.page.get_by_role("heading", name="POST /v1/ask")).to_be_visible()
    expect(tab.page.get_by_text("photoIssues.hint").first).to_be_visible()
    assert violations(tab.page) == []
    assert not overflows(tab.page)
    assert tab.complaints == []


@pytest.mark.parametrize("viewport", [NARROW, DESKTOP])
def test_each_way_to_ask_can_be_tried_on_the_documents_page(
    visit: Any, viewport: dict[str, int], address: str
) -> None:
    tab = visit(viewport=viewport)
    tab.page.goto(f"{address}/docs")

    def way(title: str) -> Locator:
        found: Locator = tab.page.locator("section").filter(
            has=tab.page.get_by_role("heading", name=title, exact=True)
        )
        return found

    def tried(title: str, status: int, said: str) -> None:
        way(title).get_by_role("button", name="Try").click()
        expect(way(title).get_by_role("status")).to_contain_text(f"It answered {status}")
        expect(way(title).locator("pre")).to_contain_text(said)

    ask = way("POST /v1/ask")
    ask.get_by_role("button", name="Try").click()
    expect(ask.get_by_role("status")).to_be_empty()  # the browser says that there is no question
    ask.get_by_label("question", exact=True).fill(RED)
    tried("POST /v1/ask", 400, "There is no photo")
    ask.get_by_label("image", exact=True).set_input_files(SHAPES)
    ask.get_by_label("locale").fill("es")
    tried("POST /v1/ask", 200, '"label": "red"')
    way("POST /v1/batch").get_by_label("image", exact=True).set_input_files(SHAPES)
    way("POST /v1/batch").get_by_label("question, one a line").fill(f"{RED}\nWhat is it?")
    tried("POST /v1/batch", 200, '"results"')
    way("GET /v1/model").get_by_role("textbox", name="model").fill("none")
    tried("GET /v1/model", 404, "No model 'none'")
    tried("GET /v1/models", 200, "scenes")
    tried("GET /v1/health/ready", 200, "ok")
    tab.page.get_by_label("Access token").fill("mine")
    with tab.page.expect_request("**/v1/models") as sent:
        way("GET /v1/models").get_by_role("button", name="Try").click()
    assert sent.value.headers["authorization"] == "Bearer mine"
    assert violations(tab.page) == []
    assert not overflows(tab.page)
    assert [one for one in tab.complaints if "status of" not in one] == []


def test_every_file_has_the_policy_that_lets_nothing_in(visit: Any, address: str) -> None:
    tab = visit()
    for url in {url for url in tab.requests if url.startswith(address) and "/v1/" not in url}:
        answer = tab.context.request.get(url)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
