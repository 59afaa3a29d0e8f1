"""Reads the end of a file that may be huge."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REACH = 64 * 1024
"""Most bytes that are read, from the end."""

WIDEST = 2000
"""Most characters of a line that are kept."""


def last_lines(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines of a file, oldest first; what is not UTF-8 is replaced, what is too long cut.

    Args:
        path: may be absent: then there are none.
        lines: how many at most.
        since: offset in bytes before which nothing is read.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            begin = max(since if since <= end else 0, end - REACH)
            file.seek(begin)
            text = file.read(end - begin).decode("utf-8", "replace")
    except OSError:
        return []
    found = text.replace("\r\n", "\n").rstrip("\n").split("\n") if text.strip() else []
    return [line[:WIDEST] + "…" if len(line) > WIDEST else line for line in found[-lines:]]
