"""What preprocessor_config.json does to a photo: our preprocessing, and a factor and a shift for each colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .settings import Settings

RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
ONE_255TH = 1 / 255


@dataclass(frozen=True)
class Pictures:
    """How a photo becomes [H,W,3] uint8, and that the graph's pixels."""

    height: int
    width: int
    preprocessing: Mapping[str, Any]
    factors: tuple[float, ...]
    shifts: tuple[float, ...]


def stretched(
    settings: Settings, side: int, *, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Pictures:
    """A photo stretched to `side` x `side`. Raises CheckpointError where the file says something else."""
    size = settings.part("size")
    for key in ("height", "width"):
        if size.size(key, side) != side:
            raise size.wrong(key, f"{side}, the image_size of config.json")
    return _pictures(settings, side, side, {"resize": "stretch"}, mean, std)


def shortest(
    settings: Settings, patch: int, *, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Pictures:
    """A photo scaled by its shorter side and floored to whole patches, in the corner of a canvas.

    The longer side ends at 1333/800 of the shorter (Kim et al. 2021, section 4.2), as the published code computes it.
    """
    side = settings.part("size").size("shortest_edge", 384)
    longest = int(1333 / 800 * side)
    multiple = settings.size("size_divisor", 32)
    if multiple != patch or side < multiple:
        raise settings.wrong(
            "size_divisor", f"{patch}, the patch_size of config.json, and at most the shortest edge"
        )
    canvas = longest // multiple * multiple
    kept = {"resize": "shortest", "shortest": side, "longest": longest, "multiple": multiple}
    return _pictures(settings, canvas, canvas, kept, mean, std)


def _pictures(
    settings: Settings,
    height: int,
    width: int,
    resize: Mapping[str, Any],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> Pictures:
    for key in ("do_resize", "do_rescale", "do_normalize"):
        settings.must_be(key, (True,), True)
    settings.must_be("do_center_crop", (False, None), False)
    resample = RESAMPLE[settings.must_be("resample", tuple(RESAMPLE), 3)]
    scale = settings.number("rescale_factor", ONE_255TH)
    means, stds = settings.three("image_mean", mean), settings.three("image_std", std)
    if min(stds) <= 0:
        raise settings.wrong("image_std", "three numbers above 0")
    return Pictures(
        height,
        width,
        {**resize, "resample": resample, "color_order": "rgb"},
        tuple(scale / one for one in stds),
        tuple(-one / other for one, other in zip(means, stds, strict=True)),
    )
