"""The access log: HAProxy writes a line for each request into a pipe that outlives either side.

The pipe is a FIFO in the run folder. HAProxy holds both of its ends, so it is never without a reader, and
never waits: while no server reads, a mebibyte of lines is kept and HAProxy drops (and counts) the rest. A
datagram socket would hold ten lines on a usual Linux.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import stat
import threading
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Final

from .tally import NOBODY, Traffic, count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

FIFO: Final = "access.fifo"
PIPE: Final = "JITSU_ACCESS"
"""Environment variable with the number of the pipe that HAProxy inherits."""

FILE: Final = "access.log"
"""Beside an app's other logs; the one before it is `access.log.1`."""

LONGEST: Final = 2048
"""Bytes of a line; up to 4096 the system writes each whole."""

FORMAT: Final = (
    '%[var(txn.route),field(2,|)] %s %ST %Tw/%Tc/%Tr %ci - - [%trg] \\"%HM %{+E}HPO %HV\\" %ST %B %Ta %s %ID'
)
"""HAProxy's log-format: four words to count by, then the Common Log Format with the milliseconds until the
answer had ended, the drone and the request's id behind it. The query is left out: it may hold secrets."""

_EVERY: Final = 0.2
"""Seconds between two looks: at 20,000 requests a second the pipe fills in a third of one."""

_SWEEP: Final = 5.0
"""Seconds between two looks for apps that are gone."""

_SIZE: Final = 1024 * 1024
"""Bytes that the pipe is to hold; the most that a user may ask for by default."""


class AccessLog:
    """Reads the pipe: counts, and keeps each app's lines in a file of bounded size.

    Args:
        run: the router's folder.
        logs: the folder of all logs; an app's lies in `USER/NAME`.
        size: bytes of an app's file before a new one is begun, of which two are kept; 0: no files.
    """

    def __init__(self, run: Path, logs: Path, *, size: int = 8 * 1024**2) -> None:
        self._run = run
        self._logs = logs
        self._size = size
        self._traffic: dict[str, Traffic] = {}
        self._pipe = -1
        self._rest = b""
        self._lock = threading.Lock()
        self._troubled = False
        self._swept = time.monotonic()
        self.since = time.time()
        """When counting began, epoch seconds."""

    async def run(self) -> None:
        """Read until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.to_thread(self.collect)
                await asyncio.sleep(_EVERY)
        finally:
            self.collect()

    def of(self, app: str) -> Traffic:
        """An app's counts; a copy that stays as it is. ("-": of what no app answered.)"""
        with self._lock:
            return deepcopy(self._traffic.get(app, Traffic()))

    def apps(self) -> list[str]:
        """Of which apps there are counts."""
        with self._lock:
            return sorted(self._traffic)

    def collect(self) -> None:
        """Take in what has been written since the last call."""
        with self._lock:
            try:
                self._follow()
                rests = count(self._traffic, self._lines())
                for app, lines in rests.items() if self._size else ():
                    self._keep(app, lines)
                if time.monotonic() - self._swept > _SWEEP:
                    self._sweep()
                self._troubled = False
            except OSError as error:
                if not self._troubled:
                    log.warning("The access log cannot be kept: %s", error)
                self._troubled = True

    def _lines(self) -> list[bytes]:
        chunks = [self._rest]
        with contextlib.suppress(BlockingIOError):
            # Bounded: whoever floods must not keep us here.
            while len(chunks) < 64 and (chunk := os.read(self._pipe, _SIZE)):
                chunks.append(chunk)
        *lines, self._rest = b"".join(chunks).split(b"\n")
        return lines

    def _follow(self) -> None:
        """Have the pipe that is in the folder now; the folder may have been deleted meanwhile."""
        path = self._run / FIFO
        make(path)
        if self._pipe >= 0 and os.fstat(self._pipe).st_ino != path.stat().st_ino:
            os.close(self._pipe)
            self._pipe, self._rest = -1, b""
        if self._pipe < 0:
            self._pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _sweep(self) -> None:
        """Drop the counts of apps that are gone, and their logs with them."""
        self._swept = time.monotonic()
        for app in [name for name in self._traffic if name != NOBODY and not (self._logs / name).is_dir()]:
            del self._traffic[app]

    def _keep(self, app: str, lines: Sequence[bytes]) -> None:
        folder = self._logs / app
        if "/" not in app or ".." in app or not folder.is_dir():
            return  # no app's, or of one that is just gone
        path = folder / FILE
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > self._size:
                path.replace(path.with_name(f"{FILE}.1"))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(b"\n".join(lines) + b"\n")


def make(path: Path) -> None:
    """Make the FIFO, unless it is there; something else in its place is removed."""
    try:
        if stat.S_ISFIFO(path.lstat().st_mode):
            return
        path.unlink()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)


def writing(run: Path) -> int:
    """Open the pipe for an HAProxy that is about to be started: a descriptor with both ends, to inherit."""
    make(run / FIFO)
    pipe = os.open(run / FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.fcntl(pipe, getattr(fcntl, "F_SETPIPE_SZ", 1031), _SIZE)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EINVAL, errno.EBUSY}:
            os.close(pipe)
            raise
        # A user with many pipes gets no more: the usual 64 KiB then.
    return pipe
