"""Where the model looked, on the page: the rest is dark while the button is pressed, on the photo that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import overflows, violations
from page_visit import NARROW
from playwright.sync_api import expect
from served import PHOTOS

from asksight.server.access.calls import Desk
from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant

# How dark it is over the middle of the circle and over the lower right corner, 0 to 255.
DARK = """() => {
  const canvas = document.getElementById("looked");
  const at = (x, y) => canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3];
  return [at(0.19, 0.3), at(0.99, 0.99)];
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with (
        LocalAssistant.open("scenes") as local,
        Gateway(local, Desk(local.assistant.admission), port=0) as gateway,
    ):
        yield f"http://127.0.0.1:{gateway.port}"


def test_the_rest_of_the_photo_is_dark_while_the_button_is_pressed(visit: Any) -> None:
    tab = visit()
    looked, button = tab.page.locator("#looked"), tab.page.get_by_role("button", name="Show where it looked")
    expect(button).to_be_hidden()
    tab.choose(PHOTOS / "shapes.jpg")
    tab.ask("What colour is the circle?", "red")
    expect(looked).to_be_hidden()
    button.click()
    expect(looked).to_be_visible()
    on_it, elsewhere = tab.page.evaluate(DARK)
    assert on_it < 60
    assert elsewhere > 150
    assert looked.bounding_box() == tab.page.locator("#preview").bounding_box()
    assert violations(tab.page) == []
    tab.page.set_viewport_size(NARROW)
    assert not overflows(tab.page)
    tab.picture("page-looked")
    button.click()
    expect(looked).to_be_hidden()


def test_it_goes_with_its_photo_and_its_question(visit: Any) -> None:
    tab = visit()
    looked, button = tab.page.locator("#looked"), tab.page.get_by_role("button", name="Show where it looked")
    tab.choose(PHOTOS / "shapes.jpg")
    tab.ask("What colour is the circle?", "red")
    button.click()
    tab.choose(PHOTOS / "star.jpg")
    expect(looked).to_be_hidden()
    expect(button).to_be_hidden()
    tab.ask("What is this?", "star")
    expect(looked).to_be_visible()  # still pressed
