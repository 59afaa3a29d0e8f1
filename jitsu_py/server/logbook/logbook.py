"""The logs of all apps."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.logbook import queries
from jitsu_py.server.logbook.book import Book, append
from jitsu_py.server.logbook.capture import Capture
from jitsu_py.server.logbook.lines import Keep, Line, Note, Wanted
from jitsu_py.server.logbook.news import News
from jitsu_py.server.logbook.retention import trim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

log = logging.getLogger(__name__)

EVERY: Final = 0.25
"""Seconds between two looks at the capture files."""

LOOK: Final = 16 * 1024**2
"""Bytes taken over of one app at a look: so much of a flood is worth the time of the others."""

TRIMS: Final = 4
"""Steps of removing old lines of one app at a look."""

AGED_EVERY: Final = 60.0
"""Seconds between two looks for lines that became too old."""

REMOVED: Final = "_removed"
"""Folder of logs that are just being deleted; no user's name."""


@dataclass(frozen=True)
class _Drone:
    """A drone whose capture files are read."""

    app: str
    captures: tuple[Capture, ...]


class Logbook:
    """The logs of all apps of a state folder. Every call but those marked may touch the disk; any thread.

    Args:
        folder: `logs/` of the state folder.
        keep: what is kept of each app.
    """

    def __init__(self, folder: Path, keep: Keep | None = None) -> None:
        self._folder = folder
        self._keep = keep or Keep()
        self._books: dict[str, Book] = {}
        self._making = threading.Lock()
        self._open: dict[str, _Drone] = {}
        self._troubled: set[str] = set()
        self._grown: set[str] = set()  # apps of which there may be too much
        self._news = News()

    def capture(self, app: str, drone: str, snapshot: str) -> Path:
        """The folder for a drone's capture files, which are read from now on."""
        with self._book(app).writing() as book:
            book.execute("INSERT OR REPLACE INTO drones VALUES (?, ?)", (drone, snapshot))
        captures = self._captures(app)
        captures.mkdir(mode=0o700, exist_ok=True)
        self._open[drone] = self._drone(app, drone)
        return captures

    def ended(self, app: str, drone: str) -> None:
        """Read the last of a drone's output, also an unfinished line, and drop its capture files."""
        known = self._open.get(drone) or self._drone(app, drone)
        for capture in known.captures:
            while capture.take(last=True):
                self._committed(app)
        self._open.pop(drone, None)
        book = self._book(app)
        with book.lock:
            if book.exists():  # else the app was removed meanwhile, with its log
                self._forget(book, known, drone)

    def _forget(self, book: Book, known: _Drone, drone: str) -> None:
        with book.writing() as connection:
            for capture in known.captures:
                capture.path.unlink(missing_ok=True)
                connection.execute("DELETE FROM places WHERE file = ?", (capture.path.name,))
            connection.execute("DELETE FROM drones WHERE id = ?", (drone,))

    def forsaken(self, app: str) -> list[str]:
        """Drones of an app whose output is still to be read though nobody follows them."""
        with self._book(app).reading() as book:
            known = [row[0] for row in book.execute("SELECT id FROM drones")] if book else []
        return [drone for drone in known if drone not in self._open]

    def note(self, app: str, text: str, *, drone: str | None = None, snapshot: str | None = None) -> None:
        """Add a line of the platform's own."""
        self.notes(app, [Note(text, drone, snapshot)])

    def notes(self, app: str, notes: Sequence[Note]) -> None:
        """Add lines of the platform's own, in one go."""
        with self._book(app).writing() as book:
            for note in notes:
                text = note.text.encode("utf-8", "replace") + b"\n"
                append(book, text, time.time(), "system", note.drone, note.snapshot)
        self._committed(app)

    def newest(self, app: str, rows: int, wanted: Wanted | None = None) -> list[Line]:
        """The newest lines of an app (that are wanted), oldest of them first; at most some 32 MiB of them."""
        self.collect(app)
        with self._book(app).reading() as book:
            return queries.newest(book, rows, wanted or Wanted()) if book else []

    def next(self, app: str, after: int, rows: int, wanted: Wanted | None = None) -> list[Line]:
        """The first lines (that are wanted) after the one with the id `after`, oldest first.

        Fewer than `rows` are no sign that there are no more: one answer holds at most some 32 MiB of them.
        """
        self.collect(app)
        with self._book(app).reading() as book:
            return queries.following(book, after, rows, wanted or Wanted()) if book else []

    def count(self, app: str, wanted: Wanted) -> int:
        """How many lines of an app are wanted."""
        with self._book(app).reading() as book:
            return queries.count(book, wanted) if book else 0

    def end(self, app: str) -> int:
        """The id of the newest line that an app ever had; 0: it never had one."""
        with self._book(app).reading() as book:
            return queries.end(book) if book else 0

    async def changed(self, app: str, after: int, timeout: float) -> bool:
        """Return once there are lines beyond the id `after`, wanted or not, or the log was removed.

        For those who follow a log: ask `end`, read with `next` up to there, and wait for more than that.

        Args:
            timeout: seconds after which it returns False.
        """
        loop, told = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(told.set)

        with self.listening(app, tell):
            if await asyncio.to_thread(self.end, app) > after:
                return True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await told.wait()
        return told.is_set()

    def listening(self, app: str, call: Callable[[], None]) -> AbstractContextManager[None]:
        """Inside the block `call` is called after each commit of lines of the app, in whatever thread.

        It must be quick. Touches no disk.
        """
        return self._news.listening(app, call)

    def remove(self, app: str) -> None:
        """Delete an app's log."""
        for drone in [drone for drone, known in list(self._open.items()) if known.app == app]:
            del self._open[drone]
        aside = self._folder / REMOVED
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._book(app).remove(aside / os.urandom(8).hex())
        self._news.tell(app)

    def collect(self, app: str | None = None) -> None:
        """Read what the drones (of one app) have printed since the last look; of a flood a part."""
        waiting = deque(
            (drone, known.app, capture)
            for drone, known in list(self._open.items())
            for capture in known.captures
            if app is None or known.app == app
        )
        taken: dict[str, int] = {}
        while waiting:
            drone, owner, capture = waiting.popleft()
            size = self._try_to_take(drone, owner, capture)
            taken[owner] = taken.get(owner, 0) + size
            if size and taken[owner] < LOOK:
                waiting.append((drone, owner, capture))  # the others come first

    def _try_to_take(self, drone: str, app: str, capture: Capture) -> int:
        """Take one turn; a full disk or a damaged log is said once and does not silence others."""
        try:
            size = capture.take()
        except (OSError, sqlite3.Error):
            if drone not in self._troubled:
                log.exception("what %s of %s printed cannot be taken over", drone, app)
            self._troubled.add(drone)
            return 0
        self._troubled.discard(drone)
        if size:
            self._committed(app)
        return size

    def _committed(self, app: str) -> None:
        self._grown.add(app)
        self._news.tell(app)

    def tidy(self, *, aged: bool = False) -> None:
        """Remove a part of what is too much or too old.

        Args:
            aged: look at every app's log, not only at those that grew.
        """
        if aged:
            self._grown.update(self._on_disk())
        for app in list(self._grown):
            try:
                self._trim(app)
            except (OSError, sqlite3.Error):
                self._grown.discard(app)
                log.exception("old lines of %s cannot be removed", app)
        for book in list(self._books.values()):
            book.rest()

    def _trim(self, app: str) -> None:
        book = self._book(app)
        for _ in range(TRIMS):
            with book.lock:
                if not book.exists() or not trim(book, self._keep, time.time()):
                    self._grown.discard(app)
                    return

    def _on_disk(self) -> list[str]:
        paths = self._folder.glob("*/*/log.db")
        return [f"{path.parts[-3]}/{path.parts[-2]}" for path in paths if path.parts[-3] != REMOVED]

    async def run(self) -> None:
        """Collect and tidy until cancelled."""
        await asyncio.to_thread(shutil.rmtree, self._folder / REMOVED, ignore_errors=True)
        next_aged = 0.0
        while True:
            await asyncio.to_thread(self.collect)
            is_due = time.monotonic() >= next_aged
            if is_due:
                next_aged = time.monotonic() + AGED_EVERY
            await asyncio.to_thread(self.tidy, aged=is_due)
            await asyncio.sleep(EVERY)

    def close(self) -> None:
        """Close the files; the next call opens them again."""
        for book in list(self._books.values()):
            book.close()

    def _book(self, app: str) -> Book:
        with self._making:
            return self._books.setdefault(app, Book(self._folder / app))

    def _captures(self, app: str) -> Path:
        return self._folder / app / "drones"

    def _drone(self, app: str, drone: str) -> _Drone:
        book, folder = self._book(app), self._captures(app)
        paths = (folder / f"{drone}.{stream}" for stream in ("stdout", "stderr"))
        return _Drone(app, tuple(Capture(book, path, self._keep.bytes) for path in paths))
