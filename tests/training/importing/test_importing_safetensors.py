"""Reading .safetensors: every kind of number as float32, and one clear line for every file that lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.tiny import write_safetensors

from asksight.training.errors import CheckpointError
from asksight.training.importing.safetensors import read_tensors

NUMBERS = np.array([[0.0, 1.5, -2.25], [1e-3, 65504.0, -0.0]], np.float32)


def raw(path: Path, header: Any, data: bytes, *, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(dtype: str, shape: Any, start: Any, end: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_of_any_width_become_float32(tmp_path: Path, kind: type[np.floating[Any]]) -> None:
    array = NUMBERS.astype(kind)
    write_safetensors(tmp_path / "t", {"first": array.T.copy(), "second": array})
    read = read_tensors(tmp_path / "t")["second"].read()
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, array.astype(np.float32))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_bfloat16_is_the_upper_half_of_a_float32(
    tmp_path_factory: pytest.TempPathFactory, number: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "bf16"
    upper = (np.array([number], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    write_safetensors(path, {"t": upper}, {"t": "BF16"})
    read = read_tensors(path)["t"].read()
    np.testing.assert_array_equal(read.view(np.uint32), upper.astype(np.uint32) << 16)


def test_tensors_of_no_numbers_and_of_one_are_read(tmp_path: Path) -> None:
    path = raw(
        tmp_path / "t", {"none": entry("F32", [0, 7], 0, 0), "one": entry("F32", [], 0, 4)}, b"\0\0\x80\x3f"
    )
    tensors = read_tensors(path)
    assert tensors["none"].read().shape == (0, 7)
    assert tensors["one"].read() == 1.0


ONE = entry("F32", [2], 0, 8)


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        ({"t": ONE}, b"1234", "it is cut short"),
        ({"t": ONE}, b"12345678more", "something follows"),
        ({"t": entry("F32", [2], 0, 4)}, b"1234", "takes 8 bytes; its offsets are [0, 4]"),
        ({"t": entry("F32", [2], 8, 0)}, b"", "takes 8 bytes"),
        ({"t": ONE, "u": entry("F32", [2], 4, 12)}, b"0" * 12, "'u' begins at byte 4 and overlaps"),
        ({"t": ONE, "u": entry("F32", [2], 12, 20)}, b"0" * 20, "'u' begins at byte 12 and leaves a gap"),
        ({"t": entry("F32", [2**62, 2**62], 0, 8)}, b"0" * 8, "its offsets are [0, 8]"),
        ({"t": entry("F32", [-2], 0, 8)}, b"0" * 8, "not whole numbers"),
        ({"t": entry("F32", [True, 2], 0, 8)}, b"0" * 8, "not whole numbers"),
        ({"t": entry("F32", [2], "0", 8)}, b"0" * 8, "not whole numbers"),
        ({"t": entry("C64", [1], 0, 8)}, b"0" * 8, "the dtype 'C64'"),
        ({"t": [1]}, b"", "the entry of 't' is no JSON object"),
        ([1], b"", "no JSON object"),
        (b"{", b"", "no JSON"),
        (b"[" * 100_000, b"", "no JSON"),
        (b'{"t": 1, "t": 2}', b"", "a name comes twice"),
        (b"\xff\xfe", b"", "no JSON"),
    ],
)
def test_a_file_that_lies_is_named_with_what_is_wrong(
    tmp_path: Path, header: Any, data: bytes, said: str
) -> None:
    with pytest.raises(CheckpointError, match="cannot be read as safetensors") as caught:
        read_tensors(raw(tmp_path / "model.safetensors", header, data))
    assert said in str(caught.value)
    assert "model.safetensors" in str(caught.value)


@pytest.mark.parametrize("length", [10**6, 2**63, 2**64 - 1])
def test_a_header_longer_than_the_file_is_not_read(tmp_path: Path, length: int) -> None:
    with pytest.raises(CheckpointError, match=f"would take {length} of 10 bytes"):
        read_tensors(raw(tmp_path / "t", b"{}", b"", length=length))


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with path.open("wb") as file:
        file.write((3 << 30).to_bytes(8, "little"))
        file.truncate((3 << 30) + 8)  # sparse: it takes no space
    with pytest.raises(CheckpointError, match="100000000 are allowed"):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"", b"1234567"])
def test_a_file_without_room_for_a_length_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(CheckpointError, match="cut short or no such file"):
        read_tensors(tmp_path / "t")


def test_other_numbers_than_floats_are_listed_and_not_taken_for_weights(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "t", {"places": np.arange(3)})
    with pytest.raises(CheckpointError, match="'places' is I64; weights must be F16, BF16, F32, F64"):
        read_tensors(tmp_path / "t")["places"].read()


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e300])
def test_numbers_that_float32_cannot_hold_are_refused(tmp_path: Path, number: float) -> None:
    write_safetensors(tmp_path / "t", {"w": np.array([1.0, number])})
    with pytest.raises(CheckpointError, match="'w' holds NaN or numbers beyond float32"):
        read_tensors(tmp_path / "t")["w"].read()


def test_a_file_that_is_cut_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_safetensors(path, {"w": NUMBERS})
    tensor = read_tensors(path)["w"]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="became shorter while 'w' was read"):
        tensor.read()
