"""Graphs whose weights lie beside them, as those over 2 GB must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bundles import random_answerer, random_encoder, write_random_bundle
from damaged_bundles import refusal
from pieces_bundles import write_spelled_bundle

from asksight.engine import Bundle, BundleError, load_bundle, write_bundle
from asksight.engine.runtimes import onnxruntime_engine


def beside(folder: Path, graph: bytes, *, location: str, name: str = "graph.onnx") -> Path:
    """Save a graph with all of its weights in another file."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(
        onnx.load_from_string(graph),
        folder / name,
        save_as_external_data=True,
        location=location,
        size_threshold=200,  # bytes: sizes and axes have to stay in the graph
        convert_attribute=False,
    )
    return folder / name


def write(path: Path, like: Bundle, encoder: Path | bytes, answerer: Path | bytes) -> Bundle:
    return write_bundle(
        path,
        encoder=encoder,
        answerer=answerer,
        vectors=like.vectors,
        words=like.words,
        answers=like.answers,
        name="beside",
        version="1",
        architecture="random",
        preprocessing=like.preprocessing,
    )


@pytest.fixture
def like(tmp_path: Path) -> Bundle:
    return write_random_bundle(tmp_path / "like")


def test_weights_beside_both_graphs_come_along(tmp_path: Path, like: Bundle) -> None:
    random = np.random.default_rng(0)
    encoder = beside(tmp_path / "a", random_encoder(random), location="encoder.weights")
    answerer = beside(tmp_path / "b", random_answerer(random), location="answerer.weights")
    bundle = write(tmp_path / "bundle", like, encoder, answerer)
    assert {"encoder.weights", "answerer.weights"} <= bundle.files.keys()
    assert (bundle.path / "encoder.weights").read_bytes() == (tmp_path / "a/encoder.weights").read_bytes()
    load_bundle(bundle.path)
    data = bytearray((bundle.path / "answerer.weights").read_bytes())
    data[0] ^= 1
    (bundle.path / "answerer.weights").write_bytes(data)
    assert "answerer.weights: expected SHA-256" in refusal(bundle.path)


def test_other_weights_are_another_graph(tmp_path: Path, like: Bundle) -> None:
    """Or a plan that was built from other weights would be taken."""
    hashes = set()
    for seed in (0, 1):
        random = np.random.default_rng(seed)
        encoder = beside(tmp_path / str(seed), random_encoder(random), location="encoder.weights")
        bundle = write(tmp_path / f"bundle {seed}", like, encoder, random_answerer(np.random.default_rng(0)))
        hashes.add((bundle.files["encoder.onnx"].sha256, bundle.graph_sha256("encoder")))
        assert bundle.graph_sha256("answerer") == bundle.files["answerer.onnx"].sha256
    assert len({file for file, _ in hashes}) == 1  # the graphs are the same to the byte
    assert len(hashes) == 2


@pytest.mark.parametrize("location", ["encoder.onnx", "words.txt", "bundle.json", "vectors.npy"])
def test_weights_under_another_files_name_are_refused(tmp_path: Path, like: Bundle, location: str) -> None:
    graph = beside(tmp_path / "a", random_answerer(np.random.default_rng(0)), location=location)
    with pytest.raises(BundleError, match=r"answerer\.onnx: expected weights in a file of its own, found"):
        write(tmp_path / "bundle", like, random_encoder(np.random.default_rng(0)), graph)


def test_weights_that_are_not_there_are_named(tmp_path: Path, like: Bundle) -> None:
    graph = beside(tmp_path / "a", random_answerer(np.random.default_rng(0)), location="gone")
    (tmp_path / "a/gone").unlink()
    with pytest.raises(BundleError, match="gone: expected a file, found nothing"):
        write(tmp_path / "bundle", like, random_encoder(np.random.default_rng(0)), graph)
    with pytest.raises(BundleError, match=r"found weights in 'gone'\. Give the graph as a file"):
        write(tmp_path / "bundle", like, random_encoder(np.random.default_rng(0)), graph.read_bytes())
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(("light_bytes", "sessions"), [(10_000, 2), (3000, 1)])
def test_heavy_weights_are_in_memory_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_bytes: int, sessions: int
) -> None:
    """Of a light graph there is another session, with one thread; the file alone would be light."""
    graph = beside(tmp_path, random_encoder(np.random.default_rng(0)), location="weights")
    assert graph.stat().st_size < 3000 < (tmp_path / "weights").stat().st_size
    opened: list[tuple[Any, ...]] = []
    real = onnxruntime_engine._session

    def session(*given: Any) -> Any:
        opened.append(given)
        return real(*given)

    monkeypatch.setattr(onnxruntime_engine, "_session", session)
    monkeypatch.setattr(onnxruntime_engine, "LIGHT_BYTES", light_bytes)
    onnxruntime_engine.OnnxRuntimeEngine(graph, threads=2).close()
    assert len(opened) == sessions


def test_a_bundle_that_spells_may_have_them_too(tmp_path: Path) -> None:
    made = write_spelled_bundle(tmp_path / "made")
    graph = beside(tmp_path / "a", made.answerer_path.read_bytes(), location="answerer.weights")
    assert "answerer.weights" in write_spelled_bundle(tmp_path / "bundle", answerer=graph).files
