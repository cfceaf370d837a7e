"""docs/follow.py follows all pages, each block as it stands; what is left out is there, and has a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import follow
import pytest
from served import ROOT


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[follow.Reader]:
    clone = tmp_path / "clone"
    clone.mkdir()
    made = follow.Reader(tmp_path, clone)
    yield made
    made.stop()


def block(code: str) -> follow.Block:
    return follow.Block("page.md", 1, "sh", code, Counter())


def test_all_pages_are_followed_and_what_is_left_out_is_there() -> None:
    assert {page.name for page in follow.pages()} == {
        "README.md",
        *(one.name for one in ROOT.glob("docs/*.md")),
    }
    assert follow.unused() == []
    pages = {page.name: follow.blocks(page) for page in follow.pages()}
    for name in ("README.md", "curl.md", "python.md", "training.md", "tls.md", "scale.md"):
        assert any(one.code.strip() for one in pages[name]), name


def test_commands_stand_in_blocks_that_are_followed() -> None:
    """A block without a language is no command, or else a command that measures for hours."""
    for page in follow.pages():
        for code in follow.bare_blocks(page):
            first = code.strip().split(maxsplit=1)[0]
            assert first not in ("asksight", "pip", "python", "curl"), f"{page.name}: {code}"


def test_commands_that_measure_are_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "    nice -n 5 make bench\n\n    a: header\n\n```\nmake soak  # hours\n```\n\n```sh\npython x.py\n```\n"
    )
    assert follow.measured(page) == ["nice -n 5 make bench", "make soak  # hours"]


def test_lines_are_left_out_whole_with_their_reason() -> None:
    code = "a one \\\n  two\nb three\na four\n"
    assert follow.without({"a": "far away"}, code) == ("b three\n", Counter({"far away": 2}))


def test_a_block_runs_to_its_end_and_one_that_fails_says_what_it_printed(reader: follow.Reader) -> None:
    assert reader.follow(block("touch made\n")) is None
    assert (reader.clone / "made").exists()
    said = reader.follow(block("echo before\nfalse | true\necho after\n"))
    assert said is not None
    assert said.split() == ["before"]


def test_a_server_stays_until_the_next_one_or_the_end_of_the_page(reader: follow.Reader) -> None:
    serves = "# asksight serve\ntrap 'echo gone >> ended; exit' TERM\necho Serving all\nsleep 60 & wait\n"
    for _ in range(2):
        assert reader.follow(block(serves)) is None
    assert (reader.clone / "ended").read_text("utf-8").split() == ["gone"]
    assert reader.follow(block("test $(wc -l < ended) = 1\n")) is None
    reader.stop()
    assert (reader.clone / "ended").read_text("utf-8").split() == ["gone", "gone"]


@pytest.mark.slow
def test_every_page_can_be_followed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "docs" / "follow.py"],
        env={**os.environ, "PYTHONPATH": f"{ROOT}/tests:{ROOT}/benchmarks"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
