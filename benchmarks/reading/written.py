"""Things with text on them, drawn: signs, labels, receipts and screens, and what is written on each.

Fonts are Debian's: apt-get install fonts-dejavu-core fonts-liberation fonts-noto-core fonts-lato fonts-roboto-unhinted
fonts-open-sans fonts-crosextra-carlito fonts-freefont-ttf fonts-comic-neue fonts-inconsolata fonts-firacode
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Random = np.random.Generator

FONTS = Path("/usr/share/fonts")
ORDINARY = [
    "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansCondensed.ttf",
    "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf",
    "LiberationSansNarrow-Bold.ttf", "NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "NotoSerif-Regular.ttf",
    "NotoSansDisplay-Regular.ttf", "Lato-Regular.ttf", "Lato-Bold.ttf", "Lato-Light.ttf",
    "Roboto-Regular.ttf", "Roboto-Medium.ttf", "OpenSans-Regular.ttf", "OpenSans-SemiBold.ttf",
    "Carlito-Regular.ttf", "Carlito-Bold.ttf", "FreeSans.ttf", "FreeSerif.ttf", "ComicNeue-Bold.otf",
]  # fmt: skip
TILL = [
    "DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "Inconsolata.otf", "FiraCode-Regular.ttf",
    "FreeMono.ttf",
]  # fmt: skip

NAMES = [
    "Green Market", "Hill Bakery", "Café Müller", "City Library", "Blue Lagoon", "El Niño Tapas",
    "Nord Apotheke", "Station West", "Old Mill", "Garden Street", "Rosa's Kitchen", "Harbour Office",
    "Königsplatz", "Museum of Glass", "Corner Shop", "Fresh & Fast", "Valley Dairy", "Golden Grain",
    "Mountain Spring", "Sunny Farm", "Bella Pasta", "Nature's Best", "Happy Cow", "Swift Couriers",
    "Parkhaus Mitte",
]  # fmt: skip
NOTICES = [
    "Push bar to open", "No parking", "Emergency exit", "Please wait here", "Mind the step", "Staff only",
    "Wet floor", "Keep door closed", "Pull", "Ring the bell", "Way out", "Tickets and information",
    "Do not enter", "Fire extinguisher", "Dogs must be kept on a lead", "Closed on Mondays", "Quiet please",
    "Meeting point", "Lost property", "Bitte klingeln", "Ausgang", "Salida", "Cuidado con el perro",
    "Open Monday to Friday", "Authorised persons only", "Please take a number", "Lift out of order",
    "Reception on first floor",
]  # fmt: skip
GOODS = [
    "Apples", "Whole milk", "Brown bread", "Butter", "Olive oil", "Käse", "Orange juice", "Rice 1 kg",
    "Pasta", "Tomatoes", "Coffee", "Green tea", "Honey", "Jabón", "Toothpaste", "Bananas", "Yoghurt",
    "Eggs x10", "Potatoes", "Salt", "Sugar", "Chicken soup", "Peanut butter", "Crackers", "Mineral water",
]  # fmt: skip
SMALL_PRINT = [
    "Keep refrigerated after opening", "Store in a cool and dry place", "Shake well before use",
    "Ingredients: water, sugar, salt", "Net weight 500 g", "Contains nuts and milk", "Made in Portugal",
    "Suitable for vegetarians", "Rinse before use", "Serving suggestion", "Energy 250 kcal",
    "Cook for 12 minutes", "May contain traces of soya", "Produced for Golden Grain Ltd",
]  # fmt: skip
MESSAGES = [
    "Settings", "Battery is low", "Update available", "3 new messages", "Enter your PIN", "Connection lost",
    "Try again later", "Sign in", "Wi-Fi is turned off", "Download complete", "Are you sure?",
    "Your order has been sent", "Cancel", "Continue", "Storage almost full", "Meeting at 14:30",
    "Call from Anna", "Alarm 07:15", "Volume 60 %", "No network", "Restart to install",
    "Delivered yesterday",
]  # fmt: skip
MONTHS = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
]  # fmt: skip

INKS = ((20, 20, 20), (250, 250, 250), (250, 210, 60), (190, 30, 40), (30, 60, 140), (30, 110, 60))
GROUNDS = (
    (245, 245, 240),
    (25, 60, 120),
    (20, 100, 60),
    (230, 200, 60),
    (180, 35, 40),
    (40, 40, 44),
    (205, 190, 165),
)
LEAST_CONTRAST = 110  # of ink and ground, in grey levels


@dataclass
class Written:
    """A drawn thing, its rows of text from top to bottom, and questions with what is right to say."""

    kind: str
    picture: Image.Image
    rows: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)


@cache
def _files() -> dict[str, Path]:
    return {path.name: path for path in FONTS.rglob("*") if path.suffix in (".ttf", ".otf", ".ttc")}


def font(names: list[str], size_px: int, random: Random) -> ImageFont.FreeTypeFont:
    """One of those that are installed."""
    return ImageFont.truetype(str(_files()[one_font(names, random)[0]]), size_px)


def one_font(names: list[str], random: Random) -> list[str]:
    """The name of one that is installed, for several rows."""
    there = [name for name in names if name in _files()]
    return [there[random.integers(len(there))]]


def price(random: Random) -> str:
    return f"{random.integers(0, 40)}.{random.integers(0, 100):02d}"


def date(random: Random) -> str:
    day, month, year = random.integers(1, 29), random.integers(1, 13), random.integers(2025, 2030)
    forms = (
        f"{day:02d}.{month:02d}.{year}",
        f"{day:02d}/{month:02d}/{year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day:02d} {MONTHS[month - 1]} {year}",
    )
    return forms[random.integers(len(forms))]


def _one(choices: list[str], random: Random) -> str:
    return choices[random.integers(len(choices))]


def colours(random: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    while True:
        ink, ground = INKS[random.integers(len(INKS))], GROUNDS[random.integers(len(GROUNDS))]
        if abs(sum(ink) - sum(ground)) / 3 >= LEAST_CONTRAST:
            return ink, ground


class Page:
    """A surface that rows are written on, one below the other; what does not fit is made smaller."""

    def __init__(self, width: int, height: int, ink: tuple[int, ...], ground: tuple[int, ...]) -> None:
        self._picture = Image.new("RGB", (width, height), ground)
        self._draw = ImageDraw.Draw(self._picture)
        self._ink = ink
        self._margin = width // 14
        self._at = height // 14
        self.rows: list[str] = []

    @property
    def picture(self) -> Image.Image:
        """As much of it as is written on."""
        return self._picture.crop(
            (0, 0, self._picture.width, min(self._at + self._margin, self._picture.height))
        )

    def write(
        self, text: str, names: list[str], size_px: int, random: Random, *, right: str = "", gap: float = 1.5
    ) -> bool:
        """Write a row, perhaps with something at its right end; False where there is no room left."""
        chosen = font(names, size_px, random)
        room = self._picture.width - 2 * self._margin
        space = chosen.getlength("  " + right) if right else 0
        while chosen.getlength(text) + space > room:
            size_px = int(size_px * 0.9)
            chosen = chosen.font_variant(size=size_px)
            space = chosen.getlength("  " + right) if right else 0
        if self._at + 1.3 * size_px > self._picture.height:
            return False
        self._draw.text((self._margin, self._at), text, fill=self._ink, font=chosen)
        if right:
            end = self._picture.width - self._margin - chosen.getlength(right)
            self._draw.text((end, self._at), right, fill=self._ink, font=chosen)
        self.rows.append(f"{text} {right}".strip())
        self._at += int(gap * size_px)
        return True


def sign(random: Random) -> Written:
    """A few large words, perhaps a room's number."""
    page = Page(900, int(random.integers(420, 700)), *colours(random))
    size = int(random.integers(48, 96))
    notice = _one(NOTICES if random.random() < 0.6 else NAMES, random)
    asked = {}
    page.write(notice.upper() if random.random() < 0.3 else notice, ORDINARY, size, random)
    if random.random() < 0.5:
        number = str(random.integers(1, 999))
        if page.write(f"Room {number}", ORDINARY, int(size * 0.7), random):
            asked["What is the room number?"] = number
    for _ in range(random.integers(0, 3)):
        page.write(_one(NOTICES, random), ORDINARY, int(size * 0.5), random)
    return Written("sign", page.picture, page.rows, asked)


def label(random: Random) -> Written:
    """A name, small print, a date and perhaps a price."""
    page = Page(int(random.integers(700, 1000)), int(random.integers(600, 900)), *colours(random))
    size = int(random.integers(26, 40))
    asked = {}
    page.write(_one(NAMES, random), ORDINARY, 2 * size, random)
    page.write(_one(GOODS, random), ORDINARY, int(1.3 * size), random)
    for _ in range(random.integers(1, 5)):
        page.write(_one(SMALL_PRINT, random), ORDINARY, size, random)
    by = date(random)
    if page.write(
        _one(["Best before", "Use by", "EXP", "Best before end:"], random), ORDINARY, size, random, right=by
    ):
        asked["When does this expire?"] = by
    if random.random() < 0.6:
        cost = price(random)
        if page.write(f"€ {cost}", ORDINARY, int(1.5 * size), random):
            asked["How much does this cost?"] = cost
    return Written("label", page.picture, page.rows, asked)


def receipt(random: Random) -> Written:
    """Goods with prices, and their total."""
    page = Page(620, int(random.integers(700, 1000)), (30, 30, 30), (248, 248, 244))
    till = [TILL[random.integers(len(TILL))]]
    size = int(random.integers(24, 34))
    page.write(_one(NAMES, random), till, int(1.3 * size), random)
    page.write(
        date(random), till, size, random, right=f"{random.integers(8, 22):02d}:{random.integers(0, 60):02d}"
    )
    for _ in range(random.integers(2, 9)):
        page.write(_one(GOODS, random), till, size, random, right=price(random))
    asked, cost = {}, price(random)
    if page.write(_one(["TOTAL", "Total EUR", "SUMME"], random), till, int(1.2 * size), random, right=cost):
        asked["What is the total?"] = cost
    return Written("receipt", page.picture, page.rows, asked)


def screen(random: Random) -> Written:
    """A phone's or an appliance's."""
    dark = random.random() < 0.5
    ink, ground = ((235, 238, 240), (18, 20, 26)) if dark else ((28, 28, 30), (242, 244, 248))
    page = Page(int(random.integers(520, 900)), int(random.integers(480, 900)), ink, ground)
    size = int(random.integers(28, 44))
    page.write(_one(MESSAGES, random), ORDINARY, int(1.4 * size), random, gap=2.0)
    for _ in range(random.integers(1, 5)):
        page.write(_one(MESSAGES, random), ORDINARY, size, random, gap=2.0)
    return Written("screen", page.picture, page.rows)


KINDS: tuple[Callable[[Random], Written], ...] = (sign, label, receipt, screen)


def written(number: int, seed: int) -> tuple[Written, Random]:
    """The thing of that number, and the random numbers that go on with it."""
    random = np.random.default_rng((seed, number))
    return KINDS[number % len(KINDS)](random), random
