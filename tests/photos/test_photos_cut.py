"""Photos that were cut short are seen as far as they came, where nearly all came; nobody sees what was filled in."""

from __future__ import annotations

import random

import numpy as np
import pytest
from photo_files import encoded, interlaced_png, photo, picture
from PIL import Image

from asksight.photos.cut import MOST_MISSING, ended_jpeg
from asksight.photos.decode import Opened, check_photo, open_photo
from asksight.photos.errors import PhotoError
from asksight.photos.flaws import FlawKind, find_flaws
from asksight.photos.limits import PhotoLimits

WIDTH, HEIGHT = 480, 400
KINDS = {
    "baseline": ("JPEG", "RGB", {}),
    "4:4:4": ("JPEG", "RGB", {"subsampling": 0}),
    "restarts": ("JPEG", "RGB", {"restart_marker_rows": 1}),
    "grey": ("JPEG", "L", {}),
    "CMYK": ("JPEG", "CMYK", {}),
    "PNG": ("PNG", "RGB", {}),
    "palette": ("PNG", "P", {}),
    "one bit": ("PNG", "1", {}),
    "alpha": ("PNG", "RGBA", {}),
}


def opened(file: bytes, *, smallest_px: int | None = None) -> Opened:
    return open_photo(file, check_photo(file, PhotoLimits()), smallest_px=smallest_px)


def file_of(kind: str) -> bytes:
    name, mode, options = KINDS[kind]
    grain = np.random.default_rng(3).integers(-20, 20, (HEIGHT, WIDTH, 3))
    pixels = (np.asarray(picture(WIDTH, HEIGHT), int) + grain).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels).convert(mode), name, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_came_are_seen_and_others_are_cut_off(kind: str) -> None:
    file = file_of(kind)
    whole = np.asarray(opened(file).picture, int)
    seen, missing = opened(file[: int(0.95 * len(file))])
    assert missing is not None
    assert 0 < missing <= MOST_MISSING
    assert seen.height == round(HEIGHT * (1 - missing))
    # The block in which it breaks off may hold something else.
    assert np.abs(np.asarray(seen, int) - whole[: seen.height]).mean() < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_with_more_missing_it_is_refused_as_ever(kind: str) -> None:
    file = file_of(kind)
    with pytest.raises(PhotoError, match="broken or cut short; send a JPEG, PNG or WebP file, whole"):
        opened(file[: int(0.8 * len(file))])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [1, 2])
def test_without_its_end_mark_a_jpeg_is_seen_whole(progressive: bool, lost: int) -> None:
    file = encoded(picture(200, 150), "JPEG", progressive=progressive)
    seen, missing = opened(file[:-lost])
    assert missing == 0
    assert np.array_equal(np.asarray(seen), np.asarray(opened(file).picture))


def test_a_progressive_jpeg_may_lack_its_last_details_and_no_more() -> None:
    file = encoded(picture(WIDTH, HEIGHT), "JPEG", progressive=True, quality=90)
    scans = [at for at in range(len(file)) if file[at : at + 2] == b"\xff\xda"]
    seen, missing = opened(file[: scans[-1] + 20])
    assert missing == 0
    assert np.abs(np.asarray(seen, int) - np.asarray(opened(file).picture, int)).mean() < 2
    for scan in range(1, 5):  # blurred, or without some colour
        with pytest.raises(PhotoError):
            opened(file[: scans[scan]])


def test_a_jpeg_whose_colours_come_one_by_one_is_refused_without_the_last() -> None:
    file = encoded(picture(200, 150), "JPEG", progressive=True)
    luma_alone = file.index(b"\xff\xda")
    assert ended_jpeg(file[: luma_alone + 40]) is None


def test_zeros_in_place_of_what_did_not_come_are_not_taken_for_pixels() -> None:
    file = file_of("baseline")
    cut = int(0.95 * len(file))
    with_zeros, without = opened(file[:cut] + bytes(len(file) - cut)), opened(file[:cut])
    assert with_zeros.missing == without.missing
    assert np.array_equal(np.asarray(with_zeros.picture), np.asarray(without.picture))


def test_a_photo_that_was_cut_is_shrunk_and_turned_as_others_are() -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    file = encoded(picture(1600, 1200), "JPEG", quality=95, exif=exif)
    seen, missing = opened(file[: int(0.95 * len(file))], smallest_px=256)
    assert missing
    assert seen.height == 400
    assert 270 <= seen.width < 300  # its rows stand upright


def test_an_interlaced_png_is_cut_where_its_finest_rows_end() -> None:
    whole = interlaced_png(64, 40)
    assert opened(whole) == (opened(whole).picture, None)
    for share in (0.99, 0.97, 0.95):
        seen, missing = opened(whole[: int(share * len(whole))])
        assert missing is not None
        assert np.array_equal(np.asarray(seen), np.asarray(opened(whole).picture)[: seen.height])


@pytest.mark.parametrize("kind", ["WEBP"])
def test_a_webp_may_lack_what_is_not_its_picture(kind: str) -> None:
    file = encoded(picture(200, 150), kind, xmp=b"x" * 500)
    seen, missing = opened(file[:-200])
    assert missing is None
    assert np.array_equal(np.asarray(seen), np.asarray(opened(file).picture))
    with pytest.raises(PhotoError, match="broken or cut short"):
        opened(file[: len(file) // 2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_whatever_is_cut_and_corrupted_is_seen_or_refused_but_fails_no_other_way(kind: str) -> None:
    chance = random.Random(11)
    whole = photo(kind)
    for _ in range(300):
        broken = bytearray(whole[: chance.randrange(len(whole) * 3 // 4, len(whole))])
        for _ in range(chance.randint(0, 3)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            seen, missing = opened(bytes(broken))
        except PhotoError:
            continue
        assert missing is None or 0 <= missing <= MOST_MISSING
        assert seen.mode == "RGB"


@pytest.mark.parametrize(("missing", "severity"), [(None, None), (0.0, 0.2), (0.05, 0.5), (0.1, 0.8)])
def test_the_more_is_missing_the_worse_it_is(missing: float | None, severity: float | None) -> None:
    found = {
        flaw.kind: flaw.severity for flaw in find_flaws(picture(200, 150), short_side_px=150, missing=missing)
    }
    assert found.get(FlawKind.CUT_SHORT) == (None if severity is None else pytest.approx(severity))
