# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled measures of a photo; ext/photo_twin.py says in Python what they are, and tests hold the two equal.

The work is in C headers, without the GIL, and keeps nothing: any number of threads may call at once.
"""

from libc.stdint cimport int64_t, uint8_t

from .photo_twin import SURFACE_PX, PhotoMeasures, check_pixels

cdef enum:
    SURFACE_PIXELS = 32 * 32

cdef extern from "sharpness.h" nogil:
    ctypedef struct Sharpness:
        double upright, least, evenness
    int measure_sharpness(const uint8_t* grey, int64_t height, int64_t width, Sharpness* own)

cdef extern from "surface.h" nogil:
    void grey_extremes(const uint8_t* grey, int64_t size, int* shadows, int* highlights)
    double surface_unevenness(const uint8_t* small, int colours)
    int average_parts(const uint8_t* grey, int64_t height, int64_t width, uint8_t* parts)


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
        measured = measure_sharpness(&pixels[0, 0], pixels.shape[0], pixels.shape[1], &sharpness)
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
