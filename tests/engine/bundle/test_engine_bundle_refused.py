"""Bundles with missing, altered or foreign files are refused: the file, what was expected, found, what to do."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from bundles import random_answerer, write_random_bundle
from damaged_bundles import FILES, edit, put, refusal

from asksight.engine import load_bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_random_bundle(tmp_path / "bundle").path


@pytest.mark.parametrize("name", [*FILES, "bundle.json"])
def test_a_missing_file(root: Path, name: str) -> None:
    (root / name).unlink()
    assert f"{root / name}: expected a file, found nothing. Copy the bundle again" in refusal(root)
    (root / name).mkdir()
    assert f"{root / name}: expected a file, found something else" in refusal(root)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    said = refusal(tmp_path)
    assert f"{tmp_path}: expected the folder of a bundle, found another, such as a run or a data set" in said
    assert "Give a folder that `asksight export` made" in said


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file(root: Path, name: str) -> None:
    data = bytearray((root / name).read_bytes())
    (root / name).write_bytes(data[:-1])
    assert f"{root / name}: expected {len(data)} bytes, found {len(data) - 1}. Copy" in refusal(root)
    data[len(data) // 2] ^= 1
    (root / name).write_bytes(data)
    text = refusal(root)
    assert f"{root / name}: expected SHA-256 " in text
    assert f"found {hashlib.sha256(data).hexdigest()}: it was altered" in text


def test_hashes_alone_are_skipped_without_verify(root: Path) -> None:
    data = (root / "answers.txt").read_bytes().replace(b"red", b"RED")
    (root / "answers.txt").write_bytes(data)
    assert "RED" in load_bundle(root, verify=False).answers
    (root / "answers.txt").write_bytes(data + b"x\n")
    assert "expected 53 bytes, found 55" in refusal(root, verify=False)


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "a/../../secret", "..", "C:\\x", "..\\secret", "", ".", "a\0b", "//x"],
)
def test_a_path_that_leaves_the_bundle(root: Path, name: str) -> None:
    (root.parent / "secret").write_text("secret")
    record = {"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}
    edit(root, lambda tree: tree["files"].update({name: record}))
    text = refusal(root, verify=False)
    assert "expected a path inside the bundle, found" in text
    assert "do not use one that does not" in text


@pytest.mark.parametrize("name", [*FILES, "bundle.json"])
def test_a_link_out_of_the_bundle(root: Path, name: str) -> None:
    shutil.move(root / name, root.parent / "outside")
    (root / name).symlink_to(root.parent / "outside")
    assert f"{root / name}: expected a path inside the bundle, found a link that leads to" in refusal(root)


def test_a_folder_that_links_out_of_the_bundle(root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "extra").write_text("extra")
    (root / "more").symlink_to(root.parent / "outside")
    edit(root, lambda tree: tree["files"].update({"more/extra": {"bytes": 5, "sha256": "0"}}))
    assert "expected a path inside the bundle" in refusal(root)


def test_links_inside_and_to_the_bundle_are_allowed(root: Path) -> None:
    shutil.move(root / "words.txt", root / "real")
    (root / "words.txt").symlink_to("real")
    (root.parent / "link").symlink_to(root)
    assert load_bundle(root.parent / "link").words[0] == "what"


def test_a_ring_of_links(root: Path) -> None:
    (root / "words.txt").unlink()
    (root / "words.txt").symlink_to("words.txt")
    assert f"{root / 'words.txt'}: expected a " in refusal(root)


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    (root / "words.txt").unlink()
    os.mkfifo(root / "words.txt")
    assert "expected a file, found something else" in refusal(root)


def external(root: Path, location: str) -> None:
    model = onnx.load_from_string(random_answerer(np.random.default_rng(0)))
    tensor = next(one for one in model.graph.initializer if one.name == "out")
    (root / "weights").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    put(root, "answerer.onnx", model.SerializeToString())


@pytest.mark.parametrize("location", ["/etc/passwd", "../weights", "weights"])
def test_a_graph_with_weights_elsewhere(root: Path, location: str) -> None:
    external(root, location)
    text = refusal(root)
    assert (
        f"{root / 'answerer.onnx'}: expected weights inside the file, or in a file that bundle.json" in text
    )
    assert f"found weights in {location!r}. Save the graph as one file" in text


def test_a_graph_with_weights_in_a_listed_file(root: Path) -> None:
    external(root, "weights")
    put(root, "weights", (root / "weights").read_bytes())
    load_bundle(root)
    (root / "weights").write_bytes(b"\0" * (root / "weights").stat().st_size)
    assert f"{root / 'weights'}: expected SHA-256" in refusal(root)


def test_a_batch_that_is_not_free(root: Path) -> None:
    model = onnx.load_from_string((root / "encoder.onnx").read_bytes())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    put(root, "encoder.onnx", model.SerializeToString())
    assert "expected the inputs image [?, 32, 32, 3] uint8, found image [1, 32, 32, 3]" in refusal(root)


@pytest.mark.parametrize(
    ("where", "found"),
    [("nowhere", "nothing"), ("file", "a file"), ("x" * 5000, "too long"), ("a\0b", "nothing")],
)
def test_what_is_no_folder(tmp_path: Path, where: str, found: str) -> None:
    (tmp_path / "file").write_text("")
    text = refusal(f"{tmp_path}/{where}")
    assert found in text
    assert "Give a folder that `asksight export` made, or a built-in bundle: scenes." in text
