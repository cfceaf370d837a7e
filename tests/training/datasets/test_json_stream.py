"""Large JSON files are read entry by entry, whatever the size of the window that moves over them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asksight.training.datasets import json_stream
from asksight.training.datasets.json_stream import JsonStream
from asksight.training.errors import DatasetError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=6), st.integers(1, 9), st.sampled_from([None, 2]))
def test_entries_are_those_of_json(rows: list[Any], chunk: int, indent: int | None) -> None:
    text = json.dumps(rows, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        assert list(JsonStream(io.StringIO(text), Path("x")).entries()) == rows


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), st.integers(1, 9))
def test_names_are_those_of_json(table: dict[str, Any], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        stream = JsonStream(io.StringIO(json.dumps(table)), Path("x"))
        assert {name: stream.value() for name in stream.names()} == table


@pytest.mark.parametrize("text", ["", "[", "[1", "[1,", "[1 2]", "[1,]", '["a]', "{", "[nul]", "[1}"])
def test_broken_json_is_named(text: str) -> None:
    with pytest.raises(DatasetError, match=r"x\.json is not whole JSON: at character \d+"):
        list(JsonStream(io.StringIO(text), Path("x.json")).entries())


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        json_stream.open_text(tmp_path / "missing.json")
    (tmp_path / "latin.json").write_bytes(b'["caf\xe9"]')
    with pytest.raises(DatasetError, match="not UTF-8"):
        list(json_stream.entries(tmp_path / "latin.json"))


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "bom.json").write_text("[1]", encoding="utf-8-sig")
    assert list(json_stream.entries(tmp_path / "bom.json")) == [1]
