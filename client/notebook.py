"""A reply as a notebook shows it: the photo where it is known, the answer, how likely each is; all of it escaped."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .results import Attention, Reply

WORTH_SHOWING = 0.005  # less is shown as 0 %
MOST_PHOTO_BYTES = 4 * 2**20  # a notebook keeps what it shows
DIMMED = 0.7  # how dark a cell is that nothing was looked at in
BAR = "background: #0072b2; height: 0.6em; border-radius: 0.2em; width:"


def as_html(reply: Reply, photo: bytes | None = None) -> str:
    """Give it as one element of HTML without scripts, that asks nobody for anything.

    `photo` is the file that was asked about; None: what `photo_path` has, if it is still that.
    """
    rows = "".join(
        f"<tr><td>{escape(one.label)}</td><td>{100 * one.probability:.0f} %</td>"
        f'<td style="width: 12em"><div style="{BAR} {100 * one.probability:.0f}%"></div></td></tr>'
        for one in reply.answers
        if one.probability >= WORTH_SHOWING
    )
    asked = f"<div><em>{escape(reply.question)}</em></div>" if reply.question else ""
    hints = "".join(
        f"<div>{escape(one.hint)}</div>" for one in reply.photo_issues if one.hint not in reply.spoken
    )
    return (
        f'<div class="asksight-reply">{_photo(reply, photo)}{asked}<div><strong>{escape(reply.spoken)}</strong></div>'
        f"<div>{escape(reply.verdict.value)}, by {escape(reply.model)}</div>{hints}"
        f"<table><tbody>{rows}</tbody></table></div>"
    )


def _photo(reply: Reply, data: bytes | None) -> str:
    """The photo as it was asked about, inside the page; nothing where it is gone, changed or large."""
    try:
        if data is None:
            with reply.photo_path.open("rb") if reply.photo_path else BytesIO() as file:
                data = file.read(MOST_PHOTO_BYTES + 1)
    except OSError:
        return ""
    if len(data) > MOST_PHOTO_BYTES or sha256(data).hexdigest() != reply.image_id:
        return ""
    source = f"data:image;base64,{b64encode(data).decode()}"
    shown = (
        f'<img src="{source}" alt="The photo that was asked about" style="max-height: 15em; max-width: 100%">'
    )
    if reply.attention is None:
        return shown
    return f'<div style="position: relative; display: inline-block">{shown}{_dimmed(reply.attention)}</div>'


def _dimmed(look: Attention) -> str:
    """A layer over the photo: the less a cell was looked at, the darker."""
    most = max(look.weights, default=0.0) or 1.0
    cells = "".join(
        f'<rect x="{place % look.columns}" y="{place // look.columns}" width="1" height="1" '
        f'opacity="{DIMMED * (1 - weight / most):.2f}"/>'
        for place, weight in enumerate(look.weights)
    )
    return (
        f'<svg role="img" aria-label="What the model looked at is bright" viewBox="0 0 {look.columns} {look.rows}" '
        'preserveAspectRatio="none" shape-rendering="crispEdges" '
        'style="position: absolute; left: 0; top: 0; width: 100%; height: 100%">'
        f"{cells}</svg>"
    )
