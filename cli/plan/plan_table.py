"""A plan as a table for people and as fields for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .machines import Demand, Need
from .queueing import Machine

NAMES = ("asks/s", "found", "machines", "busy", "p50 ms", "p99 ms", "an hour", "a million")
HOT = "{rate:,.0f} asks/s: {share:.1f} machines' worth of a region's are about its most popular photo."
FEW = (
    "No hash of photos divides them. Bound the load of each server at the proxy (docs/scale.md): others then have to "
    "see that photo too."
)


def lines(machine: Machine, demand: Demand, needs: Sequence[Need]) -> Iterator[str]:
    """What was taken for true, the table, and what it does not say."""
    popularity = demand.popularity
    yield (
        f"One machine answers {machine.asks_per_s(0.0):,.0f} asks a second about new photos, or "
        f"{machine.asks_per_s(1.0):,.0f} follow-ups, and keeps {demand.cached_photos:,.0f} photos."
    )
    yield (
        f"{popularity.own:.0%} of visits are about a photo of one's own, the others choose among "
        f"{popularity.photos:,.0f} (Zipf, {popularity.zipf:g}); {popularity.follow_ups:g} follow-ups a visit, "
        f"{popularity.pause_s:g} s apart."
    )
    way = "by photo" if demand.by_photo else "in turn"
    limit = "" if demand.p99_ms is None else f", p99 within {demand.p99_ms:g} ms"
    yield (
        f"{_count(demand.regions, 'region')}, asks placed {way}, {demand.spare} to spare in each; "
        f"no machine over {demand.at_most:.0%} busy{limit}."
    )
    yield ""
    yield "".join(f"{name:>12}" for name in NAMES)
    for one in needs:
        cells = [
            f"{one.asks_per_s:,.0f}",
            f"{one.found.share:.1%}",
            f"{one.machines:,}",
            f"{one.busy:.0%}",
            f"{one.latency.p50_ms:,.1f}",
            f"{one.latency.p99_ms:,.1f}",
            _price(one.price_an_hour),
            _price(one.price_a_million),
        ]
        yield "".join(f"{cell:>12}" for cell in cells)
    yield ""
    yield "Found: asks whose photo's features are remembered. Latency: at the busiest machine, the spare ones gone."
    hot = [one for one in needs if demand.by_photo and one.hot_photo > demand.at_most]
    for one in hot:
        yield "Note: " + HOT.format(rate=one.asks_per_s, share=one.hot_photo)
    if hot:
        yield "      " + FEW


def fields(machine: Machine, demand: Demand, needs: Sequence[Need]) -> dict[str, Any]:
    """The same as plain fields."""
    return {
        "machine": asdict(machine),
        "demand": asdict(demand),
        "needs": [_finite(asdict(one)) for one in needs],
    }


def _finite(said: dict[str, Any]) -> dict[str, Any]:
    keeps_s = said["found"]["keeps_s"]
    said["found"]["keeps_s"] = None if keeps_s == float("inf") else keeps_s  # JSON has no infinity
    return said


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _price(price: float | None) -> str:
    return "-" if price is None else f"{price:,.2f}"
