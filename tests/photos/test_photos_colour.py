"""Colours are those that the file's profile means; a profile of sRGB, or a broken one, changes nothing."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import numpy as np
import pytest
from photo_files import encoded, picture
from PIL import Image, ImageCms

from asksight.photos.colour import to_srgb
from asksight.photos.decode import check_photo, decode
from asksight.photos.limits import PhotoLimits

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Display P3's primaries, adapted to D50, as Apple's profile has them.
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(columns: tuple[tuple[float, float, float], ...] = P3, *, space: bytes = b"RGB ") -> bytes:
    """A matrix profile of a display with a gamma of 2.2 (ICC.1:2010, 7 and 10)."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    xyz = [b"XYZ " + bytes(4) + b"".join(map(_fixed, one)) for one in columns]
    text = b"text" + bytes(4) + b"none" + bytes(4)
    tags = {b"rXYZ": xyz[0], b"gXYZ": xyz[1], b"bXYZ": xyz[2]}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"cprt": text, b"kTRC": curve}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + b"".join(map(_fixed, (0.9642, 1.0, 0.8249)))
    table, data, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(data), len(value))
        data += value
    head = bytes(8) + b"\x02\x40\0\0" + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(_fixed, (0.9642, 1.0, 0.8249))) + bytes(48)
    body = head + struct.pack(">I", len(tags)) + table + data
    return struct.pack(">I", len(body)) + body[4:]


def see(file: bytes) -> np.ndarray:
    return np.asarray(decode(file, check_photo(file, PhotoLimits()), smallest_px=256), int)


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})]
)
def test_a_wide_profile_is_brought_to_srgb(kind: str, options: dict[str, int]) -> None:
    green = Image.new("RGB", (64, 48), (117, 251, 76))  # sRGB's pure green, written in Display P3
    plain = see(encoded(green, kind, **options))[24, 32]
    meant = see(encoded(green, kind, icc_profile=profile(), **options))[24, 32]
    assert np.abs(plain - (117, 251, 76)).max() <= 4
    assert np.abs(meant - (0, 255, 0)).max() <= 24


def test_transparent_parts_stay_so() -> None:
    clear = Image.new("RGBA", (64, 48), (117, 251, 76, 0))
    assert see(encoded(clear, "PNG", icc_profile=profile())).min() == 255


def test_grey_and_cmyk_pictures_take_profiles_of_their_kind_only() -> None:
    for mode in ("L", "CMYK"):
        image = picture(64, 48).convert(mode)
        assert to_srgb(image, profile()) is image
    grey = picture(64, 48).convert("L")
    assert to_srgb(grey, profile(space=b"GRAY")).mode == "RGB"  # its darks are other than sRGB's
    assert see(encoded(grey, "JPEG", icc_profile=profile(space=b"GRAY"))).shape == (48, 64, 3)


@pytest.mark.parametrize("broken", [b"", b"nonsense", profile()[:200], bytes(5000), None, bytes(5 * 2**20)])
def test_a_broken_profile_is_ignored(broken: bytes | None) -> None:
    image = picture(64, 48)
    assert to_srgb(image, broken) is image


def test_a_profile_of_srgb_costs_nothing_once_it_is_known() -> None:
    image = picture(64, 48)
    assert to_srgb(image, SRGB) is image
    assert to_srgb(image, profile()) is not image
    with patch("PIL.ImageCms.ImageCmsTransform", side_effect=AssertionError("made anew")):
        assert to_srgb(image, SRGB) is image
        assert to_srgb(image, profile()) is not image


def test_threads_share_a_transform() -> None:
    pictures = [picture(200, 150, seed=seed) for seed in range(8)]
    wanted = [np.asarray(to_srgb(one, profile())) for one in pictures]
    with ThreadPoolExecutor(4) as pool:
        for turn in range(5):
            for one, right in zip(
                pool.map(lambda one: to_srgb(one, profile()), pictures), wanted, strict=True
            ):
                assert np.array_equal(np.asarray(one), right), turn


def test_big_photos_are_converted_once_they_are_small() -> None:
    seen = []

    def noted(image: Image.Image, found: object) -> Image.Image:
        seen.append(image.size)
        return to_srgb(image, found)

    with patch("asksight.photos.decode.to_srgb", noted):
        see(encoded(picture(2048, 1536), "PNG", icc_profile=profile()))
    assert max(seen[0]) < 512


def test_a_profile_of_chained_steps_is_ignored() -> None:
    step = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, 0, 1, 0, 1, 0, 0, 0, 0, 0.5, 0, 0, 0)
    chain = b"mpet" + bytes(4) + struct.pack(">HHIII", 3, 3, 1, 24, len(step)) + step
    whole = bytearray(profile())
    whole[8] = 4
    at = whole.index(b"cprt", 128)  # its text gives its place to the chain
    whole[at : at + 12] = b"D2B0" + struct.pack(">II", len(whole), len(chain))
    whole += chain
    whole[:4] = struct.pack(">I", len(whole))
    before = picture(32, 32)
    assert to_srgb(before, bytes(whole)) is before
