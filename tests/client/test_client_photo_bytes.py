"""A photo in each of its forms becomes the same picture on the wire."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from asksight.client import InvalidAskError, PhotoFileError, TooLargeError
from asksight.client.photo_bytes import MAX_PHOTO_BYTES, read_photo

DATA = b"\xff\xd8 any bytes: the server judges them"


def test_bytes_go_as_they_are() -> None:
    assert read_photo(DATA) == DATA
    assert read_photo(bytearray(DATA)) == DATA
    assert read_photo(memoryview(DATA)) == DATA


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ein Foto – naïve.jpg"
    path.write_bytes(DATA)
    assert read_photo(path) == DATA
    assert read_photo(str(path)) == DATA


def test_a_file_object_is_read_from_where_it_stands_and_put_back(tmp_path: Path) -> None:
    file = io.BytesIO(b"skip" + DATA)
    file.seek(4)
    assert read_photo(file) == DATA
    assert read_photo(file) == DATA
    path = tmp_path / "photo.jpg"
    path.write_bytes(DATA)
    with path.open("rb") as opened:
        assert read_photo(opened) == read_photo(opened) == DATA


def test_a_pipe_is_read_once() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as writer:
        writer.write(DATA)
    with os.fdopen(read_end, "rb") as reader:
        assert read_photo(reader) == DATA


def test_a_text_file_object_is_refused() -> None:
    with pytest.raises(InvalidAskError, match='mode "rb"'):
        read_photo(io.StringIO("text"))  # type: ignore[arg-type]


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(PhotoFileError, match="There is no file"):
        read_photo(tmp_path / "missing.jpg")
    with pytest.raises(PhotoFileError, match="is a folder"):
        read_photo(tmp_path)
    with pytest.raises(PhotoFileError, match="no path"):
        read_photo("a\0b.jpg")
    with pytest.raises(PhotoFileError, match="cannot be read"):
        read_photo("x" * 5000)


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(10 * 2**40)  # a hole: reading it would end in MemoryError
    with pytest.raises(TooLargeError, match="16 MiB"):
        read_photo(path)
    with pytest.raises(TooLargeError):
        read_photo(io.BytesIO(bytes(MAX_PHOTO_BYTES + 1)))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"]
)
def test_a_pillow_image_of_any_mode_becomes_a_file(mode: str) -> None:
    picture = Image.new("RGB", (40, 30), (200, 100, 50)).convert("L" if mode in ("I", "I;16", "F") else "RGB")
    sent = Image.open(io.BytesIO(read_photo(picture.convert(mode))))
    assert sent.size == (40, 30)
    assert sent.format == "PNG"


def test_a_pillow_image_that_no_format_holds_says_what_to_do() -> None:
    with pytest.raises(InvalidAskError, match="Convert it to RGB") as caught:
        read_photo(Image.new("RGB", (0, 0)))
    assert caught.value.field == "image_data"


def test_a_small_pillow_image_keeps_every_pixel() -> None:
    picture = Image.radial_gradient("L").convert("RGB")
    sent = Image.open(io.BytesIO(read_photo(picture)))
    assert sent.tobytes() == picture.tobytes()


def test_a_large_pillow_image_goes_as_a_jpeg_that_looks_the_same() -> None:
    picture = Image.radial_gradient("L").resize((1500, 1000)).convert("RGB")
    data = read_photo(picture)
    sent = Image.open(io.BytesIO(data))
    assert (sent.format, sent.size) == ("JPEG", (1500, 1000))
    assert len(data) < 2**20
    differences = [abs(a - b) for a, b in zip(sent.tobytes(), picture.tobytes(), strict=True)]
    assert max(differences) <= 8


def test_a_pillow_image_is_turned_as_its_orientation_says() -> None:
    file = io.BytesIO()
    picture = Image.new("RGB", (40, 30))
    exif = picture.getexif()
    exif[0x0112] = 6  # rotated by a quarter
    picture.save(file, "JPEG", exif=exif)
    with Image.open(file) as opened:
        assert Image.open(io.BytesIO(read_photo(opened))).size == (30, 40)


def test_what_is_no_photo_is_named() -> None:
    for other in (None, 3, ["photo.jpg"]):
        with pytest.raises(TypeError, match=type(other).__name__):
            read_photo(other)  # type: ignore[arg-type]
