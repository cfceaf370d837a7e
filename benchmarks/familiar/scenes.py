"""Fresh drawn scenes, as `asksight data scenes` makes them."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path


def draw_scenes(folder: Path, *, train: int, val: int, seed: int) -> None:
    """Write a data set of so many scenes into `folder`."""
    asksight = Path(sysconfig.get_path("scripts")) / "asksight"
    counts = ["--train", str(train), "--val", str(val), "--seed", str(seed)]
    subprocess.run([asksight, "data", "scenes", "--out", folder, *counts], check=True, capture_output=True)
