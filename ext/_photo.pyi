"""Types of the compiled measures of a photo; the words to them are photo_twin.py's."""

import numpy as np
from numpy.typing import NDArray

from .photo_twin import PhotoMeasures

def measure_photo(grey: NDArray[np.uint8]) -> PhotoMeasures: ...
def unevenness(small: NDArray[np.uint8]) -> float: ...
