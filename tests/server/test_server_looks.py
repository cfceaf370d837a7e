"""Where the model looked: said where it was asked for, over the whole photo, and on what was asked about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from damaged_bundles import put
from served import served

from asksight.client import Attention, Client, connect, load
from asksight.engine import BundleError, load_bundle
from asksight.engine.bundle.load import BUILT_IN

SHAPES = Path(__file__).parents[2] / "cli" / "demo_photos" / "shapes.jpg"
# Where the things lie in that photo, as its middle in parts of it: across, down.
THINGS = {"circle": (0.25, 0.27), "triangle": (0.79, 0.67), "star": (0.27, 0.73)}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served("scenes") as address:
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    with connect(server) as client:
        yield client


def strongest(look: Attention) -> tuple[float, float]:
    """The middle of the strongest cell, across and down."""
    place = max(range(len(look.weights)), key=look.weights.__getitem__)
    return (place % look.columns + 0.5) / look.columns, (place // look.columns + 0.5) / look.rows


@pytest.mark.parametrize("thing", THINGS)
def test_it_looks_at_what_was_asked_about(client: Client, thing: str) -> None:
    look = client.ask(SHAPES, f"What colour is the {thing}?", attention=True).attention
    assert look is not None
    assert (look.rows, look.columns, len(look.weights)) == (8, 8, 64)
    assert sum(look.weights) == pytest.approx(1)
    assert strongest(look) == pytest.approx(THINGS[thing], abs=0.15)


def test_who_does_not_ask_is_not_told(client: Client) -> None:
    assert client.ask(SHAPES, "What colour is the circle?").attention is None


def test_the_answer_is_the_same(client: Client) -> None:
    plain, looked = (client.ask(SHAPES, "What colour is the star?", attention=one) for one in (False, True))
    assert looked.answers == plain.answers
    assert (looked.spoken, looked.verdict) == (plain.spoken, plain.verdict)


def with_manifest(folder: Path, **changes: object) -> Path:
    """The built-in bundle with another bundle.json."""
    shutil.copytree(BUILT_IN["scenes"], folder)
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | changes))
    return folder


def test_a_grid_over_a_part_of_the_photo_is_not_told(tmp_path: Path) -> None:
    cropping = {"resize": "crop", "resample": "bilinear", "color_order": "rgb"}
    bundle = with_manifest(tmp_path / "crop", preprocessing=cropping)
    assert not load_bundle(bundle).sees_whole_photos
    with load(bundle) as client:
        assert client.ask(SHAPES, "What colour is the circle?", attention=True).attention is None


def test_a_grid_of_another_shape_is_refused(tmp_path: Path) -> None:
    bundle = with_manifest(tmp_path / "other")
    graph = onnx.load(bundle / "answerer.onnx")
    for output in graph.graph.output:
        if output.name == "attention":
            output.type.tensor_type.shape.dim[1].dim_value = 4
    put(bundle, "answerer.onnx", graph.SerializeToString())
    with pytest.raises(BundleError, match=r"found logits \[\?, 28\] float32 and attention \[\?, 4, 8\]"):
        load_bundle(bundle)
