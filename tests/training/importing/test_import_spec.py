"""What a spec says is read as it is meant, and what it cannot mean is refused with the key's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asksight.training.errors import ImportSpecError
from asksight.training.importing.spec import Spec, parse_spec, read_spec


def said(folder: Path, *, image: Any = None, question: Any = None, answers: Any = None, **more: Any) -> Spec:
    (folder / "words.txt").write_text("what\n")
    (folder / "answers.txt").write_text("yes\n")
    tree = {
        "question": {"form": "binary", "words": "words.txt"} | (question or {}),
        "answers": {"file": "answers.txt"} | (answers or {}),
    }
    return parse_spec(tree | ({} if image is None else {"image": image}) | more, folder / "spec.toml")


@pytest.mark.parametrize(
    ("image", "order", "pixel"),
    [
        ({}, "rgb", (200.0, 200.0, 200.0)),
        ({"scale": "1/255", "offset": -0.5}, "rgb", (200 / 255 - 0.5,) * 3),
        ({"scale": 2}, "rgb", (400.0,) * 3),
        ({"mean": [1, 2, 3], "std": 2}, "rgb", (99.5, 99.0, 98.5)),
        ({"offset": -127}, "rgb", (73.0,) * 3),
        ({"values": "tf"}, "rgb", (200 / 127.5 - 1,) * 3),
        ({"values": "caffe"}, "bgr", (200 - 103.939, 200 - 116.779, 200 - 123.68)),
        ({"values": "caffe", "order": "rgb"}, "rgb", (200 - 103.939, 200 - 116.779, 200 - 123.68)),
        (
            {"values": "torch"},
            "rgb",
            ((200 / 255 - 0.485) / 0.229, (200 / 255 - 0.456) / 0.224, (200 / 255 - 0.406) / 0.225),
        ),
    ],
)
def test_a_pixel_becomes(image: dict[str, Any], order: str, pixel: tuple[float, ...], tmp_path: Path) -> None:
    spec = said(tmp_path, image=image).image
    assert spec.order == order
    np.testing.assert_allclose((200 - np.array(spec.mean)) / spec.std, pixel, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"image": {"scale": 1, "mean": 2}}, r"image\.mean is 2; it must be left out where scale is given"),
        ({"image": {"scale": "1/0"}}, r"image\.scale is '1/0'; it must be a number"),
        ({"image": {"size": 64}}, r"image\.size is 64; it must be \[height, width\]"),
        ({"image": {"colour": "rgb"}}, r"image\.colour means nothing here; known are: encoder, input"),
        (
            {"image": {"encoder": "vgg16"}},
            r"image\.weights is missing; it must be the file of VGG16's weights",
        ),
        (
            {"question": {"form": "words"}},
            r'question\.form is \'words\'; it must be one of "counts", "binary"',
        ),
        ({"question": {"length": 5}}, r"question\.length means nothing here"),
        (
            {"question": {"unknown": "zeros"}},
            r'question\.unknown is \'zeros\'; it must be "drop", or the number',
        ),
        ({"question": {"words": "no.txt"}}, r"question\.words names 'no\.txt', but there is no file"),
        ({"question": {"form": "sum"}}, r"question\.vectors is missing; it must be the \.npy file"),
        (
            {"answers": {"answered_threshold": 2}},
            r"answers\.answered_threshold is 2; it must be a number, at most 1",
        ),
        ({"answer": {}}, r"spec\.toml: answer means nothing here"),
    ],
)
def test_what_it_cannot_mean(given: dict[str, Any], match: str, tmp_path: Path) -> None:
    with pytest.raises(ImportSpecError, match=match):
        said(tmp_path, **given)


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text("[image\n")
    with pytest.raises(ImportSpecError, match=r"spec\.toml cannot be read as TOML"):
        read_spec(tmp_path / "spec.toml")
    with pytest.raises(ImportSpecError, match=r"cannot be read as TOML: No such file"):
        read_spec(tmp_path / "none.toml")
