"""How a program that outlives the server gets into a sandbox: bubblewrap is told unseen what to do."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST: Final = 128 * 1024
"""Bytes of one variable that Linux hands to a program, its end included."""

MOST: Final = 6 * 1024 * 1024
"""Bytes of all together, however large a stack may grow."""

ROOM: Final = 64 * 1024
"""Bytes left for the arguments."""

WORDS: Final = 8500
"""Arguments that bubblewrap takes: 9000, less those of the view."""


@dataclass(frozen=True)
class Start:
    """How a confined program is started."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Of the leader."""
    descriptors: tuple[int, ...] = ()
    """To be passed on under their numbers; the program does not get them."""


@contextmanager
def handed_over(words: Sequence[str], env: Mapping[str, str]) -> Iterator[int]:
    """A descriptor from which a program reads its arguments.

    Args:
        words: the arguments.
        env: the variables among them.

    Raises:
        OSError: E2BIG, as the kernel would say when the program begins.
    """
    if len(words) > WORDS or _is_too_much(env):
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    handle = os.memfd_create("arguments", os.MFD_CLOEXEC)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(b"".join(os.fsencode(word) + b"\0" for word in words))
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _is_too_much(env: Mapping[str, str]) -> bool:
    sizes = [len(os.fsencode(name)) + len(os.fsencode(value)) + 2 for name, value in env.items()]
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    most = MOST if stack == resource.RLIM_INFINITY else min(MOST, stack // 4)
    return max(sizes, default=0) > LONGEST or sum(sizes) + 8 * len(sizes) > most - ROOM
