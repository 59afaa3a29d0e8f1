"""Removes the oldest lines, a little at a time: nobody waits long for the log meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

    from jitsu_py.server.logbook.book import Book
    from jitsu_py.server.logbook.lines import Keep

STEP: Final = 8 * 1024**2
"""Bytes removed in one transaction."""

ROWS: Final = 4096
"""Blocks removed in one transaction."""

SLACK: Final = 4 * 1024**2
"""Free space in the file that is left for the next lines, bytes; what is more goes back to the disk."""


def trim(book: Book, keep: Keep, now: float) -> bool:
    """Remove one step of what is too old or too much; True when there may be more to remove.

    Args:
        now: epoch seconds.
    """
    with book.writing() as connection:
        page, pages, free = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        surplus = (pages - free) * page - keep.bytes
        removed = _remove(connection, surplus, now - keep.days * 86400)
    if free * page > SLACK + keep.bytes // 8:
        with book.writing() as connection:
            # As a script: each step of this statement frees one page, and `execute` takes one step only.
            connection.executescript(f"PRAGMA incremental_vacuum({STEP // page})")
        return True
    return removed >= ROWS or (surplus > STEP and removed > 0)


def _remove(connection: sqlite3.Connection, surplus: int, oldest: float) -> int:
    """Remove blocks from the oldest on; the newest of all stays. How many."""
    last = None
    size = removed = 0
    query = "SELECT id, size, time FROM blocks WHERE id < (SELECT max(id) FROM blocks) ORDER BY id LIMIT ?"
    for block, length, time in connection.execute(query, (ROWS,)):
        if (size >= surplus and time >= oldest) or size >= STEP:
            break
        last, size, removed = block, size + length, removed + 1
    if last is not None:
        connection.execute("DELETE FROM blocks WHERE id <= ?", (last,))
    return removed
