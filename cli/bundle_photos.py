"""Reads photos for a bundle outside of the server, by the server's own steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asksight.engine import Bundle


def photo_reader(bundle: Bundle) -> Callable[[Path], NDArray[Any]]:
    """Give a function from a photo's path to what the bundle's encoder takes, [H, W, 3]. It is thread-safe.

    It raises DatasetError, naming the path, for a photo that the server would refuse.
    """
    from asksight.server.errors import AskError
    from asksight.server.limits import Limits
    from asksight.server.photo_input import PhotoInput
    from asksight.server.photos import check_photo, decode
    from asksight.server.sight import SHARPNESS_PX
    from asksight.training.errors import DatasetError

    height, width = bundle.image_height, bundle.image_width
    photo_input = PhotoInput.of(height, width, bundle.image_dtype, bundle.preprocessing)
    limits = Limits()
    smallest_px = max(SHARPNESS_PX, 2 * height, 2 * width)

    def read(path: Path) -> NDArray[Any]:
        try:
            photo = path.read_bytes()
            header = check_photo(photo, limits)
            return photo_input(decode(photo, header, smallest_px=smallest_px, room=lambda _: nullcontext()))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
        except AskError as error:
            raise DatasetError(f"{path}: {error}") from error

    return read
