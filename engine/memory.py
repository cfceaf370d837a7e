"""Has freed memory go back to the system, so that a process does not stay as large as it once was."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_LARGE_BYTES, _KEPT_BYTES = 1 << 20, 8 << 20
_ARENAS = 4
_STATM = Path("/proc/self/statm")  # in pages; the second number is what is resident


def return_freed_memory() -> None:
    """Call it before TensorFlow is imported and before threads are started; without glibc it does less.

    Measured on VGG16: with TensorFlow's own pool and glibc's habits a process of 1.2 GB grows to 2.4 GB. And a server
    of 135 MB grows to over 260 MB, by a few large photos: each thread that ever decoded one keeps its room.
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)  # by itself it rises to 32 MB, and such blocks are kept
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)  # an arena's; by itself it rises to twice the other
        mallopt(_ARENA_MAX, _ARENAS)


def trim_memory() -> None:
    """Give back what lies free between what is held, after many small blocks were freed; takes milliseconds."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def resident_bytes() -> int:
    """How much memory this process has in RAM; 0 where the system has no /proc."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
