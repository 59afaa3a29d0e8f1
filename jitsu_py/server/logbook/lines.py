"""What is kept, what is asked for, and for how long: values that cross the logbook's border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stream = Literal["stdout", "stderr", "system"]


@dataclass(frozen=True)
class Line:
    """One line of an app's log."""

    id: int
    """Grows with every line of the app."""
    time: float
    """Epoch seconds: when the platform read it (every quarter of a second), or when the drone last wrote
    before that, which says more about what was printed while no server ran. Never before an earlier line's
    unless the clock was set back."""
    stream: Stream
    """`system`: said by the platform."""
    drone: str | None
    snapshot: str | None
    text: str
    """What is no UTF-8 is replaced here; the bytes themselves are kept."""


@dataclass(frozen=True)
class Note:
    """Something that the platform says of an app, in the app's log."""

    text: str
    """Line ends in it make it several lines."""
    drone: str | None = None
    snapshot: str | None = None


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

    @property
    def needle(self) -> bytes | None:
        """What a line's bytes must contain once their ASCII letters are small ones."""
        return None if self.grep is None else self.grep.encode("utf-8", "replace").lower()

    def condition(self) -> tuple[str, dict[str, object]]:
        """As SQL about blocks, with the values for its names; `needle` is about their lines.

        Moments are looked up in the index on time, and bound the ids: it is the ids' order that is wanted.
        Both are checked, since a clock may have been set back. The pluses keep SQLite from other plans.
        """
        asked: dict[str, tuple[str, object]] = {
            "since": (
                "id >= (SELECT min(+id) FROM blocks WHERE time >= :since) AND +time >= :since",
                self.since,
            ),
            "until": (
                "id <= (SELECT max(+id) FROM blocks WHERE time <= :until) AND +time <= :until",
                self.until,
            ),
            "stream": ("stream = :stream", self.stream),
            "drone": ("drone = :drone", self.drone),
            "snapshot": ("snapshot = :snapshot", self.snapshot),
        }
        given = {name: pair for name, pair in asked.items() if pair[1] is not None}
        where = " AND ".join(clause for clause, _ in given.values()) or "1"
        return where, {name: value for name, (_, value) in given.items()}


@dataclass(frozen=True)
class Keep:
    """How much of each app's log is kept; the newest lines win."""

    days: float = 30.0
    """Older lines are removed."""
    bytes: int = 256 * 1024**2
    """What an app's lines take on the disk, their index included; so much may wait beside it to be read."""
