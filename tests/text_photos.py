"""Photos with text on them, and lines as a reader finds them, for tests of reading."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from asksight.server.reading.found import Line

SIGN = (("GREEN MARKET", 110), ("Apples 2.49", 64), ("Room 214", 64), ("Best before 12.03.2027", 64))


def written(
    rows: Sequence[tuple[str, int]] = SIGN, *, turn: Image.Transpose | None = None, left: int = 90
) -> bytes:
    """A JPEG of a sign with rows of text, each of a size in pixels."""
    sign = Image.new("RGB", (1000, 750), (170, 180, 160))
    draw = ImageDraw.Draw(sign)
    top = 60
    for text, size_px in rows:
        draw.text((left, top), text, fill=(25, 30, 60), font=ImageFont.load_default(size_px))
        top += int(1.8 * size_px)
    if turn is not None:
        sign = sign.transpose(turn)
    file = BytesIO()
    sign.save(file, "JPEG", quality=85)
    return file.getvalue()


def line(
    text: str, left: float, top: float, *, width: float = 0.2, height: float = 0.04, **more: Any
) -> Line:
    """An upright line in a photo of 1000 x 1000 px, certain unless `more` says otherwise."""
    right, bottom = left + width, top + height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    given: dict[str, Any] = {"mean": 0.9999, "least": 0.9999, "height_px": 1000 * height} | more
    return Line(text=text, corners=corners, **given)
