"""`asksight ask --show`: the photo with its answer, in a terminal that has colours, else as a page in a browser."""

from __future__ import annotations

import io
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segments

    from asksight.client import Reply

UPPER_HALF = "▀"  # its colour is the upper pixel's, its background the lower one's
WIDEST, HIGHEST = 64, 24  # characters
COLOURS = ("256", "truecolor")


def show(reply: Reply, photo: bytes) -> None:
    """Show the photo; where the model looked, if the reply says so, is bright and the rest dark."""
    from rich.console import Console

    console = Console()
    if takes_pictures(console):
        try:
            console.print(in_terminal(reply, photo, console))
        except OSError:  # it is cut short, which the server takes
            console.print("The photo is not whole, and cannot be shown here.")
    else:
        page = written_page(reply, photo)
        opened = webbrowser.open(page.as_uri())
        console.print(f"{'Shown' if opened else 'To be seen'} in {page}", markup=False, highlight=False)


def takes_pictures(console: Console) -> bool:
    """Whether half blocks become a picture there: it has colours that nobody forbade, and an encoding with blocks."""
    try:
        UPPER_HALF.encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return console.is_terminal and console.color_system in COLOURS and not console.no_color


def in_terminal(reply: Reply, photo: bytes, console: Console) -> Segments:
    """The photo in half blocks, two pixels a character."""
    import numpy as np
    from rich.color import Color
    from rich.segment import Segment, Segments
    from rich.style import Style

    from asksight.photos.preview import preview

    look = reply.attention
    looked = None if look is None else np.array(look.weights).reshape(look.rows, look.columns)
    picture = preview(io.BytesIO(photo), (min(WIDEST, console.width), 2 * HIGHEST), looked)
    pixels = np.asarray(picture)
    shown = []
    for upper, lower in zip(pixels[::2], (*pixels[1::2], pixels[-1]), strict=False):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            style = Style.from_color(Color.from_rgb(*above), Color.from_rgb(*below))
            shown.append(Segment(UPPER_HALF, style))
        shown.append(Segment.line())
    return Segments(shown)


def written_page(reply: Reply, photo: bytes) -> Path:
    """A page of its own, in a file that stays: whoever looks at it closes it."""
    from asksight.client.notebook import as_html

    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="asksight-", suffix=".html", delete=False
    ) as file:
        file.write(
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>AskSight</title>'
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; """
            """style-src 'unsafe-inline'"></head>"""
            f'<body style="font-family: sans-serif">{as_html(reply, photo)}</body></html>\n'
        )
    return Path(file.name)
