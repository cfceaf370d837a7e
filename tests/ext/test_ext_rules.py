"""The file of rules: what is written is read back, and what is no file of rules is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asksight.ext import PyWordTable, Rules, Splitter, WordTable, dump_rules, english, parse_rules, read_rules

RULES = Rules(
    source="test",
    exceptions={"ab": ("a", "b")},
    prefix="^\\(",
    suffix="\\)$",
    infix="-",
    token_match=None,
    url_match="http.*",
    plain_ends=None,
    suffix_reach=None,
)


@pytest.mark.parametrize("rules", [RULES, english()])
def test_rules_survive_their_file(rules: Rules, tmp_path: Path) -> None:
    text = dump_rules(rules)
    assert parse_rules(text) == rules
    assert hash(parse_rules(text)) == hash(rules)
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    assert dump_rules(read_rules(tmp_path / "tokenizer.json")) == text


@pytest.mark.parametrize("kind", [WordTable, PyWordTable])
@pytest.mark.parametrize("rules", [RULES, dump_rules(RULES)])
def test_a_table_cuts_by_the_rules_it_is_given(
    kind: type[WordTable] | type[PyWordTable], rules: Rules | str
) -> None:
    table = kind(["a", "<unknown 0>"], np.ones((2, 1), np.float32), rules=rules)
    assert table.rules == RULES
    assert table.texts("(ab) isn't x-y http://x-y!") == [
        "(",
        "a",
        "b",
        ")",
        "isn't",
        "x",
        "-",
        "y",
        "http://x-y!",
    ]
    assert table.rows(["ab"])[0].tolist() == [[0, 1]]


def test_nothing_need_be_cut() -> None:
    bare = replace(RULES, exceptions={}, prefix=None, suffix=None, infix=None, url_match=None)
    assert Splitter(bare).texts("(ab)  x-y") == ["(ab)", " ", "x-y"]


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(dump_rules(RULES)) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[]", "schema 1"),
        ("[" * 100_000, "nested too deeply"),
        (changed(schema=2), "schema 1"),
        (changed(more=1), "have too much: more"),
        (json.dumps({"schema": 1, "source": "x"}), "miss"),
        (changed(prefix=1), "another kind"),
        (changed(source=None), "another kind"),
        (changed(exceptions=[]), "another kind"),
        (changed(exceptions={"a": "a"}), "another kind"),
        (changed(exceptions={"a": [1]}), "another kind"),
        (changed(suffix_reach=True), "another kind"),
        (changed(exceptions={"ab": ["a"]}), "'ab' must be cut into its own text"),
        (changed(exceptions={"": []}), "must be cut into its own text"),
        (changed(plain_ends="é"), "ASCII punctuation"),
        (changed(suffix_reach=0), "at least 1"),
    ],
)
def test_what_is_no_rules_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rules(text)


def test_a_broken_pattern_is_told_when_it_is_first_needed() -> None:
    broken = replace(RULES, suffix="(")
    table = WordTable(["<unknown 0>"], np.ones((1, 1), np.float32), rules=broken)
    with pytest.raises(ValueError, match="the pattern 'suffix' of test is broken"):
        table.rows(["x-y"])
