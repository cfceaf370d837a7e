# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled measures of a photo; photo_twin.py and shrink_twin.py say in Python what they are; tests hold both equal.

The work is in C headers, without the GIL, and keeps nothing: any number of threads may call at once.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from .checks import check_pixels, check_shrinking
from .photo_twin import SURFACE_PX, PhotoMeasures

cdef enum:
    SURFACE_PIXELS = 32 * 32

cdef extern from "sharpness.h" nogil:
    ctypedef struct Sharpness:
        double upright, least, evenness
    int measure_sharpness_wide(const uint8_t* grey, int64_t height, int64_t width, Sharpness* own)

cdef extern from "shrink.h" nogil:
    ctypedef struct ColourShape:
        int64_t height, width
        int channels
    int shrink_to_grey_wide(const uint8_t* colours, ColourShape shape, int64_t factor, uint8_t* to)
    int shrink_grey_wide(const uint8_t* grey, int64_t height, int64_t width, int64_t down, int64_t across, uint8_t* to)

cdef extern from "surface.h" nogil:
    void grey_extremes(const uint8_t* grey, int64_t size, int* shadows, int* highlights)
    double surface_unevenness(const uint8_t* small, int colours)
    int average_parts(const uint8_t* grey, int64_t height, int64_t width, uint8_t* parts)

# https://arrow.apache.org/docs/format/CDataInterface.html
cdef struct ArrowArray:
    int64_t length, null_count, offset, n_buffers, n_children
    const void** buffers
    ArrowArray** children


def shrink_to_grey(pixels, int64_t factor):
    """Average boxes of pixels [H, W, 3 or 4] and make them grey [h, w]; see shrink_twin.shrink_to_grey."""
    check_pixels(pixels, 3)
    cdef const uint8_t[:, :, ::1] colours = pixels
    check_shrinking(pixels.shape[2] in (3, 4), pixels.shape, factor)
    return grey_of(&colours[0, 0, 0], ColourShape(colours.shape[0], colours.shape[1], <int>colours.shape[2]), factor)


def shrink_arrow_to_grey(capsule, int64_t height, int64_t width, int64_t factor):
    """The same of an "arrow_array" capsule of [height * width] lists of four bytes, without copying them."""
    cdef ArrowArray* pixels = <ArrowArray*>PyCapsule_GetPointer(capsule, "arrow_array")
    if pixels.length != height * width or pixels.offset or pixels.n_children != 1:
        raise ValueError(f"the Arrow array has {pixels.length} pixels; it must be {height} x {width} lists")
    cdef ArrowArray* colours = pixels.children[0]
    if colours.length != 4 * pixels.length or colours.offset or colours.n_buffers != 2 or height < 1:
        raise ValueError(f"the Arrow array has {colours.length} values; it must be {height} x {width} x 4")
    return grey_of(<const uint8_t*>colours.buffers[1], ColourShape(height, width, 4), factor)


cdef grey_of(const uint8_t* colours, ColourShape shape, int64_t factor):
    check_shrinking(1 <= factor <= 256, (shape.height, shape.width), factor)
    grey = np.empty(((shape.height + factor - 1) // factor, (shape.width + factor - 1) // factor), np.uint8)
    cdef uint8_t[:, ::1] to = grey
    cdef int made
    with nogil:
        made = shrink_to_grey_wide(colours, shape, factor, &to[0, 0])
    if not made:
        raise MemoryError
    return grey


def shrink_grey(grey, int64_t height, int64_t width):
    """Average a grey picture [H, W] to [height, width]; see shrink_twin.shrink_grey."""
    check_pixels(grey, 2)
    cdef const uint8_t[:, ::1] pixels = grey
    cdef int64_t high = pixels.shape[0], wide = pixels.shape[1]
    check_shrinking(height <= high <= 128 * height and width <= wide <= 128 * width, grey.shape, (height, width))
    small = np.empty((height, width), np.uint8)
    cdef uint8_t[:, ::1] to = small
    cdef int made
    with nogil:
        made = shrink_grey_wide(&pixels[0, 0], high, wide, height, width, &to[0, 0])
    if not made:
        raise MemoryError
    return small


def measure_photo(grey):
    """Measure a picture [H, W] of 0 to 255, in C order; see photo_twin.measure_photo."""
    check_pixels(grey, 2)
    cdef const uint8_t[:, ::1] pixels = grey
    cdef Sharpness sharpness
    cdef int shadows, highlights, measured
    cdef uint8_t[SURFACE_PIXELS] parts
    cdef double uneven
    with nogil:
        grey_extremes(&pixels[0, 0], pixels.shape[0] * pixels.shape[1], &shadows, &highlights)
        measured = measure_sharpness_wide(&pixels[0, 0], pixels.shape[0], pixels.shape[1], &sharpness)
        measured = measured and average_parts(&pixels[0, 0], pixels.shape[0], pixels.shape[1], parts)
        uneven = surface_unevenness(parts, 1) if measured else 0
    if not measured:
        raise MemoryError
    return PhotoMeasures(shadows, highlights, sharpness.upright, sharpness.least, sharpness.evenness, uneven)


def unevenness(small):
    """How far an RGB picture [32, 32, 3] is from a smooth surface, in levels; see photo_twin.unevenness."""
    check_pixels(small, 3)
    if small.shape != (SURFACE_PX, SURFACE_PX, 3):
        raise ValueError(f"a surface is told on pixels [{SURFACE_PX}, {SURFACE_PX}, 3], not {[*small.shape]}")
    cdef const uint8_t[:, :, ::1] pixels = small
    cdef double levels
    with nogil:
        levels = surface_unevenness(&pixels[0, 0, 0], 3)
    return levels
