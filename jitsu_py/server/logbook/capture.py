"""One capture file: read on from where it was, bounded, and given back to the disk."""

from __future__ import annotations

import os
import time
from typing import IO, TYPE_CHECKING, Final

from jitsu_py.server.logbook.blocks import whole_lines
from jitsu_py.server.logbook.book import append
from jitsu_py.server.logbook.holes import punch

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from jitsu_py.server.logbook.book import Book
    from jitsu_py.server.logbook.lines import Stream

TURN: Final = 2 * 1024**2
"""Bytes taken over in one transaction; more than the longest line."""

TAIL: Final = 64 * 1024
"""Bytes at the end of what was taken over that stay in the file: a failed start is explained with them."""

HOLE: Final = 1024**2
"""Bytes from which on it is worth while to give space back."""

UNHOLED: Final = 64 * 1024**2
"""Bytes at which a file is emptied where the file system has no holes."""

QUIET: Final = 0.05
"""Seconds without a word after which a drone is not expected to print in the very moment of the emptying."""


class Capture:
    """What one drone prints to one stream.

    Args:
        book: the app's log.
        path: the capture file; it may not be there yet.
        backlog: bytes that may wait to be taken over; when there are more, the oldest are dropped.
    """

    def __init__(self, book: Book, path: Path, backlog: int) -> None:
        self.book = book
        self.path = path
        self._backlog = backlog
        self._seen: int | None = None  # the file's size up to which there was nothing more to take
        self._punched = 0

    @property
    def stream(self) -> Stream:
        """Which one it is."""
        return "stderr" if self.path.suffix == ".stderr" else "stdout"

    def size(self) -> int:
        """Bytes printed so far; 0: the file is not there."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def take(self, *, last: bool = False) -> int:
        """Take over what was printed since, at most `TURN` bytes.

        Args:
            last: the drone is gone: what is left counts, also where it is no whole line.

        Returns:
            How many bytes were taken over or dropped; 0: there is no more for now.
        """
        if not last and self.size() == self._seen:
            return 0
        with self.book.lock:
            try:
                file = self.path.open("rb")
            except FileNotFoundError:
                return 0  # it was read to its end by another thread, and removed
            with file:
                return self._take(file, last=last)

    def _take(self, file: IO[bytes], *, last: bool) -> int:
        status = os.fstat(file.fileno())
        with self.book.writing() as connection:
            offset = self._offset(connection, file.fileno(), status.st_size)
            behind = _skip(file, offset, status.st_size, self._backlog)
            if behind is not None:
                begin, lines = behind
                words = f"{lines:,} lines ({begin - offset:,} bytes) of {self.stream} were dropped here: "
                words += "the drone prints faster than its log may grow"
                self._say(connection, words)
            else:
                begin = offset
            file.seek(begin)
            chunk = file.read(TURN)
            whole = chunk if last and begin + len(chunk) >= status.st_size else whole_lines(chunk)
            if whole:
                at = min(time.time(), status.st_mtime)
                append(connection, whole, at, self.stream, self.path.stem, self._snapshot(connection))
            end = begin + len(whole)
            if end != offset:
                place = (self.path.name, end)
                connection.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", place)
        self._seen = status.st_size if not whole or end == status.st_size else None
        self._give_back(end)
        return end - offset

    def _snapshot(self, connection: sqlite3.Connection) -> str | None:
        query = "SELECT snapshot FROM drones WHERE id = ?"
        row = connection.execute(query, (self.path.stem,)).fetchone()
        return row[0] if row else None

    def _say(self, connection: sqlite3.Connection, words: str) -> None:
        """Add a line of the platform's own where the drone's lines are just now."""
        snapshot = self._snapshot(connection)
        append(connection, words.encode(), time.time(), "system", self.path.stem, snapshot)

    def _offset(self, connection: sqlite3.Connection, handle: int, size: int) -> int:
        """Where to read on; at its first data in a file whose log was lost or which was emptied."""
        row = connection.execute("SELECT offset FROM places WHERE file = ?", (self.path.name,)).fetchone()
        if row is not None and row[0] <= size:
            return int(row[0])
        try:
            return os.lseek(handle, 0, os.SEEK_DATA)
        except OSError:
            return 0  # all of it is a hole, or there are none here

    def _give_back(self, end: int) -> None:
        """Free the space of what is committed, but for its last part."""
        if end - TAIL - self._punched < HOLE:
            return
        self.book.checkpoint()  # first: a power cut must not take the lines from both places
        if punch(self.path, end - TAIL):
            self._punched = end - TAIL
        elif end >= UNHOLED:
            self._empty(end)

    def _empty(self, end: int) -> None:
        """Empty a file that was taken over up to `end`, where the file system frees no part of one.

        What its writer prints between the last look and the emptying is lost. So it is done while nothing is
        printed; only when the file is as large as the log may be it is done at once, and the log says so.
        """
        status = self.path.stat()
        is_read = end == status.st_size
        is_quiet = is_read and time.time() - status.st_mtime >= QUIET
        most = max(UNHOLED, self._backlog)
        if not is_quiet and (end < most or (not is_read and status.st_size < 2 * most)):
            return
        with self.book.writing() as connection:
            # In this order: a place behind the new end would skip what is printed next.
            connection.execute("INSERT OR REPLACE INTO places VALUES (?, 0)", (self.path.name,))
            if not is_quiet:
                words = f"{status.st_size - end:,} bytes of {self.stream} or more may be missing here: "
                words += "the file system frees no part of a file, so it was emptied while the drone printed"
                self._say(connection, words)
            os.truncate(self.path, 0)
        self._seen = None


def _skip(file: IO[bytes], offset: int, size: int, most: int) -> tuple[int, int] | None:
    """Where to go on, and how many lines lie before it, when too much is waiting; None: it is not."""
    if size - offset <= most:
        return None
    target, at, lines = size - most // 2, offset, 0
    file.seek(at)
    while at < target:
        chunk = file.read(min(TURN, target - at))
        if not chunk:
            break
        lines, at = lines + chunk.count(b"\n"), at + len(chunk)
    rest = file.read(TURN)
    end = rest.find(b"\n") + 1
    return at + end, lines + (1 if end else 0)
