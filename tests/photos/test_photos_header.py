"""Headers are read as Pillow reads them, from good files and from files cut anywhere, without decoding."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from photo_files import encoded, photo, picture, png_of_chunks, webp_of_frames
from PIL import ExifTags, Image

from asksight.photos.decode import decode
from asksight.photos.header import MAX_EXIF_BYTES, NotAPhoto, read_header

FILES = {
    "jpeg": encoded(picture(97, 61), "JPEG"),
    "progressive": encoded(picture(97, 61), "JPEG", progressive=True),
    "grey jpeg": encoded(picture(97, 61).convert("L"), "JPEG"),
    "cmyk jpeg": encoded(picture(97, 61).convert("CMYK"), "JPEG"),
    "jpeg with exif": encoded(picture(97, 61), "JPEG", exif=b"Exif\0\0" + bytes(3000)),
    "several pictures": encoded(picture(97, 61), "MPO", save_all=True, append_images=[picture(30, 20)]),
    "png": encoded(picture(97, 61), "PNG"),
    "palette": encoded(picture(97, 61).convert("P"), "PNG"),
    "webp": encoded(picture(97, 61), "WEBP"),
    "lossless": encoded(picture(97, 61), "WEBP", lossless=True),
    "webp with alpha": encoded(picture(97, 61).convert("RGBA"), "WEBP"),
    "animated": webp_of_frames(3, side=97),
}


@pytest.mark.parametrize("name", FILES)
def test_size_and_format_are_pillows(name: str) -> None:
    header = read_header(FILES[name])
    with Image.open(io.BytesIO(FILES[name])) as image:
        assert (header.width, header.height) == image.size
        assert header.format == ("JPEG" if image.format == "MPO" else image.format)
    assert header.progressive == (name == "progressive")


@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_a_cut_file_is_read_or_refused_but_never_misread(name: str, share: float) -> None:
    whole = FILES[name]
    try:
        header = read_header(whole[: int(share * len(whole))])
    except NotAPhoto:
        return
    assert header == read_header(whole)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF1234WEBPVP8X"]),
)
def test_random_bytes_never_fail_otherwise(noise: bytes, start: bytes) -> None:
    try:
        header = read_header(start + noise)
    except NotAPhoto:
        return
    assert header.format in ("JPEG", "PNG", "WEBP")


def test_thousands_of_scans_are_no_photo() -> None:
    whole = encoded(picture(97, 61), "JPEG", progressive=True)
    last_scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert read_header(whole[:-2] + 20 * last_scan + whole[-2:]).progressive
    with pytest.raises(NotAPhoto):
        read_header(whole[:-2] + 1000 * last_scan + whole[-2:])


def test_a_preview_in_the_head_neither_ends_the_picture_nor_hides_its_scans() -> None:
    preview = encoded(picture(97, 61), "JPEG", progressive=True)
    segment = b"\xff\xe2" + (2 + len(preview)).to_bytes(2) + preview  # holds FF DA and FF D9
    whole = encoded(picture(97, 61), "JPEG", progressive=True)
    last_scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert read_header(whole[:2] + segment + whole[2:-2] + segment + last_scan + whole[-2:]).progressive
    with pytest.raises(NotAPhoto):
        read_header(whole[:-2] + segment + 1000 * last_scan + whole[-2:])


def test_a_jpeg_whose_colours_come_one_by_one_takes_several_passes() -> None:
    whole = bytearray(photo("JPEG"))
    assert not read_header(bytes(whole)).progressive
    whole[whole.index(b"\xff\xda") + 4] = 1  # components in the first scan
    assert read_header(bytes(whole)).progressive


def test_fill_bytes_and_garbage_between_segments_are_skipped() -> None:
    whole = photo("JPEG")
    assert read_header(whole[:2] + b"\xff\xff\xff" + whole[2:]) == read_header(whole)


def test_a_million_empty_pieces_are_no_photo() -> None:
    jpeg = photo("JPEG")
    pieces = (b"\xff\xe1\0\2", b"\xff", b"\xff\0")
    floods = [png_of_chunks(100_000), *(jpeg[:2] + piece * 100_000 + jpeg[2:] for piece in pieces)]
    for flooded in floods:
        with pytest.raises(NotAPhoto):
            read_header(flooded)


def test_a_png_of_thousands_of_profiles_is_none() -> None:
    """Pillow unpacks each: 2 MB of them took it four seconds."""
    profile = b"name\0\0" + zlib.compress(bytes(1000))
    assert read_header(png_of_chunks(1, b"iCCP", profile)).format == "PNG"
    with pytest.raises(NotAPhoto):
        read_header(png_of_chunks(1000, b"iCCP", profile))


def test_megabytes_of_exif_are_no_photo_and_are_not_read() -> None:
    """Of 10 MB of them Pillow makes lists for more than a second."""
    segment = b"\xff\xe1" + (65_000).to_bytes(2) + b"Exif\0\0" + bytes(65_000 - 8)
    whole = photo("JPEG")
    assert read_header(whole[:2] + segment + whole[2:]) == read_header(whole)
    with pytest.raises(NotAPhoto):
        read_header(whole[:2] + 5 * segment + whole[2:])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_exif_of_a_fair_size_turns_a_photo_and_more_does_not(kind: str) -> None:
    for size, turned in ((1000, True), (MAX_EXIF_BYTES, False)):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        exif[ExifTags.Base.ImageDescription] = "x" * size
        sent = encoded(picture(97, 61), kind, exif=exif)
        upright = decode(sent, read_header(sent), smallest_px=None)
        assert upright.size == ((61, 97) if turned else (97, 61))
