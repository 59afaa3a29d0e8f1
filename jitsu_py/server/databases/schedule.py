"""When databases are saved by themselves."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.databases.creation import wrong
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.databases.databases import Databases
    from jitsu_py.server.store.databases import Database

log = logging.getLogger(__name__)

PERIODS: Final[Mapping[str, float]] = {"hourly": 3600.0, "daily": 86400.0, "weekly": 604800.0}
"""Seconds between two backups."""

KEEP: Final = 7
"""Backups kept unless said otherwise."""

MOST: Final = 1000

EVERY: Final = 20.0
"""Seconds between two looks at what is due."""

AGAIN: Final = 600.0
"""Seconds until a backup that failed is tried again."""


def asked(value: object) -> dict[str, Any] | None:
    """Check a schedule; None: there is to be none.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or (unknown := [key for key in value if key not in ("every", "keep")]):
        what = f"it has no {unknown[0][:40]!r}" if isinstance(value, dict) else "it is an object"
        raise wrong("schedule", f'{what}, such as {{"every": "daily", "keep": 7}}')
    every, keep = value.get("every"), value.get("keep", KEEP)
    if every is not None and every not in PERIODS:
        raise wrong("schedule", f"every is one of {', '.join(PERIODS)}, or null, not {str(every)[:40]!r}")
    if isinstance(keep, bool) or not isinstance(keep, int) or not 1 <= keep <= MOST:
        raise wrong("schedule", f"keep is a whole number from 1 to {MOST}, not {str(keep)[:40]!r}")
    return None if every is None else {"every": every, "keep": keep}


class Schedule:
    """Makes the backups that are due."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._tried: dict[str, float] = {}

    async def run(self) -> None:
        """Look and save, until cancelled."""
        while True:
            for database in await asyncio.to_thread(self._databases.listed):
                try:
                    await self._look(database)
                except PlatformError as error:
                    log.warning("database %s: %s", database.key, error.message)
                except Exception:  # one that cannot be saved must not keep the others
                    log.exception("database %s could not be saved", database.key)
            await asyncio.sleep(EVERY)

    async def _look(self, database: Database) -> None:
        if database.schedule is None or database.wanted != "running":
            return
        now = time.time()
        saved = await asyncio.to_thread(self._databases.backups.listed, database)
        last = max((backup.ctime for backup in saved if backup.scheduled), default=0.0)
        is_due = now - last >= PERIODS[database.schedule["every"]]
        if is_due and now - self._tried.get(database.ref, 0.0) >= AGAIN:
            self._tried[database.ref] = now
            await self._databases.save(database, scheduled=True)
            self._tried.pop(database.ref, None)
