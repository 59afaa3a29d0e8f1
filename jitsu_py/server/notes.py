"""The platform's own lines in the apps' logs: written in the order in which things happened."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitsu_py.server.logbook import Logbook

log = logging.getLogger(__name__)


class Notes:
    """A queue before the logbook, so that nobody in the event loop waits for the disk.

    Args:
        logbook: where the lines end up.
    """

    def __init__(self, logbook: Logbook) -> None:
        self._logbook = logbook
        self._queue: asyncio.Queue[tuple[str, str, str | None, str | None]] = asyncio.Queue()

    def add(self, app: str, text: str, *, drone: str | None = None, snapshot: str | None = None) -> None:
        """Note something about an app ("user/name")."""
        self._queue.put_nowait((app, text, drone, snapshot))

    async def written(self) -> None:
        """Return when everything added so far is in the logbook."""
        await self._queue.join()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            app, text, drone, snapshot = await self._queue.get()
            try:
                await asyncio.to_thread(self._logbook.note, app, text, drone=drone, snapshot=snapshot)
            except Exception:  # a full disk must not end the notes of all apps
                log.exception("a line about %s could not be written: %s", app, text)
            finally:
                self._queue.task_done()
