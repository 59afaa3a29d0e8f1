"""What drones print and what happens to apps: captured, kept, queried.

Drones write into capture files of their own, so that nothing is lost while no server runs. The logbook
reads on from where it was and keeps the lines, with their time, in one SQLite file an app; lines and the
place read up to are committed together, so that no line comes twice or never.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

Stream = Literal["stdout", "stderr", "system"]

EVERY: Final = 0.25
"""Seconds between two looks at the capture files."""

CHUNK: Final = 4 * 1024 * 1024
"""Bytes read of a capture file in one transaction."""

LONGEST: Final = 1024 * 1024
"""Bytes of a line; a longer one is kept in parts."""

VERSION: Final = 1
"""Of the tables, as SQLite's `user_version`."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lines (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, stream TEXT NOT NULL, drone TEXT, snapshot TEXT,
    text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS drones (id TEXT PRIMARY KEY, snapshot TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS places (file TEXT PRIMARY KEY, offset INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Line:
    """One line of an app's log."""

    id: int
    """Grows with every line of the app."""
    time: float
    """Epoch seconds at which the platform read it."""
    stream: Stream
    """`system`: said by the platform."""
    drone: str | None
    snapshot: str | None
    text: str


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted; what is None is not asked for."""

    since: float | None = None
    """Epoch seconds, the first that counts."""
    until: float | None = None
    """Epoch seconds, the last that counts."""
    grep: str | None = None
    """Part of the text, whatever the case of its (ASCII) letters."""
    stream: Stream | None = None
    drone: str | None = None
    snapshot: str | None = None

    def condition(self) -> tuple[str, list[object]]:
        """As SQL, with the values for its question marks."""
        like = None if self.grep is None else f"%{_escaped(self.grep)}%"
        asked: dict[str, object] = {
            "time >= ?": self.since,
            "time <= ?": self.until,
            "text LIKE ? ESCAPE '!'": like,
            "stream = ?": self.stream,
            "drone = ?": self.drone,
            "snapshot = ?": self.snapshot,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        return " AND ".join(given) or "1", list(given.values())


class Logbook:
    """The logs of all apps of a state folder.

    Args:
        folder: `logs/` of the state folder.
        keep: lines kept of each app; the newest win.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._open: dict[str, str] = {}  # drone id -> app key
        self._read: dict[Path, int] = {}  # bytes taken over, so that a quiet file costs one stat
        self._troubled: set[str] = set()
        self._writing = threading.Lock()

    def capture(self, app: str, drone: str, snapshot: str) -> Path:
        """The folder for a drone's capture files, which are read from now on."""
        with self._writing, self._book(app) as book:
            book.execute("INSERT OR REPLACE INTO drones VALUES (?, ?)", (drone, snapshot))
        captures = self._captures(app)
        captures.mkdir(mode=0o700, exist_ok=True)
        self._open[drone] = app
        return captures

    def ended(self, app: str, drone: str) -> None:
        """Read the last of a drone's output, also an unfinished line, and drop its capture files."""
        self._collect(app, drone, last=True)
        self._open.pop(drone, None)
        with self._writing:
            if not self._path(app).exists():
                return  # the app was removed meanwhile, with its log
            self._forget(app, drone)

    def _forget(self, app: str, drone: str) -> None:
        with self._book(app) as book:
            for path in self._files(app, drone):
                path.unlink(missing_ok=True)
                self._read.pop(path, None)
                book.execute("DELETE FROM places WHERE file = ?", (path.name,))
            book.execute("DELETE FROM drones WHERE id = ?", (drone,))

    def forsaken(self, app: str) -> list[str]:
        """Drones of an app whose output is still to be read though nobody follows them."""
        if not self._path(app).exists():
            return []
        with self._writing, self._book(app) as book:
            known = [row[0] for row in book.execute("SELECT id FROM drones")]
        return [drone for drone in known if drone not in self._open]

    def note(self, app: str, text: str, *, drone: str | None = None, snapshot: str | None = None) -> None:
        """Add a line of the platform's own."""
        with self._writing, self._book(app) as book:
            self._add(book, "system", drone, snapshot, [text])

    def newest(self, app: str, rows: int, wanted: Wanted | None = None) -> list[Line]:
        """The newest lines of an app (that are wanted), oldest of them first."""
        self.collect(app)
        where, values = (wanted or Wanted()).condition()
        return self._lines(app, f"{where} ORDER BY id DESC LIMIT ?", [*values, rows])[::-1]

    def next(self, app: str, after: int, rows: int, wanted: Wanted | None = None) -> list[Line]:
        """The first lines (that are wanted) after the one with the id `after`, oldest first."""
        self.collect(app)
        where, values = (wanted or Wanted()).condition()
        return self._lines(app, f"id > ? AND {where} ORDER BY id LIMIT ?", [after, *values, rows])

    def count(self, app: str, wanted: Wanted) -> int:
        """How many lines of an app are wanted."""
        if not self._path(app).exists():
            return 0
        where, values = wanted.condition()
        with self._writing, self._book(app) as book:
            found: int = book.execute(f"SELECT count(*) FROM lines WHERE {where}", values).fetchone()[0]  # noqa: S608
        return found

    def _lines(self, app: str, rest: str, values: list[object]) -> list[Line]:
        if not self._path(app).exists():
            return []
        query = f"SELECT id, time, stream, drone, snapshot, text FROM lines WHERE {rest}"  # noqa: S608
        with self._writing, self._book(app) as book:
            return [Line(*row) for row in book.execute(query, values)]

    def remove(self, app: str) -> None:
        """Delete an app's log."""
        for drone in [drone for drone, owner in list(self._open.items()) if owner == app]:
            del self._open[drone]
        with self._writing:
            shutil.rmtree(self._folder / app, ignore_errors=True)

    def collect(self, app: str | None = None) -> None:
        """Read what the drones (of one app) have printed since the last look."""
        for drone, owner in list(self._open.items()):
            if app is None or owner == app:
                self._try_to_collect(owner, drone)

    def _try_to_collect(self, app: str, drone: str) -> None:
        """Collect; a full disk or one app's damaged log is said once and does not silence the other apps."""
        try:
            self._collect(app, drone, last=False)
        except (OSError, sqlite3.Error):
            if drone not in self._troubled:
                log.exception("what %s of %s printed cannot be taken over", drone, app)
            self._troubled.add(drone)
        else:
            self._troubled.discard(drone)

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            await asyncio.to_thread(self.collect)
            await asyncio.sleep(EVERY)

    def _collect(self, app: str, drone: str, *, last: bool) -> None:
        for path in self._files(app, drone):
            while path.exists() and self._read_on(app, drone, path, last=last):
                pass

    def _read_on(self, app: str, drone: str, path: Path, *, last: bool) -> bool:
        """Take over one chunk; True when there may be more."""
        with self._writing:
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                return False  # it was read to its end by another thread, and removed
            if size == self._read.get(path, 0) and not last:
                return False
            with self._book(app) as book:
                place = book.execute("SELECT offset FROM places WHERE file = ?", (path.name,)).fetchone()
                offset = place[0] if place else 0
                with path.open("rb") as file:
                    file.seek(offset)
                    chunk = file.read(CHUNK)
                whole = chunk if last and len(chunk) < CHUNK else _whole_lines(chunk)
                if not whole:
                    return False
                snapshot = book.execute("SELECT snapshot FROM drones WHERE id = ?", (drone,)).fetchone()
                stream: Stream = "stderr" if path.suffix == ".stderr" else "stdout"
                self._add(book, stream, drone, snapshot[0] if snapshot else None, _split(whole))
                book.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", (path.name, offset + len(whole)))
            self._read[path] = offset + len(whole)
        return len(chunk) == CHUNK

    def _add(
        self,
        book: sqlite3.Connection,
        stream: Stream,
        drone: str | None,
        snapshot: str | None,
        texts: list[str],
    ) -> None:
        now = time.time()
        insert = "INSERT INTO lines (time, stream, drone, snapshot, text) VALUES (?, ?, ?, ?, ?)"
        book.executemany(insert, ((now, stream, drone, snapshot, text) for text in texts))
        book.execute("DELETE FROM lines WHERE id <= (SELECT max(id) FROM lines) - ?", (self._keep,))

    def _captures(self, app: str) -> Path:
        return self._folder / app / "drones"

    def _files(self, app: str, drone: str) -> list[Path]:
        return [self._captures(app) / f"{drone}.{stream}" for stream in ("stdout", "stderr")]

    def _path(self, app: str) -> Path:
        return self._folder / app / "log.db"

    @contextmanager
    def _book(self, app: str) -> Iterator[sqlite3.Connection]:
        path = self._path(app)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=10)) as book:
            # Not whether the file is new: a server may have been killed between file and tables.
            if book.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                book.execute("PRAGMA journal_mode=WAL")
                book.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            book.execute("PRAGMA synchronous=NORMAL")
            with book:
                yield book


def _escaped(text: str) -> str:
    """For LIKE with `!` as its escape: every character means itself."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _whole_lines(chunk: bytes) -> bytes:
    """The part of a chunk that ends with a line; a line that outgrows the bound is cut there."""
    end = chunk.rfind(b"\n") + 1
    return chunk[:end] if end or len(chunk) < LONGEST else chunk[:LONGEST]


def _split(whole: bytes) -> list[str]:
    lines = whole.removesuffix(b"\n").split(b"\n")
    return [
        line[start : start + LONGEST].removesuffix(b"\r").decode("utf-8", "replace")
        for line in lines
        for start in range(0, max(len(line), 1), LONGEST)
    ]
