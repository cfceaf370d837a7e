"""The page in the browser's language: every word, at every width, with the answer in view; shut to nobody."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from browser import overflows, violations
from page_visit import DESKTOP, NARROW, PHONE
from playwright.sync_api import expect
from served import PHOTOS, ROOT

from asksight.server.reply.spoken import LANGUAGES

PAGE = ROOT / "server" / "http" / "page"
TITLES = {"en": "3. Answer", "de": "3. Antwort", "es": "3. Respuesta", "hi": "3. जवाब"}
BROWSERS = {"en": "en-GB", "de": "de-CH", "es": "es-MX", "hi": "hi-IN"}
LOOKS: dict[str, dict[str, Any]] = {
    "narrow": {"viewport": NARROW, "has_touch": True, "is_mobile": True},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": DESKTOP},
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("look", LOOKS)
def test_an_answer_is_in_view_and_in_the_language_of_the_page(visit: Any, look: str, language: str) -> None:
    tab = visit(**LOOKS[look], locale=BROWSERS[language], reduced_motion="reduce")
    expect(tab.page.locator("#answer-title")).to_have_text(TITLES[language])
    tab.choose(PHOTOS / "shapes.jpg")
    tab.ask("What colour is the circle?", "red")
    expect(tab.page.locator("#alternatives li").first).to_be_visible()
    spoken = tab.page.locator("#spoken")
    expect(spoken).to_be_in_viewport(ratio=1)
    expect(tab.page.locator("html")).to_have_attribute("lang", language)
    expect(spoken).to_have_attribute("lang", language)
    focused = "question" if look == "desktop" else "answer-title"
    expect(tab.page.locator(f"#{focused}")).to_be_focused()
    tab.picture(f"page-{look}-{language}")
    assert violations(tab.page) == []
    assert not overflows(tab.page)
    assert tab.complaints == []


def test_the_first_language_of_the_browser_that_is_there_is_taken(visit: Any) -> None:
    tab = visit(locale="fr")
    tab.context.add_init_script("Object.defineProperty(navigator, 'languages', {value: ['fr-CH', 'de-CH']})")
    tab.page.reload()
    expect(tab.page.locator("html")).to_have_attribute("lang", "de")
    tab.page.locator("#send").click()
    expect(tab.page.get_by_role("alert")).to_have_attribute("lang", "de")


def test_what_the_server_says_of_an_error_is_marked_as_english(visit: Any) -> None:
    tab = visit(locale="de")
    tab.page.locator("#file").set_input_files(PHOTOS / "shapes.jpg")
    tab.page.locator("#question").fill("What is this?")
    tab.next_ask(lambda route: route.fulfill(status=400, json={"detail": "The photo is too small."}))
    tab.page.locator("#send").click()
    expect(tab.page.get_by_role("alert")).to_have_attribute("lang", "en")
    expect(tab.page.get_by_role("alert")).to_have_text("The photo is too small.")


def sentences() -> set[str]:
    """All that the page says in English, in its HTML and its scripts."""
    html = re.sub(r"<noscript>.*</noscript>", "", (PAGE / "index.html").read_text(encoding="utf-8"))
    html = re.sub(r'<span lang="en">.*?</span>', "<br>", html)  # an example in the models' own language
    said = {text.strip() for text in re.findall(r">([^<>]+)<", html)}
    said |= set(re.findall(r'(?:aria-label|alt)="([^"]+)"', html))
    for script in PAGE.glob("*.js"):
        code = script.read_text(encoding="utf-8")
        if not script.name.startswith("words-"):
            said |= set(re.findall(r'(?:say|refusal)\((?:file, )?"([^"]+)"', code))
    return said - {"", "AskSight"}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_sentence_is_there_in_every_language_and_no_other(language: str) -> None:
    code = (PAGE / f"words-{language}.js").read_text(encoding="utf-8")
    words = json.loads(re.sub(r",\s*}", "}", code.partition("words = ")[2].rstrip().rstrip(";")))
    assert set(words) == sentences()
    for english, said in words.items():
        assert sorted(re.findall(r"\{\w+\}", said)) == sorted(re.findall(r"\{\w+\}", english)), english
