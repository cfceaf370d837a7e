"""Object labels and boxes, where a data set has them (COCO's instances JSON), as a second task for the encoder.

Questions alone teach an encoder slowly what is where. Where boxes are known (COCO's are, for VQA's photos), each
cell of the grid also learns the labels of the things whose middle lies in it; serving does not use that head.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError

PRESENT = "present"  # the label that every thing has


@dataclass(frozen=True, kw_only=True)
class Objects:
    """`cells[p, y, x, l]` is 1 where the middle of a thing with label l lies in that cell of photo p."""

    labels: tuple[str, ...]
    cells: NDArray[np.uint8]  # [P, h, w, L]


def instances_path(data: Path, split: str) -> Path:
    """Where a data set keeps its boxes, if it has any."""
    return data / f"instances_{split}.json"


def load_objects(path: Path, image_ids: Sequence[int], *, grid: tuple[int, int]) -> Objects:
    """Read boxes: each annotation's category and `attributes` (a dictionary) are its labels.

    `image_ids` gives the order of photos; `grid` is height and width in cells. Raises DatasetError for a file that
    is not of this form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {c["id"]: c["name"] for c in content["categories"]}
        size = {i["id"]: (i["width"], i["height"]) for i in content["images"]}
        boxes = [
            (a["image_id"], a["bbox"], (PRESENT, names[a["category_id"]], *a.get("attributes", {}).values()))
            for a in content["annotations"]
        ]
    except (ValueError, KeyError, TypeError) as problem:
        raise DatasetError(f"{path} is not an instances JSON as COCO's: {problem!r}.") from problem
    labels = tuple(sorted({label for _, _, said in boxes for label in said}))
    number = {label: i for i, label in enumerate(labels)}
    place = {image_id: p for p, image_id in enumerate(image_ids)}
    cells = np.zeros((len(image_ids), *grid, len(labels)), np.uint8)
    for image_id, (x, y, width, height), said in boxes:
        if image_id in place:
            across = min(grid[1] - 1, int((x + width / 2) / size[image_id][0] * grid[1]))
            down = min(grid[0] - 1, int((y + height / 2) / size[image_id][1] * grid[0]))
            cells[place[image_id], down, across, [number[label] for label in said]] = 1
    return Objects(labels=labels, cells=cells)
