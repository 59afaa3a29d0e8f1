"""Notice that whoever reads our answers has left, also while there is nothing to write."""

from __future__ import annotations

import select
import signal
import stat
import threading
from contextlib import contextmanager
from os import fstat
from typing import TYPE_CHECKING, TextIO

from jitsu_py.errors import ReaderLeftError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def while_somebody_reads(out: TextIO | None) -> Iterator[None]:
    """Run a block that waits for something to print, and end it when the reader of `out` leaves.

    A write finds out by itself; between two lines a thread waits for the pipe's other end to close, and wakes
    the main thread by the very signal that means it.

    Raises:
        ReaderLeftError: in the block, at once; like ^C it may also come just outside, where the block ends.
    """
    number = _pipe(out)
    is_main = threading.current_thread() is threading.main_thread()
    if number is None or not is_main or not hasattr(signal, "pthread_kill"):
        yield
        return
    watching = True

    def wake(_number: int, _frame: FrameType | None) -> None:
        nonlocal watching
        # Once: a write that fails sends the same signal, and the second would hit whoever handles the first.
        if watching:
            watching = False
            raise ReaderLeftError

    def watch() -> None:
        _wait_for_its_end(number)
        if watching:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGPIPE)

    before = signal.signal(signal.SIGPIPE, wake)
    threading.Thread(target=watch, name="reader", daemon=True).start()
    try:
        yield
    finally:
        # In this order: a signal that comes in between is ignored by the handler.
        watching = False
        signal.signal(signal.SIGPIPE, before)


def _pipe(out: TextIO | None) -> int | None:
    """The descriptor of `out`, where it is a pipe or a socket, which have somebody at the other end."""
    try:
        number = out.fileno() if out is not None else None
        mode = fstat(number).st_mode if number is not None else 0
    except (OSError, ValueError):
        return None
    return number if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def _wait_for_its_end(number: int) -> None:
    poll = select.poll()
    poll.register(number, 0)  # errors and hang-ups are always reported
    while not poll.poll():
        pass
