"""What is told beside an answer, in JSON and on the page: what is unlike, and what a question was taken for."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest
from http_rig import problem
from playwright.sync_api import expect
from served import PHOTOS

from asksight.engine import load_bundle
from asksight.engine.bundle.about import about

SHAPES, STAR = (PHOTOS / f"{name}.jpg" for name in ("shapes", "star"))
QUESTIONS = "I have not learned about questions like this one."


@pytest.fixture
def http(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield client


def in_json(http: httpx.Client, question: str, **fields: str) -> httpx.Response:
    photo = base64.b64encode(STAR.read_bytes()).decode()
    return http.post("/v1/ask", json={"imageData": photo, "question": question, **fields})


def test_json_says_what_is_unlike(http: httpx.Client) -> None:
    strange = in_json(http, "What time is it?").json()
    assert (strange["verdict"], strange["unfamiliar"]) == ("VERDICT_UNSURE", ["UNFAMILIAR_QUESTION"])
    assert strange["spoken"] == QUESTIONS
    assert in_json(http, "What is this?").json()["unfamiliar"] == []


def test_json_and_forms_take_the_question_before(http: httpx.Client) -> None:
    first = in_json(http, "What is this?").json()
    assert (first["answers"][0]["label"], first["questionMeant"]) == ("star", "")
    before = {"previous_question": "What is this?", "previous_answer": "star"}
    camel = {"previousQuestion": "What is this?", "previousAnswer": "star"}
    form = {"image_id": first["imageId"], "question": "And what colour is it?", **before}
    replies = [
        in_json(http, "And what colour is it?", **camel).json(),
        in_json(http, "And what colour is it?", **before).json(),
        http.post("/v1/ask", files={name: (None, value) for name, value in form.items()}).json(),
    ]
    for reply in replies:
        assert reply["questionMeant"] == "what colour is the star?"
        assert reply["answers"][0]["label"] == "pink"
    again = in_json(http, "Say that again.", **before).json()
    assert (again["spoken"], again["questionMeant"]) == (first["spoken"], "What is this?")
    assert in_json(http, "Spell it!", **before).json()["spoken"] == "star: s, t, a, r."
    doubted = in_json(http, "Are you sure?", **before).json()
    assert doubted["spoken"] == "I am fairly sure, but I can be wrong: star."
    alone = in_json(http, "Say that again.").json()
    assert (alone["questionMeant"], alone["verdict"]) == ("", "VERDICT_UNSURE")


def test_what_is_taken_for_another_question_is_checked_like_any(http: httpx.Client) -> None:
    strange = in_json(http, "Repeat that.", previousQuestion="What time is it?").json()
    assert (strange["spoken"], strange["unfamiliar"]) == (QUESTIONS, ["UNFAMILIAR_QUESTION"])
    spelled = in_json(http, "Spell it.", previousQuestion="What breed is the dog?").json()
    assert spelled["spoken"] == QUESTIONS  # nothing that is not answered is spelled
    medicine = in_json(http, "Say that again", previousQuestion="Which pill is this?").json()
    assert medicine["missingSkill"] == "SKILL_MEDICINE"


def test_a_question_before_that_cannot_be_asked_is_named(http: httpx.Client) -> None:
    for bad in ("x" * 1001, "what\u0000", " "):
        told = problem(in_json(http, "Again?", previousQuestion=bad), 400)
        assert told["errors"][0]["field"] == "previous_question"


def test_what_was_answered_before_is_bounded_and_each_is_called_by_its_name(http: httpx.Client) -> None:
    told = problem(in_json(http, "Again?", previousQuestion="x" * 1001), 400)
    assert told["detail"].startswith("previous_question has 1001 characters")
    for before in ("What is this?", ""):
        told = problem(in_json(http, "Again?", previousQuestion=before, previousAnswer="y" * 1001), 400)
        assert told["errors"][0]["field"] == "previous_answer"
        assert "at most 1000" in told["detail"]


def test_the_page_says_what_is_unlike(visit: Any) -> None:
    tab = visit()
    tab.choose(STAR)
    tab.ask("What time is it?", QUESTIONS)
    expect(tab.page.locator("#sure")).to_be_hidden()  # the sentence says it all
    tab.page.locator("#about summary").click()
    known = about(load_bundle("scenes"))[1]
    assert known.startswith("It knows photos like 2,000 known ones, of 96 px or more,")
    expect(tab.page.locator("#about-lines")).to_contain_text(known)


def test_the_page_sends_the_turn_before_for_as_long_as_the_photo_stays(visit: Any) -> None:
    tab = visit()
    tab.choose(STAR)
    tab.ask("What is this?", "star")
    expect(tab.page.locator("#meant")).to_be_hidden()
    tab.ask("And what colour is it?", "pink")
    expect(tab.page.locator("#meant")).to_have_text("I took that as: what colour is the star?")
    tab.ask("Spell it.", "p, i, n, k")  # the last answer, also where its question was taken for another
    tab.ask("What shape is the star?", re.compile("."))
    expect(tab.page.locator("#meant")).to_be_hidden()
    tab.choose(SHAPES)
    tab.ask("And what colour is it?", re.compile("."))
    assert b"previous_question" not in tab.posted[-1]
    assert tab.complaints == []
