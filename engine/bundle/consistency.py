"""Do the parts of a bundle agree with one another? Pure checks over shapes and counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unicodedata import category

import numpy as np

from ..base import TensorSpec
from ..errors import refused
from ..graphs.graph import GraphHeader
from ..runtimes.check import shape_text
from .manifest import ANSWERS, ATTENTION, SHORTEST, Manifest

CONTROLS = ("Cc", "Cs")  # of Unicode's categories: what a terminal may obey, and halves of characters
CONTROLS_ADVICE = "Name the answer otherwise and export the bundle again."
ADVICE = "The files belong to different models: export the bundle again."
FREE = None
F32, I32 = np.dtype(np.float32), np.dtype(np.int32)


def check_graphs(root: Path, manifest: Manifest, encoder: GraphHeader, answerer: GraphHeader) -> None:
    """Raises BundleError unless both graphs take and give what bundle.json says."""
    image = (FREE, manifest.image_height, manifest.image_width, 3)
    pixels = TensorSpec(name="image", shape=image, dtype=np.dtype(manifest.image_dtype))
    grid = TensorSpec(name="grid", shape=(FREE, 2), dtype=I32)
    photo = (pixels, grid) if manifest.preprocessing["resize"] == SHORTEST else (pixels,)
    features = TensorSpec(name="features", shape=(FREE, *manifest.feature_shape), dtype=F32)
    question = TensorSpec(name="question", shape=(FREE, FREE, manifest.dimension), dtype=F32)
    lengths = TensorSpec(name="lengths", shape=(FREE,), dtype=I32)
    _check_tensors(root / "encoder.onnx", "inputs", photo, encoder.inputs)
    _check_tensors(root / "encoder.onnx", "outputs", (features,), encoder.outputs)
    _check_tensors(root / "answerer.onnx", "inputs", (question, lengths, features), answerer.inputs)
    scored = [tensor for tensor in answerer.outputs if tensor not in _attention(manifest)]
    _check_tensors(root / "answerer.onnx", "outputs", _scores(manifest), tuple(scored))
    for name, header in (("encoder.onnx", encoder), ("answerer.onnx", answerer)):
        for external in sorted(header.external_files - manifest.files.keys()):
            raise refused(
                root / name,
                expected="weights inside the file, or in a file that bundle.json lists",
                found=f"weights in {external!r}",
                advice="Save the graph as one file and export the bundle again.",
            )


def _scores(manifest: Manifest) -> tuple[TensorSpec, ...]:
    spelling = manifest.spelling
    if spelling is None:
        return (TensorSpec(name="logits", shape=(FREE, manifest.answers), dtype=F32),)
    shape = (FREE, spelling.beams, spelling.pieces)
    return (
        TensorSpec(name="tokens", shape=shape, dtype=I32),
        TensorSpec(name="log_probabilities", shape=shape, dtype=F32),
    )


def _attention(manifest: Manifest) -> tuple[TensorSpec, ...]:
    """What an answerer that looks at a grid may give beside its scores."""
    if len(manifest.feature_shape) != 3:
        return ()
    return (TensorSpec(name=ATTENTION, shape=(FREE, *manifest.feature_shape[:2]), dtype=F32),)


def check_counts(
    root: Path, manifest: Manifest, vectors: tuple[int, ...], words: tuple[str, ...], answers: tuple[str, ...]
) -> None:
    """Raises BundleError unless tables, labels and rows fit what bundle.json says."""
    expected = f"the shape {shape_text((manifest.words, manifest.dimension))}"
    if vectors != (manifest.words, manifest.dimension):
        raise refused(root / "vectors.npy", expected=expected, found=shape_text(vectors), advice=ADVICE)
    for name, lines, count in (("words.txt", words, manifest.words), (ANSWERS, answers, manifest.answers)):
        if len(lines) != count:
            raise refused(root / name, expected=f"{count} lines", found=f"{len(lines)}", advice=ADVICE)
        if twice := _first_twice(lines):
            raise refused(root / name, expected="each line once", found=f"{twice!r} twice", advice=ADVICE)
    name, said = (ANSWERS, answers) if manifest.spelling is None else ("words.txt", words)
    if odd := next((line for line in said if any(category(one) in CONTROLS for one in line)), None):
        found = f"a control character in {odd!r}"
        raise refused(root / name, expected="plain text", found=found, advice=CONTROLS_ADVICE)
    if manifest.unknown_rows > manifest.words:
        found = f"{manifest.unknown_rows} for {manifest.words} words"
        raise refused(
            root / "bundle.json", expected="unknown_rows within the words", found=found, advice=ADVICE
        )
    for place, row in _rows(manifest):
        if row >= manifest.words:
            expected, found = f"one of the rows 0 to {manifest.words - 1} as {place}", str(row)
            raise refused(root / "bundle.json", expected=expected, found=found, advice=ADVICE)
    if manifest.spelling is None and manifest.unanswerable not in (None, *answers):
        raise refused(
            root / ANSWERS, expected=f"{manifest.unanswerable!r} in it", found="no such answer", advice=ADVICE
        )


def _rows(manifest: Manifest) -> Iterator[tuple[str, int]]:
    """Places in bundle.json that name a row of words.txt."""
    if (pieces := manifest.pieces) is not None:
        yield from (
            ("question.first", pieces.first),
            ("question.last", pieces.last),
            ("question.unknown", pieces.unknown),
        )
    if manifest.spelling is not None:
        yield "answers.stop", manifest.spelling.stop


def _check_tensors(
    path: Path, role: str, expected: tuple[TensorSpec, ...], found: tuple[TensorSpec, ...]
) -> None:
    by_name = {tensor.name: tensor for tensor in found}
    if by_name != {tensor.name: tensor for tensor in expected}:
        raise refused(path, expected=f"the {role} {_text(expected)}", found=_text(found), advice=ADVICE)


def _text(tensors: tuple[TensorSpec, ...]) -> str:
    shown = [f"{one.name} {shape_text(one.shape)} {one.dtype}" for one in tensors]
    return " and ".join(shown) or "none"


def _first_twice(lines: tuple[str, ...]) -> str | None:
    seen: set[str] = set()
    for line in lines:
        if line in seen:
            return line
        seen.add(line)
    return None
