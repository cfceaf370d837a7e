"""Reads photos by the server's own steps: what is learned is what is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.photos.decode import check_photo, decode
from asksight.photos.errors import PhotoError
from asksight.photos.input import PhotoInput
from asksight.photos.limits import PhotoLimits

from ..errors import DatasetError

ReadPhoto = Callable[[Path], dict[str, NDArray[Any]]]


def photo_reader(bundle: Bundle) -> ReadPhoto:
    """Give a function from a photo's path to what the bundle's encoder takes, by the names of its inputs.

    It is thread-safe. It raises DatasetError, naming the path, for a photo that the server would refuse.
    """
    height, width = bundle.image_height, bundle.image_width
    return _reader(PhotoInput.of(height, width, bundle.image_dtype, bundle.preprocessing))


def square_reader(side: int) -> Callable[[Path], NDArray[Any]]:
    """Give the same for a model in training: the image alone, [side, side, 3] uint8, stretched."""
    read = _reader(PhotoInput(height=side, width=side, dtype=np.dtype(np.uint8)))
    return lambda path: read(path)["image"]


def _reader(photo_input: PhotoInput) -> ReadPhoto:
    limits = PhotoLimits()

    def read(path: Path) -> dict[str, NDArray[Any]]:
        try:
            photo = path.read_bytes()
            header = check_photo(photo, limits)
            return photo_input(decode(photo, header, smallest_px=photo_input.smallest_px))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
        except PhotoError as error:
            raise DatasetError(f"{path}: {error}") from error

    return read
