"""Questions are cut by the rules that the bundle carries, and a bundle whose rules are broken is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundles import write_random_bundle
from damaged_bundles import put

from asksight.engine import BundleError, load_bundle
from asksight.ext import WordTable, dump_rules, english
from asksight.server.core.model import word_table


def test_without_rules_text_is_cut_as_english(tmp_path: Path) -> None:
    table = word_table(write_random_bundle(tmp_path / "bundle"))
    assert isinstance(table, WordTable)
    assert table.rules == english()
    assert table.texts("isn't it?") == ["is", "n't", "it", "?"]


def test_rules_of_the_bundle(tmp_path: Path) -> None:
    root = write_random_bundle(tmp_path / "bundle").path
    rules = json.loads(dump_rules(english())) | {"suffix": None, "plain_ends": None}
    put(root, "tokenizer.json", json.dumps(rules).encode())
    assert word_table(load_bundle(root)).texts("is it?") == ["is", "it?"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"suffix": "("}, "the pattern 'suffix' of spaCy .* is broken"), ({"schema": 9}, "of schema 1")],
)
def test_broken_rules(tmp_path: Path, change: dict[str, object], message: str) -> None:
    root = write_random_bundle(tmp_path / "bundle").path
    put(root, "tokenizer.json", json.dumps(json.loads(dump_rules(english())) | change).encode())
    with pytest.raises(BundleError, match=rf"tokenizer\.json: .*{message}.*\. Export the bundle again\."):
        word_table(load_bundle(root))
