"""How a database comes to its process: launched on its data, or taken over from an earlier server."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases import process as processes
from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.condition import Condition, no_room
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.databases.holding import Holder
    from jitsu_py.server.databases.kinds import Kind, Program, Site
    from jitsu_py.server.databases.process import Found, Process

LOOK: Final = 2.0
"""Seconds between two looks whether there is room again."""

KNOCK: Final = 1.0
"""Seconds in which who has the port would answer."""


class Launcher:
    """Launches one database's server.

    Args:
        holder: holds its processes.
        tell: called with the condition while that takes long.
    """

    def __init__(self, kind: Kind, holder: Holder, tell: Callable[[Condition], None]) -> None:
        self._kind = kind
        self._holder = holder
        self._tell = tell
        self.program: Program | None = None
        """What was launched last."""

    async def find(self, recorded: str | None) -> Program:
        """The best program for a database, fetched if there is none.

        Args:
            recorded: label of the server that wrote its data; None: none did.

        Raises:
            PlatformError: UNAVAILABLE, naming what to install.
        """
        found = await asyncio.to_thread(self._best, recorded)
        return found or await self._kind.fetch(lambda what: self._tell(Condition("starting", what)))

    def _best(self, recorded: str | None) -> Program | None:
        """One that may touch the data, if there is one: a better one may have been installed meanwhile."""
        found = list(self._kind.at_hand())
        fit = (one for one in found if recorded is None or self._kind.refusal(recorded, one) is None)
        return next(fit, next(iter(found), None))

    async def adopt(self, site: Site, found: Found, recorded: str | None) -> Process | None:
        """Take over a process that an earlier server launched; None: it ended meanwhile.

        Args:
            recorded: its label.

        Raises:
            PlatformError: UNAVAILABLE: its program is gone; the process, too, then.
        """
        try:
            self.program = await self.find(recorded)
        except PlatformError:
            await processes.sweep([found])
            raise
        bound = self._kind.bound(site, self.program)
        hold = await asyncio.to_thread(self._holder.hold_again, site.ref, bound, found.pid)
        return processes.adopt(found, hold)

    async def launch(self, site: Site, recorded: str | None) -> Process:
        """Launch it, once there is room enough for it.

        Args:
            recorded: label of the server that wrote the data; None: none did.

        Raises:
            PlatformError: UNAVAILABLE: the program is missing, or the wrong one; the port is taken.
            OSError: it cannot be launched.
        """
        self.program = program = await self.find(recorded)
        if recorded and (why := self._kind.refusal(recorded, program)):
            raise unavailable(why)
        writable = await self._may_write(site, program)
        await _port_is_free(site)
        command = await asyncio.to_thread(self._kind.prepare, site, program, writable=writable)
        hold = await asyncio.to_thread(self._holder.hold, site.ref, self._kind.bound(site, program))
        try:
            return processes.launch(command, site, self._kind.environment(site, program), hold)
        except BaseException:
            await asyncio.to_thread(hold.end)
            raise

    def refuses_writes(self) -> bool:
        """Whether what was launched can go on without room for more data."""
        return self.program is None or self._kind.refuses_writes(self.program)

    async def _may_write(self, site: Site, program: Program) -> bool:
        """Whether there is room for more data; waited for where the server cannot go on without."""
        while not (writable := await asyncio.to_thread(site.has_room)):
            if self._kind.refuses_writes(program):
                break
            self._tell(Condition("full", no_room(site.reserve, "it is stopped until there is room")))
            await asyncio.sleep(LOOK)
        return writable


async def _port_is_free(site: Site) -> None:
    with suppress(OSError):
        async with asyncio.timeout(KNOCK):
            _, writer = await asyncio.open_connection(HOST, site.port)
        writer.close()
        raise unavailable(f"another program has its port {site.port}; end that one")


def unavailable(why: str) -> PlatformError:
    """The error for a server that does not come up.

    Args:
        why: a sentence, without a full stop.
    """
    return PlatformError(Code.UNAVAILABLE, f"{why}.", blame=Blame.SYSTEM)
