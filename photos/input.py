"""An upright RGB picture → the array that the bundle's encoder takes, as its preprocessing says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
RESIZES = ("stretch", "crop", "pad")
COLOUR_ORDERS = ("rgb", "bgr")
PAD_COLOUR = "black"
SHARPNESS_PX = 256  # photos are not shrunk below it, so that their flaws can be measured


@dataclass(frozen=True, kw_only=True)
class PhotoInput:
    """How one bundle wants its photos; values stay 0 to 255, scaling them is the graph's part."""

    height: int
    width: int
    dtype: np.dtype[Any]  # uint8 or float32
    resize: str = "stretch"  # "crop" cuts the middle out, "pad" keeps all and fills with black
    resample: str = "bilinear"
    colour_order: str = "rgb"

    @classmethod
    def of(cls, height: int, width: int, dtype: str, preprocessing: Mapping[str, Any]) -> PhotoInput:
        """Read a bundle's preprocessing. Raises ValueError, naming the value and what is known."""
        resize = _known(preprocessing, "resize", RESIZES)
        resample = _known(preprocessing, "resample", ("bilinear", *RESAMPLING))
        order = _known(preprocessing, "color_order", COLOUR_ORDERS)
        return cls(
            height=height,
            width=width,
            dtype=np.dtype(dtype),
            resize=resize,
            resample=resample,
            colour_order=order,
        )

    @property
    def smallest_px(self) -> int:
        """How small `decode` may make a photo: twice what the model sees, so that its resize has pixels to average."""
        return max(SHARPNESS_PX, 2 * self.height, 2 * self.width)

    def __call__(self, picture: Image.Image) -> NDArray[Any]:
        """Return the picture as [H, W, 3] of `dtype`, contiguous."""
        size, method = (self.width, self.height), RESAMPLING[self.resample]
        if picture.size != size:
            if self.resize == "crop":
                picture = ImageOps.fit(picture, size, method)
            elif self.resize == "pad":
                picture = ImageOps.pad(picture, size, method, color=PAD_COLOUR)
            else:
                picture = picture.resize(size, method)
        pixels = np.asarray(picture)
        if self.colour_order == "bgr":
            pixels = pixels[:, :, ::-1]
        return np.ascontiguousarray(pixels, dtype=self.dtype)


def _known(preprocessing: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = preprocessing.get(name, known[0])
    if value not in known:
        raise ValueError(f"preprocessing {name!r} is {value!r}; known are: {', '.join(dict.fromkeys(known))}")
    return str(value)
