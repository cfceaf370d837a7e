"""What `asksight features` is asked to fill a store with, and how it does: here, or as a part on a worker of Ray."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.features.filled import FilledStore
    from asksight.training.features.parts import Part
    from asksight.training.features.photo_encoder import PhotoEncoder


@dataclass(frozen=True, kw_only=True)
class Filling:
    """The options of the command, but for those of published features."""

    out: Path
    data: Path | None
    photos: Path | None
    split: list[str] | None
    encoder: str
    weights: str
    grid: bool
    seed: int
    batch: int
    engine: str
    dtype: str

    def fill(
        self,
        problems: BadEntries,
        *,
        encoder: PhotoEncoder | None = None,
        part: Part | None = None,
        begun: Callable[[int, int], None] = lambda total, missing: None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> FilledStore:
        """Look at the photos, or at a part of them, by an `encoder` that is open or by one's own.

        Raises as `make_features` does, and what a data set raises.
        """
        from asksight.training.features.fill_store import make_features
        from asksight.training.features.photo_lists import photos_of_dataset, photos_of_folder

        chosen = photos_of_dataset(self.data, self.split) if self.data is not None else []
        if self.photos is not None:
            chosen = [photos_of_folder(self.photos)]
        with self.open_encoder() if encoder is None else nullcontext(encoder) as opened:
            return make_features(
                self.out,
                opened,
                chosen,
                dtype=self.dtype,
                batch=self.batch,
                problems=problems,
                part=part,
                begun=begun,
                progress=progress,
            )

    def open_encoder(self) -> AbstractContextManager[PhotoEncoder]:
        """Open the encoder that was asked for."""
        if is_bundle(self.encoder):
            return _of_bundle(self.encoder, self.engine, self.batch)
        return nullcontext(_of_keras(self.encoder, self.weights, self.grid, self.seed))


def is_bundle(encoder: str) -> bool:
    """Whether it names a bundle, and not one of keras.applications."""
    from asksight.engine.bundle import BUILT_IN

    return encoder in BUILT_IN or (Path(encoder) / "bundle.json").is_file()


def _of_bundle(encoder: str, engine: str, batch: int) -> AbstractContextManager[PhotoEncoder]:
    from asksight.engine import load_bundle
    from asksight.training.features.bundle_encoder import bundle_encoder

    return bundle_encoder(load_bundle(encoder), engine=engine, batch=batch)


def _of_keras(encoder: str, weights: str, grid: bool, seed: int) -> PhotoEncoder:
    from .tensorflow_start import start_tensorflow

    start_tensorflow()
    from asksight.training.datasets.photo_reader import square_reader
    from asksight.training.features.encoders import SIDE, EncoderChoice
    from asksight.training.features.keras_encoder import keras_encoder

    choice = EncoderChoice(name=encoder, weights=weights, grid=grid, seed=seed)
    return keras_encoder(choice, square_reader(SIDE))
