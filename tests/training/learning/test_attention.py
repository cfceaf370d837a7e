"""The attention model: what depends on the photo alone is in the encoder, and padding changes nothing."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from asksight.training.models.attention import (
    GRID,
    AttentionConfig,
    answerer,
    encoder,
    grid_answerer,
    with_looks,
)
from asksight.training.models.lstm import LstmConfig
from asksight.training.models.lstm import answerer as lstm_answerer

CONFIG = AttentionConfig(side=64, channels=(8, 12, 16), word_dimension=12, phrase_units=16, heard_units=16)


@pytest.mark.parametrize("side", [32, 64, 96, 224])
def test_the_grid_has_the_same_size_for_every_photo_size(side: int) -> None:
    model = encoder(AttentionConfig(side=side, channels=(8, 12, 16)))
    assert model.output_shape == (None, GRID, GRID, 18)


def test_the_last_two_channels_say_where_a_cell_is() -> None:
    features = encoder(CONFIG)(np.zeros((2, 64, 64, 3), np.float32)).numpy()
    np.testing.assert_allclose(features[1, :, 0, -2], -4)  # x at the left edge
    np.testing.assert_allclose(features[1, -1, :, -1], 4)  # y at the bottom


def test_padding_does_not_change_logits() -> None:
    model = answerer(CONFIG, feature_shape=(GRID, GRID, 18), answers=5)
    random = np.random.default_rng(1)
    question = random.standard_normal((3, 7, 12)).astype(np.float32)
    features = random.random((3, GRID, GRID, 18)).astype(np.float32)
    lengths = np.array([7, 4, 2], np.int32)
    padded = np.concatenate([question, random.standard_normal((3, 5, 12)).astype(np.float32)], axis=1)
    together = model([padded, lengths, features]).numpy()
    for row, length in enumerate(lengths):
        alone = model(
            [question[row : row + 1, :length], lengths[row : row + 1], features[row : row + 1]]
        ).numpy()
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)


def test_the_look_is_that_of_the_words_alone() -> None:
    model = answerer(CONFIG, feature_shape=(GRID, GRID, 18), answers=5)
    looking, outputs = with_looks(model)
    assert outputs == ["logits", "attention"]
    random = np.random.default_rng(1)
    question = random.standard_normal((2, 7, 12)).astype(np.float32)
    features = random.random((2, GRID, GRID, 18)).astype(np.float32)
    logits, look = looking([question, np.array([7, 3], np.int32), features])
    assert look.shape == (2, GRID, GRID)
    np.testing.assert_allclose(np.sum(look, axis=(1, 2)), [7, 3], rtol=1e-5)  # a whole look for each word
    np.testing.assert_array_equal(logits, model([question, np.array([7, 3], np.int32), features]))


def test_the_look_is_there_for_a_model_from_a_file(tmp_path: Path) -> None:
    """Another process has read it, whose Keras has named nothing yet."""
    keras.utils.clear_session()
    answerer(CONFIG, feature_shape=(GRID, GRID, 18), answers=5).save(tmp_path / "answerer.keras")
    keras.utils.clear_session()
    looking, outputs = with_looks(keras.models.load_model(tmp_path / "answerer.keras", compile=False))
    assert outputs == ["logits", "attention"]
    assert looking.output_shape[1] == (None, GRID, GRID)


def test_who_looks_at_no_grid_has_no_look_to_show() -> None:
    rows = grid_answerer(CONFIG, feature_shape=(5, 18), answers=5)
    assert with_looks(rows) == (rows, ["logits"])
    flat = lstm_answerer(LstmConfig(), feature_shape=(18,), answers=5)
    assert with_looks(flat) == (flat, ["logits"])


def test_the_order_of_words_matters() -> None:
    model = answerer(CONFIG, feature_shape=(GRID, GRID, 18), answers=5)
    random = np.random.default_rng(1)
    question = random.standard_normal((1, 7, 12)).astype(np.float32)
    features = random.random((1, GRID, GRID, 18)).astype(np.float32)
    lengths = np.array([7], np.int32)
    forwards = model([question, lengths, features]).numpy()
    backwards = model([question[:, ::-1], lengths, features]).numpy()
    assert np.abs(forwards - backwards).max() > 1e-3
