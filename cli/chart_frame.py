"""What the SVG charts of `bench` and `plan` have in common: colours, a grid with its numbers, names, the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import typer

WIDTH, HEIGHT = 720, 440
TOP, BOTTOM = 64, 56
STYLE = """
  svg { background: #fff; color: #222; font: 13px system-ui, sans-serif }
  text { fill: currentColor } .small { font-size: 11px } .title { font-weight: 600 }
  .grid { stroke: #ddd } .axis { stroke: currentColor }
  polyline { fill: none; stroke-width: 2 } .p99 polyline { stroke-dasharray: 6 3 }
  .p50 polyline { stroke: #0b6bcb } .p50 circle { fill: #0b6bcb }
  .p99 polyline { stroke: #c2410c } .p99 circle { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181d; color: #e6e6e6 } .grid { stroke: #3a3d44 }
    .p50 polyline { stroke: #6cb6ff } .p50 circle { fill: #6cb6ff }
    .p99 polyline { stroke: #ff9d66 } .p99 circle { fill: #ff9d66 }
  }
"""


def check_picture(picture: Path | None) -> None:
    """Raise typer's BadParameter where no file can be written, before anything is measured for it."""
    if picture is not None and not picture.absolute().parent.is_dir():
        raise typer.BadParameter(f"{picture.parent} is no folder.", param_hint="--picture")
    if picture is not None and picture.is_dir():
        raise typer.BadParameter(f"{picture} is a folder; name a file.", param_hint="--picture")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A chart's sides, in pixels, and how a value's place between its axis' ends is told, 0 to 1."""

    left: int
    right: int
    across: Callable[[float], float]
    up: Callable[[float], float]

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return self.left + (WIDTH - self.left - self.right) * self.across(value)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self.up(value)

    def grid(
        self, title: str, xs: Sequence[float], ys: Sequence[float], *, names: tuple[str, str], form: str
    ) -> Iterator[str]:
        """The title, a line for each tick with its number in a `form` of Python's, and what the axes are of."""
        yield f'<text class="title" x="{self.left}" y="24">{escape(title)}</text>'
        for tick in xs:
            at = f"{self.x(tick):.1f}"
            yield f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            yield f'<text x="{at}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{tick:{form}}</text>'
        for tick in ys:
            down = self.y(tick)
            yield f'<line class="grid" x1="{self.left}" x2="{WIDTH - self.right}" y1="{down:.1f}" y2="{down:.1f}"/>'
            yield f'<text x="{self.left - 8}" y="{down + 4:.1f}" text-anchor="end">{tick:{form}}</text>'
        yield f'<path class="axis" fill="none" d="M{self.left} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - self.right}"/>'
        across, middle = (self.left + WIDTH - self.right) / 2, (TOP + HEIGHT - BOTTOM) / 2
        yield f'<text x="{across}" y="{HEIGHT - 14}" text-anchor="middle">{names[0]}</text>'
        yield f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{names[1]}</text>'


def svg(title: str, said: str, parts: Iterable[str]) -> str:
    """The file: what screen readers say of it, its style and its parts."""
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    named = f"<title>{escape(title)}</title><desc>{escape(said)}</desc>"
    return "\n".join([begin, named, f"<style>{STYLE}</style>", *parts, "</svg>", ""])
