"""The log of one app: a SQLite file. Who writes holds its lock; readers have connections of their own."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from jitsu_py.server.logbook.blocks import blocks_of
from jitsu_py.server.logbook.conversion import convert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.logbook.lines import Stream

VERSION: Final = 2
"""Of the tables, as SQLite's `user_version`."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY, lines INTEGER NOT NULL, size INTEGER NOT NULL, time REAL NOT NULL,
    stream TEXT NOT NULL, drone TEXT, snapshot TEXT, text BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS blocks_by_time ON blocks (time);
CREATE TABLE IF NOT EXISTS drones (id TEXT PRIMARY KEY, snapshot TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS places (file TEXT PRIMARY KEY, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ends (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL);
"""

JOURNAL: Final = 8 * 1024**2
"""Bytes that the write-ahead log keeps after a checkpoint."""

IDLE: Final = 10.0
"""Seconds without a write after which the connection for writing is closed."""


class Book:
    """One app's log.

    Args:
        folder: of the app; made with the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "log.db"
        self.lock = threading.RLock()
        """Held by whoever writes the log or removes it."""
        self._connection: sqlite3.Connection | None = None
        self._used = 0.0

    def __del__(self) -> None:
        """Close what is still open."""
        self._close()

    def exists(self) -> bool:
        """Whether the app has a log."""
        return self.path.exists()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end of the block, undone by an exception."""
        with self.lock:
            book = self._opened()
            try:
                with book:
                    yield book
            except sqlite3.Error:
                self._close()  # a damaged or replaced file is looked at afresh the next time
                raise
            self._used = time.monotonic()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=10, check_same_thread=False)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that sees the log as it is now and waits for nobody; None: there is none."""
        book = self._opened_to_read()
        if book is None:
            yield None
            return
        with contextlib.closing(book):
            if _version(book) != VERSION:
                with self.writing():  # it makes the tables
                    pass
            book.execute("PRAGMA query_only=1")
            yield book

    def _opened_to_read(self) -> sqlite3.Connection | None:
        address = f"{self.path.absolute().as_uri()}?mode=rw"
        with contextlib.suppress(sqlite3.OperationalError):
            return sqlite3.connect(address, uri=True, timeout=10)
        # Where there is one now, it came to be after the try, unless it cannot be opened at all.
        return sqlite3.connect(address, uri=True, timeout=10) if self.exists() else None

    def checkpoint(self) -> None:
        """Bring what is committed to the disk for good, as far as no reader is in the way."""
        with self.lock:
            self._opened().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def rest(self) -> None:
        """Close the connection for writing if it has not been used for a while."""
        if self._connection is not None and time.monotonic() - self._used > IDLE:
            with self.lock:
                self._close()

    def close(self) -> None:
        """Close the connection for writing; the next write opens it again."""
        with self.lock:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def remove(self, aside: Path) -> None:
        """Delete the log.

        Args:
            aside: a name that is free, on the same disk.
        """
        with self.lock:
            self._close()
            with contextlib.suppress(FileNotFoundError):
                # At once: nobody makes files in a folder that is just being emptied.
                self.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def append(
    book: sqlite3.Connection,
    whole: bytes,
    at: float,
    stream: Stream,
    drone: str | None,
    snapshot: str | None,
) -> None:
    """Add whole lines.

    Args:
        at: when they were printed, epoch seconds; not taken for earlier than the line before.
    """
    last = book.execute("SELECT id FROM ends").fetchone()
    following = (last[0] if last else 0) + 1
    before = book.execute("SELECT time FROM blocks ORDER BY id DESC LIMIT 1").fetchone()
    if before is not None and at < before[0] <= time.time():
        at = before[0]
    for lines, block in blocks_of(whole):
        book.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (following, lines, len(block), at, stream, drone, snapshot, block),
        )
        following += lines
    book.execute("INSERT OR REPLACE INTO ends VALUES (1, ?)", (following - 1,))


def _version(book: sqlite3.Connection) -> int:
    version: int = book.execute("PRAGMA user_version").fetchone()[0]
    return version


def _prepare(book: sqlite3.Connection) -> None:
    """Make the tables, whether or not the file is new: a server may have been killed between the two."""
    found = _version(book)
    if found == 0:
        book.execute("PRAGMA auto_vacuum=INCREMENTAL")
        book.execute("PRAGMA journal_mode=WAL")
    if found != VERSION:
        book.executescript(f"BEGIN; {SCHEMA}")
        if found == 1:
            convert(book)
        book.execute(f"PRAGMA user_version = {VERSION}")
        book.commit()
    book.execute("PRAGMA synchronous=NORMAL")
    book.execute("PRAGMA secure_delete=OFF")
    book.execute(f"PRAGMA journal_size_limit={JOURNAL}").fetchall()
