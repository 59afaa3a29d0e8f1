"""Finds lines: block by block, so that what is held at a time is what is answered and one block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.logbook.blocks import as_text, texts_of
from jitsu_py.server.logbook.lines import Line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from jitsu_py.server.logbook.lines import Wanted

ANSWER: Final = 32 * 1024**2
"""Bytes of lines that one answer holds; more than one line only up to there."""

COLUMNS: Final = "SELECT id, time, stream, drone, snapshot, text FROM blocks"


def newest(book: sqlite3.Connection, rows: int, wanted: Wanted) -> list[Line]:
    """The newest wanted lines, oldest of them first; fewer than `rows` where they are very long."""
    where, values = wanted.condition()
    found: list[Line] = []
    size = 0
    for block in book.execute(f"{COLUMNS} WHERE {where} ORDER BY id DESC", values):
        for line, length in _lines(block, wanted):
            if len(found) == rows or (found and size + length > ANSWER):
                return found[::-1]
            found.append(line)
            size += length
    return found[::-1]


def following(book: sqlite3.Connection, after: int, rows: int, wanted: Wanted) -> list[Line]:
    """The first wanted lines after the one with the id `after`, oldest first; fewer where they are long."""
    where, values = wanted.condition()
    begin = "coalesce((SELECT max(id) FROM blocks WHERE id <= :after + 1), 0)"
    query = f"{COLUMNS} WHERE id >= {begin} AND {where} ORDER BY id"
    found: list[Line] = []
    size = 0
    for block in book.execute(query, {**values, "after": after}):
        for line, length in reversed(list(_lines(block, wanted))):
            if line.id <= after:
                continue
            if len(found) == rows or (found and size + length > ANSWER):
                return found
            found.append(line)
            size += length
    return found


def count(book: sqlite3.Connection, wanted: Wanted) -> int:
    """How many lines are wanted."""
    where, values = wanted.condition()
    if wanted.needle is None:
        summed = f"SELECT coalesce(sum(lines), 0) FROM blocks WHERE {where}"  # noqa: S608
        found: int = book.execute(summed, values).fetchone()[0]
        return found
    texts = book.execute(f"SELECT text FROM blocks WHERE {where}", values)  # noqa: S608
    return sum(1 for (text,) in texts for _ in texts_of(text, wanted.needle))


def end(book: sqlite3.Connection) -> int:
    """The id of the newest line there was; 0: there was none."""
    row = book.execute("SELECT id FROM ends").fetchone()
    return int(row[0]) if row else 0


def _lines(block: tuple[Any, ...], wanted: Wanted) -> Iterator[tuple[Line, int]]:
    """The wanted lines of a block, the last first, with their bytes."""
    first, time, stream, drone, snapshot, text = block
    for number, line in texts_of(text, wanted.needle):
        yield Line(first + number, time, stream, drone, snapshot, as_text(line)), len(line)
