"""A model that reads the numbers of BERT's pieces: a question is cut by WordPiece, in the bundle as in training."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from onnx_parity import randomise

from asksight.engine import load_bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext.opening import open_words
from asksight.training.errors import ImportSpecError
from asksight.training.importing.keras_import import import_keras
from asksight.training.importing.spec import parse_spec

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "what", "is", "this", "##s", "?", "red")
LENGTH = 8
QUESTION = "What is thiss #blue?"


def model(folder: Path) -> keras.Model:
    """Photo [N,16,16,3] and numbers of pieces [N,8], 0 behind them, → 3 scores."""
    photo = keras.Input((16, 16, 3), name="photo")
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    seen = layers.Flatten()(layers.Conv2D(2, 5, strides=4)(photo))
    asked = layers.Flatten()(layers.Embedding(len(VOCABULARY), 5)(ids))
    made = keras.Model(
        [photo, ids], layers.Dense(3, activation="softmax")(layers.Concatenate()([seen, asked]))
    )
    randomise(made)
    made.save(folder / "model.keras")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "answers.txt").write_text("yes\nno\nred\n")
    return made


def spec(folder: Path, **question: Any) -> Any:
    asked = {"form": "ids", "cut": "wordpiece", "words": "vocab.txt", "padding": "post"} | question
    tree = {"image": {"scale": "1/255"}, "question": asked, "answers": {"file": "answers.txt"}}
    return parse_spec(tree, folder / "spec.toml")


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ({"strip": "#"}, [2, 4, 5, 6, 7, 1, 8, 3]),
        ({"strip": "#?", "ends": False}, [4, 5, 6, 7, 1, 0, 0, 0]),
        ({"strip": "#?", "ends": False, "padding": "pre"}, [0, 0, 0, 4, 5, 6, 7, 1]),
    ],
)
def test_the_bundle_asks_the_model_by_its_pieces(
    question: dict[str, Any], ids: list[int], tmp_path: Path
) -> None:
    wanted = model(tmp_path)
    imported = import_keras(tmp_path / "model.keras", spec(tmp_path, **question), tmp_path / "bundle")
    assert imported.largest_difference < 1e-5
    bundle = load_bundle(tmp_path / "bundle")
    photo = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    vectors, lengths = open_words(bundle.word_table).vectors([QUESTION])
    with closing(OnnxRuntimeEngine(bundle.encoder_path)) as encoder:
        features = encoder.infer({"image": photo})["features"]
    with closing(OnnxRuntimeEngine(bundle.answerer_path)) as answerer:
        asks = {"question": vectors, "lengths": lengths, "features": features}
        given = bundle.calibration.probabilities(answerer.infer(asks)["logits"])
    by_keras = np.asarray(wanted([photo.astype(np.float32) / 255, np.array([ids], np.int32)], training=False))
    np.testing.assert_allclose(given, by_keras, atol=1e-5)


def test_a_list_of_words_is_no_vocabulary_of_pieces(tmp_path: Path) -> None:
    model(tmp_path)
    (tmp_path / "vocab.txt").write_text("what\nis\n")
    with pytest.raises(ImportSpecError, match=r"has no piece '\[CLS\]'; a WordPiece vocabulary has it"):
        import_keras(tmp_path / "model.keras", spec(tmp_path), tmp_path / "bundle")
