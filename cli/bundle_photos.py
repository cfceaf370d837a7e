"""Reads photos outside of the server, by the server's own steps: what is learned is what is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asksight.engine import Bundle
    from asksight.server.photo_input import PhotoInput


def photo_reader(bundle: Bundle) -> Callable[[Path], NDArray[Any]]:
    """Give a function from a photo's path to what the bundle's encoder takes, [H, W, 3]. It is thread-safe.

    It raises DatasetError, naming the path, for a photo that the server would refuse.
    """
    from asksight.server.photo_input import PhotoInput

    height, width = bundle.image_height, bundle.image_width
    return _reader(PhotoInput.of(height, width, bundle.image_dtype, bundle.preprocessing))


def square_reader(side: int) -> Callable[[Path], NDArray[Any]]:
    """Give the same for a model in training: [side, side, 3] uint8, stretched."""
    import numpy as np

    from asksight.server.photo_input import PhotoInput

    return _reader(PhotoInput(height=side, width=side, dtype=np.dtype(np.uint8)))


def _reader(photo_input: PhotoInput) -> Callable[[Path], NDArray[Any]]:
    from asksight.server.errors import AskError
    from asksight.server.limits import Limits
    from asksight.server.photos import check_photo, decode
    from asksight.training.errors import DatasetError

    limits = Limits()

    def read(path: Path) -> NDArray[Any]:
        try:
            photo = path.read_bytes()
            header = check_photo(photo, limits)
            return photo_input(decode(photo, header, smallest_px=photo_input.smallest_px))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
        except AskError as error:
            raise DatasetError(f"{path}: {error}") from error

    return read
