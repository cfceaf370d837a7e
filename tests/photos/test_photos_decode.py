"""Photos of every kind become the picture that a person sees; everything else is refused before it is decoded."""

from __future__ import annotations

import io
import random
import tracemalloc

import numpy as np
import pytest
from photo_files import encoded, photo, picture, png_bomb, png_of_chunks, webp_of_frames
from PIL import ExifTags, Image

from asksight.photos.decode import check_photo, decode, decoding_bytes
from asksight.photos.errors import PhotoError, PhotoSizeError
from asksight.photos.flaws import find_flaws
from asksight.photos.limits import PhotoLimits

LIMITS = PhotoLimits()
RED, BLUE, WHITE, GREY = (255, 0, 0), (0, 0, 255), (255, 255, 255), (128, 128, 128)


def see(file: bytes, *, smallest_px: int = 256) -> Image.Image:
    return decode(file, check_photo(file, LIMITS), smallest_px=smallest_px)


def close_to(pixel: object, colour: tuple[int, int, int]) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) <= 4 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_are_seen(kind: str) -> None:
    seen = see(encoded(Image.new("RGB", (40, 30), RED), kind))
    assert seen.mode == "RGB"
    assert seen.size == (40, 30)
    assert close_to(seen.getpixel((20, 15)), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_read_where_it_lies_in_a_message(kind: str) -> None:
    file = encoded(picture(500, 400), kind)
    view = memoryview(b"before" + file + b"after")[6 : 6 + len(file)]
    header = check_photo(view, LIMITS)
    assert header == check_photo(file, LIMITS)
    assert np.array_equal(
        np.asarray(decode(view, header, smallest_px=64)), np.asarray(see(file, smallest_px=64))
    )


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "PDF"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(PhotoError, match="JPEG, PNG or WebP"):
        see(encoded(Image.new("RGB", (40, 30), RED), kind))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "empty"),
        (b"hello", "JPEG, PNG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
        (b"\xff\xd8\xff", "JPEG, PNG or WebP"),
        (bytes(1000), "JPEG, PNG or WebP"),
    ],
)
def test_what_is_no_photo_is_refused_by_name(file: bytes, said: str) -> None:
    with pytest.raises(PhotoError, match=said):
        see(file)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_a_file_that_is_cut_short_is_refused(kind: str, share: float) -> None:
    whole = encoded(picture(200, 150), kind)
    with pytest.raises(PhotoError, match=r"whole|JPEG, PNG or WebP"):
        see(whole[: int(share * len(whole))])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_corrupt_file_is_decoded_or_refused_but_fails_no_other_way(kind: str) -> None:
    chance = random.Random(7)
    whole = encoded(picture(), kind)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            seen = see(bytes(broken))
        except PhotoError:
            continue
        assert seen.mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = Image.new("RGB", (40, 20), BLUE)
    upright.paste(RED, (0, 0, 20, 10))  # red: top left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # of Image.Transpose: how such a camera would store it
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    for kind in ("JPEG", "PNG", "WEBP"):
        seen = see(encoded(stored, kind, exif=exif, quality=100))
        assert seen.size == (40, 20)
        assert close_to(seen.getpixel((5, 3)), RED), kind
        assert close_to(seen.getpixel((35, 3)), BLUE), kind
        assert close_to(seen.getpixel((5, 17)), BLUE), kind


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_no_reason_to_refuse_a_photo() -> None:
    file = encoded(Image.new("RGB", (40, 30), RED), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(50))
    assert see(file).size == (40, 30)


def test_transparent_parts_are_laid_on_white() -> None:
    image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 20, 30))
    for file in (encoded(image, "PNG"), encoded(image, "WEBP", lossless=True)):
        seen = see(file)
        assert close_to(seen.getpixel((5, 5)), RED)
        assert close_to(seen.getpixel((35, 5)), WHITE)


def test_a_transparent_palette_and_a_transparent_grey_are_laid_on_white() -> None:
    palette = Image.new("P", (40, 30), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (20, 0, 40, 30))
    seen = see(encoded(palette, "PNG", transparency=0))
    assert close_to(seen.getpixel((5, 5)), WHITE)
    assert close_to(seen.getpixel((35, 5)), BLUE)
    grey = Image.new("L", (40, 30), 128)
    assert close_to(see(encoded(grey, "PNG", transparency=128)).getpixel((5, 5)), WHITE)
    assert close_to(see(encoded(grey.convert("LA"), "PNG")).getpixel((5, 5)), GREY)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "RGBA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.new("RGB", (40, 30), WHITE).convert(mode)
    seen = see(encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert seen.mode == "RGB"
    assert close_to(seen.getpixel((5, 5)), WHITE)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    seen = np.asarray(see(encoded(Image.fromarray(ramp), "PNG")))[..., 0]
    assert np.abs(seen.astype(int) - (ramp >> 8)).max() <= 1


def test_the_first_frame_of_an_animation_counts() -> None:
    seen = see(webp_of_frames(50))
    assert close_to(seen.getpixel((5, 5)), RED)
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, BLUE)]
    assert close_to(
        see(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])).getpixel((5, 5)), RED
    )


def test_a_phones_jpeg_of_several_pictures_shows_the_first() -> None:
    file = encoded(
        Image.new("RGB", (40, 30), RED),
        "MPO",
        save_all=True,
        append_images=[Image.new("RGB", (20, 20), BLUE)],
    )
    assert close_to(see(file).getpixel((5, 5)), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_big_photo_is_shrunk_while_it_is_decoded_and_looks_the_same(kind: str) -> None:
    big = picture(1600, 1200)
    seen = see(encoded(big, kind, quality=95), smallest_px=256)
    assert seen.size == (400, 300)
    wanted = np.asarray(big.resize((400, 300), Image.Resampling.BOX), int)
    assert np.abs(np.asarray(seen, int) - wanted).mean() < 4


@pytest.mark.parametrize("size", [(1, 1), (15, 100), (100, 15), (70_000, 16)])
def test_sides_out_of_bounds_are_refused_with_both_numbers(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match=f"{size[0]}x{size[1]} px; each side must be 16 to 65535 px"):
        see(encoded(Image.new("RGB", size), "PNG"))


@pytest.mark.parametrize(
    ("size", "kind"), [((9000, 1500), "JPEG"), ((1080, 12_000), "PNG"), ((65_535, 16), "PNG")]
)
def test_panoramas_and_long_screenshots_are_seen_to_their_ends(size: tuple[int, int], kind: str) -> None:
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] * 3 // 4, size[1] * 3 // 4, *size))
    seen = see(encoded(image, kind))
    assert close_to(seen.getpixel((0, 0)), RED)
    assert close_to(seen.getpixel((seen.width - 1, seen.height - 1)), BLUE)
    find_flaws(seen, short_side_px=min(size))


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("PNG", {}, "PNG"),
        ("WEBP", {"lossless": True}, "WebP"),
        ("JPEG", {"progressive": True}, "progressive JPEG"),
    ],
)
def test_what_is_decoded_in_full_may_have_fewer_pixels(
    kind: str, options: dict[str, bool], name: str
) -> None:
    limits = PhotoLimits(max_pixels_unshrunk=100 * 80)
    check_photo(encoded(picture(100, 80), kind, **options), limits)
    with pytest.raises(
        PhotoError, match=f"101x80 px; of a {name} at most 8000 pixels .* baseline JPEG, or resize"
    ):
        check_photo(encoded(picture(101, 80), kind, **options), limits)
    check_photo(encoded(picture(101, 80), "JPEG"), limits)


def test_twelve_megapixels_of_any_kind_are_taken_and_a_tiny_webp_of_48_is_not() -> None:
    check_photo(encoded(Image.new("RGB", (4032, 3024)), "PNG", compress_level=1), LIMITS)
    bomb = webp_of_frames(1)
    canvas = b"VP8X" + bomb[16:24] + (8000 - 1).to_bytes(3, "little") + (6000 - 1).to_bytes(3, "little")
    with pytest.raises(PhotoError, match="8000x6000 px; of a WebP"):
        check_photo(bomb[:12] + canvas + bomb[30:], LIMITS)


@pytest.mark.parametrize("progressive", [False, True])
def test_what_is_behind_a_picture_is_ignored(progressive: bool) -> None:
    still = encoded(picture(200, 150), "JPEG", progressive=progressive)
    video = b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 5000 + b"\xff\xd9"
    assert np.array_equal(np.asarray(see(still + video)), np.asarray(see(still)))


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (4, 12, "a JPEG of 12 bits a colour, which cannot be read here. Save it as an ordinary JPEG"),
        (1, 0xC3, "a lossless JPEG, which"),
        (1, 0xC5, "a hierarchical JPEG, which"),
    ],
)
def test_a_rare_kind_of_jpeg_is_called_what_it_is(at: int, value: int, said: str) -> None:
    file = bytearray(photo("JPEG"))
    file[file.index(b"\xff\xc0") + at] = value
    with pytest.raises(PhotoError, match=said):
        see(bytes(file))


def test_too_many_pixels_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(PhotoError, match="at most 50000000 pixels"):
        check_photo(png_bomb(8000), LIMITS)
    with pytest.raises(PhotoSizeError, match="photo is 1000001 bytes; at most 1000000 are taken"):
        check_photo(bytes(1_000_001), PhotoLimits(max_bytes=1_000_000))


@pytest.mark.parametrize(
    "bomb",
    [png_bomb(), encoded(Image.new("1", (1, 1)), "PNG"), png_of_chunks(200_000)],
    ids=["30000x30000", "1x1", "200,000 chunks"],
)
def test_bombs_are_refused_from_their_header_alone(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was called"))
    with pytest.raises(PhotoError):
        see(bomb)


def test_five_thousand_frames_cost_no_more_than_one() -> None:
    file = webp_of_frames(5000)
    tracemalloc.start()
    try:
        seen = see(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert close_to(seen.getpixel((5, 5)), RED)
    assert peak < 4 * len(file) + 1_000_000  # a copy or two of the file, and a frame; not 5,000 frames


def test_the_room_that_is_asked_for_grows_with_what_decoding_takes() -> None:
    def asked(file: bytes) -> int:
        return decoding_bytes(check_photo(file, LIMITS), 64)

    big = picture(1600, 1200)
    whole = 1600 * 1200
    assert asked(encoded(big, "JPEG")) < whole  # the decoder shrinks it
    for file in (encoded(big, "JPEG", progressive=True), encoded(big, "PNG"), encoded(big, "WEBP")):
        assert asked(file) >= 4 * whole


def test_a_header_that_lies_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = photo("PNG"), Image.open(io.BytesIO(photo("PNG", width=500, height=400)))
    header = check_photo(small, LIMITS)
    monkeypatch.setattr(Image, "open", lambda *_, **__: large)
    with pytest.raises(PhotoError):
        decode(small, header, smallest_px=64)
