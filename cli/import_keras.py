"""`asksight import keras`: a Keras model of a photo and a question, as a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .import_told import AsJson, Name, Out, SpecFile, tell, telling


def keras(
    model: Annotated[
        Path,
        typer.Argument(help="A .keras file, an HDF5 file of Keras 1 to 3, or a model's JSON with --weights."),
    ],
    spec: SpecFile,
    out: Out,
    weights: Annotated[
        Path | None, typer.Option(help="The HDF5 file of weights that belongs to a model's JSON.")
    ] = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """A Keras model of your own that takes a photo and a question, as a bundle that answers the same."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from asksight.training.importing.spec import read_spec

    read = read_spec(spec)  # before the seconds that TensorFlow takes
    from asksight.training.importing.keras_import import import_keras

    imported = import_keras(model, read, out, weights=weights, name=name, say=telling(as_json))
    tell(imported, out, "Keras", as_json)
