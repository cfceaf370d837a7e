"""VQA v2 in its true format, through all commands to an answer over the wire: VGG16 in whole, and a grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from photo_files import photo
from served import served
from vqa_files import write_vqa

from asksight.cli.main import main
from asksight.client import connect
from asksight.engine import load_bundle

PHOTOS = {"train2014": range(1, 10), "val2014": range(10, 13)}
ASKED = (
    ("What colour is the sky?", ["blue"] * 8 + ["grey"] * 2),
    ("Is it sunny?", ["yes"] * 6 + ["no"] * 4),
    ("How many people are there?", ["2"] * 9 + ["3"]),
)
WORDS = ("what", "colour", "is", "the", "sky", "it", "sunny", "how", "many", "people", "are", "there", "?")


def write_fixture(folder: Path) -> None:
    for split, ids in PHOTOS.items():
        asked = [(image_id, question, answers) for image_id in ids for question, answers in ASKED]
        write_vqa(folder, split=split, asked=asked, photos=False)
        (folder / split).mkdir()
        for image_id in ids:
            name = f"COCO_{split}_{image_id:012d}.jpg"
            (folder / split / name).write_bytes(photo("JPEG", seed=image_id, width=160, height=120))


def asksight(*arguments: object) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    assert caught.value.code in (0, None)


def test_from_the_raw_files_to_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, data, store = tmp_path / "raw", tmp_path / "data", tmp_path / "store"
    write_fixture(raw)
    rows = np.random.default_rng(0).normal(size=(len(WORDS), 300))
    glove = "".join(f"{w} {' '.join(f'{x:.4f}' for x in row)}\n" for w, row in zip(WORDS, rows, strict=True))
    (tmp_path / "glove.txt").write_text(glove)

    asksight("data", "prepare", raw, "--out", data)
    asksight("features", "--data", data, "--out", store, "--encoder", "vgg16", "--weights", "random")
    vectors = tmp_path / "vectors"
    asksight("vectors", tmp_path / "glove.txt", "--data", data, "--split", "train2014", "--out", vectors)
    fitting = ("--data", data, "--features", store, "--vectors", vectors, "--out", tmp_path / "run")
    logs = tmp_path / "Graph"
    asksight("train", "--arch", "lstm", *fitting, "--epochs", 1, "--batch", 45, "--log-dir", logs)
    capsys.readouterr()
    asksight("export", tmp_path / "run", "--out", tmp_path / "bundle", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["largest_difference"] < 1e-4
    assert list(logs.glob("run/events.*"))
    bundle = load_bundle(tmp_path / "bundle")
    assert (bundle.architecture, bundle.image_height, bundle.feature_shape) == ("lstm", 224, (4096,))
    assert set(bundle.answers) == {"blue", "yes", "2"}
    assert bundle.vectors.shape == (len(WORDS) + 1, 300)
    assert bundle.familiar is not None
    assert bundle.familiar.questions == 3 * (
        9 + 3
    )  # those that it learned from, and those it was measured on
    assert bundle.familiar.smallest_side == 120  # of the photos, whose features were stored
    with served(tmp_path / "bundle") as address, connect(address, timeout=60) as client:
        reply = client.ask((raw / "val2014" / "COCO_val2014_000000000012.jpg").read_bytes(), ASKED[0][0])
    assert {answer.label for answer in reply.answers} == set(bundle.answers)
    assert sum(answer.probability for answer in reply.answers) == pytest.approx(1, abs=1e-4)


def test_attention_on_a_grid_of_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From photos to a grid in a store, a trained model, its figures from that store, and an answer over the wire."""
    raw, data, store = tmp_path / "raw", tmp_path / "data", tmp_path / "store"
    write_fixture(raw)
    asksight("data", "prepare", raw, "--out", data)
    encoder = ("--encoder", "mobilenetv3-small", "--weights", "random", "--grid")
    asksight("features", "--data", data, "--out", store, *encoder)
    run = tmp_path / "run"
    fitting = ("--data", data, "--features", store, "--out", run)
    asksight("train", "--arch", "attention", *fitting, "--dimension", 24, "--epochs", 1, "--batch", 45)
    assert list(run.glob("Graph/events.*"))
    capsys.readouterr()
    asksight("evaluate", run, "--data", data, "--split", "val2014", "--json")
    from_store = json.loads(capsys.readouterr().out)
    asksight("export", run, "--out", tmp_path / "bundle", "--json")
    assert json.loads(capsys.readouterr().out)["largest_difference"] < 1e-4
    bundle = load_bundle(tmp_path / "bundle")
    assert (bundle.architecture, bundle.image_height, bundle.feature_shape) == ("attention", 224, (7, 7, 576))
    asksight("evaluate", tmp_path / "bundle", "--data", data, "--split", "val2014", "--json")
    from_photos = json.loads(capsys.readouterr().out)
    assert from_store["count"] == from_photos["count"] == 9
    assert from_store["ece"] == pytest.approx(
        from_photos["ece"], abs=1e-2
    )  # the store keeps numbers as float16
    with served(tmp_path / "bundle") as address, connect(address, timeout=60) as client:
        reply = client.ask((raw / "val2014" / "COCO_val2014_000000000012.jpg").read_bytes(), ASKED[0][0])
    assert {answer.label for answer in reply.answers} == set(bundle.answers)
