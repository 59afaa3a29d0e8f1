"""Gives the disk back what was read of a file that its writer still holds open."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Of fallocate(2)."""

PAGE: Final = 4096


def punch(path: Path, end: int) -> bool:
    """Free the space of a file's first `end` bytes; they read as zeros then, all others stay in place.

    The writer appends at the file's end, which does not move: nothing can get lost between the two.

    Returns:
        False: this system or file system has no holes.
    """
    call = _fallocate()
    if call is None:
        return False
    handle = os.open(path, os.O_WRONLY)
    try:
        return bool(call(handle, PUNCH_HOLE | KEEP_SIZE, 0, end // PAGE * PAGE) == 0)
    finally:
        os.close(handle)


@cache
def _fallocate() -> Any:
    """The C library's function; Python has only the one that makes files larger."""
    if not sys.platform.startswith("linux"):
        return None
    function = getattr(ctypes.CDLL(None), "fallocate64", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return function
