"""How questions are cut into word pieces: BERT's rules by name; all of them stand against its tokenizer elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asksight.ext import PyWordPieceTable, WordPieceTable, join_pieces

TABLES = [WordPieceTable, PyWordPieceTable]
Kind = type[WordPieceTable] | type[PyWordPieceTable]
WORD_LIST = (
    "[PAD] [UNK] [CLS] [SEP] what is the ##s this ' s ? - left most un ##aff ##able cafe café é 中 国 = ; "
    "a ##a b ##b K k ᄀ ##ᅡ ##ᆨ x [ ] sep # ##"
)
WORDS = WORD_LIST.split()
ROWS = {word: row for row, word in enumerate(WORDS)}


def made(
    kind: Kind, *, limit: int = 30, lower: bool = True, strip: str = ""
) -> WordPieceTable | PyWordPieceTable:
    vectors = np.arange(2 * len(WORDS), dtype=np.float32).reshape(-1, 2)
    names = {"first": ROWS["[CLS]"], "last": ROWS["[SEP]"], "unknown": ROWS["[UNK]"]}
    return kind(WORDS, vectors, limit=limit, lower=lower, strip=strip, **names)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is THE left-most?", "what is the left - most ?"),
        ("what's thiss", "what ' s this ##s"),
        ("unaffable unaffablex", "un ##aff ##able [UNK]"),  # a word is cut whole or not at all
        ("Café CAFE\u0301", "cafe cafe"),
        ("是什么 中国x中", "[UNK] [UNK] [UNK] 中 国 x 中"),
        ("a\u00adb a\u200db", "a ##b a ##b"),  # what is not seen is not there
        ("a\x00b\x85a\x1c\ue000\ufffdb", "a ##b ##a ##b"),
        ("what\tis\nthe\r\u00a0this\u3000\u2028\u2003x", "what is the this x"),
        ("a=b≠a \u037e", "a = b = a ;"),  # a mark with an accent is the mark
        ("a²", "[UNK]"),
        ("\u212a가각", "[UNK]"),
        ("\u212a 가각 각", "k [UNK] ᄀ ##ᅡ ##ᆨ"),
        ("[SEP] ##s", "[ sep ] # # s"),  # special pieces are text
        ("a" * 100, "a" + " ##a" * 99),
        ("a" * 101, "[UNK]"),
        ("e\u0301" * 101 + " a", "[UNK] a"),
        ("a" + "\u0301" * 200 + "a", "a ##a"),  # only what is left of a word counts
        ("", ""),
        (" \t\u200d", ""),
    ],
)
def test_rules(kind: Kind, question: str, expected: str) -> None:
    table = made(kind)
    assert table.tokens(question) == table.texts(question) == expected.split()
    rows = [ROWS["[CLS]"], *(ROWS[piece] for piece in expected.split()), ROWS["[SEP]"]]
    assert table.rows([question])[0][0].tolist() == (rows if len(rows) <= 30 else [*rows[:29], rows[-1]])
    assert table.token_counts([question]).tolist() == [len(rows)]


@pytest.mark.parametrize("kind", TABLES)
def test_cased_keeps_case_and_accents(kind: Kind) -> None:
    table = made(kind, lower=False)
    assert table.tokens("K k café cafe\u0301 What 中a") == ["K", "k", "café", "[UNK]", "[UNK]", "中", "a"]


@pytest.mark.parametrize("kind", TABLES)
def test_stripped_characters_are_not_seen(kind: Kind) -> None:
    assert made(kind, strip="-?é中 ").tokens("le-ft? mo中st- caféB is?") == ["[UNK]"]
    assert made(kind, strip="-?中").tokens("le-ft? mo中st- is?") == ["left", "most", "is"]
    assert made(kind, strip="é").tokens("xé xe\u0301 É") == [
        "x",
        "[UNK]",
        "[UNK]",
    ]  # as it stands, before all else
    assert made(kind, strip="A").tokens("AaAb") == ["a", "##b"]
    assert made(kind, strip="-?").strip == "-?"


@pytest.mark.parametrize("kind", TABLES)
def test_the_last_piece_is_kept_where_a_question_is_cut(kind: Kind) -> None:
    table = made(kind, limit=5)
    read = table.read(["what is the", "what is the ?", "is", "", "unaffables"])
    assert read.cut.tolist() == [False, True, False, False, True]
    assert read.lengths.tolist() == [5, 5, 3, 2, 5]
    rows, lengths = table.rows(["what is the", "what is the ?", "is", "", "unaffables"])
    names = [" ".join(WORDS[row] if row >= 0 else "-" for row in each) for each in rows]
    assert names == [
        "[CLS] what is the [SEP]",
        "[CLS] what is the [SEP]",
        "[CLS] is [SEP] - -",
        "[CLS] [SEP] - - -",
        "[CLS] un ##aff ##able [SEP]",
    ]
    assert lengths.tolist() == [5, 5, 3, 2, 5]
    assert read.vectors[2].tolist() == [
        [2.0 * row, 2.0 * row + 1] if row >= 0 else [0.0, 0.0] for row in rows[2].tolist()
    ]


@pytest.mark.parametrize("kind", TABLES)
def test_known_is_a_piece_with_a_letter_that_is_read(kind: Kind) -> None:
    questions = ["what", "??", "zebra", "zebra what", "zzz ? zzz what", "中", "", "[SEP]"]
    assert made(kind, limit=5).read(questions).known.tolist() == [
        *(True, False, False, True, False, True, False, True)
    ]


@pytest.mark.parametrize("kind", TABLES)
def test_pieces_to_text(kind: Kind) -> None:
    table = made(kind)
    answer = "[CLS] this ##s [UNK] is ' s ? - un ##aff [PAD] [SEP] [PAD]"
    rows = [ROWS[word] for word in answer.split()]
    assert table.decode(rows, special=[ROWS["[PAD]"]]) == "thiss is's? - unaff"
    assert table.decode(np.array(rows[:3], np.int32)) == "thiss"
    assert table.decode([]) == ""
    for wrong in (-1, len(WORDS)):
        with pytest.raises(
            ValueError, match=f"row 1 must be a row of the table, 0 to {len(WORDS) - 1}; it is {wrong}"
        ):
            table.decode([4, wrong])
    with pytest.raises(TypeError):
        table.decode([1.0])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ("it ' s a dog , no ?", "it's a dog, no?"),
        ("do n't ! i 'm we 've they 're it 's", "don't! i'm we've they're it's"),
        ("##ing sing ##ing ##s", "##ing singings"),
        ("3 . 5 - 4 ( x )", "3. 5 - 4 ( x )"),
        ("", ""),
    ],
)
def test_joining(pieces: str, text: str) -> None:
    assert join_pieces(pieces.split()) == text


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_refused(kind: Kind) -> None:
    vectors = np.ones((4, 2), np.float32)
    words = ["[UNK]", "[CLS]", "[SEP]", "a"]
    named: dict[str, Any] = {"first": 1, "last": 2, "unknown": 0}

    def wrong(match: str, words: list[str] = words, **changed: Any) -> None:
        with pytest.raises(ValueError, match=match):
            kind(words, vectors, **named | changed)

    wrong("limit must be at least 3 pieces, the first and last included; it is 2", limit=2)
    wrong("first must be a row of the table, 0 to 3; it is 4", first=4)
    wrong("last must be a row of the table, 0 to 3; it is -1", last=-1)
    wrong("unknown must be a row of the table, 0 to 3; it is 9", unknown=9)
    wrong("there are 3 words for 4 vectors", words=words[:3])
    wrong("the word 'a' stands in rows 2 and 3", words=["[UNK]", "[CLS]", "a", "a"])
    table = kind(words, vectors, **named)
    for ask in (table.tokens, table.texts, lambda question: table.rows([question])):
        with pytest.raises(ValueError, match=r"lone surrogate \(U\+D800\) at character 1"):
            ask("a\ud800")
    with pytest.raises(TypeError, match="a sequence of str, not one string"):
        table.rows("a")
    with pytest.raises(TypeError, match="question 1 must be a str, not int"):
        table.read(["a", 1])  # type: ignore[list-item]
