"""The pieces are those of Hugging Face's `tokenizers`, on odd texts. The long form: tests/against_bert.py."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from against_bert import CHANGED, bert, differences, main, of_other_unicode, piece_texts, vocabulary_of
from tokenizers.decoders import WordPiece

from asksight.ext import join_pieces

SHORT = 2000


def test_generated_texts() -> None:
    texts = [*islice(piece_texts(0), SHORT)]
    assert len({*texts}) > SHORT * 0.9
    assert [*differences(texts, vocabulary_of(texts, 1500))] == []


@pytest.mark.parametrize("lower", [True, False])
def test_characters_of_another_unicode_are_few(lower: bool) -> None:
    asked = [chr(code) for code in range(0x1000)]
    assert len(of_other_unicode(asked, lower=lower)) < 60
    young = "\u08ca\u1acd" if lower else "\u2e52"  # a mark, and punctuation: of Unicode 14 and 13
    assert of_other_unicode(["a", ".", "é", *CHANGED, *young], lower=lower) >= {*young}


def test_a_difference_of_another_kind_is_none_of_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("against_bert.words_of", lambda text, *, lower: [text])
    with pytest.raises(ValueError, match=r"U\+002E \(Po\) becomes \['a', '\.', 'b'\] and not by its Unicode"):
        of_other_unicode(["x", "."], lower=True)


def test_pieces_are_joined_as_its_decoder_joins_them() -> None:
    decoder, chance = WordPiece(prefix="##", cleanup=True), random.Random(0)
    # Without "'", which `tokenizers` leaves alone: removing the blanks around it is the work of `transformers`.
    known = [
        "a",
        "##b",
        "no",
        ".",
        "?",
        ",",
        "!",
        "-",
        "n't",
        "'m",
        "'s",
        "'ve",
        "'re",
        "##.",
        "##'s",
        "é",
        "中",
    ]
    for _ in range(SHORT):
        pieces = chance.choices(known, k=chance.randrange(8))
        assert join_pieces(pieces) == decoder.decode(pieces)


def test_the_long_form_reads_files_and_tells_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "questions.tsv").write_text('id\tquestion\n1\tIs "it" the dog\'s?\n')
    (tmp_path / "questions.txt").write_text("What’s this?\nwho\n")
    arguments = ["--count", "50", "--seed", "3", "--questions", *map(str, tmp_path.glob("questions.*"))]
    assert main(arguments) == 0
    assert "0 differences in 50 texts" in capsys.readouterr().out
    monkeypatch.setattr("against_bert.bert", lambda pieces, *, lower: bert(pieces[::-1], lower=lower))
    assert main(arguments) == 1
    assert "  BERT ['" in capsys.readouterr().out
