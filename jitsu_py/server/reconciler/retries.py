"""When an app that did not start is tried again: ever later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_WAIT: Final = 1.0
"""Seconds before the second try; they double with each."""

LONGEST_WAIT: Final = 60.0
"""Seconds, at most."""


class Retries:
    """The apps that wait for another try, by their ids.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[int, tuple[float, float]] = {}
        """Id of an app: not before this time, and how long that is after the last try."""

    def __contains__(self, app_id: object) -> bool:
        return app_id in self._waits

    def is_due(self, app_id: int) -> bool:
        """Whether an app may be tried now; one that does not wait always may."""
        not_before, _ = self._waits.get(app_id, (0.0, 0.0))
        return not_before <= self._clock()

    def failed(self, app_id: int) -> float:
        """Note that a try failed; seconds until the next one."""
        _, last = self._waits.get(app_id, (0.0, 0.0))
        delay = min(max(last * 2, FIRST_WAIT), LONGEST_WAIT)
        self._waits[app_id] = (self._clock() + delay, delay)
        return delay

    def forget(self, app_id: int) -> None:
        """Note that an app waits no longer: it started, or is not to."""
        self._waits.pop(app_id, None)
