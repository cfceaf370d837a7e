"""A run folder where a bundle is wanted: it is exported to one first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asksight.engine import Bundle


@contextmanager
def run_or_bundle(model: str) -> Iterator[Bundle]:
    """Open a bundle; a run folder is exported to one first, which is thrown away afterwards."""
    from asksight.engine import load_bundle

    if not is_run(model):
        yield load_bundle(model)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from asksight.training.export import export_run

    with tempfile.TemporaryDirectory(prefix="asksight-") as folder:
        yield export_run(Path(model), Path(folder) / "bundle", version="run").bundle


def is_run(model: str) -> bool:
    """Tell a run folder from a bundle."""
    return (Path(model) / "config.json").exists() and not (Path(model) / "bundle.json").exists()
