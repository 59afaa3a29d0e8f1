"""Accounts on their way out: their apps and databases are stopped and removed, then they are.

To go is wanted state: it is stored first, so that a server that dies in the middle goes on with it, and so
that an administrator can ask for it while no server runs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import apps, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jitsu_py.server.platform import Platform
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.users import User

log = logging.getLogger(__name__)

EVERY: Final = 2.0
"""Seconds between two looks for accounts that are to go."""


class Departures:
    """Removes the accounts that are marked for it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._removing = asyncio.Lock()

    async def remove(self, user: User) -> None:
        """Remove an account that is doomed, with all its apps and databases."""
        async with self._removing:
            for app in await asyncio.to_thread(self._apps, user):
                await self._gone(self._platform.destroy(app))
            for database in await asyncio.to_thread(self._platform.databases.listed, user.name):
                await self._gone(self._platform.databases.destroy(database))
            await asyncio.to_thread(self._forget, user)
        log.info("the account %s is removed", user.name)

    async def _gone(self, removal: Awaitable[None]) -> None:
        try:
            await removal
        except PlatformError as error:
            if error.code is not Code.NOT_FOUND:  # somebody was faster
                raise

    async def run(self) -> None:
        """Remove what is marked, until cancelled."""
        while True:
            for user in await asyncio.to_thread(self._doomed):
                try:
                    await self.remove(user)
                except Exception:  # one app that cannot be removed now must not keep the others
                    log.exception("the account %s cannot be removed yet", user.name)
            await asyncio.sleep(EVERY)

    def _apps(self, user: User) -> list[App]:
        with self._platform.store.read() as connection:
            return apps.listed(connection, user.name)

    def _doomed(self) -> list[User]:
        with self._platform.store.read() as connection:
            return [user for user in users.listed(connection) if user.doomed]

    def _forget(self, user: User) -> None:
        with self._platform.store.write() as connection:
            users.remove(connection, user.id)
