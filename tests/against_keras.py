"""An imported Keras model against Keras itself, over the wire: by hand, since 10,000 asks take minutes.

    python tests/against_keras.py MODEL SPEC BUNDLE --asks 10000

Random pictures of the model's size, as PNG, and random questions of the spec's words go to a server of the bundle, and,
prepared by Keras' own texts_to_matrix, to the model. For bags of words; prints how many best answers differ.
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from keras.src.legacy.preprocessing.text import Tokenizer
from numpy.typing import NDArray
from PIL import Image
from served import served

from asksight.client import Reply, connect
from asksight.engine import load_bundle
from asksight.training.importing.keras_read import read_model
from asksight.training.importing.spec import read_spec
from asksight.training.importing.word_file import read_word_file

AT_ONCE = 50
MARKS = ("?", " ?", ",", " - ", "  ", "!", " (unheard) ")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("spec", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--asks", type=int, default=10_000)
    given = parser.parse_args()
    spec, bundle, model = read_spec(given.spec), load_bundle(given.bundle), read_model(given.model)
    words = read_word_file(spec.question)
    tokenizer = Tokenizer(filters=words.filters, lower=words.lower)
    tokenizer.word_index = dict(words.numbers)
    size = next(one.shape[1] for one in model.inputs if len(one.shape) == 2)
    tokenizer.num_words = size
    random = np.random.default_rng(0)
    choices = [*(f"{word} " for word in words.numbers), *MARKS]
    wrong, largest = 0, 0.0
    seen: set[str] = set()
    with served(given.bundle) as address, connect(address) as client:
        for _ in range(0, given.asks, AT_ONCE):
            shape = (AT_ONCE, bundle.image_height, bundle.image_width, 3)
            pixels = random.integers(0, 256, shape, dtype=np.uint8)
            blocks = random.integers(0, 256, (AT_ONCE, 4, 4, 3), dtype=np.uint8)
            rows, columns = (np.arange(side) * 4 // side for side in shape[1:3])
            pixels[::2] = blocks[:, rows][:, :, columns][::2]
            questions = [
                "x " + "".join(random.choice(choices, random.integers(1, 12))).rstrip()
                for _ in range(AT_ONCE)
            ]
            bags = tokenizer.texts_to_matrix(
                questions, "binary" if spec.question.form == "binary" else "count"
            )
            photos = (pixels - np.array(spec.image.mean, np.float32)) / np.array(spec.image.std, np.float32)
            inputs = [photos if len(one.shape) == 4 else bags for one in model.inputs]
            wanted = np.asarray(model(inputs, training=False))
            asks = [(_png(photo), question) for photo, question in zip(pixels, questions, strict=True)]
            for reply, row in zip(client.ask_many(asks), wanted, strict=True):
                assert isinstance(reply, Reply), reply
                best = reply.answers[0]
                seen.add(best.label)
                wrong += best.label != bundle.answers[int(row.argmax())]
                largest = max(largest, abs(best.probability - float(row.max())))
    print(f"{given.asks} asks: {wrong} best answers differ, probabilities by {largest:.2g} at most")
    print(f"{len(seen)} of {len(bundle.answers)} answers were given")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


if __name__ == "__main__":
    main()
