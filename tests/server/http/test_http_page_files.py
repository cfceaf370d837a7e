"""The page stays small, and asks nobody outside for anything."""

from __future__ import annotations

import re

from served import ROOT

PAGE = ROOT / "server" / "http" / "page"


def test_the_page_is_under_60_kb_and_docs_which_it_does_not_load_under_8() -> None:
    sizes = {path.name: path.stat().st_size for path in PAGE.iterdir()}
    docs = sum(size for name, size in sizes.items() if name.startswith("docs."))
    assert sum(sizes.values()) - docs < 60_000
    assert docs < 8_000


def test_nothing_in_it_comes_from_outside() -> None:
    for path in PAGE.iterdir():
        outside = set(re.findall(r"https?://[^\"' )]+", path.read_text(encoding="utf-8")))
        assert outside <= {"http://www.w3.org/2000/svg"}, path.name


def test_nothing_in_it_is_inline() -> None:
    for path in PAGE.glob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=", html), path.name
