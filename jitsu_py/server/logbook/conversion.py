"""Logs as they were kept at first, a row a line, become blocks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

MOST = 500
"""Lines of a block made here; those lines were 1 MiB at most, and mostly some hundred bytes."""


def convert(book: sqlite3.Connection) -> None:
    """Move what the table `lines` holds into `blocks`, ids and times as they were."""
    rows = book.execute("SELECT id, time, stream, drone, snapshot, text FROM lines ORDER BY id")
    last = 0
    for (time, stream, drone, snapshot, _), group in groupby(rows, _of_a_block):
        lines = list(group)
        text = "\n".join(row[5].replace("\n", " ") for row in lines).encode("utf-8", "replace")
        values = (lines[0][0], len(lines), len(text), time, stream, drone, snapshot, text)
        book.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        last = lines[-1][0]
    book.execute("INSERT OR REPLACE INTO ends VALUES (1, ?)", (last,))
    book.execute("DROP TABLE lines")


def _of_a_block(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[1:5], row[0] // MOST)
