"""Which of a model's looks to show: how often each lies on the thing that is asked about: `python benchmarks/looks.py`.

Scenes know where their things are. Taken are questions that name one kind of thing, of which the scene has one: its box
is what should be looked at. For each look, the mean share of it that lies on cells which the box touches, and how often
its strongest cell is one of these. Needs `pip install onnx`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from asksight.engine import load_bundle
from asksight.ext.opening import open_words
from asksight.photos.input import PhotoInput

# By the tensor of the answerer's graph that has it. What the words found is what `attention` is made of.
LOOKS = {
    "each word's, summed": "attention",
    "the last one's four, summed": "softmax_1/Softmax",
    "each word's gates, summed": "activation/Sigmoid",
}


class Asked(NamedTuple):
    """A question about one thing."""

    photo: Path
    question: str
    box: tuple[float, float, float, float]  # left, top, right and bottom in parts of the photo


def main() -> None:
    """Draw scenes, ask, and print a line for each look."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenes", type=int, default=400, help="how many pictures are drawn")
    parser.add_argument("--seed", type=int, default=909)
    args = parser.parse_args()
    bundle = load_bundle("scenes")
    words = open_words(bundle.word_table)
    photos = PhotoInput.of(bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing)
    encoder = onnxruntime.InferenceSession(bundle.encoder_path)
    answerer = _with_all_looks(bundle.answerer_path)
    shares: dict[str, list[float]] = {name: [] for name in LOOKS}
    hits: dict[str, list[bool]] = {name: [] for name in LOOKS}
    areas = []
    with tempfile.TemporaryDirectory() as folder:
        for asked in _asked(Path(folder), args.scenes, args.seed):
            with Image.open(asked.photo) as photo:
                picture = photos(photo.convert("RGB"))
            (features,) = encoder.run(["features"], {"image": picture["image"][None]})
            vectors, lengths = words.vectors([asked.question])
            looks = answerer.run(
                list(LOOKS.values()), {"question": vectors, "lengths": lengths, "features": features}
            )
            cells = _touched(asked.box, *features.shape[1:3])
            areas.append(cells.mean())
            for name, look in zip(LOOKS, looks, strict=True):
                summed = look.reshape(-1, cells.size).sum(axis=0)
                shares[name].append(float(summed[cells].sum() / summed.sum()))
                hits[name].append(bool(cells[summed.argmax()]))
    print(f"{len(areas)} questions; the box touches {100 * np.mean(areas):.0f} % of the cells")
    for name in LOOKS:
        there, strongest = 100 * np.mean(shares[name]), 100 * np.mean(hits[name])
        print(f"{name:28}{there:4.0f} % of it there, its strongest cell in {strongest:.0f} %")


def _with_all_looks(graph: Path) -> onnxruntime.InferenceSession:
    model = onnx.load(graph)
    given = {one.name for one in model.graph.output}
    for tensor in LOOKS.values():
        if tensor not in given:
            model.graph.output.append(
                onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None)
            )
    return onnxruntime.InferenceSession(model.SerializeToString())


def _asked(folder: Path, scenes: int, seed: int) -> Iterator[Asked]:
    """Questions that name one kind of thing, of which the scene has just one that fits all that is said of it."""
    command = Path(sysconfig.get_path("scripts")) / "asksight"
    drawn = ["data", "scenes", "--out", folder, "--train", "0", "--val", scenes, "--seed", seed]
    subprocess.run([str(part) for part in (command, *drawn)], check=True, capture_output=True)
    known = json.loads((folder / "instances_val.json").read_text())
    questions = json.loads((folder / "v2_OpenEnded_scenes_val_questions.json").read_text())["questions"]
    kinds = {one["id"]: one["name"] for one in known["categories"]}
    images = {one["id"]: one for one in known["images"]}
    things: dict[int, list[dict[str, Any]]] = {}
    for one in known["annotations"]:
        things.setdefault(one["image_id"], []).append({**one, "kind": kinds[one["category_id"]]})
    for asked in questions:
        text = asked["question"].lower().rstrip("?").split()
        there = things.get(asked["image_id"], [])
        said = {word for word in text for one in there if word in one["attributes"].values()}
        fits = [one for one in there if one["kind"] in text and said <= set(one["attributes"].values())]
        if len({kind for kind in kinds.values() if kind in text}) == 1 and len(fits) == 1:
            image = images[asked["image_id"]]
            left, top, width, height = fits[0]["bbox"]
            across, down = image["width"], image["height"]
            box = (left / across, top / down, (left + width) / across, (top + height) / down)
            yield Asked(folder / "val" / image["file_name"], asked["question"], box)


def _touched(box: tuple[float, float, float, float], rows: int, columns: int) -> NDArray[np.bool_]:
    """Which cells [rows * columns] of a grid a box touches."""
    left, top, right, bottom = box
    x, y = np.arange(columns) / columns, np.arange(rows) / rows
    across = (x < right) & (x + 1 / columns > left)
    down = (y < bottom) & (y + 1 / rows > top)
    return np.outer(down, across).ravel()


if __name__ == "__main__":
    main()
