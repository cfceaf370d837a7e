"""One visit of the page in a browser, for tests of what a person sees, types, says and hears."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

PHONE, DESKTOP, NARROW = ({"width": w, "height": h} for w, h in ((390, 844), (1280, 900), (320, 568)))
SCREENSHOTS = os.environ.get(
    "ASKSIGHT_SCREENSHOTS"
)  # a folder: docs/take_pictures.sh takes the docs' pictures so

expect.set_options(timeout=15_000)  # ms; a busy machine takes its time over a page

# Stands for the browser's speech: what is said is kept, what is heard is told.
SPEECH = """
window.said = [];
speechSynthesis.speak = (utterance) => window.said.push(utterance.text);
window.webkitSpeechRecognition = window.SpeechRecognition = class {
  start() {
    setTimeout(() => {
      if (window.hears) {
        const result = [{ transcript: window.hears }];
        result.isFinal = true;
        this.onresult({ results: [result] });
      } else this.onerror({ error: "no-speech" });
      this.onend();
    });
  }
  stop() {}
};
"""


class Visit:
    """One tab on the page, which notes every request and every complaint of the browser."""

    def __init__(self, chrome: Browser, address: str, **options: Any) -> None:
        self.context: BrowserContext = chrome.new_context(**{"viewport": DESKTOP, **options})
        self.context.add_init_script(SPEECH)
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.posted: list[bytes] = []
        self.replies: list[dict[str, Any]] = []
        self.page.on("request", lambda request: self._note(request))
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)

    def _note(self, request: Any) -> None:
        self.requests.append(request.url)
        if request.method == "POST":
            self.posted.append(request.post_data_buffer or b"")

    def choose(self, photo: Path) -> None:
        self.page.locator("#file").set_input_files(photo)
        expect(self.page.locator("#photo-name")).to_contain_text(photo.name)

    def ask(self, question: str, said: str | re.Pattern[str]) -> None:
        self.page.locator("#question").fill(question)
        self.page.locator("#send").click()
        expect(self.page.get_by_role("status")).to_contain_text(said)

    def ask_and_read(self, question: str, said: str) -> None:
        """Ask, and keep the server's reply."""
        with self.page.expect_response("**/v1/ask") as answer:
            self.ask(question, said)
        self.replies.append(answer.value.json())

    def next_ask(self, do: Callable[[Route], object]) -> None:
        """Give the next ask to `do` instead of the server; later ones go through.

        The route stays: where one for a single time is taken away while another ask begins, Chromium may hold that
        ask for ever.
        """
        given: list[Route] = []

        def take(route: Route) -> None:
            if given:
                route.continue_()
            else:
                given.append(route)
                do(route)

        self.page.route("**/v1/ask", take)

    def picture(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)
