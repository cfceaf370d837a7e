"""What a verb that measures is given: a bundle, or a run folder, of which as much is exported as is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from asksight.engine import Bundle
    from asksight.training.datasets import Dataset
    from asksight.training.measuring.asking import Features
    from asksight.training.measuring.run_answerer import RunAnswerer


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What answers, and where it has the features of photos from."""

    model: Bundle | RunAnswerer
    features: Features
    said: str  # of the features, where it is not simply that photos are encoded


@contextmanager
def run_or_bundle(
    model: str, dataset: Dataset, data: Path, *, store: Path | None = None, engine: str = "auto"
) -> Iterator[Measured]:
    """Open a bundle or a run.

    Of a run whose features of `dataset`'s photos are in a store, or that looks at none, the answerer alone is exported;
    else the run is exported to a bundle. Both are thrown away afterwards.
    """
    if not is_run(model):
        if store is not None:
            raise typer.BadParameter(
                f"goes with a run; {model} is a bundle, with an encoder.", param_hint="--features"
            )
        from asksight.engine import load_bundle

        yield _with_photos(load_bundle(model), dataset, engine, "")
        return
    from .tensorflow_start import start_tensorflow

    start_tensorflow()
    from asksight.training.measuring.run_answerer import answerer_of_run, known_features

    features, said = known_features(Path(model), dataset, data, store=store)
    if features is not None:
        with answerer_of_run(Path(model), features, dataset.image_ids) as answerer:
            yield Measured(model=answerer, features=features, said=said)
        return
    from asksight.training.exporting.export import export_run

    with tempfile.TemporaryDirectory(prefix="asksight-") as folder:
        bundle = export_run(Path(model), Path(folder) / "bundle", version="run").bundle
        yield _with_photos(bundle, dataset, engine, said)


def _with_photos(bundle: Bundle, dataset: Dataset, engine: str, said: str) -> Measured:
    from asksight.training.datasets.photo_reader import photo_reader
    from asksight.training.measuring.asking import encoded_photos

    features = encoded_photos(bundle, dataset, read_photo=photo_reader(bundle), engine=engine)
    return Measured(model=bundle, features=features, said=said)


def is_run(model: str) -> bool:
    """Tell a run folder from a bundle."""
    return (Path(model) / "config.json").exists() and not (Path(model) / "bundle.json").exists()
