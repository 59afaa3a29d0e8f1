"""How long a drone that ended by itself waits before it is launched again."""

from __future__ import annotations

WINDOW = 60.0
"""Seconds in which exits are counted; a run that lasts this long counts as stable."""

TOLERATED = 5
"""The exit within the window from which on it has to wait."""

LONGEST = 60.0
"""Longest wait, seconds."""


class Backoff:
    """Counts the exits of one drone."""

    def __init__(self) -> None:
        self._exits: list[float] = []
        self._waits = 0

    @property
    def waited(self) -> bool:
        """Whether the last exit, or one not long before it, had to wait."""
        return self._waits > 0

    def delay(self, now: float, ran: float) -> float:
        """Count an exit and return the seconds to wait before the next launch.

        Args:
            now: seconds of a monotonic clock.
            ran: seconds that the drone had been ready.
        """
        if ran >= WINDOW:
            self._exits.clear()
            self._waits = 0
        self._exits = [moment for moment in self._exits if now - moment < WINDOW]
        self._exits.append(now)
        if not self._waits and len(self._exits) < TOLERATED:
            return 0.0
        wait = min(LONGEST, 2.0 ** min(self._waits, 10))
        self._waits += 1
        return wait
