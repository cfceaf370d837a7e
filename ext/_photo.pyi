"""Types of the compiled measures of a photo; the words to them are photo_twin.py's and shrink_twin.py's."""

import numpy as np
from numpy.typing import NDArray

from .photo_twin import PhotoMeasures

def shrink_to_grey(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]: ...
def shrink_arrow_to_grey(capsule: object, height: int, width: int, factor: int) -> NDArray[np.uint8]:
    """As `shrink_to_grey`, of an Arrow array of height x width lists of four bytes, without copying them."""

def shrink_grey(grey: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]: ...
def measure_photo(grey: NDArray[np.uint8]) -> PhotoMeasures: ...
def unevenness(small: NDArray[np.uint8]) -> float: ...
