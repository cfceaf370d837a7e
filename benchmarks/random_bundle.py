"""Makes a bundle with the tutorial's graphs and random weights, for measuring speed. Its answers mean nothing.

    python benchmarks/random_bundle.py --encoder vgg16 --arch lstm --out BUNDLE

The graphs are those that training makes. Two adjustments make comparisons of engines meaningful. The answerer's inputs
are centred and scaled on sample scenes, since a deep random network maps all photos to nearly the same vector. And the
weights of the answers fall quickly, so that only a few answers compete for a question, as in VQA; otherwise a thousand
random answers would almost tie. Still, measure the agreement between engines on a trained bundle.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asksight.engine import Bundle, write_bundle
from asksight.engine.bundle.samples import ENOUGH, Samples
from asksight.engine.memory import return_freed_memory
from asksight.ext import WordTable
from asksight.training.scenes.draw import draw_jpeg
from asksight.training.scenes.make_scenes import ask_about
from asksight.training.scenes.scene import sample_scene

ANSWERS = 1000  # as many as the tutorial has
DIMENSION = 300
UNKNOWN_ROWS = 8
MAX_TOKENS = 30
PHOTOS = 64
BATCH = 8  # photos at a time; 32 would take another gigabyte with VGG16
NOTE = "random weights: for measuring speed only; its answers mean nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="vgg16", choices=("vgg16",))
    parser.add_argument("--arch", choices=("lstm", "mlp"), default="lstm")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--answers", type=int, default=ANSWERS)
    parser.add_argument(
        "--keras", type=Path, metavar="FOLDER", help="keep both models as Keras saves them, too"
    )
    given = parser.parse_args()
    bundle = make(
        given.encoder, given.arch, given.out, seed=given.seed, answers=given.answers, keras=given.keras
    )
    print(f"{bundle.name} written to {given.out}: {NOTE}")


def make(
    encoder_name: str,
    arch: str,
    out: Path,
    *,
    seed: int = 0,
    answers: int = ANSWERS,
    keras: Path | None = None,
) -> Bundle:
    """Build both models, export them, and write the bundle with samples of scenes inside."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    return_freed_memory()
    from asksight.training.exporting.keras_onnx import save_onnx
    from asksight.training.features.encoders import EncoderChoice, build_encoder

    encoder = build_encoder(EncoderChoice(name=encoder_name, weights="random", seed=seed))
    side = int(encoder.input_shape[1])
    photos, questions = scenes(side, seed=seed)
    words, vectors = word_vectors(questions, seed=seed)
    table = WordTable(words, vectors, limit=MAX_TOKENS, unknown_rows=UNKNOWN_ROWS)
    rows, lengths = table.rows(questions)
    samples = Samples(photos=photos, rows=rows, lengths=lengths, source=f"scenes drawn by lot, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="asksight-random-") as folder:
        graphs = Path(folder)
        save_onnx(encoder, graphs / "encoder.onnx", output_names=["features"], uint8_inputs=["image"])
        features = np.concatenate([
            np.asarray(encoder(photos[start : start + BATCH].astype(np.float32), training=False))
            for start in range(0, len(photos), BATCH)
        ])  # fmt: skip
        if keras is not None:
            keras.mkdir(parents=True, exist_ok=True)
            encoder.save(keras / "encoder.keras")
        del encoder
        answerer = random_answerer(arch, features, table.vectors(questions), seed=seed, answers=answers)
        if keras is not None:
            answerer.save(keras / "answerer.keras")
        save_onnx(answerer, graphs / "answerer.onnx", output_names=["logits"])
        return write_bundle(
            out,
            encoder=graphs / "encoder.onnx",
            answerer=graphs / "answerer.onnx",
            vectors=vectors,
            words=words,
            answers=[f"answer {number}" for number in range(answers)],
            name=f"random-{encoder_name}-{arch}",
            version="0",
            architecture=arch,
            preprocessing={"resize": "stretch", "resample": "bilinear", "color_order": "rgb"},
            unknown_rows=UNKNOWN_ROWS,
            max_tokens=MAX_TOKENS,
            training={"note": NOTE, "command": f"random_bundle.py --encoder {encoder_name} --arch {arch}"},
            samples=samples,
        )


def scenes(side: int, *, seed: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Photos [PHOTOS, side, side, 3] and questions; question i is about photo i modulo PHOTOS."""
    photos, asked = [], []
    tally: Counter[tuple[str, ...]] = Counter()
    for number in range(PHOTOS):
        random = Random(f"random bundle/{seed}/{number}")
        scene = sample_scene(random, blind_share=0)
        with Image.open(io.BytesIO(draw_jpeg(scene, number))) as picture:
            photos.append(np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)))
        each = [question.text for question in ask_about(scene, random, tally, count=2 * ENOUGH // PHOTOS)]
        asked.append([each[turn % len(each)] for turn in range(ENOUGH // PHOTOS)])
    return np.stack(photos), [one for turn in zip(*asked, strict=True) for one in turn]


def word_vectors(questions: list[str], *, seed: int) -> tuple[list[str], NDArray[np.float32]]:
    """The words of the questions, with random vectors whose norm is about 5, like GloVe's."""
    tokens = WordTable(["<unknown 0>"], np.zeros((1, 1), np.float32), unknown_rows=1)
    words = sorted({token for question in questions for token in tokens.tokens(question)})
    words += [f"<unknown {row}>" for row in range(UNKNOWN_ROWS)]
    random = np.random.default_rng([seed, 1])
    return words, 0.3 * random.standard_normal((len(words), DIMENSION), np.float32)


def random_answerer(
    arch: str,
    features: NDArray[Any],
    questions: tuple[NDArray[np.float32], NDArray[np.int32]],
    *,
    seed: int,
    answers: int,
) -> Any:
    """The tutorial's answerer. Its first dense layer is scaled to `features` [S,F] and `questions`."""
    import keras

    from asksight.training.models import lstm, mlp

    keras.utils.set_random_seed(seed)
    if arch == "lstm":
        model = lstm.answerer(lstm.LstmConfig(), feature_shape=features.shape[1:], answers=answers)
    else:
        model = mlp.answerer(mlp.MlpConfig(), feature_shape=features.shape[1:], answers=answers)
    random = np.random.default_rng([seed, 2])
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    merged = keras.Model(model.inputs, dense[0].input)
    question, lengths = questions
    inputs = [question, lengths, features[np.arange(len(lengths)) % len(features)]]
    read = np.asarray(merged(inputs, training=False))  # [Q, words + F]
    words = read.shape[1] - features.shape[1]
    scale = np.empty(read.shape[1], np.float32)
    for part in (slice(None, words), slice(words, None)):  # question and photo get the same weight
        scale[part] = 1 / np.sqrt(2 * read[:, part].var(axis=0).sum() + 1e-12)
    kernel = random.standard_normal(dense[0].kernel.shape, np.float32) * scale[:, None]
    dense[0].set_weights([kernel, -read.mean(axis=0) @ kernel])
    for layer in dense[1:]:
        fan_in, units = layer.kernel.shape
        kernel = random.standard_normal((fan_in, units), np.float32) * 1.5 / np.sqrt(fan_in)
        if units == answers:
            kernel *= 4 / np.arange(1, units + 1, dtype=np.float32) ** 2
        layer.set_weights([kernel, np.zeros(units, np.float32)])
    return model


if __name__ == "__main__":
    main()
