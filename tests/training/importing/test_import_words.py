"""Questions are cut and counted as Keras' own Tokenizer and pad_sequences do it, in NumPy and in the graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from keras.src.legacy.preprocessing.text import Tokenizer, text_to_word_sequence
from keras.utils import pad_sequences
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_parity import run_onnx

from asksight.ext import WordTable
from asksight.training.errors import ImportSpecError
from asksight.training.importing.asked_words import AskedWords, asked_words, keras_rules
from asksight.training.importing.graph_pieces import Pieces, question_pieces
from asksight.training.importing.spec import KERAS_FILTERS, QuestionSpec, parse_spec

QUESTIONS = (
    "What colour is the shape?",
    "is there, in the image, a circle??",
    "  what   is-it (the RED one)?\twhy\n",
    "don't!",
    "...",
    "is is is is the the the colour red circle shape there image what one",
    'the "quoted" e.g. x/y a_b',
)
FITTED = ("what is the shape", "is there a red circle", "is it the colour of the image", "don't is the")


def tokenizer(**options: Any) -> Tokenizer:
    made = Tokenizer(**options)
    made.fit_on_texts(FITTED)
    return made


def keras_json(folder: Path, made: Tokenizer) -> Path:
    names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
    config = {name: getattr(made, name) for name in names} | {"word_index": json.dumps(made.word_index)}
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({"class_name": "Tokenizer", "config": config}))
    return path


def question_spec(folder: Path, **given: Any) -> QuestionSpec:
    (folder / "answers.txt").write_text("yes\nno\n")
    tree = {"question": given, "answers": {"file": "answers.txt"}}
    return parse_spec(tree, folder / "spec.toml").question


def table(asked: AskedWords) -> WordTable:
    return WordTable(
        list(asked.words),
        asked.vectors,
        limit=asked.max_tokens,
        lower=asked.lower,
        unknown_rows=asked.unknown_rows,
        rules=asked.rules,
    )


def by_graph(asked: AskedWords, questions: tuple[str, ...]) -> NDArray[Any]:
    """What the nodes that stand before a model's graph make of questions, cut by the server's own table."""
    pieces = Pieces("question")
    question_pieces(pieces, asked, "wanted", TensorProto.FLOAT, at_the_end=False)
    inputs = [
        helper.make_tensor_value_info("question", TensorProto.FLOAT, ["N", "T", asked.vectors.shape[1]]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
    ]
    output = helper.make_empty_tensor_value_info("wanted")
    graph = helper.make_graph(pieces.nodes, "words", inputs, [output], pieces.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert isinstance(model, onnx.ModelProto)
    vectors, lengths = table(asked).vectors(list(questions))
    vectors[np.arange(vectors.shape[1]) >= lengths[:, None]] = 7.0  # what is padding must not be seen
    return run_onnx(model, {"question": vectors, "lengths": lengths})[0]


def rows(asked: AskedWords, questions: tuple[str, ...]) -> list[list[int]]:
    found, lengths = table(asked).rows(list(questions))
    return [row[:length].tolist() for row, length in zip(found, lengths, strict=True)]


def test_text_is_cut_as_keras_cuts_it() -> None:
    random = np.random.default_rng(0)
    letters = list("abXY09  \t\n'-_.,!?()[]{}\"`~@#$%^&*+=|\\/:;<>éß中😀")
    texts = [*QUESTIONS, *("".join(random.choice(letters, 12)) for _ in range(2000))]
    words = WordTable(["x", "?"], np.zeros((2, 1), np.float32), limit=100, rules=keras_rules_text())
    marks = {*KERAS_FILTERS, " "}
    for text in texts:
        assert [one for one in words.tokens(text) if one not in marks] == text_to_word_sequence(text)


def keras_rules_text() -> str:
    from asksight.ext import dump_rules

    return dump_rules(keras_rules(KERAS_FILTERS))


@pytest.mark.parametrize(("form", "mode"), [("binary", "binary"), ("counts", "count")])
@pytest.mark.parametrize("options", [{}, {"num_words": 5}, {"oov_token": "<oov>"}, {"lower": False}])
def test_bags_are_those_of_texts_to_matrix(
    form: str, mode: str, options: dict[str, Any], tmp_path: Path
) -> None:
    made = tokenizer(**options)
    # With a word for unknown ones, a line's end counts as one: it can be no line of words.txt.
    questions = tuple(one.replace("\n", " ") if "oov_token" in options else one for one in QUESTIONS)
    wanted = made.texts_to_matrix(questions, mode=mode)
    spec = question_spec(tmp_path, form=form, words=keras_json(tmp_path, made).name)
    asked = asked_words(spec, size=wanted.shape[1], dimension=None)
    np.testing.assert_array_equal(asked.prepared(rows(asked, questions)), wanted)
    np.testing.assert_array_equal(by_graph(asked, questions), wanted)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("options", [{}, {"oov_token": "<oov>"}])
def test_numbers_are_those_of_pad_sequences(
    padding: str, truncating: str, options: dict[str, Any], tmp_path: Path
) -> None:
    made = tokenizer(**options)
    questions = tuple(question.replace("\n", " ") for question in QUESTIONS)
    sequences = made.texts_to_sequences(questions)
    wanted = pad_sequences(sequences, maxlen=6, padding=padding, truncating=truncating)
    spec = question_spec(
        tmp_path, form="ids", words=keras_json(tmp_path, made).name, padding=padding, truncating=truncating
    )
    asked = asked_words(spec, size=6, dimension=None)
    np.testing.assert_array_equal(asked.prepared(rows(asked, questions)), wanted)
    np.testing.assert_array_equal(by_graph(asked, questions), wanted)


def test_vectors_are_placed_and_summed(tmp_path: Path) -> None:
    made = tokenizer()
    (tmp_path / "words.txt").write_text("\n".join(made.word_index) + "\n")
    vectors = np.random.default_rng(0).normal(size=(len(made.word_index), 4)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    given = {"words": "words.txt", "vectors": "vectors.npy"}
    summed = asked_words(question_spec(tmp_path, form="sum", **given), size=0, dimension=4)
    wanted = np.array(
        [
            np.sum([np.zeros(4), *vectors[np.array(one, int) - 1]], axis=0)
            for one in made.texts_to_sequences(QUESTIONS)
        ]
    )
    np.testing.assert_allclose(by_graph(summed, QUESTIONS), wanted, atol=1e-6)
    spec = question_spec(tmp_path, form="sequence", **given, padding="post", truncating="post")
    steps = asked_words(spec, size=5, dimension=4)
    got = by_graph(steps, ("what unheard? is", "the, red; circle"))
    numbers = made.word_index
    np.testing.assert_array_equal(
        got[0], [vectors[numbers["what"] - 1], [0] * 4, vectors[numbers["is"] - 1], *[[0] * 4] * 2]
    )
    np.testing.assert_array_equal(got[1, :2], vectors[[numbers["the"] - 1, numbers["red"] - 1]])
    np.testing.assert_array_equal(got, steps.prepared(rows(steps, ("what unheard? is", "the, red; circle"))))


def test_words_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("what\nis\nred\n")
    spec = question_spec(tmp_path, form="binary", words="words.txt")
    with pytest.raises(ImportSpecError, match=r"the number 3; the model takes 3 numbers"):
        asked_words(spec, size=3, dimension=None)
    (tmp_path / "words.txt").write_text("what\n\nred\n")
    with pytest.raises(ImportSpecError, match="an empty line"):
        asked_words(spec, size=9, dimension=None)
    (tmp_path / "chars.json").write_text(json.dumps({"config": {"word_index": {"a": 1}, "char_level": True}}))
    with pytest.raises(ImportSpecError, match="to characters"):
        asked_words(question_spec(tmp_path, form="ids", words="chars.json"), size=9, dimension=None)
