"""A picture in another colour space, as its file's ICC profile says → sRGB, which models are trained on.

Phones write Display P3 or Adobe RGB: taken for sRGB, such reds and greens are dull. What a profile comes to is found
once and kept; where that is nothing, as for sRGB's own, pictures are left as they are. A broken profile is ignored.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 2**20  # printers' take up to 2 MiB
KEPT_PROFILE_BYTES = 64 * 1024  # cameras' take 0.5 to 4 kB
KEPT_PROFILES = 64  # so 4 MiB of them at most
SAME = 2  # of 255: smaller differences are rounding

# Steps by the thousand (multiProcessElementsType, ICC.1), which LittleCMS takes for every colour: 84 s for 0.5 MB.
CHAIN = b"mpet"

SPACES = {"RGB": "RGB", "RGBA": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # a picture's mode → its profile's space


def to_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """The picture in sRGB, of mode RGB or RGBA; itself where no profile of its mode says otherwise. Thread-safe."""
    if not isinstance(profile, bytes) or picture.mode not in SPACES or len(profile) > MAX_PROFILE_BYTES:
        return picture
    if CHAIN in profile:  # no camera writes them
        return picture
    found = _kept if len(profile) <= KEPT_PROFILE_BYTES else _transform
    transform = found(profile, picture.mode)
    return picture if transform is None else transform.apply(picture)


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    wanted = "RGBA" if mode == "RGBA" else "RGB"
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        if getattr(own.profile, "xcolor_space", "").strip() != SPACES[mode]:  # Pillow types it as the file
            return None
        transform = ImageCms.ImageCmsTransform(
            own,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            wanted,
            flags=ImageCms.Flags.NOCACHE,  # or threads could not share it (LittleCMS's manual, "Multithreading")
        )
        sample = _sample(mode)
        moved = np.abs(
            np.asarray(transform.apply(sample), int) - np.asarray(sample.convert(wanted), int)
        ).max()
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return transform if moved > SAME else None


_kept = lru_cache(maxsize=KEPT_PROFILES)(_transform)


def _sample(mode: str) -> Image.Image:
    """Colours from all over the space."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(*[steps] * len(mode)), -1).reshape(1, -1, len(mode))
    return Image.fromarray(colours.squeeze(-1) if mode == "L" else colours, mode)
