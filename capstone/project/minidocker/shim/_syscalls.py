"""The shim's own prototypes: giving memory back.

What belongs here: prototypes and wrappers. What does not: when to call them (``memory.py``).
"""

from __future__ import annotations

import ctypes

from section01_processes import prototype

MADV_DONTNEED = 4

_madvise = prototype("madvise", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_malloc_trim = prototype("malloc_trim", ctypes.c_size_t)


def forget_pages(start: int, length: int) -> None:
    """Drop the pages of a mapping; they come back from the file when they are touched. madvise(2) MADV_DONTNEED."""
    _madvise(start, length, MADV_DONTNEED)


def trim_heap() -> None:
    """Give free memory at the top of the C heap back. malloc_trim(3)."""
    _malloc_trim(0)
