"""Two graphs and a vocabulary as a bundle: weights pass through memory one by one, and nothing half-written is left."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asksight.engine import Bundle, write_bundle

from ..errors import CheckpointError
from ..exporting.onnx_layers.lazy_weight import LazyWeight
from ..exporting.onnx_layers.onnx_file import OnnxFile


@dataclass(frozen=True)
class Halves:
    """What a bundle is made of, none of it in memory yet."""

    encoder: OnnxFile
    answerer: OnnxFile
    vectors: LazyWeight


def written(out: Path, halves: Halves, say: Callable[[str], None], **about: Any) -> Bundle:
    """Write the graphs beside `out` and the bundle of them there; `about` is what `write_bundle` takes.

    Raises CheckpointError and BundleError; then `out` is as it was.
    """
    target = out.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            graphs: dict[str, Path] = {}
            for name, half in (("encoder", halves.encoder), ("answerer", halves.answerer)):
                graphs[name] = Path(folder) / f"{name}.onnx"
                half.write(graphs[name])
            table = Path(folder) / "vectors.npy"
            np.save(table, halves.vectors.read())
            say("Trying the bundle")
            vectors = np.load(table, mmap_mode="r")
            return write_bundle(
                out, encoder=graphs["encoder"], answerer=graphs["answerer"], vectors=vectors, **about
            )
    except OSError as error:
        where = error.filename or target
        raise CheckpointError(
            f"The bundle {out} cannot be written: {where}: {error.strerror or error}."
        ) from error
