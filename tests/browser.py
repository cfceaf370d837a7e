"""Chromium through Playwright, as a person's browser would be, and axe-core to look for what shuts people out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from served import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def chromium() -> str:
    """Where a Chromium is; a sentence about what to install where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "The page's tests need Chromium: apt-get install chromium, or another that is on the PATH."
    assert AXE.exists(), "The page's tests need axe-core: npm install"
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser that asks nobody on its own account."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=[*QUIET, "--disable-sync"])
        try:
            yield opened
        finally:
            opened.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now: WCAG 2.2 A to AAA, and its best practices."""
    # Through the debugger, since the page's own policy lets no foreign script in.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    found: Any = page.evaluate(
        "axe.run({resultTypes: ['violations'], rules: {'color-contrast-enhanced': {enabled: true}}})"
    )
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
        for one in found["violations"]
    ]


def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
