"""Thousands of photos of a coloured disc, by every encoder that is installed: what Chromium shows is answered, rightly.

    pip install --no-deps --target build/odd_photos -r benchmarks/odd_photos/requirements.txt
    PYTHONPATH=benchmarks:build/odd_photos python -m odd_photos.show

Debian's packages of the commands are named in requirements.txt too. Prints a row an encoder, and each photo that
Chromium shows and the built-in bundle refuses or does not answer rightly; ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from asksight.client import Client, InvalidAskError, Verdict, load
from asksight.training.scenes.draw import RGB

from . import libraries, structures, tools
from .discs import disc

# What encoders fail with, each in its own way.
NOT_MADE = (
    subprocess.SubprocessError,
    OSError,
    ImportError,
    StopIteration,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
)
QUESTION = "What colour is the circle?"
SHOWN_AT_ONCE = 40
# Each file as a page shows it: the colour of its middle, or null. What was cut short is shown by <img> alone.
SHOW = """files => Promise.all(files.map(async file => {
    const address = URL.createObjectURL(new Blob([Uint8Array.from(atob(file), c => c.charCodeAt(0))]));
    const picture = new Image();
    const came = await new Promise(done => {
        picture.onload = () => done(true); picture.onerror = () => done(false); picture.src = address;
    });
    URL.revokeObjectURL(address);
    if (!came) return null;
    const width = picture.naturalWidth, height = picture.naturalHeight;
    const drawn = new OffscreenCanvas(width, height).getContext("2d");
    drawn.fillStyle = "white"; drawn.fillRect(0, 0, width, height);
    drawn.drawImage(picture, 0, 0);
    return [...drawn.getImageData(width >> 1, height >> 1, 1, 1).data.slice(0, 3)];
}))"""
NEAR = 120  # summed over red, green and blue: more is another colour than the disc's


class Made(NamedTuple):
    """A photo file, by whom it was made, and the disc's colour."""

    encoder: str
    way: int
    colour: str
    file: bytes


def made(count: int, seed: int, folder: Path) -> Iterator[Made]:
    """So many photos, each encoder's ways in turn; what cannot be made is said and left out."""
    chance = Random(seed)
    encoders = tools.makers() | libraries.makers() | structures.makers()
    ways = [(name, number, way) for name, each in encoders.items() for number, way in enumerate(each)]
    failed = set()
    for name, number, way in cycle(ways):
        if not count:
            return
        drawn = disc(chance)
        if (name, number) in failed:
            continue
        with tempfile.TemporaryDirectory(dir=folder) as own:
            try:
                file = way(drawn.picture, chance, Path(own))
            except NOT_MADE as error:
                failed.add((name, number))
                print(
                    f"not made: {name}, way {number}: {type(error).__name__} {str(error)[:100]}",
                    file=sys.stderr,
                )
                continue
        count -= 1
        yield Made(name, number, drawn.colour, file)


def near(pixel: list[int], colour: str) -> bool:
    """Whether that is the disc's colour, as far as an encoder may change it."""
    return sum(abs(a - b) for a, b in zip(RGB[colour], pixel, strict=True)) <= NEAR


def judge(client: Client, photo: Made) -> tuple[str, str]:
    """What became of a photo that Chromium shows, and what was said."""
    try:
        reply = client.ask(photo.file, QUESTION)
    except InvalidAskError as error:
        return "refused", str(error)
    if not reply.answers or reply.answers[0].label != photo.colour:
        return "wrong" if reply.verdict is Verdict.ANSWERED else "unsure, another first", reply.spoken
    return "right" if reply.verdict is Verdict.ANSWERED else "unsure, right first", reply.spoken


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--keep", type=Path, help="a folder for photos that fell")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    fell = 0
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome-stable"))))
    with sync_playwright() as playwright, load() as client, tempfile.TemporaryDirectory() as folder:
        page = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        ).new_page()
        photos = made(options.photos, options.seed, Path(folder))
        while some := list(islice(photos, SHOWN_AT_ONCE)):
            shown: list[Any] = page.evaluate(SHOW, [base64.b64encode(one.file).decode() for one in some])
            for photo, pixel in zip(some, shown, strict=True):
                row = counts[photo.encoder]
                row["made"] += 1
                if pixel is None or not near(pixel, photo.colour):
                    row["not shown" if pixel is None else "shown in another colour"] += 1
                    continue
                became, said = judge(client, photo)
                row[became] += 1
                if became not in ("right", "unsure, right first"):  # of that, the disc may be the reason
                    fell += 1
                    print(
                        f"{became}: {photo.encoder}, way {photo.way}, {photo.colour}: {said}", file=sys.stderr
                    )
                    if options.keep is not None:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        (options.keep / f"{fell}-{photo.encoder}-{photo.way}".replace(" ", "_")).write_bytes(
                            photo.file
                        )
    print(table(counts))
    return 1 if fell else 0


def table(counts: dict[str, Counter[str]]) -> str:
    """Markdown, an encoder a row."""
    columns = list(dict.fromkeys(("made", "right", *(key for row in counts.values() for key in row))))
    total: Counter[str] = sum(counts.values(), Counter())
    lines = ["| encoder | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, row in [*counts.items(), ("all", total)]:
        lines.append(f"| {name} | " + " | ".join(str(row[column] or "") for column in columns) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
