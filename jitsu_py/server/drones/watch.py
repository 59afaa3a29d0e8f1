"""Notices the end of a process at once, whether it is our child or not, and reaps it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from jitsu_py.server.drones.census import has_started, is_same
from jitsu_py.server.drones.engine import Exit

POLL = 0.05
"""Seconds between looks where the kernel has no pidfd."""


class Watch:
    """Waits for the end of one process.

    Made inside the running event loop. A pidfd names the process itself, not its number, and a loop can wait
    for it; that it is the right process is checked after it was opened.

    Args:
        pid: the process.
        started: when it started, epoch seconds.
    """

    def __init__(self, pid: int, started: float) -> None:
        self._pid = pid
        self._started = started
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Exit] = self._loop.create_future()
        self._descriptor = self._open()
        self._timer: asyncio.TimerHandle | None = None
        if self._descriptor is None:
            self._look()
        elif has_started(pid, started):
            # It may be a zombie already, and yet not be over: its first thread ended before the others.
            self._loop.add_reader(self._descriptor, self._finish)
        else:
            self._end(Exit())

    def _open(self) -> int | None:
        with suppress(OSError, AttributeError):
            return os.pidfd_open(self._pid)
        return None

    def _look(self) -> None:
        ending = self._reaped()
        if ending is not None:
            self._end(ending)
        else:
            self._timer = self._loop.call_later(POLL, self._look)

    def _finish(self) -> None:
        self._end(self._reaped() or Exit())

    def _end(self, ending: Exit) -> None:
        self.release()
        if not self.ended.done():
            self.ended.set_result(ending)

    def _reaped(self) -> Exit | None:
        """How it ended; None while it runs."""
        try:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:  # whose child it is hears of its exit code, not we
            return None if is_same(self._pid, self._started) else Exit()
        return Exit.of(os.waitstatus_to_exitcode(status)) if pid else None

    def release(self) -> None:
        """Watch no longer."""
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        if self._timer is not None:
            self._timer.cancel()
