"""Runs a server for a moment, beside those that are looked after: to make or fill a data folder."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases import process as processes
from jitsu_py.server.databases.kinds import LoadingError, UnreachableError, UnusableError
from jitsu_py.server.drones.tail import last_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from jitsu_py.server.databases.kinds import Kind, Program, Site

BOOT: Final = 60.0
"""Seconds that the server has to answer; reading its data does not count."""

LOOK: Final = 0.05


@asynccontextmanager
async def running(kind: Kind, site: Site, program: Program, command: Sequence[str]) -> AsyncIterator[None]:
    """A server that answers, inside the block; afterwards it has ended in order.

    Raises:
        UnusableError: it did not come up, with its last words.
        OSError: it cannot be launched.
    """
    process = processes.launch(command, site, kind.environment(site, program))
    try:
        deadline = time.monotonic() + BOOT
        while not await _answers(kind, site):
            if not process.alive() or time.monotonic() > deadline:
                said = " / ".join(await asyncio.to_thread(last_lines, site.log, 3))
                raise UnusableError(f"the server cannot work with it: {said[-500:]}")
            await asyncio.sleep(LOOK)
        yield
    finally:
        await asyncio.shield(process.end())


async def _answers(kind: Kind, site: Site) -> bool:
    with suppress(UnreachableError, TimeoutError):
        async with asyncio.timeout(BOOT):
            try:
                await kind.probe(site, writable=True)
            except LoadingError:
                return False
        return True
    return False
