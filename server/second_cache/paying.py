"""Whether a second cache can pay here: what one look takes, beside what the encoder takes for the photo itself."""

from __future__ import annotations

import time
from typing import NamedTuple

from PIL import Image

from ..core.model import Model

RUNS = 5
LONG_ENOUGH_S = 0.5  # of runs; a slow encoder is not run five times


class Price(NamedTuple):
    """What was measured, with nobody else asking."""

    look_s: float
    encoder_s: float
    size_bytes: int

    @property
    def pays(self) -> bool:
        """Whether it could, if every look found something."""
        return self.look_s < self.encoder_s

    def said(self, name: str, where: str) -> str:
        """In a sentence."""
        size = f"{self.size_bytes / 1000:,.0f} kB"
        look, encoder = f"{self.look_s * 1000:.2f} ms", f"{self.encoder_s * 1000:.2f} ms"
        if not self.pays:
            return (
                f"The features' cache at {where} cannot pay for {name}: a look for {size} takes {look}, the encoder "
                f"{encoder}. Serve without --features-cache."
            )
        return (
            f"Features of {name} are shared at {where}: a look for {size} takes {look}, the encoder {encoder}; it pays "
            f"where over {self.look_s / self.encoder_s:.0%} of the looks find something."
        )


async def price(model: Model) -> Price | None:
    """Measure both, in the model's loop; None where there is no second cache that answers. Raises AskError."""
    second = model.second
    if second is None or not second.values.usable:
        return None
    look_s = await second.look_s()
    if look_s is None:
        return None
    grey = Image.new("RGB", (model.photo_input.width, model.photo_input.height), "grey")
    picture = model.photo_input(grey)
    taken: list[float] = []
    while len(taken) < RUNS and sum(taken) < LONG_ENOUGH_S:
        started_s = time.perf_counter()
        await model.encoder.submit(picture)
        taken.append(time.perf_counter() - started_s)
    return Price(look_s, min(taken), second.form.size_bytes)
