"""Word vectors from small files in the true formats, with the oddities that the large ones have."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vqa_files import write_vqa

from asksight.ext import WordTable
from asksight.training.datasets import open_dataset
from asksight.training.vectors import (
    VectorError,
    asked_words,
    gather,
    listed_words,
    load_vectors,
    save_vectors,
)

ROWS = {
    "the": [0.5, -1.25, 2.0, 0.125],
    "cat": [1.0, 2.0, 3.0, 4.0],
    "Paris": [-1.0, 0.25, 0.0, 8.0],
    "naïve": [0.1, 0.2, 0.3, 0.4],
}
WANTED = Counter({"the": 5, "cat": 3, "paris": 1, "naïve": 1, "nowhere": 2})


def text(rows: dict[str, list[float]], end: str = "\n") -> bytes:
    return "".join(f"{word} {' '.join(map(str, numbers))}{end}" for word, numbers in rows.items()).encode()


def binary(rows: dict[str, list[float]], *, newline: bytes = b"\n") -> bytes:
    body = b"".join(
        word.encode() + b" " + struct.pack("<4f", *numbers) + newline for word, numbers in rows.items()
    )
    return f"{len(rows)} 4\n".encode() + body


# GloVe 840B has words of several pieces, words that are no UTF-8, a carriage return, and the same word twice.
ODD = (
    b". . . 9 9 9 9\n"
    b"at name@domain.com 9 9 9 9\n"
    b"the cat 9 9 9 9\n"
    b"\xff\xfe 9 9 9 9\n"
    b"a\rb 9 9 9 9\n"
    b"line\xe2\x80\xa8separator 9 9 9 9\n"
)
FORMS: dict[str, tuple[str, bytes, str]] = {
    "glove": ("glove.txt", text(ROWS), "glove"),
    "glove with odd words": ("glove.txt", text(ROWS) + ODD + b"cat 9 9 9 9\n", "glove"),
    "word2vec text": ("w2v.txt", b"4 4\n" + text(ROWS), "word2vec text"),
    "fasttext": ("wiki.vec", b"4 4\n" + text(ROWS, end=" \n"), "word2vec text"),
    "windows lines": ("w2v.txt", b"4 4\r\n" + text(ROWS, end="\r\n"), "word2vec text"),
    "word2vec binary of C": ("news.bin", binary(ROWS), "word2vec binary"),
    "word2vec binary of gensim": ("news.bin", binary(ROWS, newline=b""), "word2vec binary"),
    "gzip": ("news.bin.gz", gzip.compress(binary(ROWS)), "word2vec binary"),
}


@pytest.mark.parametrize(("name", "content", "form"), FORMS.values(), ids=FORMS)
def test_each_form_gives_the_same_rows(tmp_path: Path, name: str, content: bytes, form: str) -> None:
    (tmp_path / name).write_bytes(content)
    got = gather(str(tmp_path / name), WANTED, dimension=4)
    assert (got.form, got.table.words) == (form, ("the", "cat", "paris", "naïve", "<unknown 0>"))
    np.testing.assert_array_equal(got.table.vectors[:-1], np.array(list(ROWS.values()), np.float32))
    np.testing.assert_allclose(got.table.vectors[-1], np.mean(list(ROWS.values()), axis=0), rtol=1e-6)
    assert got.missing == ("nowhere",)
    assert got.covered == pytest.approx(10 / 12)


def test_alone_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "glove.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glove.4d.txt", text(ROWS))
    assert len(gather(str(path), WANTED).table.words) == 5
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("glove.8d.txt", text(ROWS))
    with pytest.raises(VectorError, match=r"holds glove\.4d\.txt, glove\.8d\.txt; unpack it"):
        gather(str(path), WANTED)


def test_a_word_as_it_is_spelled_comes_before_capitals(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"CAT 9 9 9\nThe 8 8 8\nTHE 7 7 7\ncat 1 2 3\n")
    got = gather(str(tmp_path / "v.txt"), Counter(["cat", "the"]))
    np.testing.assert_array_equal(got.table.vectors[:2], [[1, 2, 3], [8, 8, 8]])


def test_many_words_pass_through(tmp_path: Path) -> None:
    """More than fits into a chunk, of which only what is wanted is kept."""
    rows = {f"word{n}": [float(n), 1.0, 2.0, 3.0] for n in range(60_000)}
    for name, content in (("v.bin", binary(rows)), ("v.txt", text(rows))):
        (tmp_path / name).write_bytes(content)
        got = gather(str(tmp_path / name), Counter(["word59999", "word0", "word777"]))
        assert got.table.vectors[:3, 0].tolist() == [59999, 0, 777]


BROKEN: dict[str, tuple[bytes, str]] = {
    "another dimension": (b"3 384\n" + b"cat " + b"1 " * 384, r"of 384 dimensions, but 300 are.*--dimension 384"),
    "cut off": (text(ROWS)[:-6], r"line 4 has 3 numbers, where there should be 4"),
    "lines missing": (b"5 4\n" + text(ROWS), r"holds 4 of the 5 words that its first line tells of"),
    "binary cut off": (binary(ROWS)[:-30], r"holds 2 of the 4 words that its first line tells of"),
    "no number": (b"2 4\nthe 1 2 3 4\ncat 1 2 x 4\n", r"line 3 is broken: .*'x'"),
    "not finite": (text({"cat": [1.0, float("nan"), 2.0, 3.0]}), r"not finite, for 'cat'"),
    "another file": (b'{"questions": []}\n', r"is no file of word vectors: its first line is b'{\"questions\""),
    "empty": (b"", r"is no file of word vectors"),
    "another language": (text({"chat": [1.0, 2.0, 3.0, 4.0]}), r"no vector for any of the 5 words"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    dimension = 300 if b"384" in content else None
    with pytest.raises(VectorError, match=message):
        gather(str(tmp_path / "v.txt"), WANTED, dimension=dimension)


def test_broken_archives(tmp_path: Path) -> None:
    for name in ("v.gz", "v.zip"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(VectorError, match="cannot be unpacked"):
            gather(str(tmp_path / name), WANTED)


def test_unknown_rows_differ_and_are_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(text(ROWS))
    tables = [gather(str(tmp_path / "v.txt"), WANTED, unknown_rows=3).table for _ in range(2)]
    np.testing.assert_array_equal(tables[0].vectors, tables[1].vectors)
    assert tables[0].words[-3:] == ("<unknown 0>", "<unknown 1>", "<unknown 2>")
    assert len(np.unique(tables[0].vectors[-3:], axis=0)) == 3
    with pytest.raises(VectorError, match="unknown_rows is 0"):
        gather(str(tmp_path / "v.txt"), WANTED, unknown_rows=0)


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    """A spaCy pipeline with the vectors of ROWS and one of zeros, saved to a folder."""
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    for word, numbers in (ROWS | {"nowhere": [0.0] * 4}).items():
        nlp.vocab.set_vector(word, np.array(numbers, np.float32))
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_a_spacy_pipeline(pipeline: Path) -> None:
    got = gather(str(pipeline), WANTED, dimension=4)
    assert (got.form, got.table.words[:-1]) == ("spacy", ("the", "cat", "paris", "naïve"))
    np.testing.assert_array_equal(got.table.vectors[:-1], np.array(list(ROWS.values()), np.float32))
    assert got.missing == ("nowhere",)
    with pytest.raises(VectorError, match="has vectors of 4 dimensions, but 300 are wanted"):
        gather(str(pipeline), WANTED, dimension=300)


def test_spacy_pipelines_that_do_not_help(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    spacy.blank("en").to_disk(tmp_path / "small")
    with pytest.raises(VectorError, match=r"has no word vectors; small ones \(_sm\) never have"):
        gather(str(tmp_path / "small"), WANTED)
    with pytest.raises(VectorError, match="no file en_core_web_none, and no spaCy pipeline of that name"):
        gather("en_core_web_none", WANTED)
    with pytest.raises(VectorError, match=r"no spaCy pipeline: it has no meta\.json"):
        gather(str(tmp_path), WANTED)


def test_what_is_saved_is_what_is_served(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(text(ROWS))
    save_vectors(tmp_path / "out", gather(str(tmp_path / "v.txt"), WANTED).table)
    table = load_vectors(tmp_path / "out", dimension=4)
    served = WordTable(table.words, np.asarray(table.vectors), unknown_rows=table.unknown_rows)
    vectors, lengths = served.vectors(["The cat?"])
    assert lengths.tolist() == [3]
    np.testing.assert_array_equal(vectors[0], [ROWS["the"], ROWS["cat"], np.asarray(table.vectors)[-1]])


def test_vectors_that_do_not_fit_the_model(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(text(ROWS))
    save_vectors(tmp_path, gather(str(tmp_path / "v.txt"), WANTED).table)
    with pytest.raises(VectorError, match=r"vectors of 4 dimensions, but the model lstm takes 300"):
        load_vectors(tmp_path, dimension=300, model="the model lstm")
    (tmp_path / "words.txt").write_text("the\n<unknown 0>\n")
    with pytest.raises(VectorError, match=r"out of step: 2 words, 1 of them unknown rows, .*\[5, 4\]"):
        load_vectors(tmp_path)
    (tmp_path / "vectors.npy").write_bytes(b"nothing")
    with pytest.raises(VectorError, match="is broken"):
        load_vectors(tmp_path)
    with pytest.raises(VectorError, match="Make it with asksight vectors"):
        load_vectors(tmp_path / "nowhere")


def test_words_of_a_data_set(tmp_path: Path) -> None:
    write_vqa(tmp_path, photos=False)
    words = asked_words(open_dataset(tmp_path, "train2014"))
    assert next(iter(words)) == "?"
    assert words["?"] == 5
    assert {"colour", "wheels", "qué"} <= words.keys()
    assert "¿Qué" not in words
    assert set(asked_words(open_dataset(tmp_path, "train2014"), min_count=2)) == {"?", "is"}


def test_words_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(
        "\ufeffcat\n dog \n\ncat\nNew York\nParis\n<unknown 0>\n", encoding="utf-8"
    )
    words, never = listed_words(tmp_path / "words.txt")
    assert list(words) == ["cat", "dog"]
    assert never == ["New York", "Paris"]  # questions are put in lower case
    (tmp_path / "words.txt").write_text("\n")
    with pytest.raises(VectorError, match="holds no words"):
        listed_words(tmp_path / "words.txt")
    (tmp_path / "words.txt").write_bytes(b"\xff\n")
    with pytest.raises(VectorError, match="is not UTF-8"):
        listed_words(tmp_path / "words.txt")
    with pytest.raises(VectorError, match="cannot be read"):
        listed_words(tmp_path / "nowhere.txt")
