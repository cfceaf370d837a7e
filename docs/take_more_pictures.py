"""The gallery's pictures of a report and a terminal: `PYTHONPATH=tests python docs/take_more_pictures.py FOLDER`."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import browser
from rich.console import Console
from served import PHOTOS, shell_environment

from asksight.cli.output import reply_lines
from asksight.cli.show import in_terminal
from asksight.client import load

QUESTION = "What colour is the circle?"
WIDE, HIGH = 1100, 1500


def main(out: Path) -> None:
    """Write report.png, mistakes.png and terminal.png."""
    with tempfile.TemporaryDirectory() as folder:
        page = report(Path(folder))
        with browser() as chrome:
            tab = chrome.new_page(viewport={"width": WIDE, "height": HIGH})
            tab.goto(page.as_uri())
            tab.screenshot(path=out / "report.png")
            tab.locator("section:has(#mistakes)").screenshot(path=out / "mistakes.png")
            tab.set_content(terminal())
            tab.locator("svg").screenshot(path=out / "terminal.png")


def terminal() -> str:
    """What a terminal shows, in SVG."""
    photo = PHOTOS / "shapes.jpg"
    console = Console(
        file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor", width=80
    )
    with load("scenes") as client:
        client.ask(photo, QUESTION)  # the first ask takes longer
        reply = client.ask(photo, QUESTION, attention=True)
    console.print(f"$ asksight ask shapes.jpg '{QUESTION}' --show", markup=False, highlight=False)
    console.print("\n".join(reply_lines(reply)), markup=False, highlight=False)
    console.print(in_terminal(reply, photo.read_bytes(), console))
    return console.export_svg(title="asksight ask --show")


def report(folder: Path) -> Path:
    for arguments in (
        ["data", "scenes", "--out", "data", "--train", "0", "--val", "400", "--seed", "909"],
        ["report", "scenes", "--data", "data", "--out", "report.html"],
    ):
        subprocess.run(
            ["asksight", *arguments], cwd=folder, env=shell_environment(), check=True, capture_output=True
        )
    return folder / "report.html"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
