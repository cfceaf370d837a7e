"""Where the encoder of a store comes from, and what a bundle says that takes it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from asksight.engine import Bundle
from asksight.engine.bundle import NO_CARD, Card, Source
from asksight.engine.bundle.manifest import ENCODER

_PHOTO_HALF = " (its photo half)"


def told_of(bundle: Bundle) -> dict[str, Any]:
    """What store.json says of a bundle's encoder."""
    source = None if bundle.source is None else asdict(replace(bundle.source, figure=None))
    return {
        "name": bundle.name,
        "grid": len(bundle.feature_shape) > 1,
        "weights": str(bundle.path),
        "weights_sha256": bundle.graph_sha256("encoder"),
        "bundle": {
            "version": bundle.version,
            "architecture": bundle.architecture,
            "source": source,
            "card": asdict(bundle.card),
        },
    }


def inherited(
    encoder: Mapping[str, Any], settings: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> tuple[Source | None, Card]:
    """The source and the card of a bundle with the encoder of a store, trained with `settings` (a run's).

    Figures of the bundle that the encoder is from are not taken over: they are of its own answers.
    """
    if (told := encoder.get("bundle")) is None:
        return None, NO_CARD
    source = None if told["source"] is None else Source(**told["source"] | {"part": ENCODER})
    data = Path(settings["data"]).name
    best = max((row["val_exact"]["all"] for row in history if "val_exact" in row), default=None)
    return source, Card(
        trained_on=(
            f"the split {settings['train_split']} of {data} (its answers)",
            *_of_photo_half(told["card"]["trained_on"] or [f"whatever {encoder['name']} was trained on"]),
        ),
        figures=() if best is None else (f"{100 * best:.1f} % exact on the questions of {data} held out",),
        not_for=tuple(told["card"]["not_for"]),
    )


def _of_photo_half(lines: Sequence[str]) -> Sequence[str]:
    """Where some lines say which half they are of, those of the photo half."""
    return [line for line in lines if line.endswith(_PHOTO_HALF)] or [
        line.rstrip(" .") + _PHOTO_HALF for line in lines
    ]
