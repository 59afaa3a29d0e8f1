"""Who holds a state folder: one server at a time, by a lock that goes with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def hold(home: Path) -> Iterator[None]:
    """Hold the state folder: a lock that the kernel drops when this process dies, so it is never stale.

    Raises:
        PlatformError: another server holds it.
    """
    folder = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not _locked(folder):
            raise PlatformError(Code.UNAVAILABLE, f"A server runs already for {home}.")
        yield
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    # A look by `is_held` holds the lock for a moment; a server holds it for good.
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def is_held(home: Path) -> bool:
    """Whether somebody holds the state folder: a server that runs, starts or stops."""
    folder = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(folder)
    return False
