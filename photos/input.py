"""An upright RGB picture → the array that the bundle's encoder takes, as its preprocessing says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
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
RESIZES = ("stretch", "crop", "pad", "shortest")
COLOUR_ORDERS = ("rgb", "bgr")
PAD_COLOUR = "black"
SHARPNESS_PX = 256  # photos are not shrunk below it, so that their flaws can be measured


@dataclass(frozen=True, kw_only=True)
class Shortest:
    """Sizes that keep a photo's shape: the shorter side is `shortest` px, the longer at most `longest`."""

    shortest: int
    longest: int
    multiple: int  # a side of a patch; each side of a photo is a whole number of patches

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that a photo gets, as ViLT's processor computes them (Kim et al. 2021, 4.2), never 0."""
        scale = self.shortest / min(width, height)
        sides = (
            (width * scale, float(self.shortest))
            if height < width
            else (float(self.shortest), height * scale)
        )
        if max(sides) > self.longest:
            scale = self.longest / max(sides)
            sides = (sides[0] * scale, sides[1] * scale)
        across, down = (max(int(side + 0.5) // self.multiple, 1) * self.multiple for side in sides)
        return across, down


@dataclass(frozen=True, kw_only=True)
class PhotoInput:
    """How one bundle wants its photos; values stay 0 to 255, scaling them is the graph's part."""

    height: int
    width: int
    dtype: np.dtype[Any]  # uint8 or float32
    # "crop" cuts the middle out, "pad" keeps all and fills with black, "shortest" lays each into the canvas's corner
    resize: str = "stretch"
    resample: str = "bilinear"
    colour_order: str = "rgb"
    shrink_first: bool = True  # whether a photo may be shrunk while it is decoded
    shortest: Shortest | None = None  # of resize "shortest"

    @classmethod
    def of(cls, height: int, width: int, dtype: str, preprocessing: Mapping[str, Any]) -> PhotoInput:
        """Read a bundle's preprocessing. Raises ValueError, naming the value and what is known."""
        resize = _known(preprocessing, "resize", RESIZES)
        resample = _known(preprocessing, "resample", ("bilinear", *RESAMPLING))
        order = _known(preprocessing, "color_order", COLOUR_ORDERS)
        sizes = (
            {one.name: int(preprocessing[one.name]) for one in fields(Shortest)}
            if resize == "shortest"
            else None
        )
        return cls(
            height=height,
            width=width,
            dtype=np.dtype(dtype),
            resize=resize,
            resample=resample,
            colour_order=order,
            shrink_first=bool(preprocessing.get("shrink_first", True)),
            shortest=None if sizes is None else Shortest(**sizes),
        )

    @property
    def measured_px(self) -> int:
        """How small a photo may be made for its flaws to be found, and for the model to see all that it can."""
        return max(SHARPNESS_PX, 2 * self.height, 2 * self.width)

    @property
    def smallest_px(self) -> int | None:
        """How small `decode` may make a photo: twice what the model sees, so that its resize has pixels to average.

        None where the model wants each photo resized from its full size.
        """
        return self.measured_px if self.shrink_first else None

    def __call__(self, picture: Image.Image) -> dict[str, NDArray[Any]]:
        """What the encoder takes for a picture: `image` [H, W, 3] of `dtype`, contiguous.

        Where pictures keep their shape, also `grid` [2] int32: how many rows and columns of patches it fills; the rest
        of `image` is zero.
        """
        if self.shortest is None:
            return {"image": self._pixels(self._fitted(picture))}
        width, height = self.shortest.size(*picture.size)
        canvas = np.zeros((self.height, self.width, 3), self.dtype)
        canvas[:height, :width] = self._pixels(picture.resize((width, height), RESAMPLING[self.resample]))
        grid = np.array([height // self.shortest.multiple, width // self.shortest.multiple], np.int32)
        return {"image": canvas, "grid": grid}

    def _fitted(self, picture: Image.Image) -> Image.Image:
        size, method = (self.width, self.height), RESAMPLING[self.resample]
        if picture.size == size:
            return picture
        if self.resize == "crop":
            return ImageOps.fit(picture, size, method)
        if self.resize == "pad":
            return ImageOps.pad(picture, size, method, color=PAD_COLOUR)
        return picture.resize(size, method)

    def _pixels(self, picture: Image.Image) -> NDArray[Any]:
        pixels = np.asarray(picture)
        if self.colour_order == "bgr":
            pixels = pixels[:, :, ::-1]
        return np.ascontiguousarray(pixels, dtype=self.dtype)


def _known(preprocessing: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = preprocessing.get(name, known[0])
    if value not in known:
        raise ValueError(f"preprocessing {name!r} is {value!r}; known are: {', '.join(dict.fromkeys(known))}")
    return str(value)
